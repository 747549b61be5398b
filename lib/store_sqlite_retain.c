#include "store_query.h"
#include "store_sqlite_parts.h"

/* What is older than every event: dead letters. */
int dp_sqlite_find_first(struct dp_store *store, const struct dp_store_old *o, int64_t *us)
{
	struct dp_query q = {.count = 0};

	(void)o;
	dp_buf_add_text(&q.sql, "SELECT coalesce(min(ts), 9223372036854775807) FROM events");
	return dp_query_run_for_number(store, &q, us);
}

/* The oldest first, by the index on their time: those that are too old, or as many as it takes. */
int dp_sqlite_find_old(struct dp_store *store, const struct dp_store_old *o, dp_store_cells_fn *fn,
    void *arg, bool *more)
{
	struct dp_query q = {.count = 0};

	(void)more;
	dp_buf_add_text(&q.sql, DP_SELECT_OLD "events WHERE ts < ");
	dp_query_add_time(&q, o->is_over ? INT64_MAX : o->before_us);
	dp_buf_add_text(&q.sql, " ORDER BY ts LIMIT ");
	dp_query_add_number(&q, (int64_t)o->limit);
	return dp_query_run(store, &q, fn, arg);
}
