#include "plain.h"

#include "facts.h"
#include "fold.h"
#include "style.h"
#include "text.h"

#include <limits.h>
#include <string.h>

enum {
	DETAILS_BYTES_MAX = 600,
	MEMBERS_BYTES_MAX = 4 * 1024 * 1024, /* of logfmt, and one member more */
	SYSTEM_COLUMNS = 11,                 /* with the space behind */
	TYPE_COLUMNS = 9,
	SEVERITY_COLUMNS = 6,
	ENDLESS = INT_MAX / 4,
};

static void add_safe(struct dp_buf *out, struct dp_str text, const char *stays)
{
	char safe[DP_TEXT_STEP_MAX];

	while (text.n > 0) {
		const size_t took = dp_text_step(text.p, text.n, safe);

		if (strchr(stays, *text.p) && *text.p != '\0')
			dp_buf_add_char(out, *text.p);
		else
			dp_buf_add_text(out, safe);
		text = (struct dp_str){text.p + took, text.n - took};
	}
}

void plain_add(struct dp_buf *out, struct dp_str text)
{
	add_safe(out, text, "");
}

void plain_add_lines(struct dp_buf *out, struct dp_str text)
{
	add_safe(out, text, "\n\t");
}

/* Such a character stands within a string, as its bytes are not of JSON's own, and is none of those
 * that take two escapes. */
void plain_json(struct dp_buf *out, const struct dp_event *ev)
{
	struct dp_str text = ev->json;
	char safe[DP_TEXT_STEP_MAX];

	while (text.n > 0) {
		const size_t took = dp_text_step(text.p, text.n, safe);
		uint32_t cp = 0;

		if (strlen(safe) == took && memcmp(safe, text.p, took) == 0)
			dp_buf_add(out, text.p, took);
		else if (dp_text_decode(text.p, text.n, &cp) > 0)
			dp_buf_addf(out, "\\u%04x", (unsigned)cp);
		text = (struct dp_str){text.p + took, text.n - took};
	}
	dp_buf_add_char(out, '\n');
}

void plain_raw(struct dp_buf *out, const struct dp_event *ev)
{
	const struct dp_json json = dp_json_value(ev->json);
	struct dp_buf message = {0};

	facts_add_message(&message, &json, DETAILS_BYTES_MAX);
	plain_add_lines(out, dp_buf_str(&message));
	dp_buf_add_char(out, '\n');
	dp_buf_release(&message);
}

/* A line that is cut at its end. */
struct strip {
	struct fold fold;
	int width;
	bool full;
};

static void put(struct strip *s, const char *style, struct dp_str text)
{
	struct fold *f = &s->fold;
	const int room = s->width - f->column - f->pending;
	const bool fits = fold_measure(text) <= room;

	if (s->full || text.n == 0)
		return;
	f->style = style;
	fold_whole(f, fits ? text : fold_head(text, room - 1));
	if (!fits && room > 0)
		fold_say(f, "…");
	f->style = NULL;
	s->full = !fits;
}

/* Up to the column that begins so far behind `start`. */
static void put_column(
    struct strip *s, const char *style, struct dp_str text, int *start, int columns)
{
	put(s, style, text);
	*start += columns;
	fold_tab(&s->fold, *start);
}

static const char *severity_style(enum dp_severity severity)
{
	return severity == DP_ERROR ? STYLE_ERROR : severity == DP_WARNING ? STYLE_WARNING : NULL;
}

/* What a line ends with. */
static void put_facts(struct strip *s, const struct dp_event *ev, const struct dp_json *json)
{
	const struct dp_json response = facts_member(json, "response");
	struct dp_buf text = {0};

	if (response.type == DP_JSON_STRING && dp_str_is(response.text, "\"fail\"")) {
		fold_gap(&s->fold, 2);
		put(s, STYLE_ERROR, DP_STR("fail"));
	}
	facts_add_duration(&text, ev);
	fold_gap(&s->fold, 2);
	put(s, STYLE_NAME, dp_buf_str(&text));
	dp_buf_clear(&text);
	facts_add_place(&text, json);
	fold_gap(&s->fold, 2);
	put(s, STYLE_DIM, dp_buf_str(&text));
	dp_buf_clear(&text);
	dp_buf_add_text(&text, "trace=");
	dp_buf_add_str(&text, ev->trace_id);
	fold_gap(&s->fold, 2);
	put(s, STYLE_DIM, dp_buf_str(&text));
	dp_buf_release(&text);
}

void plain_short(struct dp_buf *out, const struct dp_event *ev, const struct plain_options *o)
{
	const struct dp_json json = dp_json_value(ev->json);
	struct strip s = {.width = o->width > 0 ? o->width : ENDLESS};
	struct dp_buf message = {0};
	char when[WHEN_MAX];
	int start = 0;

	fold_init(&s.fold, out, ENDLESS, o->color);
	when_write_whole(&o->when, ev->ts_us, when);
	put(&s, STYLE_DIM, dp_str_from(when));
	fold_gap(&s.fold, 1);
	start = s.fold.column + s.fold.pending;
	put_column(&s, severity_style(ev->severity), dp_str_from(facts_severity(ev->severity)),
	    &start, SEVERITY_COLUMNS);
	put_column(&s, STYLE_NAME, ev->system, &start, SYSTEM_COLUMNS);
	put_column(&s, STYLE_DIM, ev->type, &start, TYPE_COLUMNS);
	facts_add_message(&message, &json, DETAILS_BYTES_MAX);
	put(&s, ev->severity == DP_ERROR ? STYLE_BOLD : NULL, dp_buf_str(&message));
	put_facts(&s, ev, &json);
	fold_end_line(&s.fold);
	dp_buf_release(&message);
}

/* Whether a value of logfmt needs no quotes. */
static bool is_bare(struct dp_str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] <= ' ' || text.p[i] > '~' || strchr("\"=\\", text.p[i]))
			return false;
	return text.n > 0;
}

/* A character as it stands within quotes. */
static void add_quoted(struct dp_buf *out, struct dp_str *text)
{
	char safe[DP_TEXT_STEP_MAX];
	uint32_t cp = (unsigned char)*text->p;
	size_t took;

	dp_text_decode(text->p, text->n, &cp);
	took = dp_text_step(text->p, text->n, safe);
	if (cp == '"' || cp == '\\')
		dp_buf_add_char(out, '\\');
	if (strncmp(safe, "\\x", 2) == 0 && took < 3)
		dp_buf_addf(out, "\\u%04x", (unsigned)cp);
	else
		dp_buf_add_text(out, safe);
	*text = (struct dp_str){text->p + took, text->n - took};
}

static void add_value(struct dp_buf *out, struct dp_str text)
{
	if (is_bare(text)) {
		dp_buf_add_str(out, text);
		return;
	}
	dp_buf_add_char(out, '"');
	while (text.n > 0)
		add_quoted(out, &text);
	dp_buf_add_char(out, '"');
}

static void add_pair(struct dp_buf *out, const char *key, struct dp_str value)
{
	dp_buf_addf(out, " %s=", key);
	add_value(out, value);
}

/* Appends a part of a key: what would end it becomes an underscore. */
static void add_key(struct dp_buf *path, struct dp_str raw)
{
	const size_t start = path->len;

	dp_json_decode_key(raw, path);
	for (size_t i = start; i < path->len; i++)
		if (path->data[i] <= ' ' || path->data[i] > '~' || strchr("\"=\\", path->data[i]))
			path->data[i] = '_';
}

/* Members that stand at the front of the line. */
static bool is_told(const struct dp_json *v)
{
	static const char *const keys[] = {"traceId", "timestamp", "severity", "system", "type"};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (dp_str_is(v->key, keys[i]))
			return true;
	return v->type == DP_JSON_STRING && dp_str_is(v->key, "details");
}

/* Appends " path=value" for each value within an object; `path` is its own, with a dot behind. Each
 * value has the whole path before it: so that is not without end, whatever an event is made of. */
static void add_members(
    struct dp_buf *out, const struct dp_json *object, struct dp_buf *path, struct dp_buf *scratch)
{
	struct dp_json_cursor cursor = dp_json_children(object);
	const size_t start = path->len;
	struct dp_json v;

	while (out->len < MEMBERS_BYTES_MAX && dp_json_next(&cursor, &v)) {
		if (start == 0 && is_told(&v))
			continue;
		add_key(path, v.key);
		if (v.type == DP_JSON_OBJECT) {
			dp_buf_add_char(path, '.');
			add_members(out, &v, path, scratch);
		} else {
			dp_buf_clear(scratch);
			dp_json_decode(&v, scratch);
			add_pair(out, dp_buf_text(path), dp_buf_str(scratch));
		}
		path->len = start;
	}
}

void plain_logfmt(struct dp_buf *out, const struct dp_event *ev)
{
	const struct dp_json json = dp_json_value(ev->json);
	const struct dp_json timestamp = facts_member(&json, "timestamp");
	struct dp_buf line = {0};
	struct dp_buf path = {0};
	struct dp_buf scratch = {0};

	dp_buf_add_text(out, "time=");
	dp_json_decode(&timestamp, out);
	add_pair(out, "level", dp_str_from(dp_severity_name(ev->severity)));
	add_pair(out, "system", ev->system);
	add_pair(out, "type", ev->type);
	add_pair(out, "trace", ev->trace_id);
	facts_add_message(&scratch, &json, DETAILS_BYTES_MAX);
	add_pair(out, "msg", dp_buf_str(&scratch));
	add_members(&line, &json, &path, &scratch);
	dp_buf_add_str(out, dp_buf_str(&line));
	dp_buf_add_text(out, line.len < MEMBERS_BYTES_MAX ? "\n" : " cut=true\n");
	dp_buf_release(&line);
	dp_buf_release(&path);
	dp_buf_release(&scratch);
}
