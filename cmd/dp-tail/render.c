#include "render.h"

#include "fold.h"
#include "stack.h"
#include "style.h"
#include "value.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
	NARROW = 60,       /* below it, columns are given up */
	WIDE = 110,        /* from it on, the message has a column of its own */
	TIME_COLUMNS = 13, /* with the space behind */
	TYPE_COLUMN = 30,
	MESSAGE_COLUMN = 39,
	NARROW_INDENT = 2,
	MESSAGE_BYTES_MAX = 4000,
	DETAILS_BYTES_MAX = 600, /* of details that are no string, on one line */
	FILE_COLUMNS_MAX = 200,
	SOURCE_COLUMNS_MAX = 60,
	EXTRA_BYTES_MAX = 60,
	EXTRAS_MAX = 10,
	TRACE_WHOLE_MAX = 12, /* characters of a trace id that is not cut */
	TRACE_HEAD = 8,
};

/* What is being rendered. */
struct sheet {
	struct fold fold;
	const struct render_options *options;
	const struct dp_event *event;
	struct render_memory *memory;
	struct dp_json json;
	struct dp_buf scratch;
	int indent; /* of the blocks below the first line */
};

static struct tm local_time(int64_t us)
{
	time_t seconds = us / 1000000 - (us % 1000000 < 0);
	struct tm tm = {0};

	localtime_r(&seconds, &tm);
	return tm;
}

int render_day(int64_t us)
{
	struct tm tm = local_time(us);

	return (tm.tm_year + 1900) * 1000 + tm.tm_yday;
}

static void say_styled(struct fold *f, const char *style, const char *text)
{
	f->style = style;
	fold_whole(f, dp_str_from(text));
	f->style = NULL;
}

static void write_date(struct sheet *s)
{
	struct tm tm = local_time(s->event->ts_us);
	char text[64];

	if (strftime(text, sizeof text, "── %a %Y-%m-%d ──", &tm) == 0)
		return;
	say_styled(&s->fold, STYLE_DIM, text);
	fold_end_line(&s->fold);
}

static void write_time(struct sheet *s)
{
	struct tm tm = local_time(s->event->ts_us);
	int ms = (int)((s->event->ts_us / 1000 % 1000 + 1000) % 1000);
	char text[48];

	snprintf(text, sizeof text, "%02d:%02d:%02d.%03d", tm.tm_hour, tm.tm_min, tm.tm_sec, ms);
	say_styled(&s->fold, STYLE_DIM, text);
	fold_tab(&s->fold, TIME_COLUMNS);
}

static void write_severity(struct sheet *s)
{
	static const struct {
		const char *word;
		const char *style;
	} rows[] = {
	    [DP_DEBUG] = {"DEBUG", STYLE_DIM},
	    [DP_INFO] = {"INFO", STYLE_INFO},
	    [DP_WARNING] = {"WARN", STYLE_WARNING},
	    [DP_ERROR] = {"ERROR", STYLE_ERROR},
	};

	say_styled(&s->fold, rows[s->event->severity].style, rows[s->event->severity].word);
	if (s->options->width >= NARROW)
		fold_tab(&s->fold, TIME_COLUMNS + 6);
	else
		fold_gap(&s->fold, 1);
}

static uint32_t hash_of(struct dp_str s)
{
	uint32_t hash = 2166136261; /* FNV-1a */

	for (size_t i = 0; i < s.n; i++)
		hash = (hash ^ (unsigned char)s.p[i]) * 16777619;
	return hash ? hash : 1;
}

/* The colour of the system's name, or the next one that is free where another has that. None is the
 * red of errors. */
static const char *system_style(struct sheet *s)
{
	static const char *const styles[RENDER_COLORS] = {"38;5;33", "38;5;133", "38;5;30",
	    "38;5;166", "38;5;98", "38;5;64", "38;5;168", "38;5;67", "38;5;100", "38;5;62",
	    "38;5;29"};
	const uint32_t hash = hash_of(s->event->system);
	uint32_t *owners = s->memory->owners;

	for (uint32_t i = 0; i < RENDER_COLORS; i++) {
		uint32_t at = (hash + i) % RENDER_COLORS;

		if (owners[at] == 0)
			owners[at] = hash;
		if (owners[at] == hash)
			return styles[at];
	}
	return styles[hash % RENDER_COLORS];
}

static void write_system_and_type(struct sheet *s)
{
	struct fold *f = &s->fold;
	bool narrow = s->options->width < NARROW;

	f->style = system_style(s);
	fold_whole(f, fold_head(s->event->system, f->width / 2));
	f->style = STYLE_DIM;
	fold_gap(f, 1);
	if (!narrow)
		fold_tab(f, TYPE_COLUMN);
	fold_whole(f, fold_head(s->event->type, f->width / 2));
	f->style = NULL;
	fold_gap(f, 1);
	if (!narrow)
		fold_tab(f, MESSAGE_COLUMN);
}

static struct dp_json member(const struct sheet *s, const char *key)
{
	struct dp_json v = dp_json_member(&s->json, key);

	if (v.type == DP_JSON_NULL)
		return (struct dp_json){.type = DP_JSON_END};
	return v;
}

/* Puts the text of a value into s->scratch: of a string its characters, of an object a line. */
static struct dp_str text_of(struct sheet *s, const struct dp_json *v, size_t max)
{
	dp_buf_clear(&s->scratch);
	if (v->type == DP_JSON_OBJECT || v->type == DP_JSON_ARRAY)
		value_write_compact(&s->scratch, v, max);
	else if (v->type != DP_JSON_END)
		dp_json_decode(v, &s->scratch);
	return dp_buf_str(&s->scratch);
}

static struct dp_str trim(struct dp_str text)
{
	while (text.n > 0 && strchr(" \t\r\n", text.p[text.n - 1]))
		text.n--;
	return text;
}

static bool begins_with(struct dp_str text, struct dp_str head)
{
	return text.n >= head.n && (head.n == 0 || memcmp(text.p, head.p, head.n) == 0);
}

/* The name and the details, where these do not say the name again. */
static void write_message(struct sheet *s)
{
	const char *style = s->event->severity == DP_ERROR ? STYLE_BOLD : NULL;
	struct dp_json name = member(s, "name");
	struct dp_json details = member(s, "details");
	struct dp_buf title = {0};
	struct dp_str text;

	dp_json_decode(&name, &title);
	text = trim(text_of(s, &details, DETAILS_BYTES_MAX));
	s->fold.style = style;
	if (name.type != DP_JSON_END && !begins_with(text, dp_buf_str(&title))) {
		fold_text_max(&s->fold, trim(dp_buf_str(&title)), MESSAGE_BYTES_MAX);
		if (text.n > 0)
			fold_say(&s->fold, ": ");
	}
	fold_text_max(&s->fold, text, MESSAGE_BYTES_MAX);
	s->fold.style = NULL;
	dp_buf_release(&title);
}

/* One more thing to know, two columns behind what was said before it. */
static void write_fact(struct sheet *s, const char *style, struct dp_str text)
{
	if (text.n == 0)
		return;
	fold_gap(&s->fold, 2);
	s->fold.style = style;
	fold_whole(&s->fold, text);
	s->fold.style = NULL;
}

static void write_response(struct sheet *s)
{
	struct dp_json response = member(s, "response");

	if (response.type == DP_JSON_STRING && dp_str_is(response.text, "\"fail\""))
		write_fact(s, STYLE_ERROR, DP_STR("fail"));
}

static void write_duration(struct sheet *s)
{
	double ms = s->event->duration_ms;
	char text[64];

	if (!s->event->has_duration)
		return;
	if (ms < 1000)
		snprintf(text, sizeof text, ms < 100 ? "%.3g ms" : "%.0f ms", ms);
	else if (ms < 600000)
		snprintf(text, sizeof text, "%.2f s", ms / 1000);
	else
		snprintf(text, sizeof text, "%.6g min", ms / 60000);
	write_fact(s, STYLE_NAME, dp_str_from(text));
}

/* Adds to s->scratch the beginning of a text, and a sign where that is not all of it. */
static void add_head(struct sheet *s, struct dp_str text, int columns)
{
	struct dp_str head = fold_head(text, columns);

	dp_buf_add_str(&s->scratch, head);
	if (head.n < text.n)
		dp_buf_add_text(&s->scratch, "…");
}

/* "file:line: source", as compilers say it: the source is a function, or a line of code. */
static void write_place(struct sheet *s)
{
	struct dp_json file = member(s, "file");
	struct dp_json line = member(s, "line");
	struct dp_json source = member(s, "source");
	struct dp_buf whole = {0};
	struct dp_str code;

	dp_buf_clear(&s->scratch);
	dp_json_decode(&file, &whole);
	add_head(s, dp_buf_str(&whole), FILE_COLUMNS_MAX);
	if (line.type != DP_JSON_END) {
		dp_buf_add_text(&s->scratch, s->scratch.len > 0 ? ":" : "line ");
		dp_json_decode(&line, &s->scratch);
	}
	dp_buf_clear(&whole);
	dp_json_decode(&source, &whole);
	code = trim(dp_buf_str(&whole));
	if (code.n > 0 && s->scratch.len > 0)
		dp_buf_add_text(&s->scratch, ": ");
	add_head(s, code, SOURCE_COLUMNS_MAX);
	write_fact(s, STYLE_DIM, dp_buf_str(&s->scratch));
	dp_buf_release(&whole);
}

static bool is_small_scalar(const struct dp_json *v)
{
	return v->text.n <= EXTRA_BYTES_MAX && v->key.n <= EXTRA_BYTES_MAX &&
	       v->type != DP_JSON_NULL && v->type != DP_JSON_OBJECT && v->type != DP_JSON_ARRAY;
}

static void write_extra(struct sheet *s, const struct dp_json *v)
{
	struct dp_str text = v->text;

	dp_buf_clear(&s->scratch);
	dp_json_decode_key(v->key, &s->scratch);
	dp_buf_add_char(&s->scratch, '=');
	/* quotes only where they tell where the value ends */
	if (v->type == DP_JSON_STRING && text.n > 2 && !memchr(text.p, ' ', text.n) &&
	    !memchr(text.p, '\\', text.n))
		text = (struct dp_str){text.p + 1, text.n - 2};
	dp_buf_add_str(&s->scratch, text);
	write_fact(s, STYLE_DIM, dp_buf_str(&s->scratch));
}

static void write_extras(struct sheet *s)
{
	struct dp_json_cursor cursor = dp_json_children(&s->json);
	struct dp_json v;
	int n = 0;

	while (n < EXTRAS_MAX && dp_json_next(&cursor, &v))
		if (!dp_event_is_field(v.key) && is_small_scalar(&v)) {
			write_extra(s, &v);
			n++;
		}
}

static void write_trace(struct sheet *s)
{
	struct dp_str id = s->event->trace_id;

	if (!s->options->traces)
		return;
	dp_buf_clear(&s->scratch);
	dp_buf_add_text(&s->scratch, "trace=");
	if (fold_measure(id) <= TRACE_WHOLE_MAX) {
		dp_buf_add_str(&s->scratch, id);
	} else {
		dp_buf_add_str(&s->scratch, fold_head(id, TRACE_HEAD));
		dp_buf_add_text(&s->scratch, "…");
	}
	write_fact(s, STYLE_DIM, dp_buf_str(&s->scratch));
}

static void write_head(struct sheet *s)
{
	struct fold *f = &s->fold;

	write_time(s);
	f->indent = s->indent;
	write_severity(s);
	write_system_and_type(s);
	if (s->options->width >= WIDE)
		f->indent = MESSAGE_COLUMN;
	write_message(s);
	write_response(s);
	write_duration(s);
	write_place(s);
	write_extras(s);
	write_trace(s);
	fold_end_line(f);
}

static void write_label(struct sheet *s, const char *label)
{
	s->fold.indent = s->indent;
	say_styled(&s->fold, STYLE_DIM, label);
	fold_end_line(&s->fold);
}

/* What makes an error understood: where it came from, and what the variables held. Text of two
 * bytes is an empty string, array or object. */
static void write_cause(struct sheet *s)
{
	struct dp_json stack = member(s, "stacktrace");
	struct dp_json locals = member(s, "locals");

	if (stack.text.n > 2) {
		write_label(s, "stack");
		stack_write(&s->fold, &stack, s->indent + 2);
	}
	if (locals.text.n > 2) {
		write_label(s, "locals");
		value_write_tree(&s->fold, &locals, s->indent + 2);
	}
}

void render_event(struct dp_buf *out, const struct dp_event *ev, const struct render_options *o,
    struct render_memory *memory)
{
	struct sheet s = {
	    .options = o, .event = ev, .memory = memory, .json = dp_json_value(ev->json)};
	int day = render_day(ev->ts_us);

	fold_init(&s.fold, out, o->width, o->color);
	s.indent = o->width < NARROW ? NARROW_INDENT : TIME_COLUMNS;
	if (memory->day != day)
		write_date(&s);
	memory->day = day;
	write_head(&s);
	if (ev->severity == DP_ERROR)
		write_cause(&s);
	dp_buf_release(&s.scratch);
}
