#include "calls.h"

#include <stddef.h>
#include <string.h>

enum { LAST_MAX = 16 };

/* The names of a frame's members; of two that are there the first counts. */
static const struct name {
	struct dp_str text;
	size_t member; /* its offset in dp_call_members */
	bool is_usual; /* the SDK's */
} NAMES[] = {
#define MEMBER(name) offsetof(struct dp_call_members, name), false
#define USUAL(name)  offsetof(struct dp_call_members, name), true
    {DP_STR("file"), USUAL(file)},
    {DP_STR("line"), USUAL(line)},
    {DP_STR("function"), USUAL(function)},
    {DP_STR("code"), USUAL(code)},
    {DP_STR("inApp"), USUAL(in_app)},
    {DP_STR("filename"), MEMBER(file)},
    {DP_STR("fileName"), MEMBER(file)},
    {DP_STR("path"), MEMBER(file)},
    {DP_STR("abs_path"), MEMBER(file)},
    {DP_STR("module"), MEMBER(file)},
    {DP_STR("lineno"), MEMBER(line)},
    {DP_STR("lineNumber"), MEMBER(line)},
    {DP_STR("line_number"), MEMBER(line)},
    {DP_STR("func"), MEMBER(function)},
    {DP_STR("functionName"), MEMBER(function)},
    {DP_STR("method"), MEMBER(function)},
    {DP_STR("methodName"), MEMBER(function)},
    {DP_STR("name"), MEMBER(function)},
    {DP_STR("context_line"), MEMBER(code)},
    {DP_STR("source"), MEMBER(code)},
    {DP_STR("text"), MEMBER(code)},
    {DP_STR("className"), MEMBER(owner)},
    {DP_STR("class"), MEMBER(owner)},
    {DP_STR("in_app"), MEMBER(in_app)},
#undef MEMBER
#undef USUAL
};

enum { NAME_COUNT = sizeof NAMES / sizeof *NAMES, USUAL_COUNT = 5 };

static size_t find_name(struct dp_str key)
{
	size_t i = 0;

	/* The first characters tell most names apart without a call. */
	while (i < NAME_COUNT && (key.n != NAMES[i].text.n || *key.p != *NAMES[i].text.p ||
				     memcmp(key.p, NAMES[i].text.p, key.n) != 0))
		i++;
	return i;
}

static bool is_fit(size_t member, enum dp_json_type type)
{
	if (member == offsetof(struct dp_call_members, in_app))
		return type == DP_JSON_TRUE || type == DP_JSON_FALSE;
	return type == DP_JSON_STRING || type == DP_JSON_NUMBER;
}

void dp_call_read_members(const struct dp_json *frame, struct dp_call_members *out)
{
	struct dp_json_cursor c = dp_json_children(frame);
	struct dp_json v;
	int missing = USUAL_COUNT; /* what follows (the locals) is not walked */

	memset(out, 0, sizeof *out);
	while (missing > 0 && dp_json_next(&c, &v)) {
		size_t i = find_name(v.key);
		struct dp_json *known;

		if (i == NAME_COUNT || !is_fit(NAMES[i].member, v.type))
			continue;
		known = (struct dp_json *)(void *)((char *)out + NAMES[i].member);
		if (known->type == DP_JSON_END || i < find_name(known->key))
			*known = v;
		missing -= NAMES[i].is_usual;
	}
}

/* The characters of a value; *scratch has the room. */
static struct dp_str decode(const struct dp_json *v, struct dp_buf *scratch)
{
	const size_t at = scratch->len;
	struct dp_str s;

	if (v->type == DP_JSON_END)
		return (struct dp_str){0};
	if (dp_json_plain(v, &s))
		return s;
	dp_json_decode(v, scratch);
	return (struct dp_str){scratch->data + at, scratch->len - at};
}

static struct dp_str ending(struct dp_str file)
{
	const char *dot = file.n ? memrchr(file.p, '.', file.n) : NULL;

	return dot ? (struct dp_str){dot + 1, (size_t)(file.p + file.n - dot - 1)}
		   : (struct dp_str){0};
}

/* The languages whose stacks begin with the innermost call. */
static bool is_newest_first(struct dp_str file)
{
	static const struct dp_str endings[] = {DP_STR("js"), DP_STR("mjs"), DP_STR("cjs"),
	    DP_STR("jsx"), DP_STR("ts"), DP_STR("tsx"), DP_STR("java"), DP_STR("kt"),
	    DP_STR("scala"), DP_STR("go")};
	const struct dp_str s = ending(file);

	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
		if (s.n == endings[i].n && dp_str_equal(s, endings[i]))
			return true;
	return false;
}

/* Where a class stands beside its method, they become "Class.method". */
static struct dp_str function_of(const struct dp_call_members *m, struct dp_buf *scratch)
{
	const size_t at = scratch->len;

	if (m->owner.type == DP_JSON_END || m->function.type == DP_JSON_END)
		return decode(&m->function, scratch);
	dp_json_decode(&m->owner, scratch);
	dp_buf_add_char(scratch, '.');
	dp_json_decode(&m->function, scratch);
	return (struct dp_str){scratch->data + at, scratch->len - at};
}

/* False for what stands in for frames that were left out, and for what is none. */
static bool read_object(const struct dp_json *v, struct dp_buf *scratch, struct dp_call *out)
{
	struct dp_call_members m;

	dp_call_read_members(v, &m);
	if (m.file.type == DP_JSON_END && m.owner.type == DP_JSON_END)
		return false;
	out->file = decode(&m.file, scratch);
	out->function = function_of(&m, scratch);
	out->is_newest_first = is_newest_first(out->file);
	out->is_library = m.in_app.type != DP_JSON_END
			      ? m.in_app.type == DP_JSON_FALSE
			      : dp_call_is_library(out->file, out->function);
	return true;
}

struct walk {
	struct dp_calls *out;
	struct dp_call any; /* the innermost so far; that of the application is out->top */
	bool has_app;
	bool is_below_calls; /* Python names the error behind its frames */
	bool is_done;
	struct dp_str before;
};

/* Go's panic is called by what failed; above it stands who recovered. */
static bool is_panic(const struct dp_call *f)
{
	return f->is_library && f->is_newest_first && dp_str_equal(f->function, DP_STR("panic"));
}

static void take_call(struct walk *w, const struct dp_call *f)
{
	if (is_panic(f)) {
		w->has_app = false;
		w->out->has_calls = false;
	}
	if (!w->out->has_calls || !f->is_newest_first)
		w->any = *f;
	if (!f->is_library && (!w->has_app || !f->is_newest_first)) {
		w->out->top = *f;
		w->has_app = true;
	}
	w->out->has_calls = true;
	w->is_below_calls = !f->is_newest_first;
}

static inline bool begins(struct dp_str s, const char *text)
{
	const size_t n = strlen(text);

	return s.n >= n && memcmp(s.p, text, n) == 0;
}

/* A line that is no frame. */
static void take_other(struct walk *w, struct dp_str line)
{
	size_t margin = 0;

	while (margin < line.n && (line.p[margin] == ' ' || line.p[margin] == '|'))
		margin++;
	/* the members of a group of exceptions follow, each with a stack of its own */
	if (line.n - margin > 2 && memcmp(line.p + margin, "+-", 2) == 0)
		w->is_done = true;
	if (margin > 0 || line.n == 0)
		return;
	if (w->is_below_calls || (!w->out->has_calls && w->out->headline.n == 0 &&
				     !begins(line, "goroutine ") && !begins(line, "Traceback (")))
		w->out->headline = line;
	w->is_below_calls = false;
}

static void take_line(struct walk *w, struct dp_str line)
{
	struct dp_call f;

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (dp_call_parse(line, w->before, &f)) {
		if (f.function.n > 0 && f.function.p == w->out->headline.p)
			w->out->headline.n = 0; /* Go's function it was */
		take_call(w, &f);
	} else {
		take_other(w, line);
	}
	w->before = line;
}

static void take_text(struct walk *w, struct dp_str text)
{
	while (text.n > 0 && !w->is_done) {
		const char *end = memchr(text.p, '\n', text.n);
		const size_t n = end ? (size_t)(end - text.p) : text.n;

		take_line(w, (struct dp_str){text.p, n});
		text.p += n + (end != NULL);
		text.n -= n + (end != NULL);
	}
}

static void begin(struct walk *w, struct dp_calls *out)
{
	memset(out, 0, sizeof *out);
	memset(w, 0, sizeof *w);
	w->out = out;
}

static void end(struct walk *w)
{
	if (!w->has_app)
		w->out->top = w->any;
}

void dp_calls_read_text(struct dp_str text, struct dp_calls *out)
{
	struct walk w;

	begin(&w, out);
	take_text(&w, text);
	end(&w);
}

/* Of frames in Python's order, the last first: so the application's is found soon. False, with
 * nothing taken, where a frame is in another order, a line, or there is none of the application. */
static bool take_last_objects(struct walk *w, const struct dp_json *stack, struct dp_buf *scratch)
{
	struct dp_json last[LAST_MAX];
	struct dp_json_cursor c = dp_json_children(stack);
	size_t n = 0;

	while (dp_json_next(&c, &last[n % LAST_MAX]))
		if (last[n++ % LAST_MAX].type != DP_JSON_OBJECT)
			return false;
	for (size_t i = n; i > 0 && n - i < LAST_MAX; i--) {
		struct dp_call call;

		if (!read_object(&last[(i - 1) % LAST_MAX], scratch, &call))
			continue;
		if (call.is_newest_first)
			return false;
		if (!call.is_library) {
			take_call(w, &call);
			return true;
		}
	}
	return false;
}

void dp_calls_read(const struct dp_json *stack, struct dp_buf *scratch, struct dp_calls *out)
{
	const size_t decoded = scratch->len;
	struct dp_json_cursor c = dp_json_children(stack);
	struct walk w;
	struct dp_json v;
	struct dp_call call;

	if (stack->type != DP_JSON_ARRAY) {
		dp_calls_read_text(
		    stack->type == DP_JSON_STRING ? decode(stack, scratch) : (struct dp_str){0},
		    out);
		return;
	}
	begin(&w, out);
	w.is_done = take_last_objects(&w, stack, scratch);
	if (!w.is_done)
		scratch->len = decoded; /* the room is for one reading */
	while (!w.is_done && dp_json_next(&c, &v))
		if (v.type == DP_JSON_STRING)
			take_text(&w, decode(&v, scratch));
		else if (v.type == DP_JSON_OBJECT && read_object(&v, scratch, &call))
			take_call(&w, &call);
	end(&w);
}
