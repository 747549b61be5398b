#include "fingerprint.h"

#include "calls.h"
#include "fingerprint_message.h"
#include "fingerprint_place.h"

#include <stddef.h>
#include <string.h>

enum {
	TYPE_DIGITS_MAX = 3, /* Http404; more are an id */
	SOURCE_MAX = 100,    /* of a function's name; longer ones are code */
};

/* The members that count. */
struct given {
	struct dp_json name;
	struct dp_json details;
	struct dp_json message;
	struct dp_json file;
	struct dp_json source;
	struct dp_json stacktrace;
};

/* The texts that become the fingerprint. */
struct parts {
	struct dp_str type;
	struct dp_str message;
	struct dp_calls calls;
};

static void collect(struct dp_str json, struct given *g)
{
	static const struct {
		struct dp_str name;
		size_t member;
	} names[] = {
	    {DP_STR("name"), offsetof(struct given, name)},
	    {DP_STR("details"), offsetof(struct given, details)},
	    {DP_STR("message"), offsetof(struct given, message)},
	    {DP_STR("file"), offsetof(struct given, file)},
	    {DP_STR("source"), offsetof(struct given, source)},
	    {DP_STR("stacktrace"), offsetof(struct given, stacktrace)},
	};
	const struct dp_json event = dp_json_value(json);
	struct dp_json_cursor c = dp_json_children(&event);
	struct dp_json v;

	memset(g, 0, sizeof *g);
	while (dp_json_next(&c, &v))
		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			if (v.key.n == names[i].name.n && dp_str_equal(v.key, names[i].name))
				memcpy((char *)g + names[i].member, &v, sizeof v);
}

/* The characters of a string, "" of anything else; *scratch has the room. */
static struct dp_str decode(const struct dp_json *v, struct dp_buf *scratch)
{
	const size_t at = scratch->len;
	struct dp_str s;

	if (v->type != DP_JSON_STRING)
		return (struct dp_str){0};
	if (dp_json_plain(v, &s))
		return s;
	dp_json_decode(v, scratch);
	return (struct dp_str){scratch->data + at, scratch->len - at};
}

static struct dp_str from(struct dp_str s, size_t n)
{
	return (struct dp_str){s.p + n, s.n - n};
}

static inline bool begins(struct dp_str s, const char *text)
{
	const size_t n = strlen(text);

	return s.n >= n && memcmp(s.p, text, n) == 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

/* Whether an event's name is that of a class, in any language. */
static bool is_class(struct dp_str s)
{
	int digits = 0;

	if (s.n == 0 || s.n > DP_FINGERPRINT_TYPE_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
		digits += is_digit(s.p[i]);
	}
	return digits <= TYPE_DIGITS_MAX;
}

static struct dp_str last_name(struct dp_str type)
{
	const char *dot = type.n ? memrchr(type.p, '.', type.n) : NULL;

	return dot ? from(type, (size_t)(dot - type.p) + 1) : type;
}

/* Whether what stands before a message is a class: CardDeclined, java.io.IOException, zlib.error;
 * not FATAL, example.com. */
static bool is_class_of_message(struct dp_str s)
{
	const struct dp_str name = last_name(s);

	if (!is_class(s) || name.n == 0)
		return false;
	if (name.n < s.n && (dp_str_is(name, "error") || dp_str_is(name, "timeout")))
		return true;
	if (!is_upper(*name.p))
		return false;
	for (size_t i = 1; i < name.n; i++)
		if (is_lower(name.p[i]))
			return true;
	return false;
}

/* What a browser, Java's main thread and Go put before an error. */
static struct dp_str without_preface(struct dp_str s)
{
	static const char *const prefaces[] = {"Uncaught ", "(in promise) ", "panic: "};
	const char *end;

	if (begins(s, "Exception in thread \"")) {
		end = memmem(s.p + 21, s.n - 21, "\" ", 2);
		return end ? from(s, (size_t)(end - s.p) + 2) : s;
	}
	for (size_t i = 0; i < sizeof prefaces / sizeof *prefaces; i++)
		if (begins(s, prefaces[i]))
			s = from(s, strlen(prefaces[i]));
	return s;
}

/* Splits "Class: message", "Class [CODE]: message" and "Class". Returns the class, empty where
 * there is none, and leaves the message. */
static struct dp_str split_class(struct dp_str *s)
{
	struct dp_str type;
	size_t n = 0;

	*s = without_preface(*s);
	while (n < s->n && n <= DP_FINGERPRINT_TYPE_MAX &&
	       (is_digit(s->p[n]) || is_upper(s->p[n]) || is_lower(s->p[n]) ||
		   (s->p[n] != '\0' && strchr("_.$*", s->p[n]))))
		n++;
	type = (struct dp_str){s->p, n};
	if (n < s->n && s->p[n] == ':' && (n + 1 == s->n || s->p[n + 1] == ' '))
		n++;
	else if (n < s->n && s->p[n] != '\n' && !begins(from(*s, n), " ["))
		return (struct dp_str){0};
	if (!is_class_of_message(type))
		return (struct dp_str){0};
	*s = from(*s, n < s->n && s->p[n] == '\n' ? s->n : n);
	return type;
}

/* Takes "Class: " away where it is the known one, with or without its package. */
static struct dp_str without_class(struct dp_str s, struct dp_str type)
{
	struct dp_str rest = s;
	const struct dp_str found = split_class(&rest);

	return found.n > 0 && dp_str_equal(last_name(found), last_name(type)) ? rest : s;
}

/* What there is to say, other than by the stack. */
static struct dp_str said(const struct given *g, struct dp_buf *scratch)
{
	struct dp_json inner;

	if (g->details.type == DP_JSON_STRING)
		return decode(&g->details, scratch);
	inner = dp_json_member(&g->details, "message");
	return decode(&inner, scratch);
}

/* `name` is the class. */
static void split_named(
    struct parts *p, const struct given *g, struct dp_str text, struct dp_buf *scratch)
{
	if (text.n == 0 && g->details.type != DP_JSON_STRING)
		text = p->calls.headline;
	if (text.n == 0 && g->details.type != DP_JSON_STRING)
		text = decode(&g->message, scratch);
	p->message = without_class(text, p->type);
}

static void split_unnamed(struct parts *p, const struct given *g, struct dp_str text,
    struct dp_str name, struct dp_str event_type, struct dp_buf *scratch)
{
	struct dp_str headline = p->calls.headline;

	p->message = text;
	if (text.n == 0)
		p->message = headline;
	if (p->message.n == 0)
		p->message = decode(&g->message, scratch);
	if (p->message.n == 0)
		p->message = name.n > 0 ? name : event_type;
	p->type = split_class(&p->message);
	if (p->type.n == 0)
		p->type = split_class(&headline);
}

static bool is_error(struct dp_str event_type)
{
	return dp_str_is(event_type, "error") || dp_str_is(event_type, "exception");
}

/* A stack within the details is as good as one that stands where it should. */
static struct dp_str read_calls(
    const struct given *g, struct dp_str text, struct dp_buf *scratch, struct dp_calls *out)
{
	if (g->stacktrace.type == DP_JSON_STRING || g->stacktrace.type == DP_JSON_ARRAY) {
		dp_calls_read(&g->stacktrace, scratch, out);
		return text;
	}
	dp_calls_read_text(text, out);
	return out->has_calls && out->headline.n > 0 ? out->headline : text;
}

static void read_parts(
    const struct dp_event *ev, const struct given *g, struct dp_buf *scratch, struct parts *p)
{
	const struct dp_str name = decode(&g->name, scratch);
	struct dp_str text = said(g, scratch);

	text = read_calls(g, text, scratch, &p->calls);
	p->type = (struct dp_str){0};
	if ((is_error(ev->type) || p->calls.has_calls) && is_class(name)) {
		p->type = name;
		split_named(p, g, text, scratch);
	} else {
		split_unnamed(p, g, text, name, ev->type, scratch);
	}
}

static void write_place(
    const struct parts *p, const struct given *g, struct dp_buf *scratch, char *out)
{
	struct dp_str file = p->calls.top.file;
	struct dp_str function = p->calls.top.function;

	if (!p->calls.has_calls) {
		file = decode(&g->file, scratch);
		function = decode(&g->source, scratch);
		if (function.n > SOURCE_MAX || (function.n && memchr(function.p, '\n', function.n)))
			function.n = 0; /* a piece of code */
	}
	dp_fingerprint_write_place(file, function, out, DP_FINGERPRINT_PLACE_MAX);
}

void dp_fingerprint_hash(struct dp_fingerprint *f)
{
	const char *const texts[] = {f->type, f->place, f->message};
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		const size_t n = strlen(texts[i]) + 1;

		for (size_t k = 0; k < n; k++)
			hash = (hash ^ (unsigned char)texts[i][k]) * UINT64_C(0x100000001b3);
	}
	for (size_t i = 0; i < DP_FINGERPRINT_TEXT; i++)
		f->id[i] = "0123456789abcdef"[hash >> (60 - 4 * i) & 15];
	f->id[DP_FINGERPRINT_TEXT] = '\0';
}

void dp_fingerprint_read(const struct dp_event *ev, struct dp_fingerprint *out)
{
	struct dp_buf scratch = {0};
	struct given g;
	struct parts p;

	dp_buf_reserve(&scratch, ev->json.n);
	collect(ev->json, &g);
	read_parts(ev, &g, &scratch, &p);
	memcpy(out->type, p.type.n ? p.type.p : "", p.type.n);
	out->type[p.type.n] = '\0';
	write_place(&p, &g, &scratch, out->place);
	dp_fingerprint_write_message(p.message, out->message, DP_FINGERPRINT_MESSAGE_MAX);
	dp_fingerprint_hash(out);
	dp_buf_release(&scratch);
}
