/* Writing to SQLite: by statements that are kept prepared. */
#include "store_sqlite_parts.h"

#include "clock.h"
#include "mem.h"
#include "store_sql.h"

#include <assert.h>
#include <stdlib.h>

DP_SQL(put_event_sql, "sqlite/put_event.sql");
DP_SQL(put_events_sql, "sqlite/put_events.sql");
DP_SQL(read_new_sql, "sqlite/read_new.sql");
DP_SQL(find_last_sql, "sqlite/find_last.sql");
DP_SQL(note_numbers_sql, "sqlite/note_numbers.sql");
DP_SQL(find_trace_sql, "sqlite/find_trace.sql");
DP_SQL(read_trace_sql, "sqlite/read_trace.sql");
DP_SQL(put_trace_sql, "sqlite/put_trace.sql");
DP_SQL(read_group_sql, "sqlite/read_group.sql");
DP_SQL(put_group_sql, "sqlite/put_group.sql");
DP_SQL(put_minute_sql, "sqlite/put_minute.sql");
DP_SQL(put_position_sql, "sqlite/put_position.sql");
DP_SQL(put_dead_sql, "sqlite/put_dead.sql");

/* The statements that are kept prepared. */
enum statement {
	PUT_EVENT,
	PUT_EVENTS,
	READ_NEW,
	FIND_LAST,
	FIND_TRACE,
	READ_TRACE,
	PUT_TRACE,
	READ_GROUP,
	PUT_GROUP,
	PUT_MINUTE,
	PUT_POSITION,
	PUT_DEAD,
};

static const char *const statement_text[SQLITE_STATEMENTS] = {
    [PUT_EVENT] = put_event_sql,
    [PUT_EVENTS] = put_events_sql,
    [READ_NEW] = read_new_sql,
    [FIND_LAST] = find_last_sql,
    [FIND_TRACE] = find_trace_sql,
    [READ_TRACE] = read_trace_sql,
    [PUT_TRACE] = put_trace_sql,
    [READ_GROUP] = read_group_sql,
    [PUT_GROUP] = put_group_sql,
    [PUT_MINUTE] = put_minute_sql,
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

enum { EVENT_COLUMNS = 12, TOGETHER = 16 /* rows of put_events.sql */ };

/* Binds the columns of an event to the parameters behind `at`. */
static void bind_event(sqlite3_stmt *st, int at, const struct dp_entry *e)
{
	const struct dp_event *ev = e->ev;

	if (e->seq != 0)
		sqlite3_bind_int64(st, at + 1, e->seq);
	else
		sqlite3_bind_null(st, at + 1);
	sqlite3_bind_int64(st, at + 2, e->trace_n);
	dp_sqlite_bind(st, at + 3, ev->trace_id);
	dp_sqlite_bind(st, at + 4, dp_str_from(ev->event_id));
	sqlite3_bind_int64(st, at + 5, ev->ts_us);
	dp_sqlite_bind(st, at + 6, dp_str_from(dp_severity_name(ev->severity)));
	dp_sqlite_bind(st, at + 7, ev->system);
	dp_sqlite_bind(st, at + 8, ev->type);
	if (ev->environment.n > 0)
		dp_sqlite_bind(st, at + 9, ev->environment);
	else
		sqlite3_bind_null(st, at + 9);
	if (ev->has_duration)
		sqlite3_bind_double(st, at + 10, ev->duration_ms);
	else
		sqlite3_bind_null(st, at + 10);
	if (e->fingerprint)
		dp_sqlite_bind(st, at + 11, dp_str_from(e->fingerprint->id));
	else
		sqlite3_bind_null(st, at + 11);
	dp_sqlite_bind(st, at + 12, ev->json);
}

/* What fails is a statement by itself, and the transaction goes on. */
static int bury(struct dp_store *store, struct dp_entry *e)
{
	if (store->fault != DP_STORE_REJECT)
		return -1;
	e->is_rejected = true;
	return dp_sqlite_put_dead(store, e->ev, dp_store_error(store));
}

/* Those that are not stored yet, one by one. */
static int put_each(struct sqlite_store *s, struct dp_entry *entries, size_t n)
{
	sqlite3_stmt *st = prepared(s, PUT_EVENT);

	for (size_t i = 0; i < n && st; i++) {
		if (entries[i].is_new)
			continue;
		bind_event(st, 0, &entries[i]);
		if (run(s, st) == 0)
			entries[i].is_new = sqlite3_changes(s->db) > 0;
		else if (bury(&s->store, &entries[i]) < 0)
			return -1;
		if (entries[i].is_new)
			s->last_seq = sqlite3_last_insert_rowid(s->db);
	}
	return st ? 0 : -1;
}

static bool is_text(sqlite3_stmt *st, int column, struct dp_str text)
{
	const struct dp_str its = {(const char *)sqlite3_column_text(st, column),
	    (size_t)sqlite3_column_bytes(st, column)};

	return dp_str_equal(its, text);
}

static bool is_its_row(sqlite3_stmt *st, const struct dp_entry *e)
{
	return is_text(st, 0, e->ev->trace_id) && is_text(st, 1, dp_str_from(e->ev->event_id));
}

/* Only some of those put together were stored: in their order, behind what was there. */
static int find_new(struct sqlite_store *s, struct dp_entry *entries, size_t n)
{
	sqlite3_stmt *st = prepared(s, READ_NEW);
	int rc = SQLITE_ROW;
	size_t i = 0;

	if (!st)
		return -1;
	sqlite3_bind_int64(st, 1, s->last_seq);
	while (i < n && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		while (i < n && !is_its_row(st, &entries[i]))
			i++;
		if (i == n)
			break;
		s->last_seq = sqlite3_column_int64(st, 2);
		entries[i++].is_new = true;
	}
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : dp_sqlite_fail(s);
}

static void all_are_new(struct sqlite_store *s, struct dp_entry entries[TOGETHER])
{
	for (int i = 0; i < TOGETHER; i++)
		entries[i].is_new = true;
	s->last_seq = sqlite3_last_insert_rowid(s->db);
}

/* Behind what was stored of those put together before one was rejected. */
static int put_others(struct sqlite_store *s, struct dp_entry entries[TOGETHER])
{
	if (sqlite3_exec(s->db, note_numbers_sql, NULL, NULL, NULL) != SQLITE_OK)
		return dp_sqlite_fail(s);
	return put_each(s, entries, TOGETHER);
}

static int put_together(struct sqlite_store *s, struct dp_entry entries[TOGETHER])
{
	sqlite3_stmt *st = prepared(s, PUT_EVENTS);
	bool is_rejected;
	int rc = 0;

	if (!st)
		return -1;
	for (int i = 0; i < TOGETHER; i++)
		bind_event(st, i * EVENT_COLUMNS, &entries[i]);
	is_rejected = run(s, st) < 0;
	if (is_rejected && s->store.fault != DP_STORE_REJECT)
		return -1;
	if (!is_rejected && sqlite3_changes(s->db) == TOGETHER)
		all_are_new(s, entries);
	else
		rc = find_new(s, entries, TOGETHER);
	return rc == 0 && is_rejected ? put_others(s, entries) : rc;
}

static int find_last(struct sqlite_store *s)
{
	sqlite3_stmt *st = prepared(s, FIND_LAST);
	int rc;

	if (!st)
		return -1;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		s->last_seq = sqlite3_column_int64(st, 0);
		s->last_trace_n = sqlite3_column_int64(st, 1);
	}
	sqlite3_reset(st);
	return rc == SQLITE_ROW ? 0 : dp_sqlite_fail(s);
}

/* The number of a trace; 0 where it has none yet. */
static int find_trace(struct sqlite_store *s, struct dp_str trace_id, int64_t *trace_n)
{
	sqlite3_stmt *st = prepared(s, FIND_TRACE);
	int rc;

	if (!st)
		return -1;
	dp_sqlite_bind(st, 1, trace_id);
	rc = sqlite3_step(st);
	*trace_n = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : dp_sqlite_fail(s);
}

/* Tells the entries the numbers of their traces. A new one takes the next number; its row is put
 * with the roll-up, if one of its events was stored. */
static int number_traces(struct sqlite_store *s, struct dp_entry *entries, size_t n)
{
	struct dp_traced *sorted = dp_mem_resize_array(NULL, n, sizeof *sorted);
	int64_t trace_n = 0;
	int rc = 0;

	dp_entries_sort(entries, n, false, sorted);
	for (size_t i = 0; i < n && rc == 0; i++) {
		struct dp_entry *e = &entries[sorted[i].entry - entries];

		if (dp_traced_begins(sorted, i)) {
			rc = find_trace(s, e->ev->trace_id, &trace_n);
			if (trace_n == 0)
				trace_n = ++s->last_trace_n;
		}
		e->trace_n = trace_n;
	}
	free(sorted);
	return rc;
}

/* Those with a number of their own, in a migration, one by one. */
int dp_sqlite_begin_put(struct dp_store *store, struct dp_entry *entries, size_t n)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	const size_t together = entries[0].seq == 0 ? n - n % TOGETHER : 0;

	for (size_t i = 0; i < n; i++)
		entries[i].is_rejected = false;
	if (find_last(s) < 0 || number_traces(s, entries, n) < 0)
		return -1;
	for (size_t i = 0; i < together; i += TOGETHER)
		if (put_together(s, entries + i) < 0)
			return -1;
	return put_each(s, entries + together, n - together);
}

int dp_sqlite_end_put(struct dp_store *store, struct dp_entry *entries, size_t n)
{
	(void)store;
	(void)entries;
	(void)n;
	return 0;
}

/* Runs a statement that gives a row at most, and adds it to the roll-up. */
static int read_row(struct sqlite_store *s, sqlite3_stmt *st, struct dp_rollup *r,
    void (*add)(struct dp_rollup *r, const struct dp_store_cell *cells))
{
	struct dp_store_cell cells[DP_STORE_CELLS_MAX];
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW) {
		dp_sqlite_read_row(st, cells);
		add(r, cells);
	}
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : dp_sqlite_fail(s);
}

/* Binds two texts made of the names, which live as long as the buffers. */
static void bind_names(sqlite3_stmt *st, int at, const struct dp_names *l, struct dp_buf texts[2])
{
	dp_buf_clear(&texts[0]);
	dp_buf_clear(&texts[1]);
	dp_names_write(l, &texts[0], &texts[1]);
	dp_sqlite_bind(st, at, dp_buf_str(&texts[0]));
	dp_sqlite_bind(st, at + 1, dp_buf_str(&texts[1]));
}

static void bind_trace(sqlite3_stmt *st, const struct dp_trace_row *row, struct dp_buf texts[2])
{
	dp_sqlite_bind(st, 1, row->trace_id);
	sqlite3_bind_int64(st, 2, row->first_us);
	sqlite3_bind_int64(st, 3, row->last_us);
	sqlite3_bind_int64(st, 4, row->events);
	sqlite3_bind_int64(st, 5, row->errors);
	sqlite3_bind_int64(st, 6, row->warnings);
	sqlite3_bind_int64(st, 7, row->debugs);
	dp_sqlite_bind(st, 8, row->title);
	sqlite3_bind_int64(st, 9, row->title_us);
	sqlite3_bind_int64(st, 10, row->title_rank);
	dp_sqlite_bind(st, 11, row->environment);
	dp_sqlite_bind(st, 12, row->last_error);
	sqlite3_bind_int64(st, 13, row->last_error_us);
	bind_names(st, 14, &row->systems, texts);
}

static int put_trace(struct sqlite_store *s, struct dp_rollup *r, const struct dp_trace_row *row,
    struct dp_buf texts[2])
{
	sqlite3_stmt *read = prepared(s, READ_TRACE);
	sqlite3_stmt *put = read ? prepared(s, PUT_TRACE) : NULL;
	int64_t trace_n = row->entry->trace_n;

	if (!put || (trace_n == 0 && find_trace(s, row->trace_id, &trace_n) < 0))
		return -1;
	assert(trace_n > 0);
	sqlite3_bind_int64(read, 1, trace_n);
	if (read_row(s, read, r, dp_store_add_trace) < 0)
		return -1;
	bind_trace(put, row, texts);
	sqlite3_bind_int64(put, 16, trace_n);
	return run(s, put);
}

static int put_traces(struct sqlite_store *s, struct dp_rollup *r)
{
	struct dp_buf texts[2] = {{0}};
	int rc = 0;

	for (size_t i = 0; i < r->trace_count && rc == 0; i++)
		rc = put_trace(s, r, &r->traces[i], texts);
	dp_buf_release(&texts[0]);
	dp_buf_release(&texts[1]);
	return rc;
}

static void bind_group(sqlite3_stmt *st, const struct dp_group_row *row, struct dp_buf texts[6])
{
	dp_sqlite_bind(st, 1, row->fingerprint);
	dp_sqlite_bind(st, 2, row->type);
	dp_sqlite_bind(st, 3, row->place);
	dp_sqlite_bind(st, 4, row->message);
	dp_sqlite_bind(st, 5, row->title);
	sqlite3_bind_int64(st, 6, row->first_us);
	sqlite3_bind_int64(st, 7, row->last_us);
	sqlite3_bind_int64(st, 8, row->events);
	bind_names(st, 9, &row->systems, texts);
	bind_names(st, 11, &row->environments, texts + 2);
	bind_names(st, 13, &row->traces, texts + 4);
}

static int put_groups(struct sqlite_store *s, struct dp_rollup *r)
{
	sqlite3_stmt *read = prepared(s, READ_GROUP);
	sqlite3_stmt *put = read ? prepared(s, PUT_GROUP) : NULL;
	struct dp_buf texts[6] = {{0}};
	int rc = put ? 0 : -1;

	for (size_t i = 0; i < r->group_count && rc == 0; i++) {
		dp_sqlite_bind(read, 1, r->groups[i].fingerprint);
		rc = read_row(s, read, r, dp_store_add_group);
		if (rc < 0)
			break;
		bind_group(put, &r->groups[i], texts);
		rc = run(s, put);
	}
	for (size_t i = 0; i < 6; i++)
		dp_buf_release(&texts[i]);
	return rc;
}

static int put_minutes(struct sqlite_store *s, const struct dp_rollup *r)
{
	sqlite3_stmt *st = prepared(s, PUT_MINUTE);

	for (size_t i = 0; i < r->minute_count && st; i++) {
		const struct dp_minute_row *row = &r->minutes[i];

		sqlite3_bind_int64(st, 1, row->minute_us);
		dp_sqlite_bind(st, 2, row->system);
		dp_sqlite_bind(st, 3, dp_str_from(dp_severity_name(row->severity)));
		sqlite3_bind_int64(st, 4, row->events);
		if (run(s, st) < 0)
			return -1;
	}
	return st ? 0 : -1;
}

int dp_sqlite_put_rollup(struct dp_store *store, struct dp_rollup *r)
{
	struct sqlite_store *s = (struct sqlite_store *)store;

	return put_traces(s, r) < 0 || put_groups(s, r) < 0 ? -1 : put_minutes(s, r);
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
	if (run(s, st) < 0)
		return -1;
	return sqlite3_changes(s->db) > 0 ? 0 : dp_store_fail_step(store, step);
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
