/* The reading half of store.h: queries as text and parameters, rows as structs. */
#include "store_read.h"

#include "clock.h"

#include <string.h>

int dp_read_event(void *arg, const struct dp_store_cell *c)
{
	struct dp_event_reading *reading = arg;
	struct dp_store_row row = {
	    .seq = c[0].number,
	    .trace_id = c[1].text,
	    .ts_us = c[3].number,
	    .system = c[5].text,
	    .type = c[6].text,
	    .json = c[7].text,
	};

	dp_str_copy(c[2].text, row.event_id, sizeof row.event_id);
	if (dp_severity_parse(c[4].text, &row.severity) < 0)
		row.severity = DP_INFO;
	reading->rows++;
	reading->is_ended = reading->fn(reading->arg, &row) != 0;
	return reading->is_ended;
}

/* A part of all numbers, from the least to the greatest in it. */
struct window {
	int64_t least;
	int64_t greatest;
	bool is_by_key;
};

/* What matches is looked for in windows of so many numbers: no index has a filter's fields, and a
 * query for what is rare or absent would read the whole table, however long that takes. Of chosen
 * traces the key knows the places; but not in order, so that each page of a trace of many events
 * would sort them all. So the first window is read as any other, and by the key only what lies far
 * away, in windows that grow, where these have many times as many numbers as the traces have
 * events. */
enum {
	WINDOW = 10000,
	GROWTH = 32,
	NEXT_WINDOW = WINDOW * GROWTH,
	MANY = 4,
	FEW_OF_TIME = 100000,
};

struct search {
	const struct dp_filter *filter;
	int64_t size;   /* of the last window; 0: before the first one */
	int64_t events; /* of the traces that it chooses */
};

/* As far as their rows know. */
static int count_events(struct dp_store *s, struct search *x)
{
	struct dp_query q = {.count = 0};

	dp_buf_add_text(&q.sql, "SELECT CAST(sum(events) AS bigint) FROM traces WHERE TRUE");
	dp_query_add_terms(&q, s->backend->dialect, x->filter, 1U << DP_FILTER_TRACE);
	return dp_query_ask_for_number(s, &q, &x->events);
}

/* Chooses the size of the next window, of at most `left` numbers, and how it is read. */
static int choose_size(struct dp_store *s, struct search *x, int64_t left, bool *is_by_key)
{
	int64_t grown;

	*is_by_key = false;
	if (x->filter->count == 0) {
		x->size = INT64_MAX;
	} else if (x->size == 0 || !dp_filter_names_traces(x->filter)) {
		x->size = WINDOW;
	} else {
		if (x->size == WINDOW && count_events(s, x) < 0)
			return -1;
		grown = x->size < INT64_MAX / GROWTH ? x->size * GROWTH : INT64_MAX;
		*is_by_key = (grown < left ? grown : left) / MANY > x->events;
		x->size = *is_by_key ? grown : NEXT_WINDOW;
	}
	return 0;
}

/* Where there is no end none is said: between two numbers PostgreSQL expects few rows of a table
 * that it knows nothing of yet, and would sort all that a follower has not read for each page of
 * them.
 *
 * An expression is what no index serves: by the key "+seq", else the planner may walk all events in
 * order of seq until it has found `limit` of a trace's few; otherwise trace_id || ''. */
static void add_window(struct dp_query *q, const struct dp_store_dialect *d, const struct window *w,
    const struct dp_filter *f, const char *direction)
{
	dp_buf_add_text(&q->sql, "seq >= ");
	dp_query_add_number(q, w->least);
	if (w->greatest < INT64_MAX) {
		dp_buf_add_text(&q->sql, " AND seq <= ");
		dp_query_add_number(q, w->greatest);
	}
	dp_query_add_filter(q, d, f, w->is_by_key);
	dp_buf_addf(&q->sql, " ORDER BY %sseq%s", w->is_by_key ? "+" : "", direction);
}

static int read_window(struct dp_store *s, const struct dp_filter *f, const struct window *w,
    size_t limit, struct dp_event_reading *reading)
{
	struct dp_query q = {.is_kept = f->count == 0};

	dp_buf_add_text(&q.sql, DP_SELECT_EVENTS);
	add_window(&q, s->backend->dialect, w, f, "");
	dp_query_add_limit(&q, limit);
	return dp_query_ask(s, &q, dp_read_event, reading);
}

static int on_window(void *arg, const struct dp_store_cell *c)
{
	struct window *w = arg;

	*w = (struct window){.least = c[0].number, .greatest = c[1].number};
	return 0;
}

/* The least and the greatest number that there is in the window; 0 where there is none. */
static int find_ends(struct dp_store *s, const struct window *in, struct window *ends)
{
	struct dp_query q = {.is_kept = true};

	dp_buf_add_text(&q.sql, "SELECT (SELECT min(seq) FROM events WHERE seq >= ");
	dp_query_add_number(&q, in->least);
	dp_buf_add_text(&q.sql, "), (SELECT max(seq) FROM events WHERE seq <= ");
	dp_query_add_number(&q, in->greatest);
	dp_buf_add_char(&q.sql, ')');
	*ends = (struct window){0};
	if (dp_query_ask(s, &q, on_window, ends) < 0)
		return -1;
	if (ends->least == 0 || ends->least > ends->greatest)
		*ends = (struct window){0};
	return 0;
}

struct narrowing {
	int64_t count;
	struct window window;
};

static int on_narrow(void *arg, const struct dp_store_cell *c)
{
	*(struct narrowing *)arg =
	    (struct narrowing){c[0].number, {.least = c[1].number, .greatest = c[2].number}};
	return 0;
}

/* Takes off the window what lies before and behind all events of the time that the filter asks for,
 * where these are few: then their index tells that sooner than the rest is read. Once a search. */
static int narrow(struct dp_store *s, const struct dp_filter *f, struct window *left)
{
	struct dp_query q = {.count = 0};
	struct narrowing n;
	size_t bare;

	dp_buf_add_text(
	    &q.sql, "SELECT count(*), min(seq), max(seq) FROM (SELECT seq FROM events WHERE TRUE");
	bare = q.sql.len;
	dp_query_add_terms(&q, s->backend->dialect, f, 1U << DP_FILTER_TIME);
	if (q.sql.len == bare) {
		dp_query_release(&q);
		return 0;
	}
	dp_query_add_limit(&q, FEW_OF_TIME + 1);
	dp_buf_add_text(&q.sql, ") AS few");
	if (dp_query_ask(s, &q, on_narrow, &n) < 0)
		return -1;
	if (n.count > FEW_OF_TIME)
		return 0;
	if (left->least < n.window.least)
		left->least = n.window.least;
	if (left->greatest > n.window.greatest)
		left->greatest = n.window.greatest;
	return 0;
}

static int64_t add_up_to_max(int64_t a, int64_t b)
{
	return a < INT64_MAX - b ? a + b : INT64_MAX;
}

/* Forwards, window by window. What comes behind the greatest number meanwhile is for the next call.
 */
int dp_store_after_in_time(struct dp_store *s, const struct dp_filter *f, int64_t after,
    size_t limit, int64_t end_ms, dp_store_row_fn *fn, void *arg, int64_t *reached)
{
	struct dp_event_reading reading = {.fn = fn, .arg = arg};
	struct window left = {
	    .least = after > 0 ? add_up_to_max(after, 1) : 1, .greatest = INT64_MAX};
	struct window ends = left;
	struct search search = {.filter = f};
	bool is_narrowed = false;

	while (ends.least > 0) {
		struct window w = {.least = ends.least};

		if (choose_size(s, &search, ends.greatest - ends.least, &w.is_by_key) < 0)
			return -1;
		w.greatest = add_up_to_max(w.least, search.size - 1);
		if (read_window(s, f, &w, limit - reading.rows, &reading) < 0)
			return -1;
		if (reading.rows >= limit || reading.is_ended || w.greatest >= ends.greatest)
			break;
		left.least = w.greatest + 1;
		if (!is_narrowed && narrow(s, f, &left) < 0)
			return -1;
		is_narrowed = true;
		if (find_ends(s, &left, &ends) < 0)
			return -1;
		if (ends.least > 0 && dp_clock_monotonic_ms() >= end_ms) {
			*reached = ends.least - 1;
			return 1;
		}
	}
	return 0;
}

int dp_store_after(struct dp_store *s, const struct dp_filter *f, int64_t after, size_t limit,
    dp_store_row_fn *fn, void *arg)
{
	int64_t ignored;

	return dp_store_after_in_time(s, f, after, limit, INT64_MAX, fn, arg, &ignored);
}

struct number_reading {
	size_t rows;
	int64_t last;
};

static int on_number_of(void *arg, const struct dp_store_cell *c)
{
	struct number_reading *reading = arg;

	reading->last = c[0].number;
	reading->rows++;
	return 0;
}

static int read_numbers_back(struct dp_store *s, const struct dp_filter *f, const struct window *w,
    size_t limit, struct number_reading *reading)
{
	struct dp_query q = {.is_kept = f->count == 0};

	dp_buf_add_text(&q.sql, "SELECT seq FROM events WHERE ");
	add_window(&q, s->backend->dialect, w, f, " DESC");
	dp_query_add_limit(&q, limit);
	return dp_query_ask(s, &q, on_number_of, reading);
}

/* Backwards, window by window, to the match before the n last ones. */
int dp_store_tail(
    struct dp_store *s, const struct dp_filter *f, size_t n, int64_t end_ms, int64_t *after)
{
	const size_t wanted = n < SIZE_MAX ? n + 1 : n;
	struct number_reading reading = {0};
	struct window left = {.least = 1, .greatest = INT64_MAX};
	struct search search = {.filter = f};
	bool is_narrowed = false;

	while (reading.rows < wanted) {
		struct window w;

		if (find_ends(s, &left, &w) < 0)
			return -1;
		if (w.greatest == 0)
			break;
		if (search.size > 0 && dp_clock_monotonic_ms() >= end_ms) {
			*after = w.greatest;
			return 1;
		}
		if (choose_size(s, &search, w.greatest - w.least, &w.is_by_key) < 0)
			return -1;
		if (w.greatest - w.least >= search.size)
			w.least = w.greatest - search.size + 1;
		if (read_numbers_back(s, f, &w, wanted - reading.rows, &reading) < 0)
			return -1;
		left.greatest = w.least - 1;
		if (reading.rows < wanted && !is_narrowed && narrow(s, f, &left) < 0)
			return -1;
		is_narrowed = true;
	}
	*after = reading.rows == wanted ? reading.last : 0;
	return 0;
}

int dp_store_head(struct dp_store *s, int64_t *seq)
{
	struct dp_query q = {.is_kept = true};

	dp_buf_add_text(&q.sql, s->backend->find_head);
	return dp_query_ask_for_number(s, &q, seq);
}

int dp_store_position(struct dp_store *s, const char *source, int64_t *pos)
{
	struct dp_query q = {.count = 0};

	dp_buf_add_text(&q.sql, "SELECT pos FROM positions WHERE source = ");
	dp_query_add_text(&q, source);
	return dp_query_ask_for_number(s, &q, pos);
}

struct position_reading {
	dp_store_position_fn *fn;
	void *arg;
};

static int on_position(void *arg, const struct dp_store_cell *c)
{
	const struct position_reading *reading = arg;

	return reading->fn(reading->arg, c[0].text, c[1].number);
}

int dp_store_positions(struct dp_store *s, dp_store_position_fn *fn, void *arg)
{
	struct position_reading reading = {fn, arg};
	struct dp_query q = {.count = 0};

	dp_buf_add_text(&q.sql, "SELECT source, pos FROM positions ORDER BY source");
	return dp_query_ask(s, &q, on_position, &reading);
}

int dp_store_dead(struct dp_store *s, int64_t *n)
{
	struct dp_query q = {.count = 0};

	dp_buf_add_text(&q.sql, "SELECT count(*) FROM dead_letters");
	return dp_query_ask_for_number(s, &q, n);
}
