/* Reading from PostgreSQL, row by row, so that memory stays flat however much is asked for; and the
 * server's binary forms. */
#include "store_pg.h"

#include "store_query.h"

#include <assert.h>
#include <endian.h>
#include <math.h>
#include <string.h>

void dp_pg_write_int8(int64_t v, char out[8])
{
	uint64_t net = htobe64((uint64_t)v);

	memcpy(out, &net, sizeof net);
}

int64_t dp_pg_read_int8(const char *p)
{
	uint64_t net;

	memcpy(&net, p, sizeof net);
	return (int64_t)be64toh(net);
}

static double read_float8(const char *p)
{
	const int64_t bits = dp_pg_read_int8(p);
	double v;

	memcpy(&v, &bits, sizeof v);
	return v;
}

/* A timestamptz counts microseconds from 2000-01-01, from 4714 BC to 294276. The least and the
 * greatest number of 64 bits stand for -infinity and infinity, which spoil all arithmetic. */
static const int64_t pg_epoch_us = INT64_C(946684800000000);
static const int64_t pg_first = INT64_C(-211813488000000000);
static const int64_t pg_last = INT64_C(9223371331199999999);

int64_t dp_pg_time(int64_t us)
{
	if (us < pg_first + pg_epoch_us)
		return pg_first;
	return us - pg_epoch_us < pg_last ? us - pg_epoch_us : pg_last;
}

int64_t dp_pg_time_us(int64_t pg_time)
{
	return pg_time < INT64_MAX - pg_epoch_us ? pg_time + pg_epoch_us : INT64_MAX;
}

/* The type of a parameter; its value in *out where that is no text. */
static Oid write_value(const struct dp_query_value *v, char out[8])
{
	int64_t bits;

	switch (v->type) {
	case DP_QUERY_NUMBER:
		dp_pg_write_int8(v->number, out);
		return PG_INT8;
	case DP_QUERY_TIME:
		dp_pg_write_int8(dp_pg_time(v->number), out);
		return PG_TIMESTAMPTZ;
	case DP_QUERY_REAL:
		memcpy(&bits, &v->real, sizeof bits);
		dp_pg_write_int8(bits, out);
		return PG_FLOAT8;
	case DP_QUERY_UUID:
		return PG_UUID;
	default:
		return PG_TEXT;
	}
}

static int send_query(PGconn *conn, const struct dp_query *q)
{
	const char *values[DP_QUERY_VALUES_MAX];
	char numbers[DP_QUERY_VALUES_MAX][8];
	int lengths[DP_QUERY_VALUES_MAX];
	int formats[DP_QUERY_VALUES_MAX];
	Oid types[DP_QUERY_VALUES_MAX];

	for (size_t i = 0; i < q->count; i++) {
		const struct dp_query_value *v = &q->values[i];

		types[i] = write_value(v, numbers[i]);
		formats[i] = types[i] != PG_TEXT && types[i] != PG_UUID;
		values[i] = formats[i] ? numbers[i] : v->text;
		lengths[i] = 8; /* of what is not text */
	}
	return PQsendQueryParams(
	    conn, q->sql.data, (int)q->count, types, values, lengths, formats, 1);
}

/* The objects on the way to a member. */
static void add_parents(struct dp_buf *sql, size_t first, size_t depth)
{
	dp_buf_add_text(sql, "body");
	for (size_t i = 0; i + 1 < depth; i++)
		dp_buf_addf(sql, " -> $%zu", first + i);
}

/* By -> and not by #>, which goes into arrays too. */
static void add_member_text(struct dp_buf *sql, size_t first, size_t depth)
{
	const size_t last = first + depth - 1;

	dp_buf_add_text(sql, "COALESCE(");
	add_parents(sql, first, depth);
	dp_buf_addf(sql, " ->> $%zu, CAST(", last);
	add_parents(sql, first, depth);
	dp_buf_addf(sql, " -> $%zu AS text))", last);
}

static void add_member_number(struct dp_buf *sql, size_t first, size_t depth)
{
	const size_t last = first + depth - 1;

	dp_buf_add_text(sql, "CASE json_typeof(");
	add_parents(sql, first, depth);
	dp_buf_addf(sql, " -> $%zu) WHEN 'number' THEN CAST(", last);
	add_parents(sql, first, depth);
	dp_buf_addf(sql, " ->> $%zu AS double precision) END", last);
}

static const int64_t day_us = INT64_C(86400000000);

static int64_t to_day(int64_t us)
{
	const int64_t rest = us % day_us;

	return us - (rest < 0 ? rest + day_us : rest);
}

/* The first of these terms tell the planner in which partitions to look. Of ranges shorter than a
 * day it would choose the index by ts, of which it does not know how much is not summed up yet:
 * that is read whole. */
static void add_span(struct dp_query *q, int64_t since_us, int64_t until_us)
{
	dp_buf_add_text(&q->sql, " AND ts >= ");
	dp_query_add_time(q, to_day(since_us));
	dp_buf_add_text(&q->sql, " AND ts < ");
	dp_query_add_time(q, to_day(until_us) + day_us);
	dp_buf_add_text(&q->sql, " AND ts + interval '0' >= ");
	dp_query_add_time(q, since_us);
	dp_buf_add_text(&q->sql, " AND ts + interval '0' < ");
	dp_query_add_time(q, until_us);
}

const struct dp_store_dialect dp_pg_dialect = {
    .find = "strpos(lower(",
    .in_text = " COLLATE \"C\"), ",
    .add_text = add_member_text,
    .add_number = add_member_number,
    .add_span = add_span,
    .epoch = " - timestamptz 'epoch'",
    .us_of = "CAST(extract(epoch FROM ",
    .us_end = ") * 1000000 AS bigint)",
};

void dp_pg_read_row(
    const PGresult *res, int row, struct dp_store_cell *cells, char uuid[DP_UUID_TEXT + 1])
{
	int n = PQnfields(res);

	for (int i = 0; i < n && i < DP_STORE_CELLS_MAX; i++) {
		const char *p = PQgetvalue(res, row, i);
		struct dp_store_cell *c = &cells[i];

		*c = (struct dp_store_cell){.real = NAN};
		if (PQgetisnull(res, row, i))
			continue;
		switch (PQftype(res, i)) {
		case PG_INT8:
			c->number = dp_pg_read_int8(p);
			break;
		case PG_FLOAT8:
			c->real = read_float8(p);
			break;
		case PG_TIMESTAMPTZ:
			c->number = dp_pg_time_us(dp_pg_read_int8(p));
			break;
		case PG_UUID:
			dp_uuid_from_bytes((const uint8_t *)p, uuid);
			c->text = dp_str_from(uuid);
			break;
		default:
			c->text = (struct dp_str){p, (size_t)PQgetlength(res, row, i)};
		}
	}
}

/* A row for fn, or the end of the query. Returns 0, -1, or 1 where fn wants no more. */
static int take_result(struct pg_store *s, const PGresult *res, dp_store_cells_fn *fn, void *arg)
{
	const ExecStatusType status = PQresultStatus(res);
	struct dp_store_cell cells[DP_STORE_CELLS_MAX];
	char uuid[DP_UUID_TEXT + 1];

	if (status == PGRES_SINGLE_TUPLE) {
		dp_pg_read_row(res, 0, cells, uuid);
		return fn(arg, cells) != 0;
	}
	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ? 0 : dp_pg_fail(s, res);
}

int dp_pg_select(struct dp_store *store, const struct dp_query *q, dp_store_cells_fn *fn, void *arg)
{
	struct pg_store *s = (struct pg_store *)store;
	PGresult *res;
	int rc = 0;

	if (dp_pg_settle(s) < 0)
		return -1;
	if (!send_query(s->conn, q))
		return dp_pg_fail(s, NULL);
	PQsetSingleRowMode(s->conn);
	s->is_by_row = true;
	/* All results are read, whatever happens: else the connection is of no more use. */
	while (s->conn && (res = dp_pg_next_result(s))) {
		if (rc == 0)
			rc = take_result(s, res, fn, arg);
		PQclear(res);
		/* A writer's transaction would end by it: it asks for few rows. */
		if (rc > 0 && store->mode == DP_STORE_READ) {
			dp_pg_drop_results(s);
			return 0;
		}
	}
	return rc < 0 || !s->conn ? -1 : 0;
}
