/* Writing events to PostgreSQL: by COPY, and where one is there already by INSERT, with one array a
 * column. A transaction takes a handful of round trips however many events it has. */
#include "store_pg_parts.h"
#include "store_pg_run.h"

#include "clock.h"
#include "mem.h"
#include "store_sql.h"

#include <stdlib.h>
#include <string.h>

DP_SQL(take_numbers_sql, "postgresql/take_numbers.sql");
DP_SQL(copy_events_sql, "postgresql/copy_events.sql");
DP_SQL(put_events_sql, "postgresql/put_events.sql");
DP_SQL(find_events_sql, "postgresql/find_events.sql");
DP_SQL(put_position_sql, "postgresql/put_position.sql");
DP_SQL(put_dead_sql, "postgresql/put_dead.sql");

enum { EVENT_COLUMNS = 11, COPY_BYTES = 64 * 1024 };

static int take_numbers(struct pg_store *s, void *last, const PGresult *res)
{
	if (PQntuples(res) != 1)
		return dp_store_fail(
		    &s->store, DP_STORE_BROKEN, "the row of the table event_counter is missing");
	*(int64_t *)last = dp_pg_read_int8(PQgetvalue(res, 0, 0));
	return 0;
}

static int number_entries(struct pg_store *s, struct dp_entry *entries, size_t n)
{
	struct pg_columns c = {0};
	int64_t last = 0;

	if (entries[0].seq != 0)
		return 0;
	dp_pg_add_number(&c, (int64_t)n);
	if (dp_pg_queue(s, take_numbers_sql, &c, take_numbers, &last) < 0 || dp_pg_settle(s) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		entries[i].seq = last - (int64_t)(n - 1 - i);
	return 0;
}

/* The wait for the lock may have been one for another writer. */
static int check_numbers(struct pg_store *s, void *arg, const PGresult *res)
{
	int64_t last = 0;

	(void)arg;
	if (take_numbers(s, &last, res) < 0)
		return -1;
	return last == s->sent_last ? 0
				    : dp_store_fail(&s->store, DP_STORE_REJECT,
					  "another program has stored events meanwhile");
}

int dp_pg_take_numbers(struct dp_store *store, size_t n, int64_t last)
{
	struct pg_store *s = (struct pg_store *)store;
	struct pg_columns c = {0};

	s->sent_last = last;
	dp_pg_add_number(&c, (int64_t)n);
	return dp_pg_queue(s, take_numbers_sql, &c, check_numbers, NULL);
}

/* Appends the columns of an event, each to its buffer: all one of a row, or one an array. */
static void add_event(struct dp_buf *const out[EVENT_COLUMNS], const struct dp_entry *e)
{
	const struct dp_event *ev = e->ev;

	dp_pg_add_int8(out[0], e->seq);
	dp_pg_add_str(out[1], ev->trace_id);
	dp_pg_add_uuid(out[2], ev->event_id);
	dp_pg_add_time(out[3], ev->ts_us);
	dp_pg_add_str(out[4], dp_str_from(dp_severity_name(ev->severity)));
	dp_pg_add_str(out[5], ev->system);
	dp_pg_add_str(out[6], ev->type);
	if (ev->environment.n > 0)
		dp_pg_add_str(out[7], ev->environment);
	else
		dp_pg_add_null(out[7]);
	if (ev->has_duration)
		dp_pg_add_float8(out[8], ev->duration_ms);
	else
		dp_pg_add_null(out[8]);
	if (e->fingerprint)
		dp_pg_add_str(out[9], dp_str_from(e->fingerprint->id));
	else
		dp_pg_add_null(out[9]);
	dp_pg_add_str(out[10], ev->json);
}

static int send_piece(struct pg_store *s, struct dp_buf *b)
{
	if (PQputCopyData(s->conn, b->data, (int)b->len) != 1)
		return dp_pg_fail(s, NULL);
	dp_buf_clear(b);
	return dp_pg_flush(s);
}

/* It is there already, or nobody wants it there. */
static bool is_left_out(const struct dp_entry *e)
{
	return e->is_old || e->is_rejected;
}

/* Sends the rows, in pieces, so that the server works on the first ones meanwhile. */
static int send_rows(struct pg_store *s, const struct dp_entry *entries, size_t n)
{
	static const char signature[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0"; /* and a NUL */
	struct dp_buf b = {0};
	struct dp_buf *out[EVENT_COLUMNS];
	int rc = 0;

	for (int i = 0; i < EVENT_COLUMNS; i++)
		out[i] = &b;
	dp_buf_reserve(&b, COPY_BYTES);
	dp_buf_add(&b, signature, sizeof signature);
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (is_left_out(&entries[i]))
			continue;
		dp_pg_add_raw2(&b, EVENT_COLUMNS);
		add_event(out, &entries[i]);
		if (b.len >= COPY_BYTES)
			rc = send_piece(s, &b);
	}
	dp_pg_add_raw2(&b, UINT16_MAX); /* the end */
	if (rc == 0)
		rc = send_piece(s, &b);
	dp_buf_release(&b);
	if (rc == 0 && PQputCopyEnd(s->conn, NULL) != 1)
		rc = dp_pg_fail(s, NULL);
	return rc;
}

static bool is_unique_violation(const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	return state && strcmp(state, "23505") == 0;
}

/* Begins the COPY behind a savepoint. */
static int begin_copy(struct pg_store *s)
{
	struct dp_buf sql = {0};
	PGresult *res;
	int rc = 0;

	if (dp_pg_settle(s) < 0)
		return -1;
	dp_buf_addf(&sql, "SAVEPOINT copy; %s", copy_events_sql);
	res = dp_pg_last_result(s, PQsendQuery(s->conn, dp_buf_text(&sql)));
	dp_buf_release(&sql);
	if (!res)
		return -1;
	if (PQresultStatus(res) != PGRES_COPY_IN)
		rc = dp_pg_fail(s, res);
	PQclear(res);
	return rc;
}

/* Which row a COPY failed at, from 1, as "COPY events, line 12, column body" says in whatever
 * language; 0: it doesn't. */
static size_t failed_row(const PGresult *res)
{
	const char *context = PQresultErrorField(res, PG_DIAG_CONTEXT);
	const char *copy = context ? strstr(context, "COPY events") : NULL;

	if (!copy)
		return 0;
	copy += strcspn(copy, "0123456789\n");
	return (size_t)strtoull(copy, NULL, 10);
}

/* Reads the results of the COPY. Returns 0, 1 where one of the events is there already and so none
 * was stored, or -1. */
static int end_copy(struct pg_store *s)
{
	PGresult *res;
	int rc = 0;

	s->is_copying = false;
	s->failed_row = 0;
	while (s->conn && (res = dp_pg_next_result(s))) {
		if (PQresultStatus(res) != PGRES_COMMAND_OK && rc == 0) {
			s->failed_row = failed_row(res);
			rc = is_unique_violation(res) ? 1 : dp_pg_fail(s, res);
		}
		PQclear(res);
	}
	return s->conn ? rc : -1;
}

static size_t count_unknown(const struct dp_entry *entries, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += !is_left_out(&entries[i]);
	return count;
}

static int compare_seq(const void *key, const void *entry)
{
	const int64_t seq = *(const int64_t *)key;
	const struct dp_entry *e = entry;

	return (seq > e->seq) - (seq < e->seq);
}

/* Stores those that are not there already. */
static int insert_events(struct pg_store *s, struct dp_entry *entries, size_t n)
{
	static const Oid types[EVENT_COLUMNS] = {PG_INT8, PG_TEXT, PG_UUID, PG_TIMESTAMPTZ, PG_TEXT,
	    PG_TEXT, PG_TEXT, PG_TEXT, PG_FLOAT8, PG_TEXT, PG_JSON};
	const size_t count = count_unknown(entries, n);
	struct dp_buf *out[EVENT_COLUMNS];
	struct pg_columns c = {0};
	PGresult *res;

	for (int i = 0; i < EVENT_COLUMNS; i++)
		out[i] = dp_pg_add_array(&c, types[i], count);
	for (size_t i = 0; i < n; i++)
		if (!is_left_out(&entries[i]))
			add_event(out, &entries[i]);
	res = dp_pg_run(s, put_events_sql, &c);
	if (!res)
		return -1;
	for (int i = 0; i < PQntuples(res); i++) {
		const int64_t seq = dp_pg_read_int8(PQgetvalue(res, i, 0));
		struct dp_entry *e = bsearch(&seq, entries, n, sizeof *e, compare_seq);

		e->is_new = true;
	}
	s->expects_old = (size_t)PQntuples(res) < count;
	PQclear(res);
	return 0;
}

static int compare_keys(const void *pa, const void *pb)
{
	const struct dp_entry *a = *(struct dp_entry *const *)pa;
	const struct dp_entry *b = *(struct dp_entry *const *)pb;
	int order = strcmp(a->ev->event_id, b->ev->event_id);

	if (order == 0)
		order = dp_str_compare(a->ev->trace_id, b->ev->trace_id);
	return order != 0 ? order : (a > b) - (a < b);
}

static bool are_twins(const struct dp_entry *a, const struct dp_entry *b)
{
	return strcmp(a->ev->event_id, b->ev->event_id) == 0 &&
	       dp_str_equal(a->ev->trace_id, b->ev->trace_id);
}

/* Finds those of the entries that are in the table. */
static int find_stored(struct pg_store *s, struct dp_entry *const *entries, size_t n)
{
	struct pg_columns c = {0};
	struct dp_buf *trace_id = dp_pg_add_array(&c, PG_TEXT, n);
	struct dp_buf *event_id = dp_pg_add_array(&c, PG_UUID, n);
	PGresult *res;

	for (size_t i = 0; i < n; i++) {
		dp_pg_add_str(trace_id, entries[i]->ev->trace_id);
		dp_pg_add_uuid(event_id, entries[i]->ev->event_id);
	}
	res = dp_pg_run(s, find_events_sql, &c);
	if (!res)
		return -1;
	for (int i = 0; i < PQntuples(res); i++)
		entries[dp_pg_read_int8(PQgetvalue(res, i, 0)) - 1]->is_old = true;
	PQclear(res);
	return 0;
}

/* The time is part of the table's key: where it may be another one when an event comes again, the
 * key doesn't tell. */
static int find_repeats(struct pg_store *s, struct dp_entry *entries, size_t n)
{
	struct dp_entry **found = dp_mem_resize_array(NULL, n, sizeof(struct dp_entry *));
	size_t count = 0;
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		entries[i].is_old = false;
		if (entries[i].ev->ts_received && !entries[i].is_rejected)
			found[count++] = &entries[i];
	}
	if (count > 0) {
		qsort(found, count, sizeof(struct dp_entry *), compare_keys);
		rc = find_stored(s, found, count);
	}
	for (size_t i = 1; i < count; i++)
		found[i]->is_old = found[i]->is_old || are_twins(found[i - 1], found[i]);
	free(found);
	return rc;
}

/* By COPY, where all that are not known to be there are probably new. The lock on the counter,
 * which number_entries takes, keeps other writers out until the end of the transaction. */
int dp_pg_begin_put(struct dp_store *store, struct dp_entry *entries, size_t n)
{
	struct pg_store *s = (struct pg_store *)store;

	if (number_entries(s, entries, n) < 0 || find_repeats(s, entries, n) < 0)
		return -1;
	if (count_unknown(entries, n) == 0)
		return 0;
	if (s->expects_old)
		return insert_events(s, entries, n);
	if (begin_copy(s) < 0 || send_rows(s, entries, n) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		entries[i].is_new = !is_left_out(&entries[i]);
	s->is_copying = true;
	return 0;
}

int dp_pg_end_put(struct dp_store *store, struct dp_entry *entries, size_t n)
{
	struct pg_store *s = (struct pg_store *)store;
	int rc;

	if (!s->is_copying)
		return 0;
	rc = end_copy(s);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return dp_pg_queue_only(s, "RELEASE copy");
	for (size_t i = 0; i < n; i++)
		entries[i].is_new = false;
	if (dp_pg_execute(s, "ROLLBACK TO copy; RELEASE copy") < 0 ||
	    insert_events(s, entries, n) < 0)
		return -1;
	return 1;
}

int dp_pg_try_copy(struct pg_store *s, const struct dp_entry *entries, size_t n, size_t *row)
{
	int rc;

	if (begin_copy(s) < 0 || send_rows(s, entries, n) < 0)
		return -1;
	rc = end_copy(s);
	*row = s->failed_row;
	if (!s->conn || (rc < 0 && s->store.fault != DP_STORE_REJECT))
		return -1;
	if (dp_pg_execute(s, "ROLLBACK TO copy; RELEASE copy") < 0) {
		dp_store_blame_no_event(&s->store);
		return -1;
	}
	return rc;
}

static int take_position(struct pg_store *s, void *arg, const PGresult *res)
{
	(void)arg;
	return PQntuples(res) > 0 ? 0 : dp_store_fail_step(&s->store, s->step);
}

int dp_pg_put_position(struct dp_store *store, const struct dp_store_step *step)
{
	struct pg_store *s = (struct pg_store *)store;
	struct pg_columns c = {0};

	s->step = step;
	dp_buf_add_text(dp_pg_add_column(&c, PG_TEXT), step->source);
	dp_pg_add_number(&c, step->to);
	dp_pg_add_number(&c, step->from);
	return dp_pg_queue(s, put_position_sql, &c, take_position, NULL);
}

int dp_pg_put_dead(struct dp_store *store, const struct dp_event *ev, const char *why)
{
	struct pg_columns c = {0};
	uint8_t id[16];
	char now[8];

	dp_uuid_to_bytes(ev->event_id, id);
	dp_pg_write_int8(dp_pg_time(dp_clock_now_us()), now);
	dp_buf_add_str(dp_pg_add_column(&c, PG_TEXT), ev->trace_id);
	dp_buf_add(dp_pg_add_column(&c, PG_UUID), (const char *)id, sizeof id);
	dp_buf_add(dp_pg_add_column(&c, PG_TIMESTAMPTZ), now, sizeof now);
	dp_buf_add_text(dp_pg_add_column(&c, PG_TEXT), why);
	dp_buf_add_str(dp_pg_add_column(&c, PG_BYTEA), ev->json);
	return dp_pg_run_only((struct pg_store *)store, put_dead_sql, &c);
}
