#include "store_trace.h"

#include "store_read.h"

int dp_store_trace(
    struct dp_store *s, const char *trace_id, size_t limit, dp_store_row_fn *fn, void *arg)
{
	struct dp_event_reading reading = {.fn = fn, .arg = arg};
	struct dp_query q = {.is_kept = true, .is_short = true};

	dp_buf_add_text(&q.sql, DP_SELECT_EVENTS);
	s->backend->dialect->add_trace(&q, trace_id);
	dp_buf_add_text(&q.sql, " AND (SELECT events FROM traces WHERE trace_id = ");
	dp_query_add_text(&q, trace_id);
	dp_buf_add_text(&q.sql, ") <= ");
	dp_query_add_number(&q, limit < INT64_MAX ? (int64_t)limit : INT64_MAX);
	dp_buf_addf(&q.sql, " ORDER BY %s, event_id", s->backend->dialect->by_time);
	return dp_query_ask(s, &q, dp_read_event, &reading);
}

static void add_extent(struct dp_store *s, struct dp_query *q, const char *trace_id, int64_t seq)
{
	s->backend->dialect->add_trace(q, trace_id);
	dp_buf_add_text(&q->sql, " AND seq <= ");
	dp_query_add_number(q, seq);
}

int dp_store_trace_part(struct dp_store *s, const char *trace_id, int64_t seq, const char *after_id,
    size_t limit, dp_store_row_fn *fn, void *arg)
{
	struct dp_event_reading reading = {.fn = fn, .arg = arg};
	struct dp_query q = {.is_kept = true};

	dp_buf_add_text(&q.sql, DP_SELECT_EVENTS);
	add_extent(s, &q, trace_id, seq);
	if (*after_id) {
		dp_buf_add_text(&q.sql, " AND event_id > ");
		dp_query_add_uuid(&q, after_id);
	}
	dp_buf_add_text(&q.sql, " ORDER BY event_id");
	dp_query_add_limit(&q, limit);
	return dp_query_ask(s, &q, dp_read_event, &reading);
}

int dp_store_event(
    struct dp_store *s, const char *trace_id, const char *event_id, dp_store_row_fn *fn, void *arg)
{
	struct dp_event_reading reading = {.fn = fn, .arg = arg};
	struct dp_query q = {.is_kept = true};

	dp_buf_add_text(&q.sql, DP_SELECT_EVENTS);
	s->backend->dialect->add_trace(&q, trace_id);
	dp_buf_add_text(&q.sql, " AND event_id = ");
	dp_query_add_uuid(&q, event_id);
	return dp_query_ask(s, &q, dp_read_event, &reading);
}

static int on_extent(void *arg, const struct dp_store_cell *c)
{
	struct dp_store_extent *extent = arg;

	*extent = (struct dp_store_extent){c[0].number, c[1].number};
	return 0;
}

int dp_store_trace_extent(struct dp_store *s, const char *trace_id, struct dp_store_extent *out)
{
	struct dp_store_extent extent = {0};
	struct dp_query q = {.is_kept = true, .is_short = true};

	dp_buf_add_text(&q.sql, "SELECT count(*), max(seq) FROM events WHERE ");
	s->backend->dialect->add_trace(&q, trace_id);
	if (dp_query_ask(s, &q, on_extent, &extent) < 0)
		return -1;
	*out = extent;
	return 0;
}

struct stage_reading {
	dp_store_stage_fn *fn;
	void *arg;
};

static int on_stage(void *arg, const struct dp_store_cell *c)
{
	static const enum dp_severity severities[] = {DP_INFO, DP_WARNING, DP_ERROR};
	const struct stage_reading *reading = arg;
	const struct dp_store_stage stage = {.system = c[0].text,
	    .first_us = c[1].number,
	    .last_us = c[2].number,
	    .events = c[3].number,
	    .seq = c[4].number,
	    .worst = severities[c[5].number]};

	return reading->fn(reading->arg, &stage);
}

int dp_store_trace_stages(struct dp_store *s, const char *trace_id, int64_t seq,
    const struct dp_store_stage *after, size_t limit, dp_store_stage_fn *fn, void *arg)
{
	struct stage_reading reading = {fn, arg};
	struct dp_query q = {.is_kept = true};

	dp_buf_add_text(&q.sql,
	    "SELECT * FROM (SELECT system, min(ts) AS first_ts, max(ts), count(*), max(seq), "
	    "CAST(max(CASE severity WHEN 'error' THEN 2 WHEN 'warning' THEN 1 ELSE 0 END) AS "
	    "bigint) FROM events WHERE ");
	add_extent(s, &q, trace_id, seq);
	dp_buf_add_text(&q.sql, " GROUP BY system) stages");
	if (after) {
		dp_buf_add_text(&q.sql, " WHERE (first_ts, system) > (");
		dp_query_add_time(&q, after->first_us);
		dp_buf_add_text(&q.sql, ", ");
		dp_query_add_text(&q, after->system.p);
		dp_buf_add_char(&q.sql, ')');
	}
	dp_buf_add_text(&q.sql, " ORDER BY first_ts, system");
	dp_query_add_limit(&q, limit);
	return dp_query_ask(s, &q, on_stage, &reading);
}

/* In a CASE it stays what it is, one look at a list of them: else PostgreSQL may join, and read the
 * trace once a system. */
static void add_systems(struct dp_store *s, struct dp_query *q, const char *systems)
{
	const struct dp_store_dialect *d = s->backend->dialect;

	dp_buf_addf(&q->sql, " AND CASE WHEN system IN (%s", d->elements);
	dp_query_add(q, (struct dp_query_value){.type = DP_QUERY_TEXT, .text = systems});
	dp_buf_addf(&q->sql, "%s) THEN TRUE ELSE FALSE END", d->elements_end);
}

struct key_reading {
	dp_store_key_fn *fn;
	void *arg;
};

static int on_key(void *arg, const struct dp_store_cell *c)
{
	const struct key_reading *reading = arg;
	struct dp_store_key key = {.ts_us = c[1].number, .system = c[2].text};

	dp_str_copy(c[0].text, key.event_id, sizeof key.event_id);
	return reading->fn(reading->arg, &key);
}

int dp_store_trace_keys(struct dp_store *s, const char *trace_id, int64_t seq, const char *systems,
    const struct dp_store_key *after, size_t limit, dp_store_key_fn *fn, void *arg)
{
	struct key_reading reading = {fn, arg};
	struct dp_query q = {.is_kept = true};

	dp_buf_add_text(&q.sql, "SELECT event_id, ts, system FROM events WHERE ");
	add_extent(s, &q, trace_id, seq);
	if (systems)
		add_systems(s, &q, systems);
	if (after) {
		dp_buf_add_text(&q.sql, " AND (ts, event_id) > (");
		dp_query_add_time(&q, after->ts_us);
		dp_buf_add_text(&q.sql, ", ");
		dp_query_add_uuid(&q, after->event_id);
		dp_buf_add_char(&q.sql, ')');
	}
	dp_buf_addf(&q.sql, " ORDER BY %s, event_id", s->backend->dialect->by_time);
	dp_query_add_limit(&q, limit);
	return dp_query_ask(s, &q, on_key, &reading);
}

int dp_store_trace_events(struct dp_store *s, const char *trace_id,
    char (*event_ids)[DP_UUID_TEXT + 1], size_t n, dp_store_row_fn *fn, void *arg)
{
	struct dp_event_reading reading = {.fn = fn, .arg = arg};
	struct dp_query q = {.is_kept = true};
	struct dp_buf ids = {0};
	int rc;

	for (size_t i = 0; i < n; i++)
		dp_buf_addf(&ids, "%c\"%s\"", i > 0 ? ',' : '[', event_ids[i]);
	dp_buf_add_char(&ids, ']');
	dp_buf_add_text(&q.sql, s->backend->read_by_id);
	dp_query_bind_text(&q, dp_buf_text(&ids));
	dp_query_bind_text(&q, trace_id);
	rc = dp_query_ask(s, &q, dp_read_event, &reading);
	dp_buf_release(&ids);
	return rc;
}
