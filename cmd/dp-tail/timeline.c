#include "timeline.h"

#include "clock.h"
#include "facts.h"
#include "fold.h"
#include "mem.h"
#include "style.h"

#include <stdlib.h>
#include <string.h>

enum {
	NAME_COLUMNS_MAX = 20,
	NUMBERS_COLUMNS = 44, /* behind the bar: start, duration, events, errors */
	NARROW_COLUMNS = 11,  /* the duration alone */
	WIDE = 90,
	BAR_COLUMNS_MIN = 8,
	OFFSET_COLUMNS = 9, /* of an error, with the space behind */
	ERRORS_MAX = 20,
	MESSAGE_BYTES_MAX = 500,
};

/* What a column of a bar shows; the later ones cover the others. */
enum cell { CELL_EMPTY, CELL_SPAN, CELL_EVENT, CELL_WARNING, CELL_ERROR, CELLS };

struct chart {
	struct fold fold;
	const struct timeline_options *options;
	struct dp_json stages;
	int64_t first_us;
	int64_t total_us;
	int name_columns;
	int bar_columns;
	bool numbers; /* there is room for all of them */
	size_t events;
	size_t errors;
};

static int64_t instant(const struct dp_json *object, const char *key)
{
	const struct dp_json v = dp_json_member(object, key);
	struct dp_time t = {0};
	struct dp_str text;

	if (dp_json_plain(&v, &text))
		dp_clock_parse(text.p, text.n, &t);
	return t.us;
}

static enum dp_severity severity_of(const struct dp_json *event)
{
	const struct dp_json v = dp_json_member(event, "severity");
	enum dp_severity severity = DP_INFO;
	struct dp_str text;

	if (dp_json_plain(&v, &text))
		dp_severity_parse(text, &severity);
	return severity;
}

/* Calls `fn` for each event of a stage. */
static void for_events(const struct dp_json *stage,
    void (*fn)(void *arg, const struct dp_json *stage, const struct dp_json *event), void *arg)
{
	const struct dp_json events = dp_json_member(stage, "events");
	struct dp_json_cursor cursor = dp_json_children(&events);
	struct dp_json event;

	while (dp_json_next(&cursor, &event))
		fn(arg, stage, &event);
}

static struct dp_str system_of(const struct dp_json *stage, struct dp_buf *scratch)
{
	const struct dp_json v = dp_json_member(stage, "system");

	dp_buf_clear(scratch);
	if (v.type == DP_JSON_STRING)
		dp_json_decode(&v, scratch);
	return fold_head(dp_buf_str(scratch), NAME_COLUMNS_MAX);
}

static void count_event(void *arg, const struct dp_json *stage, const struct dp_json *event)
{
	struct chart *c = arg;

	(void)stage;
	c->events++;
	c->errors += severity_of(event) == DP_ERROR;
}

static void measure_stage(struct chart *c, const struct dp_json *stage, int64_t *last_us)
{
	const int64_t start_us = instant(stage, "start_time");
	const int64_t end_us = instant(stage, "end_time");
	struct dp_buf scratch = {0};
	const int columns = fold_measure(system_of(stage, &scratch));

	dp_buf_release(&scratch);
	c->name_columns = columns > c->name_columns ? columns : c->name_columns;
	c->first_us = c->first_us == 0 || start_us < c->first_us ? start_us : c->first_us;
	*last_us = end_us > *last_us ? end_us : *last_us;
	for_events(stage, count_event, c);
}

static void measure(struct chart *c)
{
	struct dp_json_cursor cursor = dp_json_children(&c->stages);
	struct dp_json stage;
	int64_t last_us = INT64_MIN;
	int rest;

	c->name_columns = 6;
	while (dp_json_next(&cursor, &stage))
		measure_stage(c, &stage, &last_us);
	c->total_us = last_us > c->first_us ? last_us - c->first_us : 0;
	c->numbers = c->options->width >= WIDE;
	rest = c->options->width - c->name_columns - 2 -
	       (c->numbers ? NUMBERS_COLUMNS : NARROW_COLUMNS);
	c->bar_columns = rest > BAR_COLUMNS_MIN ? rest : BAR_COLUMNS_MIN;
}

static int column_of(const struct chart *c, int64_t us)
{
	const double part = c->total_us > 0 ? (double)(us - c->first_us) / (double)c->total_us : 0;
	const int at = (int)(part * (c->bar_columns - 1) + 0.5);

	return at < 0 ? 0 : at < c->bar_columns ? at : c->bar_columns - 1;
}

struct bar {
	const struct chart *chart;
	unsigned char *cells;
};

static void mark_event(void *arg, const struct dp_json *stage, const struct dp_json *event)
{
	struct bar *b = arg;
	const enum dp_severity severity = severity_of(event);
	const unsigned char cell = severity == DP_ERROR     ? CELL_ERROR
				   : severity == DP_WARNING ? CELL_WARNING
							    : CELL_EVENT;
	const int at = column_of(b->chart, instant(event, "timestamp"));

	(void)stage;
	if (b->cells[at] < cell)
		b->cells[at] = cell;
}

static void write_bar(struct chart *c, const struct dp_json *stage)
{
	static const struct {
		const char *text;
		const char *style;
	} looks[CELLS] = {[CELL_EMPTY] = {" ", NULL},
	    [CELL_SPAN] = {"━", STYLE_NAME},
	    [CELL_EVENT] = {"●", STYLE_NAME},
	    [CELL_WARNING] = {"▲", STYLE_WARNING},
	    [CELL_ERROR] = {"✖", STYLE_ERROR}};
	struct bar b = {c, dp_mem_new((size_t)c->bar_columns)};
	const int last = column_of(c, instant(stage, "end_time"));

	for (int i = column_of(c, instant(stage, "start_time")); i <= last; i++)
		b.cells[i] = CELL_SPAN;
	for_events(stage, mark_event, &b);
	for (int i = 0; i < c->bar_columns; i++) {
		c->fold.style = looks[b.cells[i]].style;
		fold_whole(&c->fold, dp_str_from(looks[b.cells[i]].text));
	}
	c->fold.style = NULL;
	free(b.cells);
}

/* Writes a text so that it ends before the column. */
static void write_right(struct fold *f, const char *style, struct dp_buf *text, int column)
{
	const int columns = fold_measure(dp_buf_str(text));

	fold_gap(f, column - columns - f->column > 1 ? column - columns - f->column : 1);
	f->style = style;
	fold_whole(f, dp_buf_str(text));
	f->style = NULL;
	dp_buf_clear(text);
}

static void add_count(struct dp_buf *out, size_t n, const char *what)
{
	dp_buf_addf(out, "%zu %s%s", n, what, n == 1 ? "" : "s");
}

struct count {
	size_t events;
	size_t errors;
};

static void count_in_stage(void *arg, const struct dp_json *stage, const struct dp_json *event)
{
	struct count *n = arg;

	(void)stage;
	n->events++;
	n->errors += severity_of(event) == DP_ERROR;
}

static void write_numbers(struct chart *c, const struct dp_json *stage)
{
	const int64_t start_us = instant(stage, "start_time");
	const int64_t took_us = instant(stage, "end_time") - start_us;
	const int column = c->name_columns + 2 + c->bar_columns;
	struct count n = {0};
	struct dp_buf text = {0};

	for_events(stage, count_in_stage, &n);
	if (c->numbers) {
		dp_buf_add_char(&text, '+');
		facts_add_ms(&text, (double)(start_us - c->first_us) / 1000);
		write_right(&c->fold, STYLE_DIM, &text, column + 11);
	}
	facts_add_ms(&text, (double)took_us / 1000);
	write_right(&c->fold, NULL, &text, column + (c->numbers ? 21 : NARROW_COLUMNS));
	if (c->numbers) {
		add_count(&text, n.events, "event");
		write_right(&c->fold, NULL, &text, column + 33);
	}
	if (c->numbers && n.errors > 0) {
		add_count(&text, n.errors, "error");
		write_right(&c->fold, STYLE_ERROR, &text, column + NUMBERS_COLUMNS);
	}
	fold_end_line(&c->fold);
	dp_buf_release(&text);
}

static const char *stage_style(const struct dp_json *stage)
{
	const struct dp_json status = dp_json_member(stage, "status");

	if (status.type == DP_JSON_STRING && dp_str_is(status.text, "\"error\""))
		return STYLE_ERROR;
	if (status.type == DP_JSON_STRING && dp_str_is(status.text, "\"warning\""))
		return STYLE_WARNING;
	return STYLE_INFO;
}

static void write_stage(struct chart *c, const struct dp_json *stage)
{
	struct dp_buf name = {0};

	c->fold.style = stage_style(stage);
	fold_whole(&c->fold, system_of(stage, &name));
	c->fold.style = NULL;
	fold_tab(&c->fold, c->name_columns + 2);
	write_bar(c, stage);
	write_numbers(c, stage);
	dp_buf_release(&name);
}

static void say(struct fold *f, const char *style, struct dp_str text)
{
	fold_gap(f, 2);
	f->style = style;
	fold_whole(f, text);
	f->style = NULL;
}

/* The id of the trace, when it began, and how much it is. */
static void write_title(struct chart *c, const struct dp_json *document)
{
	const struct dp_json id = dp_json_member(document, "trace_id");
	const struct when when = {c->options->time, dp_clock_now_us(), c->first_us};
	struct dp_buf text = {0};
	char time[WHEN_MAX];

	if (id.type == DP_JSON_STRING)
		dp_json_decode(&id, &text);
	fold_say(&c->fold, "trace");
	fold_gap(&c->fold, 1);
	c->fold.style = STYLE_BOLD;
	fold_whole(&c->fold, dp_buf_str(&text));
	when_write_whole(&when, c->first_us, time);
	say(&c->fold, STYLE_DIM, dp_str_from(time));
	dp_buf_clear(&text);
	facts_add_ms(&text, (double)c->total_us / 1000);
	say(&c->fold, STYLE_NAME, dp_buf_str(&text));
	dp_buf_clear(&text);
	add_count(&text, c->events, "event");
	say(&c->fold, NULL, dp_buf_str(&text));
	if (c->errors > 0) {
		dp_buf_clear(&text);
		add_count(&text, c->errors, "error");
		say(&c->fold, STYLE_ERROR, dp_buf_str(&text));
	}
	fold_end_line(&c->fold);
	dp_buf_release(&text);
}

struct errors {
	struct chart *chart;
	size_t written;
};

static void write_error(void *arg, const struct dp_json *stage, const struct dp_json *event)
{
	struct errors *e = arg;
	struct fold *f = &e->chart->fold;
	const struct dp_json data = dp_json_member(event, "data");
	struct dp_buf text = {0};

	if (severity_of(event) != DP_ERROR || e->written++ >= ERRORS_MAX)
		return;
	dp_buf_add_char(&text, '+');
	facts_add_ms(&text, (double)(instant(event, "timestamp") - e->chart->first_us) / 1000);
	f->indent = e->chart->name_columns + 2;
	f->style = STYLE_DIM;
	fold_whole(f, dp_buf_str(&text));
	f->indent += OFFSET_COLUMNS;
	fold_tab(f, f->indent);
	f->style = STYLE_ERROR;
	fold_whole(f, system_of(stage, &text));
	f->style = STYLE_BOLD;
	fold_gap(f, 1);
	dp_buf_clear(&text);
	facts_add_message(&text, &data, MESSAGE_BYTES_MAX);
	fold_text_max(f, dp_buf_str(&text), MESSAGE_BYTES_MAX);
	f->style = NULL;
	dp_buf_clear(&text);
	facts_add_place(&text, &data);
	say(f, STYLE_DIM, dp_buf_str(&text));
	fold_end_line(f);
	f->indent = 0;
	dp_buf_release(&text);
}

static void write_errors(struct chart *c)
{
	struct dp_json_cursor cursor = dp_json_children(&c->stages);
	struct errors e = {c, 0};
	struct dp_buf note = {0};
	struct dp_json stage;

	while (dp_json_next(&cursor, &stage))
		for_events(&stage, write_error, &e);
	if (e.written > ERRORS_MAX) {
		dp_buf_addf(&note, "… %zu errors more", e.written - ERRORS_MAX);
		say(&c->fold, STYLE_DIM, dp_buf_str(&note));
		fold_end_line(&c->fold);
	}
	dp_buf_release(&note);
}

int timeline_write(struct dp_buf *out, struct dp_str document, const struct timeline_options *o)
{
	const struct dp_json json = dp_json_value(document);
	struct chart c = {.options = o, .stages = dp_json_member(&json, "stages")};
	struct dp_json_cursor cursor = dp_json_children(&c.stages);
	struct dp_json stage;

	if (c.stages.type != DP_JSON_ARRAY)
		return -1;
	fold_init(&c.fold, out, o->width, o->color);
	measure(&c);
	write_title(&c, &json);
	while (dp_json_next(&cursor, &stage))
		write_stage(&c, &stage);
	write_errors(&c);
	return 0;
}

static void worst_of(void *arg, const struct dp_json *stage, const struct dp_json *event)
{
	enum dp_severity *worst = arg;
	const enum dp_severity severity = severity_of(event);

	(void)stage;
	*worst = severity > *worst ? severity : *worst;
}

enum dp_severity timeline_worst(struct dp_str document)
{
	const struct dp_json json = dp_json_value(document);
	const struct dp_json stages = dp_json_member(&json, "stages");
	struct dp_json_cursor cursor = dp_json_children(&stages);
	enum dp_severity worst = DP_DEBUG;
	struct dp_json stage;

	while (dp_json_next(&cursor, &stage))
		for_events(&stage, worst_of, &worst);
	return worst;
}
