/* Writing to SQLite: one statement an event, kept prepared. */
#include "store_sqlite.h"

#include "clock.h"
#include "store_rollup.h"
#include "store_sql.h"

DP_SQL(put_event_sql, "sqlite/put_event.sql");
DP_SQL(put_trace_sql, "sqlite/put_trace.sql");
DP_SQL(put_system_sql, "sqlite/put_system.sql");
DP_SQL(put_position_sql, "sqlite/put_position.sql");
DP_SQL(put_dead_sql, "sqlite/put_dead.sql");

/* The statements that are kept prepared. */
enum statement { PUT_EVENT, PUT_TRACE, PUT_SYSTEM, PUT_POSITION, PUT_DEAD };

static const char *const statement_text[SQLITE_STATEMENTS] = {
    [PUT_EVENT] = put_event_sql,
    [PUT_TRACE] = put_trace_sql,
    [PUT_SYSTEM] = put_system_sql,
    [PUT_POSITION] = put_position_sql,
    [PUT_DEAD] = put_dead_sql,
};

/* The kept statement; NULL (failed) where it cannot be prepared. */
static sqlite3_stmt *prepared(struct sqlite_store *s, enum statement which)
{
	if (!s->statements[which] &&
	    sqlite3_prepare_v3(s->db, statement_text[which], -1, SQLITE_PREPARE_PERSISTENT,
		&s->statements[which], NULL) != SQLITE_OK)
		dp_sqlite_fail(s);
	return s->statements[which];
}

/* Runs a statement that gives no rows, and makes it ready for its next use. */
static int run(struct sqlite_store *s, sqlite3_stmt *st)
{
	int rc;

	if (!st)
		return -1;
	rc = sqlite3_step(st);
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? 0 : dp_sqlite_fail(s);
}

static int put_events(
    struct sqlite_store *s, const struct dp_event *const *events, size_t n, bool *is_new)
{
	sqlite3_stmt *st = prepared(s, PUT_EVENT);

	for (size_t i = 0; i < n && st; i++) {
		const struct dp_event *ev = events[i];

		dp_sqlite_bind(st, 1, ev->trace_id);
		dp_sqlite_bind(st, 2, dp_str_from(ev->event_id));
		sqlite3_bind_int64(st, 3, ev->ts_us);
		dp_sqlite_bind(st, 4, dp_str_from(dp_severity_name(ev->severity)));
		dp_sqlite_bind(st, 5, ev->system);
		dp_sqlite_bind(st, 6, ev->type);
		dp_sqlite_bind(st, 7, ev->json);
		if (run(s, st) < 0)
			return -1;
		is_new[i] = sqlite3_changes(s->db) > 0;
	}
	return st ? 0 : -1;
}

static int put_traces(struct sqlite_store *s, const struct dp_rollup *r)
{
	sqlite3_stmt *st = prepared(s, PUT_TRACE);

	for (size_t i = 0; i < r->trace_count && st; i++) {
		const struct dp_rollup_row *row = &r->traces[i];

		dp_sqlite_bind(st, 1, row->trace_id);
		sqlite3_bind_int64(st, 2, row->first_us);
		sqlite3_bind_int64(st, 3, row->last_us);
		sqlite3_bind_int64(st, 4, row->events);
		sqlite3_bind_int64(st, 5, row->errors);
		sqlite3_bind_int64(st, 6, row->warnings);
		dp_sqlite_bind(st, 7, row->title);
		if (run(s, st) < 0)
			return -1;
	}
	return st ? 0 : -1;
}

static int put_systems(struct sqlite_store *s, const struct dp_rollup *r)
{
	sqlite3_stmt *st = prepared(s, PUT_SYSTEM);

	for (size_t i = 0; i < r->system_count && st; i++) {
		const struct dp_rollup_row *row = &r->systems[i];

		dp_sqlite_bind(st, 1, row->trace_id);
		dp_sqlite_bind(st, 2, row->system);
		sqlite3_bind_int64(st, 3, row->first_us);
		sqlite3_bind_int64(st, 4, row->last_us);
		sqlite3_bind_int64(st, 5, row->events);
		sqlite3_bind_int64(st, 6, row->errors);
		if (run(s, st) < 0)
			return -1;
	}
	return st ? 0 : -1;
}

int dp_sqlite_put(
    struct dp_store *store, const struct dp_event *const *events, size_t n, bool *is_new)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	struct dp_rollup r;
	int rc;

	if (put_events(s, events, n, is_new) < 0)
		return -1;
	dp_rollup_init(&r, events, n, is_new);
	rc = put_traces(s, &r);
	if (rc == 0)
		rc = put_systems(s, &r);
	dp_rollup_release(&r);
	return rc;
}

int dp_sqlite_put_position(struct dp_store *store, const struct dp_store_step *step)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	sqlite3_stmt *st = prepared(s, PUT_POSITION);

	if (!st)
		return -1;
	dp_sqlite_bind(st, 1, dp_str_from(step->source));
	sqlite3_bind_int64(st, 2, step->to);
	sqlite3_bind_int64(st, 3, step->from);
	return run(s, st) < 0 ? -1 : sqlite3_changes(s->db) == 0;
}

int dp_sqlite_put_dead(struct dp_store *store, const struct dp_event *ev, const char *why)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	sqlite3_stmt *st = prepared(s, PUT_DEAD);

	if (!st)
		return -1;
	dp_sqlite_bind(st, 1, ev->trace_id);
	dp_sqlite_bind(st, 2, dp_str_from(ev->event_id));
	sqlite3_bind_int64(st, 3, dp_clock_now_us());
	dp_sqlite_bind(st, 4, dp_str_from(why));
	sqlite3_bind_blob64(st, 5, ev->json.p ? ev->json.p : "", ev->json.n, SQLITE_STATIC);
	return run(s, st);
}
