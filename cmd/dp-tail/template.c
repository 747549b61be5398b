#include "template.h"

#include "facts.h"
#include "fold.h"
#include "plain.h"

#include <stdbool.h>
#include <string.h>

enum { WIDTH_MAX = 200, DETAILS_BYTES_MAX = 600 };

/* A part of a template. */
struct part {
	char verb; /* 0: a character as it is; '{': a path */
	char plain;
	bool left;
	int width;
	struct dp_str path;
};

/* Takes what follows a backslash. Returns -1 where it means nothing. */
static int take_escape(const char **p, struct part *part)
{
	switch (*(*p)++) {
	case 'n':
		part->plain = '\n';
		return 0;
	case 't':
		part->plain = '\t';
		return 0;
	case '\\':
		part->plain = '\\';
		return 0;
	default:
		return -1;
	}
}

/* Takes what follows a percent sign. */
static int take_verb(const char **p, struct part *part)
{
	size_t n;

	part->left = **p == '-';
	*p += part->left;
	while (**p >= '0' && **p <= '9' && part->width <= WIDTH_MAX)
		part->width = part->width * 10 + *(*p)++ - '0';
	if (part->width > WIDTH_MAX || **p == '\0' || !strchr("tSsyTmpdei{%", **p))
		return -1;
	part->verb = *(*p)++;
	if (part->verb == '%') {
		part->verb = '\0';
		part->plain = '%';
	} else if (part->verb == '{') {
		n = strcspn(*p, "}");
		if (n == 0 || (*p)[n] != '}')
			return -1;
		part->path = (struct dp_str){*p, n};
		*p += n + 1;
	}
	return 0;
}

/* Takes the next part of a template that is not at its end. */
static int take_part(const char **p, struct part *part)
{
	const char c = *(*p)++;

	*part = (struct part){.plain = c};
	if (c == '\\')
		return take_escape(p, part);
	return c == '%' ? take_verb(p, part) : 0;
}

int template_check(const char *text, const char **why)
{
	struct part part;

	while (*text) {
		const bool escape = *text == '\\';

		if (take_part(&text, &part) == 0)
			continue;
		*why =
		    escape
			? "\\n, \\t and \\\\ are known"
			: "%t %S %s %y %T %m %p %d %e %i %{path} and %% are known, with a width up "
			  "to 200 as %-10s";
		return -1;
	}
	return 0;
}

/* The member at a path like locals.user_id. */
static struct dp_json find(const struct dp_json *event, struct dp_str path)
{
	struct dp_json v = *event;
	struct dp_buf name = {0};

	while (path.n > 0 && v.type != DP_JSON_END) {
		const char *dot = memchr(path.p, '.', path.n);
		const size_t n = dot ? (size_t)(dot - path.p) : path.n;

		dp_buf_clear(&name);
		dp_buf_add(&name, path.p, n);
		v = dp_json_member(&v, dp_buf_text(&name));
		path = dot ? (struct dp_str){dot + 1, path.n - n - 1} : (struct dp_str){0};
	}
	dp_buf_release(&name);
	return v;
}

static void add_member(struct dp_buf *out, const struct dp_json *event, struct dp_str path)
{
	const struct dp_json v = find(event, path);

	if (v.type != DP_JSON_END)
		dp_json_decode(&v, out);
}

static void add_time(struct dp_buf *out, const struct dp_event *ev, const struct when *when)
{
	char text[WHEN_MAX];

	when_write_whole(when, ev->ts_us, text);
	dp_buf_add_text(out, text);
}

static void add_fact(
    struct dp_buf *out, char verb, const struct dp_event *ev, const struct dp_json *json)
{
	if (verb == 'S')
		dp_buf_add_text(out, facts_severity(ev->severity));
	else if (verb == 's')
		dp_buf_add_str(out, ev->system);
	else if (verb == 'y')
		dp_buf_add_str(out, ev->type);
	else if (verb == 'T')
		dp_buf_add_str(out, ev->trace_id);
	else if (verb == 'm')
		facts_add_message(out, json, DETAILS_BYTES_MAX);
	else if (verb == 'p')
		facts_add_place(out, json);
	else if (verb == 'd')
		facts_add_duration(out, ev);
	else if (verb == 'e')
		dp_buf_add_str(out, ev->environment);
	else
		dp_buf_add_text(out, ev->event_id);
}

/* Appends a text to at least a width. */
static void add_padded(struct dp_buf *out, struct dp_str text, const struct part *part)
{
	const int missing = part->width - fold_measure(text);

	for (int i = 0; i < missing && !part->left; i++)
		dp_buf_add_char(out, ' ');
	plain_add(out, text);
	for (int i = 0; i < missing && part->left; i++)
		dp_buf_add_char(out, ' ');
}

void template_write(
    struct dp_buf *out, const char *text, const struct dp_event *ev, const struct when *when)
{
	const struct dp_json json = dp_json_value(ev->json);
	struct dp_buf value = {0};
	struct part part;

	while (*text && take_part(&text, &part) == 0) {
		if (part.verb == '\0') {
			dp_buf_add_char(out, part.plain);
			continue;
		}
		dp_buf_clear(&value);
		if (part.verb == '{')
			add_member(&value, &json, part.path);
		else if (part.verb == 't')
			add_time(&value, ev, when);
		else
			add_fact(&value, part.verb, ev, &json);
		add_padded(out, dp_buf_str(&value), &part);
	}
	dp_buf_add_char(out, '\n');
	dp_buf_release(&value);
}
