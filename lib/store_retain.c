/* Retention: dp_store_retain is one step, a transaction of its own. */
#include "store_retain.h"

#include "clock.h"
#include "mem.h"
#include "store_query.h"

#include <stdlib.h>

static const int64_t minute_us = INT64_C(60000000);

enum {
	EVIDENCE_MINUTES = 10,
	ROOM_MS = 10 * 60 * 1000, /* until the room of rows that went shows, at the latest */
};

int64_t dp_retain_clock_move(
    struct dp_retain_clock *c, int64_t seen_us, int64_t now_us, int64_t monotonic_ms)
{
	int64_t us = seen_us;

	if (c->is_set && c->us + (monotonic_ms - c->at_ms) * 1000 > us)
		us = c->us + (monotonic_ms - c->at_ms) * 1000;
	if (us > now_us)
		us = now_us;
	*c = (struct dp_retain_clock){us != INT64_MIN, us, monotonic_ms};
	return us;
}

/* Reads the latest instant that so many different minutes of events speak for, that no single one,
 * nor a clock that is wrong for a moment, can tell. */
static int on_minute(void *arg, const struct dp_store_cell *c)
{
	int64_t *us = arg;

	*us = c[0].number;
	return 0;
}

static int read_evidence(struct dp_store *s, int64_t now_us, int64_t *seen_us)
{
	struct dp_query q = {.count = 0};

	*seen_us = INT64_MIN;
	dp_buf_add_text(&q.sql, "SELECT DISTINCT minute FROM minute_counts WHERE minute <= ");
	dp_query_add_time(&q, now_us);
	dp_buf_add_text(&q.sql, " ORDER BY minute DESC LIMIT 1 OFFSET ");
	dp_query_add_number(&q, EVIDENCE_MINUTES - 1);
	return dp_query_run(s, &q, on_minute, seen_us);
}

/* A whole minute, so that those of minute_counts go whole. */
static int64_t cutoff(const struct dp_store_limits *l, int64_t now_us)
{
	int64_t us = now_us;

	if (l->age_us == 0 || now_us == INT64_MIN)
		return INT64_MIN;
	us -= l->age_us;
	return us - (us % minute_us + minute_us) % minute_us;
}

static int find_size(struct dp_store *s, int64_t *bytes)
{
	struct dp_query q = {.count = 0};

	dp_buf_add_text(&q.sql, s->backend->find_size);
	return dp_query_run_for_number(s, &q, bytes);
}

void dp_retain_note_room(struct dp_store *s)
{
	if (s->room_ms == 0)
		s->room_ms = dp_clock_monotonic_ms() + ROOM_MS;
}

int dp_store_size(struct dp_store *s, int64_t *bytes)
{
	return dp_store_connect(s) < 0 ? -1 : find_size(s, bytes);
}

static int measure(struct dp_store *s, int64_t limit, bool *is_over)
{
	int64_t bytes = 0;

	if (limit > 0 && find_size(s, &bytes) < 0)
		return -1;
	*is_over = limit > 0 && bytes > limit;
	return 0;
}

/* What goes first where the database takes too much. */
static int choose_first(struct dp_store *s, struct dp_store_old *old)
{
	old->first_us = INT64_MIN;
	if (!old->is_over)
		s->room_ms = 0;
	return old->is_over ? s->backend->find_first(s, old, &old->first_us) : 0;
}

static int choose(
    struct dp_store *s, const struct dp_store_limits *l, int64_t now_us, struct dp_store_old *old)
{
	int64_t seen_us;

	if (read_evidence(s, now_us, &seen_us) < 0 || measure(s, l->bytes, &old->is_over) < 0)
		return -1;
	old->now_us =
	    dp_retain_clock_move(&s->retain_clock, seen_us, now_us, dp_clock_monotonic_ms());
	old->before_us = cutoff(l, old->now_us);
	old->limit = DP_RETAIN_EVENTS;
	return choose_first(s, old);
}

static int count_row(void *arg, const struct dp_store_cell *c)
{
	size_t *n = arg;

	(void)c;
	++*n;
	return 0;
}

/* Where some went for the size, that is measured again before an event goes for it. */
static int remove_dead(struct dp_store *s, struct dp_store_old *old, bool *more)
{
	const int64_t before_us = old->first_us > old->before_us ? old->first_us : old->before_us;
	struct dp_query q = {.count = 0};
	size_t n = 0;

	if (before_us == INT64_MIN)
		return 0;
	dp_buf_add_text(&q.sql, "DELETE FROM dead_letters WHERE (trace_id, event_id) IN "
				"(SELECT trace_id, event_id FROM dead_letters WHERE received < ");
	dp_query_add_time(&q, before_us);
	dp_buf_add_text(&q.sql, " ORDER BY received LIMIT ");
	dp_query_add_number(&q, (int64_t)old->limit);
	dp_buf_add_text(&q.sql, ") RETURNING trace_id");
	if (dp_query_run(s, &q, count_row, &n) < 0)
		return -1;
	*more = *more || n == old->limit || (n > 0 && old->is_over);
	if (n > 0 && old->is_over)
		dp_retain_note_room(s);
	old->is_over = old->is_over && n == 0;
	return 0;
}

static int on_old(void *arg, const struct dp_store_cell *c)
{
	dp_removal_add(arg, c);
	return 0;
}

/* Their span of time tells PostgreSQL in which partitions they are. */
static int remove_events(struct dp_store *s, const struct dp_removal *r)
{
	struct dp_query q = {.count = 0};
	int64_t first_us = INT64_MAX;
	int64_t last_us = INT64_MIN;

	dp_buf_add_text(&q.sql, "DELETE FROM events WHERE seq IN (");
	for (size_t i = 0; i < r->n; i++) {
		const int64_t ts_us = r->events[i].ts_us;

		if (!r->entries[i].is_new)
			continue;
		first_us = ts_us < first_us ? ts_us : first_us;
		last_us = ts_us > last_us ? ts_us : last_us;
		dp_buf_add_text(&q.sql, q.count > 0 ? ", " : "");
		dp_query_add_number(&q, r->entries[i].seq);
	}
	dp_buf_add_text(&q.sql, ") AND ts >= ");
	dp_query_add_time(&q, first_us);
	dp_buf_add_text(&q.sql, " AND ts <= ");
	dp_query_add_time(&q, last_us);
	return dp_query_run(s, &q, NULL, NULL);
}

/* Rows of a table that sums up, the oldest first. */
static int sweep(struct dp_store *s, const char *table, const char *key, const char *time,
    int64_t before_us, bool *more)
{
	struct dp_query q = {.count = 0};
	size_t n = 0;

	dp_buf_addf(&q.sql, "DELETE FROM %s WHERE %s IN (SELECT %s FROM %s WHERE %s < ", table, key,
	    key, table, time);
	dp_query_add_time(&q, before_us);
	dp_buf_addf(&q.sql, " ORDER BY %s LIMIT ", time);
	dp_query_add_number(&q, DP_RETAIN_EVENTS);
	dp_buf_addf(&q.sql, ") RETURNING %s", time);
	if (dp_query_run(s, &q, count_row, &n) < 0)
		return -1;
	*more = *more || n >= DP_RETAIN_EVENTS;
	return 0;
}

/* Where no event is too old any more: what is so in the lists is of events that other hands
 * removed, as with a day's table. Of whole days, as events go by them in PostgreSQL. */
static int sweep_lists(struct dp_store *s, int64_t before_us, bool *more)
{
	static const int64_t day_us = INT64_C(86400000000);
	const int64_t day = before_us - (before_us % day_us + day_us) % day_us;

	if (before_us == INT64_MIN)
		return 0;
	if (sweep(s, "traces", "trace_id", "last_ts", day, more) < 0 ||
	    sweep(s, "error_groups", "fingerprint", "last_ts", day, more) < 0)
		return -1;
	return sweep(s, "minute_counts", "minute", "minute", day, more);
}

static int take_step(struct dp_store *s, const struct dp_store_limits *l, int64_t now_us,
    struct dp_removal *r, bool *more)
{
	struct dp_store_old old;

	if (choose(s, l, now_us, &old) < 0 || remove_dead(s, &old, more) < 0)
		return -1;
	if ((old.before_us > INT64_MIN || old.is_over) &&
	    s->backend->find_old(s, &old, on_old, r, more) < 0)
		return -1;
	if (r->n == 0)
		return *more ? 0 : sweep_lists(s, old.before_us, more);
	*more = true;
	if (dp_removal_plan(s, r) < 0 || remove_events(s, r) < 0)
		return -1;
	return dp_removal_settle(s, r) < 0 ? -1 : dp_removal_settle_groups(s, r);
}

int dp_store_retain(struct dp_store *s, const struct dp_store_limits *l, int64_t now_us, bool *more)
{
	struct dp_removal *r;
	bool found = false;
	int rc = 0;

	if (dp_store_connect(s) < 0)
		return -1;
	r = dp_mem_new(sizeof *r);
	if (s->backend->execute(s, s->backend->begin_alone) < 0 ||
	    take_step(s, l, now_us, r, &found) < 0 || s->backend->execute(s, "COMMIT") < 0) {
		s->backend->roll_back(s);
		dp_store_blame_no_event(s);
		rc = -1;
	}
	if (rc == 0)
		*more = found;
	dp_removal_release(r);
	free(r);
	return rc;
}
