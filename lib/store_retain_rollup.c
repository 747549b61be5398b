/* What goes leaves the roll-ups, too. What is left of a trace is read again and summed up as if it
 * had just come, where that is not much. */
#include "mem.h"
#include "store_query.h"
#include "store_retain.h"

#include <stdlib.h>
#include <string.h>

void dp_removal_release(struct dp_removal *r)
{
	dp_rollup_release(&r->sum);
	dp_arena_release(&r->arena);
}

struct dp_str dp_removal_keep(struct dp_removal *r, struct dp_str text)
{
	return (struct dp_str){
	    dp_arena_copy(&r->arena, (struct dp_str){text.p, text.n + 1}).p, text.n};
}

void dp_removal_add(struct dp_removal *r, const struct dp_store_cell *c)
{
	struct dp_event *ev = &r->events[r->n];
	struct dp_fingerprint *f = &r->fingerprints[r->n];
	struct dp_entry *e = &r->entries[r->n++];

	*ev = (struct dp_event){.ts_us = c[1].number,
	    .trace_id = dp_removal_keep(r, c[2].text),
	    .system = dp_removal_keep(r, c[4].text)};
	if (dp_severity_parse(c[3].text, &ev->severity) < 0)
		ev->severity = DP_INFO;
	dp_str_copy(c[5].text, f->id, sizeof f->id);
	*e = (struct dp_entry){
	    .ev = ev, .fingerprint = c[5].text.p ? f : NULL, .seq = c[0].number, .is_new = true};
}

static void sum_up(struct dp_removal *r)
{
	struct dp_systems systems = {0};

	dp_rollup_release(&r->sum);
	dp_rollup_init(&r->sum, r->entries, r->n);
	dp_rollup_count(&r->sum, r->entries, r->n, &systems);
	for (size_t i = 0; i < r->sum.minute_count; i++)
		r->sum.minutes[i].system = dp_arena_copy(&r->arena, r->sum.minutes[i].system);
	dp_systems_release(&systems);
}

/* Errors of more groups than a step may touch stay for another. */
static void limit_groups(struct dp_removal *r)
{
	struct dp_str last;

	if (r->sum.group_count <= DP_RETAIN_GROUPS)
		return;
	last = r->sum.groups[DP_RETAIN_GROUPS - 1].fingerprint;
	for (size_t i = 0; i < r->n; i++) {
		struct dp_entry *e = &r->entries[i];

		if (e->fingerprint && dp_str_compare(dp_str_from(e->fingerprint->id), last) > 0)
			e->is_new = false;
	}
	sum_up(r);
}

static int compare_trace(const void *key, const void *row)
{
	return dp_str_compare(
	    *(const struct dp_str *)key, ((const struct dp_trace_row *)row)->trace_id);
}

static const struct dp_trace_row *find_trace(const struct dp_removal *r, struct dp_str trace_id)
{
	return bsearch(
	    &trace_id, r->sum.traces, r->sum.trace_count, sizeof *r->sum.traces, compare_trace);
}

/* Appends the ids of the traces of which so many events are left, as a list of values. Returns how
 * many they are. */
static size_t add_traces(
    struct dp_query *q, const struct dp_removal *r, int64_t left_min, int64_t left_max)
{
	size_t n = 0;

	for (size_t i = 0; i < r->sum.trace_count; i++) {
		if (r->left[i] < left_min || r->left[i] > left_max)
			continue;
		dp_buf_add_text(&q->sql, n++ > 0 ? ", " : "");
		dp_query_add_text(q, r->sum.traces[i].trace_id.p);
	}
	return n;
}

static int on_total(void *arg, const struct dp_store_cell *c)
{
	struct dp_removal *r = arg;
	const struct dp_trace_row *row = find_trace(r, c[0].text);

	if (row)
		r->left[row - r->sum.traces] += c[1].number;
	return 0;
}

static int count_left(struct dp_store *s, struct dp_removal *r)
{
	struct dp_query q = {.count = 0};

	for (size_t i = 0; i < r->sum.trace_count; i++)
		r->left[i] = -r->sum.traces[i].events;
	dp_buf_add_text(&q.sql, "SELECT trace_id, events FROM traces WHERE trace_id IN (");
	add_traces(&q, r, INT64_MIN, INT64_MAX);
	dp_buf_add_char(&q.sql, ')');
	return dp_query_run(s, &q, on_total, r);
}

/* Traces of which more would have to be read again than a step may stay for another. */
static void limit_remaking(struct dp_removal *r)
{
	bool stays[DP_RETAIN_EVENTS] = {false};
	int64_t budget = DP_RETAIN_REMAKE_ALL;
	size_t kept = 0;

	for (size_t i = 0; i < r->sum.trace_count; i++) {
		const int64_t left = r->left[i];
		const bool remade = left > 0 && left <= DP_RETAIN_REMAKE;

		stays[i] = remade && left > budget;
		if (remade && !stays[i])
			budget -= left;
		if (!stays[i])
			r->left[kept++] = left;
	}
	if (kept == r->sum.trace_count)
		return;
	for (size_t i = 0; i < r->n; i++) {
		struct dp_entry *e = &r->entries[i];

		if (e->is_new && stays[find_trace(r, e->ev->trace_id) - r->sum.traces])
			e->is_new = false;
	}
	sum_up(r);
}

int dp_removal_plan(struct dp_store *s, struct dp_removal *r)
{
	sum_up(r);
	limit_groups(r);
	if (count_left(s, r) < 0)
		return -1;
	limit_remaking(r);
	return 0;
}

static int remove_traces(struct dp_store *s, const struct dp_removal *r)
{
	struct dp_query q = {.count = 0};

	dp_buf_add_text(&q.sql, "DELETE FROM traces WHERE trace_id IN (");
	if (add_traces(&q, r, INT64_MIN, 0) == 0) {
		dp_query_release(&q);
		return 0;
	}
	dp_buf_add_char(&q.sql, ')');
	return dp_query_run(s, &q, NULL, NULL);
}

/* Of those of which much is left, only the counts. */
static int shrink_traces(struct dp_store *s, const struct dp_removal *r)
{
	struct dp_query q = {.count = 0};

	dp_buf_add_text(&q.sql,
	    "UPDATE traces SET events = events - v.column2, errors = errors - v.column3, "
	    "warnings = warnings - v.column4, debugs = debugs - v.column5 FROM (VALUES ");
	for (size_t i = 0; i < r->sum.trace_count; i++) {
		const struct dp_trace_row *row = &r->sum.traces[i];

		if (r->left[i] <= DP_RETAIN_REMAKE)
			continue;
		dp_buf_add_text(&q.sql, q.count > 0 ? ", (" : "(");
		dp_query_add_text(&q, row->trace_id.p);
		dp_buf_addf(&q.sql, ", %d, %d, %d, %d)", (int)row->events, (int)row->errors,
		    (int)row->warnings, (int)row->debugs);
	}
	if (q.count == 0) {
		dp_query_release(&q);
		return 0;
	}
	dp_buf_add_text(&q.sql, ") AS v WHERE trace_id = v.column1");
	return dp_query_run(s, &q, NULL, NULL);
}

/* Events that are left, read again. */
struct remaking {
	struct dp_event_reader *reader;
	struct dp_event **events;
	struct dp_entry *entries;
	size_t n;
};

static int on_left(void *arg, const struct dp_store_cell *c)
{
	struct remaking *m = arg;
	struct dp_event *ev = dp_store_reread(m->reader, c, false);

	m->events = dp_mem_resize_array(m->events, m->n + 1, sizeof(struct dp_event *));
	m->entries = dp_mem_resize_array(m->entries, m->n + 1, sizeof *m->entries);
	m->events[m->n] = ev;
	m->entries[m->n++] = (struct dp_entry){.ev = ev, .is_new = true};
	return 0;
}

/* In the order in which they were stored, which tells among equals; by "+seq", which no index
 * serves: that of the trace is to be taken. */
static int read_left(struct dp_store *s, const struct dp_removal *r, struct remaking *m)
{
	struct dp_query q = {.count = 0};

	dp_buf_add_text(&q.sql,
	    "SELECT trace_id, event_id, ts, severity, system, type, body FROM events WHERE ");
	dp_buf_add_text(&q.sql, s->backend->dialect->of_traces);
	if (add_traces(&q, r, 1, DP_RETAIN_REMAKE) == 0) {
		dp_query_release(&q);
		return 0;
	}
	dp_buf_add_text(&q.sql, s->backend->dialect->of_traces_end);
	dp_buf_add_text(&q.sql, " ORDER BY +seq");
	return dp_query_run(s, &q, on_left, m);
}

/* Puts the rows of traces of which something is left. */
static int put_left(struct dp_store *s, const struct remaking *m)
{
	struct dp_rollup rollup;
	int rc;

	dp_rollup_init(&rollup, m->entries, m->n);
	rollup.is_whole = true;
	rc = s->backend->put_rollup(s, &rollup);
	dp_rollup_release(&rollup);
	return rc;
}

static int remake_traces(struct dp_store *s, const struct dp_removal *r)
{
	struct remaking m = {.reader = dp_event_reader_new()};
	int rc = read_left(s, r, &m);

	if (rc == 0 && m.n > 0)
		rc = put_left(s, &m);
	for (size_t i = 0; i < m.n; i++)
		free(m.events[i]);
	free(m.events);
	free(m.entries);
	dp_event_reader_free(&m.reader);
	return rc;
}

/* The rows that there are of minutes, and what is taken from each. */
struct minutes {
	struct dp_minute_row *at;
	int64_t *taken;
	size_t n;
	struct dp_arena arena;
};

static int on_minute(void *arg, const struct dp_store_cell *c)
{
	struct minutes *m = arg;
	struct dp_minute_row row = {.minute_us = c[0].number,
	    .system = dp_arena_copy(&m->arena, c[1].text),
	    .severity = DP_INFO,
	    .events = c[3].number};

	dp_severity_parse(c[2].text, &row.severity);
	m->at = dp_mem_resize_array(m->at, m->n + 1, sizeof *m->at);
	m->taken = dp_mem_resize_array(m->taken, m->n + 1, sizeof *m->taken);
	m->taken[m->n] = 0;
	m->at[m->n++] = row;
	return 0;
}

static void add_minutes(struct dp_query *q, const struct dp_removal *r)
{
	for (size_t i = 0; i < r->sum.minute_count; i++) {
		const int64_t us = r->sum.minutes[i].minute_us;

		if (i > 0 && us == r->sum.minutes[i - 1].minute_us)
			continue;
		dp_buf_add_text(&q->sql, i > 0 ? ", " : "");
		dp_query_add_time(q, us);
	}
}

static int read_minutes(struct dp_store *s, const struct dp_removal *r, struct minutes *m)
{
	struct dp_query q = {.count = 0};

	dp_buf_add_text(
	    &q.sql, "SELECT minute, system, severity, events FROM minute_counts WHERE minute IN (");
	add_minutes(&q, r);
	dp_buf_add_text(&q.sql, ") ORDER BY minute, system, severity");
	return dp_query_run(s, &q, on_minute, m);
}

/* Takes up to n from the row of a system. Returns what that did not have. */
static int64_t take_from(
    struct minutes *m, const struct dp_minute_row *gone, struct dp_str system, int64_t n)
{
	for (size_t i = 0; i < m->n && n > 0; i++) {
		const struct dp_minute_row *row = &m->at[i];
		const int64_t has = row->events - m->taken[i];
		const int64_t taken = n < has ? n : has;

		if (row->minute_us != gone->minute_us || row->severity != gone->severity ||
		    !dp_str_equal(row->system, system))
			continue;
		m->taken[i] += taken;
		n -= taken;
	}
	return n;
}

/* What a system's own row doesn't have was counted where there was no room for one. */
static void subtract(struct minutes *m, const struct dp_removal *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->sum.minute_count; i++) {
		const struct dp_minute_row *gone = &r->sum.minutes[i];

		take_from(
		    m, gone, (struct dp_str){0}, take_from(m, gone, gone->system, gone->events));
	}
	for (size_t i = 0; i < m->n; i++) {
		if (m->taken[i] == 0)
			continue;
		m->at[n] = m->at[i];
		m->at[n++].events = -m->taken[i];
	}
	m->n = n;
}

static int remove_empty_minutes(struct dp_store *s, const struct dp_removal *r)
{
	struct dp_query q = {.count = 0};

	dp_buf_add_text(&q.sql, "DELETE FROM minute_counts WHERE events <= 0 AND minute IN (");
	add_minutes(&q, r);
	dp_buf_add_char(&q.sql, ')');
	return dp_query_run(s, &q, NULL, NULL);
}

static int settle_minutes(struct dp_store *s, const struct dp_removal *r)
{
	struct minutes m = {0};
	int rc = read_minutes(s, r, &m);

	subtract(&m, r);
	if (rc == 0)
		rc = s->backend->put_rollup(
		    s, &(struct dp_rollup){.minutes = m.at, .minute_count = m.n});
	if (rc == 0)
		rc = remove_empty_minutes(s, r);
	free(m.at);
	free(m.taken);
	dp_arena_release(&m.arena);
	return rc;
}

int dp_removal_settle(struct dp_store *s, struct dp_removal *r)
{
	if (remove_traces(s, r) < 0 || shrink_traces(s, r) < 0 || remake_traces(s, r) < 0)
		return -1;
	return settle_minutes(s, r);
}
