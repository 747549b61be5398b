/* Which events go first in PostgreSQL: those of whole days, whose partition is dropped once it is
 * empty, as that gives the space back at once. To drop it with its events in it would take a
 * transaction that sums up all of them and holds up all other writers meanwhile. */
#include "clock.h"
#include "mem.h"
#include "store_pg_parts.h"
#include "store_pg_run.h"
#include "store_query.h"
#include "store_retain.h"
#include "store_sql.h"

#include <stdlib.h>

DP_SQL(find_layout_sql, "postgresql/find_layout.sql");
DP_SQL(find_days_sql, "postgresql/find_days.sql");

static const int64_t day_us = INT64_C(86400000000);

struct days {
	int64_t *at; /* their beginnings */
	size_t n;
};

/* What a search tells goes on to the caller's function. */
struct search {
	dp_store_cells_fn *fn;
	void *arg;
	size_t n;
	int64_t first_seq;
};

static int on_event(void *arg, const struct dp_store_cell *c)
{
	struct search *search = arg;

	if (search->n++ == 0)
		search->first_seq = c[0].number;
	return search->fn(search->arg, c);
}

static int on_day(void *arg, const struct dp_store_cell *c)
{
	struct days *days = arg;

	days->at = dp_mem_resize_array(days->at, days->n + 1, sizeof *days->at);
	days->at[days->n++] = c[0].number;
	return 0;
}

static int find_days(struct pg_store *s, struct days *days)
{
	struct dp_query q = {.count = 0};

	dp_buf_add_text(&q.sql, find_days_sql);
	return dp_query_run(&s->store, &q, on_day, days);
}

/* The end of the oldest day, or of the last one that is over where that comes before it. */
int dp_pg_find_first(struct dp_store *store, const struct dp_store_old *o, int64_t *us)
{
	struct days days = {0};
	int rc;

	if (o->now_us == INT64_MIN)
		return 0;
	rc = find_days((struct pg_store *)store, &days);
	*us = o->now_us - (o->now_us % day_us + day_us) % day_us;
	if (rc == 0 && days.n > 0 && days.at[0] + day_us < *us)
		*us = days.at[0] + day_us;
	free(days.at);
	return rc;
}

/* Events before a time that have no partition of their own, or where none is a day's. */
static int find_before(struct pg_store *s, const char *table, const char *order,
    const struct dp_store_old *o, int64_t before_us, struct search *search)
{
	struct dp_query q = {.count = 0};

	if (before_us == INT64_MIN)
		return 0;
	dp_buf_addf(&q.sql, DP_SELECT_OLD "%s WHERE ts < ", table);
	dp_query_add_time(&q, before_us);
	dp_buf_addf(&q.sql, "%s LIMIT ", order);
	dp_query_add_number(&q, (int64_t)o->limit);
	return dp_query_run(&s->store, &q, on_event, search);
}

/* Events of a day in the order of their numbers, which is about that in which they lie on the disk.
 * Begins behind those that are gone, and need not be passed by again. */
static int select_in_day(
    struct pg_store *s, int64_t begin_us, const struct dp_store_old *o, struct search *search)
{
	struct dp_query q = {.count = 0};
	int rc;

	if (s->emptied_us != begin_us)
		s->emptied_after = 0;
	s->emptied_us = begin_us;
	dp_buf_add_text(&q.sql, DP_SELECT_OLD "events WHERE ts >= ");
	dp_query_add_time(&q, begin_us);
	dp_buf_add_text(&q.sql, " AND ts < ");
	dp_query_add_time(&q, begin_us + day_us);
	dp_buf_add_text(&q.sql, " AND seq > ");
	dp_query_add_number(&q, s->emptied_after);
	dp_buf_add_text(&q.sql, " ORDER BY seq LIMIT ");
	dp_query_add_number(&q, (int64_t)o->limit);
	rc = dp_query_run(&s->store, &q, on_event, search);
	if (rc == 0 && search->n > 0)
		s->emptied_after = search->first_seq - 1;
	return rc;
}

/* By the index on the numbers: of a day that was not analysed yet the planner thinks that it has
 * few events, and would sort all of them each time. */
static int find_in_day(
    struct pg_store *s, int64_t begin_us, const struct dp_store_old *o, struct search *search)
{
	if (dp_pg_execute(s, "SET LOCAL enable_sort = off") < 0 ||
	    select_in_day(s, begin_us, o, search) < 0)
		return -1;
	return dp_pg_execute(s, "SET LOCAL enable_sort TO DEFAULT");
}

static int drop_day(struct pg_store *s, int64_t begin_us, int64_t *is_gone)
{
	struct dp_query q = {.count = 0};

	dp_buf_add_text(&q.sql, "SELECT devpulse_drop_day((");
	dp_query_add_time(&q, begin_us);
	dp_buf_add_text(&q.sql, " AT TIME ZONE 'UTC')::date, ");
	dp_query_add_number(&q, s->emptied_after);
	dp_buf_add_text(&q.sql, ")::int::bigint");
	return dp_query_run_for_number(&s->store, &q, is_gone);
}

/* For its size only the oldest day goes, and none that has not passed; nor while there may be more
 * room than is seen. */
static bool is_to_go(
    const struct pg_store *s, const struct days *days, size_t i, const struct dp_store_old *o)
{
	const int64_t end_us = days->at[i] + day_us;

	return end_us <= o->before_us || (o->is_over && i == 0 && end_us <= o->now_us &&
					     dp_clock_monotonic_ms() >= s->store.room_ms);
}

/* Where a reader is in the way of one day, it is in that of all. */
static int find_in_days(struct pg_store *s, const struct days *days, const struct dp_store_old *o,
    struct search *search, bool *more)
{
	bool may_drop = true;

	for (size_t i = 0; i < days->n && is_to_go(s, days, i, o); i++) {
		int64_t is_gone = 0;

		if (find_in_day(s, days->at[i], o, search) < 0)
			return -1;
		if (search->n > 0)
			return 0;
		if (may_drop && drop_day(s, days->at[i], &is_gone) < 0)
			return -1;
		*more = *more || is_gone;
		if (is_gone)
			return 0;
		may_drop = false;
	}
	return 0;
}

static int find_by_day(
    struct pg_store *s, const struct dp_store_old *o, struct search *search, bool *more)
{
	const bool is_first = o->is_over && o->first_us > o->before_us;
	struct days days = {0};
	int rc;

	if (find_before(s, "events_default", " ORDER BY ts", o,
		is_first ? o->first_us : o->before_us, search) < 0)
		return -1;
	if (search->n > 0 && is_first)
		dp_retain_note_room(&s->store);
	if (search->n > 0)
		return 0;
	rc = find_days(s, &days);
	if (rc == 0)
		rc = find_in_days(s, &days, o, search, more);
	free(days.at);
	return rc;
}

int dp_pg_find_old(struct dp_store *store, const struct dp_store_old *o, dp_store_cells_fn *fn,
    void *arg, bool *more)
{
	struct pg_store *s = (struct pg_store *)store;
	struct search search = {.fn = fn, .arg = arg};
	struct dp_query q = {.count = 0};
	int64_t is_by_day;

	dp_buf_add_text(&q.sql, find_layout_sql);
	if (dp_query_run_for_number(store, &q, &is_by_day) < 0)
		return -1;
	return is_by_day ? find_by_day(s, o, &search, more)
			 : find_before(s, "events", "", o, o->before_us, &search);
}
