/* Writing to PostgreSQL. A batch travels as one array a column, so that a transaction takes a
 * handful of round trips however many events it has. */
#include "store_pg.h"

#include "clock.h"
#include "store_rollup.h"
#include "store_sql.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

DP_SQL(take_numbers_sql, "postgresql/take_numbers.sql");
DP_SQL(put_events_sql, "postgresql/put_events.sql");
DP_SQL(put_traces_sql, "postgresql/put_traces.sql");
DP_SQL(put_systems_sql, "postgresql/put_systems.sql");
DP_SQL(put_position_sql, "postgresql/put_position.sql");
DP_SQL(put_dead_sql, "postgresql/put_dead.sql");

enum { COLUMNS_MAX = 8 };

/* The parameters of a statement. */
struct columns {
	int count;
	Oid types[COLUMNS_MAX];
	struct dp_buf values[COLUMNS_MAX];
};

static void release(struct columns *c)
{
	for (int i = 0; i < c->count; i++)
		dp_buf_release(&c->values[i]);
}

static void add_int4(struct dp_buf *b, uint32_t v)
{
	uint32_t net = htonl(v);

	dp_buf_add(b, (const char *)&net, sizeof net);
}

static struct dp_buf *add_column(struct columns *c, Oid type)
{
	assert(c->count < COLUMNS_MAX);
	c->types[c->count] = type;
	c->values[c->count] = (struct dp_buf){0};
	return &c->values[c->count++];
}

static void add_number(struct columns *c, int64_t v)
{
	char net[8];

	dp_pg_write_int8(v, net);
	dp_buf_add(add_column(c, PG_INT8), net, sizeof net);
}

/* Begins an array of n elements (array_recv in the server's arrayfuncs.c). */
static struct dp_buf *add_array(struct columns *c, Oid type, Oid element, size_t n)
{
	struct dp_buf *b = add_column(c, type);

	add_int4(b, 1); /* dimension */
	add_int4(b, 0); /* no NULLs */
	add_int4(b, element);
	add_int4(b, (uint32_t)n);
	add_int4(b, 1); /* the first subscript */
	return b;
}

static void add_element(struct dp_buf *array, const char *p, size_t n)
{
	add_int4(array, (uint32_t)n);
	dp_buf_add(array, p, n);
}

static void add_str(struct dp_buf *array, struct dp_str s)
{
	add_element(array, s.p, s.n);
}

static void add_int8(struct dp_buf *array, int64_t v)
{
	char net[8];

	dp_pg_write_int8(v, net);
	add_element(array, net, sizeof net);
}

static void add_time(struct dp_buf *array, int64_t us)
{
	add_int8(array, dp_pg_time(us));
}

static void add_uuid(struct dp_buf *array, const char *text)
{
	uint8_t bytes[16];

	dp_uuid_to_bytes(text, bytes);
	add_element(array, (const char *)bytes, sizeof bytes);
}

/* Runs a statement with the columns as its parameters. NULL (failed), or the result. */
static PGresult *run(struct pg_store *s, const char *sql, const struct columns *c)
{
	const char *values[COLUMNS_MAX];
	int lengths[COLUMNS_MAX];
	int formats[COLUMNS_MAX];
	PGresult *res;
	ExecStatusType status;

	for (int i = 0; i < c->count; i++) {
		values[i] = c->values[i].data ? c->values[i].data : "";
		lengths[i] = (int)c->values[i].len;
		formats[i] = 1;
	}
	res = PQexecParams(s->conn, sql, c->count, c->types, values, lengths, formats, 1);
	status = PQresultStatus(res);
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return res;
	dp_pg_fail(s, res);
	PQclear(res);
	return NULL;
}

/* The same where the result doesn't matter; releases the columns. */
static int run_and_release(struct pg_store *s, const char *sql, struct columns *c)
{
	PGresult *res = run(s, sql, c);

	release(c);
	PQclear(res);
	return res ? 0 : -1;
}

/* Takes n numbers, of which *first is the first. */
static int take_numbers(struct pg_store *s, size_t n, int64_t *first)
{
	struct columns c = {.count = 0};
	PGresult *res;

	add_number(&c, (int64_t)n);
	res = run(s, take_numbers_sql, &c);
	release(&c);
	if (!res)
		return -1;
	if (PQntuples(res) != 1) {
		PQclear(res);
		return dp_store_fail(
		    &s->store, DP_STORE_BROKEN, "the row of the table event_counter is missing");
	}
	*first = dp_pg_read_int8(PQgetvalue(res, 0, 0)) - (int64_t)n + 1;
	PQclear(res);
	return 0;
}

static void add_event_columns(
    struct columns *c, const struct dp_event *const *events, size_t n, int64_t first)
{
	struct dp_buf *seq = add_array(c, PG_INT8_ARRAY, PG_INT8, n);
	struct dp_buf *trace_id = add_array(c, PG_TEXT_ARRAY, PG_TEXT, n);
	struct dp_buf *event_id = add_array(c, PG_UUID_ARRAY, PG_UUID, n);
	struct dp_buf *ts = add_array(c, PG_TIMESTAMPTZ_ARRAY, PG_TIMESTAMPTZ, n);
	struct dp_buf *severity = add_array(c, PG_TEXT_ARRAY, PG_TEXT, n);
	struct dp_buf *system = add_array(c, PG_TEXT_ARRAY, PG_TEXT, n);
	struct dp_buf *type = add_array(c, PG_TEXT_ARRAY, PG_TEXT, n);
	struct dp_buf *body = add_array(c, PG_JSON_ARRAY, PG_JSON, n);

	for (size_t i = 0; i < n; i++) {
		const struct dp_event *ev = events[i];

		add_int8(seq, first + (int64_t)i);
		add_str(trace_id, ev->trace_id);
		add_uuid(event_id, ev->event_id);
		add_time(ts, ev->ts_us);
		add_str(severity, dp_str_from(dp_severity_name(ev->severity)));
		add_str(system, ev->system);
		add_str(type, ev->type);
		add_str(body, ev->json);
	}
}

static int put_events(
    struct pg_store *s, const struct dp_event *const *events, size_t n, bool *is_new)
{
	struct columns c = {.count = 0};
	int64_t first = 0;
	PGresult *res;

	if (take_numbers(s, n, &first) < 0)
		return -1;
	add_event_columns(&c, events, n, first);
	res = run(s, put_events_sql, &c);
	release(&c);
	if (!res)
		return -1;
	for (int i = 0; i < PQntuples(res); i++)
		is_new[dp_pg_read_int8(PQgetvalue(res, i, 0)) - first] = true;
	PQclear(res);
	return 0;
}

static int put_traces(struct pg_store *s, const struct dp_rollup *r)
{
	const size_t n = r->trace_count;
	struct columns c = {.count = 0};
	struct dp_buf *trace_id = add_array(&c, PG_TEXT_ARRAY, PG_TEXT, n);
	struct dp_buf *first = add_array(&c, PG_TIMESTAMPTZ_ARRAY, PG_TIMESTAMPTZ, n);
	struct dp_buf *last = add_array(&c, PG_TIMESTAMPTZ_ARRAY, PG_TIMESTAMPTZ, n);
	struct dp_buf *events = add_array(&c, PG_INT8_ARRAY, PG_INT8, n);
	struct dp_buf *errors = add_array(&c, PG_INT8_ARRAY, PG_INT8, n);
	struct dp_buf *warnings = add_array(&c, PG_INT8_ARRAY, PG_INT8, n);
	struct dp_buf *title = add_array(&c, PG_TEXT_ARRAY, PG_TEXT, n);

	for (size_t i = 0; i < n; i++) {
		const struct dp_rollup_row *row = &r->traces[i];

		add_str(trace_id, row->trace_id);
		add_time(first, row->first_us);
		add_time(last, row->last_us);
		add_int8(events, row->events);
		add_int8(errors, row->errors);
		add_int8(warnings, row->warnings);
		add_str(title, row->title);
	}
	return run_and_release(s, put_traces_sql, &c);
}

static int put_systems(struct pg_store *s, const struct dp_rollup *r)
{
	const size_t n = r->system_count;
	struct columns c = {.count = 0};
	struct dp_buf *trace_id = add_array(&c, PG_TEXT_ARRAY, PG_TEXT, n);
	struct dp_buf *system = add_array(&c, PG_TEXT_ARRAY, PG_TEXT, n);
	struct dp_buf *first = add_array(&c, PG_TIMESTAMPTZ_ARRAY, PG_TIMESTAMPTZ, n);
	struct dp_buf *last = add_array(&c, PG_TIMESTAMPTZ_ARRAY, PG_TIMESTAMPTZ, n);
	struct dp_buf *events = add_array(&c, PG_INT8_ARRAY, PG_INT8, n);
	struct dp_buf *errors = add_array(&c, PG_INT8_ARRAY, PG_INT8, n);

	for (size_t i = 0; i < n; i++) {
		const struct dp_rollup_row *row = &r->systems[i];

		add_str(trace_id, row->trace_id);
		add_str(system, row->system);
		add_time(first, row->first_us);
		add_time(last, row->last_us);
		add_int8(events, row->events);
		add_int8(errors, row->errors);
	}
	return run_and_release(s, put_systems_sql, &c);
}

static int put_rollup(
    struct pg_store *s, const struct dp_event *const *events, size_t n, const bool *is_new)
{
	struct dp_rollup r;
	int rc = 0;

	dp_rollup_init(&r, events, n, is_new);
	if (r.trace_count > 0)
		rc = put_traces(s, &r) < 0 ? -1 : put_systems(s, &r);
	dp_rollup_release(&r);
	return rc;
}

int dp_pg_put(struct dp_store *store, const struct dp_event *const *events, size_t n, bool *is_new)
{
	struct pg_store *s = (struct pg_store *)store;

	return put_events(s, events, n, is_new) < 0 ? -1 : put_rollup(s, events, n, is_new);
}

int dp_pg_put_position(struct dp_store *store, const struct dp_store_step *step)
{
	struct columns c = {.count = 0};
	PGresult *res;
	int rc;

	dp_buf_add_text(add_column(&c, PG_TEXT), step->source);
	add_number(&c, step->to);
	add_number(&c, step->from);
	res = run((struct pg_store *)store, put_position_sql, &c);
	release(&c);
	rc = res ? PQntuples(res) == 0 : -1;
	PQclear(res);
	return rc;
}

int dp_pg_put_dead(struct dp_store *store, const struct dp_event *ev, const char *why)
{
	struct pg_store *s = (struct pg_store *)store;
	struct columns c = {.count = 0};
	uint8_t id[16];
	char now[8];

	dp_uuid_to_bytes(ev->event_id, id);
	dp_pg_write_int8(dp_pg_time(dp_clock_now_us()), now);
	dp_buf_add_str(add_column(&c, PG_TEXT), ev->trace_id);
	dp_buf_add(add_column(&c, PG_UUID), (const char *)id, sizeof id);
	dp_buf_add(add_column(&c, PG_TIMESTAMPTZ), now, sizeof now);
	dp_buf_add_text(add_column(&c, PG_TEXT), why);
	dp_buf_add_str(add_column(&c, PG_BYTEA), ev->json);
	return run_and_release(s, put_dead_sql, &c);
}
