#include "render.h"

#include "facts.h"
#include "fold.h"
#include "stack.h"
#include "style.h"
#include "value.h"

#include <string.h>

enum {
	NARROW = 60, /* below it, columns are given up */
	WIDE = 110,  /* from it on, the message has a column of its own */
	NARROW_INDENT = 2,
	SEVERITY_COLUMNS = 6, /* of each, with the space behind */
	RAIL_COLUMNS = 2,
	TRACE_COLUMNS = 9,
	SYSTEM_COLUMNS = 11,
	STAIR_COLUMNS = 18, /* of systems that are indented by their stage */
	STAIR_STEP = 2,
	STAIR_STEPS_MAX = 4,
	TYPE_COLUMNS = 9,
	MESSAGE_BYTES_MAX = 4000,
	DETAILS_BYTES_MAX = 600, /* of details that are no string, on one line */
	FILE_COLUMNS_MAX = 200,
	SOURCE_COLUMNS_MAX = 60,
	EXTRA_BYTES_MAX = 60,
	EXTRAS_MAX = 10,
	TRACE_WHOLE_MAX = 12, /* characters of a trace id that is not cut */
	TRACE_HEAD = 8,
};

/* None is the red of errors. */
static const char *const colors[RENDER_COLORS] = {"38;5;33", "38;5;133", "38;5;30", "38;5;166",
    "38;5;98", "38;5;64", "38;5;168", "38;5;67", "38;5;100", "38;5;62", "38;5;29"};

/* What is being rendered. */
struct sheet {
	struct fold fold;
	const struct render_options *options;
	const struct dp_event *event;
	struct render_memory *memory;
	struct dp_json json;
	struct dp_buf scratch;
	struct dp_buf url;
	bool narrow;
	bool stairs;    /* systems are indented by their stage */
	bool rail;      /* lines of a trace have its rail */
	bool trace_cut; /* the id of the trace was not said whole */
	struct group_place place;
	/* columns where things begin */
	int severity;
	int system;
	int type;
	int message;
	int indent; /* of the blocks below the first line */
};

static void say_styled(struct fold *f, const char *style, const char *text)
{
	f->style = style;
	fold_whole(f, dp_str_from(text));
	f->style = NULL;
}

static void lay_out(struct sheet *s)
{
	const struct render_options *o = s->options;

	s->narrow = o->width < NARROW;
	s->stairs = o->groups && o->width >= RENDER_GROUPS_MIN;
	s->rail = s->stairs && o->traces;
	s->severity = when_columns(o->time);
	s->indent = s->narrow || s->severity == 0 ? NARROW_INDENT : s->severity;
	s->system = s->severity + SEVERITY_COLUMNS;
	if (s->rail) {
		s->indent = s->system + RAIL_COLUMNS;
		s->system = s->indent + TRACE_COLUMNS;
	}
	s->type = s->system + (s->stairs ? STAIR_COLUMNS : SYSTEM_COLUMNS);
	s->message = s->type + TYPE_COLUMNS;
}

static void write_date(struct sheet *s)
{
	char day[WHEN_MAX];

	when_write_day(s->options->time, s->event->ts_us, day);
	dp_buf_clear(&s->scratch);
	dp_buf_addf(&s->scratch, "── %s ──", day);
	say_styled(&s->fold, STYLE_DIM, dp_buf_text(&s->scratch));
	fold_end_line(&s->fold);
}

static void write_time(struct sheet *s)
{
	const struct render_memory *m = s->memory;
	const struct when when = {
	    s->options->time, s->options->now_us, m->past_first ? m->last_us : s->event->ts_us};
	char text[WHEN_MAX];

	when_write(&when, s->event->ts_us, text);
	say_styled(&s->fold, STYLE_DIM, text);
	if (s->severity > 0)
		fold_tab(&s->fold, s->severity);
}

static void write_severity(struct sheet *s)
{
	static const char *const styles[] = {[DP_DEBUG] = STYLE_DIM,
	    [DP_INFO] = STYLE_INFO,
	    [DP_WARNING] = STYLE_WARNING,
	    [DP_ERROR] = STYLE_ERROR};

	say_styled(&s->fold, styles[s->event->severity], facts_severity(s->event->severity));
	s->fold.indent = s->indent;
	if (s->narrow)
		fold_gap(&s->fold, 1);
	else
		fold_tab(&s->fold, s->severity + SEVERITY_COLUMNS);
}

/* The rail of the trace, on this line and on those below; its id, where the line above is of
 * another. */
static void write_rail(struct sheet *s)
{
	struct fold *f = &s->fold;
	const struct dp_str id = s->event->trace_id;
	const struct dp_str head = fold_head(id, TRACE_HEAD);

	f->rail = "┃";
	f->rail_style = colors[s->place.color % RENDER_COLORS];
	f->rail_column = f->column + f->pending;
	say_styled(f, f->rail_style, f->rail);
	fold_gap(f, 1);
	f->style = f->rail_style;
	if (!s->place.goes_on)
		fold_whole(f, head);
	f->style = NULL;
	s->trace_cut = head.n < id.n;
	fold_tab(f, s->system);
}

/* The colour of the system's name, or the next one that is free where another has that. */
static const char *system_style(struct sheet *s)
{
	const uint64_t hash = group_hash(s->event->system);
	uint64_t *owners = s->memory->owners;

	for (unsigned i = 0; i < RENDER_COLORS; i++) {
		const unsigned at = (unsigned)((hash + i) % RENDER_COLORS);

		if (owners[at] == 0)
			owners[at] = hash;
		if (owners[at] == hash)
			return colors[at];
	}
	return colors[hash % RENDER_COLORS];
}

static void write_system_and_type(struct sheet *s)
{
	struct fold *f = &s->fold;
	const int stage = s->place.stage < STAIR_STEPS_MAX ? s->place.stage : STAIR_STEPS_MAX;

	if (s->stairs)
		fold_tab(f, s->system + STAIR_STEP * stage);
	f->style = system_style(s);
	fold_whole(f, fold_head(s->event->system, f->width / 2));
	f->style = STYLE_DIM;
	fold_gap(f, 1);
	if (!s->narrow)
		fold_tab(f, s->type);
	fold_whole(f, fold_head(s->event->type, f->width / 2));
	f->style = NULL;
	fold_gap(f, 1);
	if (!s->narrow)
		fold_tab(f, s->message);
}

static struct dp_json member(const struct sheet *s, const char *key)
{
	return facts_member(&s->json, key);
}

static void write_message(struct sheet *s)
{
	s->fold.style = s->event->severity == DP_ERROR ? STYLE_BOLD : NULL;
	dp_buf_clear(&s->scratch);
	facts_add_message(&s->scratch, &s->json, DETAILS_BYTES_MAX);
	fold_text_max(&s->fold, dp_buf_str(&s->scratch), MESSAGE_BYTES_MAX);
	s->fold.style = NULL;
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

static bool is_short(const struct dp_json *v)
{
	return v->text.n <= EXTRA_BYTES_MAX && v->key.n <= EXTRA_BYTES_MAX &&
	       v->type != DP_JSON_NULL && v->type != DP_JSON_OBJECT && v->type != DP_JSON_ARRAY;
}

/* How it ended: what became of a task ("retry"), and whether it failed. */
static void write_outcome(struct sheet *s)
{
	struct dp_json stage = member(s, "stage");
	struct dp_json response = member(s, "response");

	if (stage.type == DP_JSON_STRING && is_short(&stage)) {
		dp_buf_clear(&s->scratch);
		dp_json_decode(&stage, &s->scratch);
		write_fact(s, STYLE_NAME, dp_buf_str(&s->scratch));
	}
	if (response.type == DP_JSON_STRING && dp_str_is(response.text, "\"fail\""))
		write_fact(s, STYLE_ERROR, DP_STR("fail"));
}

static void write_duration(struct sheet *s)
{
	dp_buf_clear(&s->scratch);
	facts_add_duration(&s->scratch, s->event);
	write_fact(s, STYLE_NAME, dp_buf_str(&s->scratch));
}

/* Adds the beginning of a text, and a sign where that is not all of it. */
static void add_head(struct dp_buf *out, struct dp_str text, int columns)
{
	struct dp_str head = fold_head(text, columns);

	dp_buf_add_str(out, head);
	if (head.n < text.n)
		dp_buf_add_text(out, "…");
}

static struct dp_str decode(struct dp_buf *out, const struct dp_json *v)
{
	dp_buf_clear(out);
	if (v->type != DP_JSON_END)
		dp_json_decode(v, out);
	return dp_buf_str(out);
}

/* "file:line: source", as compilers say it: the source is a function, or a line of code. */
static void write_place(struct sheet *s)
{
	struct dp_json file = member(s, "file");
	struct dp_json line = member(s, "line");
	struct dp_json source = member(s, "source");
	struct dp_buf whole = {0};
	struct dp_str text = decode(&whole, &file);

	dp_buf_clear(&s->scratch);
	add_head(&s->scratch, text, FILE_COLUMNS_MAX);
	fold_link(&s->fold, link_make(&s->options->link, text, line.text, &s->url));
	if (line.type != DP_JSON_END) {
		dp_buf_add_text(&s->scratch, s->scratch.len > 0 ? ":" : "line ");
		dp_json_decode(&line, &s->scratch);
	}
	text = facts_trim(decode(&whole, &source));
	if (text.n > 0 && s->scratch.len > 0)
		dp_buf_add_text(&s->scratch, ": ");
	add_head(&s->scratch, text, SOURCE_COLUMNS_MAX);
	write_fact(s, STYLE_DIM, dp_buf_str(&s->scratch));
	fold_link(&s->fold, NULL);
	dp_buf_release(&whole);
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
		if (!dp_event_is_field(v.key) && !dp_str_is(v.key, "stage") && is_short(&v)) {
			write_extra(s, &v);
			n++;
		}
}

static void write_trace(struct sheet *s)
{
	struct dp_str id = s->event->trace_id;

	if (!s->options->traces || s->rail)
		return;
	s->trace_cut = fold_measure(id) > TRACE_WHOLE_MAX;
	dp_buf_clear(&s->scratch);
	dp_buf_add_text(&s->scratch, "trace=");
	add_head(&s->scratch, id, s->trace_cut ? TRACE_HEAD : TRACE_WHOLE_MAX);
	write_fact(s, STYLE_DIM, dp_buf_str(&s->scratch));
}

static void write_head(struct sheet *s)
{
	struct fold *f = &s->fold;

	write_time(s);
	write_severity(s);
	if (s->rail)
		write_rail(s);
	write_system_and_type(s);
	if (s->options->width >= WIDE)
		f->indent = s->message;
	write_message(s);
	write_outcome(s);
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

/* What makes an error understood: where it came from, what the variables held, and the trace to
 * look for. Text of two bytes is an empty string, array or object. */
static void write_cause(struct sheet *s)
{
	struct dp_json stack = member(s, "stacktrace");
	struct dp_json locals = member(s, "locals");

	if (stack.text.n > 2) {
		write_label(s, "stack");
		stack_write(&s->fold, &stack, &s->options->link, s->indent + 2);
	}
	if (locals.text.n > 2) {
		write_label(s, "locals");
		value_write_tree(&s->fold, &locals, s->indent + 2);
	}
	if (s->trace_cut) {
		s->fold.indent = s->indent;
		say_styled(&s->fold, STYLE_DIM, "trace");
		fold_gap(&s->fold, 1);
		fold_whole(&s->fold, s->event->trace_id);
		fold_end_line(&s->fold);
	}
}

static bool has_days(enum when_mode mode)
{
	return mode == WHEN_LOCAL || mode == WHEN_UTC;
}

void render_event(struct dp_buf *out, const struct dp_event *ev, const struct render_options *o,
    struct render_memory *memory)
{
	struct sheet s = {
	    .options = o, .event = ev, .memory = memory, .json = dp_json_value(ev->json)};
	const int day = when_day(o->time, ev->ts_us);

	fold_init(&s.fold, out, o->width, o->color);
	lay_out(&s);
	if (has_days(o->time) && memory->day != day)
		write_date(&s);
	s.place = group_take(&memory->groups, ev->trace_id, ev->system);
	write_head(&s);
	if (ev->severity == DP_ERROR)
		write_cause(&s);
	memory->day = day;
	memory->last_us = ev->ts_us;
	memory->past_first = true;
	dp_buf_release(&s.scratch);
	dp_buf_release(&s.url);
}
