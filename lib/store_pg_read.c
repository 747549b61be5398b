/* Reading from PostgreSQL, row by row but for short answers, so that memory stays flat however much
 * is asked for. */
#include "store_pg_parts.h"
#include "store_pg_run.h"

#include "crc.h"
#include "store_query.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

/* The parameters of a query as libpq takes them. */
struct params {
	const char *values[DP_QUERY_VALUES_MAX];
	char numbers[DP_QUERY_VALUES_MAX][8];
	int lengths[DP_QUERY_VALUES_MAX];
	int formats[DP_QUERY_VALUES_MAX];
	Oid types[DP_QUERY_VALUES_MAX];
};

static void write_params(const struct dp_query *q, struct params *p)
{
	for (size_t i = 0; i < q->count; i++) {
		const struct dp_query_value *v = &q->values[i];

		p->types[i] = write_value(v, p->numbers[i]);
		p->formats[i] = p->types[i] != PG_TEXT && p->types[i] != PG_UUID;
		p->values[i] = p->formats[i] ? p->numbers[i] : v->text;
		p->lengths[i] = 8; /* of what is not text */
	}
}

enum {
	NAME_MAX_BYTES = 48,
	WHOLE_BYTES = 4 * 1024 * 1024, /* of an answer that is taken as a whole, about */
};

/* The same text has the same name on every connection and another one another name, so that behind
 * a pooler that mixes them up a statement is missing or there already, and never a wrong one. */
static void name_statement(struct dp_str text, char name[NAME_MAX_BYTES])
{
	snprintf(name, NAME_MAX_BYTES, "devpulse_%08" PRIx32 "_%zu", dp_crc32c(text), text.n);
}

/* Whether an error says that names don't work here: a statement that was prepared is not there
 * (26000), one that was not is (42P05), or it is of older tables (0A000). */
static bool is_about_name(const PGresult *res)
{
	static const char *const states[] = {"26000", "42P05", "0A000"};
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	for (size_t i = 0; state && i < sizeof states / sizeof *states; i++)
		if (strcmp(state, states[i]) == 0)
			return true;
	return false;
}

/* Makes sure that the query's statement is prepared, and writes its name: "" where it is to be sent
 * as text. Returns 0 or -1. */
static int keep(
    struct pg_store *s, const struct dp_query *q, const struct params *p, char name[NAME_MAX_BYTES])
{
	const struct dp_str text = dp_buf_str(&q->sql);
	const bool may_keep = q->is_kept && s->store.mode == DP_STORE_READ && !s->cannot_keep;
	const int at = may_keep ? dp_kept_find(&s->kept, text) : DP_KEPT_NONE;
	PGresult *res;
	int rc = 0;

	name[0] = '\0';
	if (at == DP_KEPT_NONE)
		return 0;
	name_statement(text, name);
	if (at < s->kept.n)
		return 0;
	res = dp_pg_last_result(
	    s, PQsendPrepare(s->conn, name, q->sql.data, (int)q->count, p->types));
	if (!res)
		return -1;
	s->cannot_keep = is_about_name(res);
	if (s->cannot_keep)
		name[0] = '\0';
	else if (PQresultStatus(res) == PGRES_COMMAND_OK)
		dp_kept_add(&s->kept, text);
	else
		rc = dp_pg_fail(s, res);
	PQclear(res);
	return rc;
}

static int send_query(struct pg_store *s, const struct dp_query *q, const struct params *p,
    const char *name, bool by_row)
{
	const int n = (int)q->count;
	const int is_sent =
	    *name ? PQsendQueryPrepared(s->conn, name, n, p->values, p->lengths, p->formats, 1)
		  : PQsendQueryParams(
			s->conn, q->sql.data, n, p->types, p->values, p->lengths, p->formats, 1);

	if (!is_sent)
		return dp_pg_fail(s, NULL);
	s->is_by_row = by_row && PQsetSingleRowMode(s->conn);
	s->is_whole = !by_row;
	s->room = WHOLE_BYTES;
	return 0;
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

/* Its span of time tells in which partitions to look. */
static void add_trace(struct dp_query *q, const char *trace_id)
{
	dp_buf_add_text(&q->sql, "trace_id = ");
	dp_query_add_text(q, trace_id);
	dp_buf_add_text(&q->sql, " AND ts >= (SELECT first_ts FROM traces WHERE trace_id = ");
	dp_query_add_text(q, trace_id);
	dp_buf_add_text(&q->sql, ") AND ts <= (SELECT last_ts FROM traces WHERE trace_id = ");
	dp_query_add_text(q, trace_id);
	dp_buf_add_char(&q->sql, ')');
}

const struct dp_store_dialect dp_pg_dialect = {
    .find = "strpos(lower(",
    .in_text = " COLLATE \"C\"), ",
    .add_text = add_member_text,
    .add_number = add_member_number,
    .add_span = add_span,
    .add_trace = add_trace,
    .by_time = "ts + interval '0'", /* in a small partition, PostgreSQL 17 would take that index */
    .of_traces = "trace_id IN (",
    .of_traces_end = ")",
    .trace_key = "trace_id",
    .elements = "SELECT json_array_elements_text(CAST(",
    .elements_end = " AS json))",
    .epoch = " - timestamptz 'epoch'",
    .us_of = "CAST(extract(epoch FROM ",
    .us_end = ") * 1000000 AS bigint)",
};

/* A row for fn, or all of them, or the end of the query. Returns 0, -1, or 1 where fn wants no
 * more. */
static int take_result(struct pg_store *s, const PGresult *res, dp_store_cells_fn *fn, void *arg)
{
	const ExecStatusType status = PQresultStatus(res);
	struct dp_store_cell cells[DP_STORE_CELLS_MAX];
	char uuid[DP_UUID_TEXT + 1];

	if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK &&
	    status != PGRES_COMMAND_OK) {
		s->is_misnamed = is_about_name(res);
		return dp_pg_fail(s, res);
	}
	for (int i = 0, n = PQntuples(res); i < n; i++) {
		dp_pg_read_row(res, i, cells, uuid);
		if (fn(arg, cells) != 0)
			return 1;
	}
	return 0;
}

/* All results are read, whatever happens: else the connection is of no more use. */
static int take_results(struct pg_store *s, dp_store_cells_fn *fn, void *arg)
{
	PGresult *res;
	int rc = 0;

	while (s->conn && (res = dp_pg_next_result(s))) {
		if (rc == 0)
			rc = take_result(s, res, fn, arg);
		PQclear(res);
		/* A writer's transaction would end by it: it asks for few rows. */
		if (rc > 0 && s->store.mode == DP_STORE_READ) {
			dp_pg_drop_results(s);
			return 0;
		}
	}
	return rc < 0 || !s->conn ? -1 : 0;
}

static int ask(struct pg_store *s, const struct dp_query *q, const struct params *p, bool by_row,
    dp_store_cells_fn *fn, void *arg)
{
	char name[NAME_MAX_BYTES];
	int rc;

	if (keep(s, q, p, name) < 0 || send_query(s, q, p, name, by_row) < 0)
		return -1;
	s->is_misnamed = false;
	rc = take_results(s, fn, arg);
	if (rc == 0 || !*name || !s->is_misnamed || !s->conn)
		return rc;
	/* No row came: it failed before it began. */
	s->cannot_keep = true;
	return send_query(s, q, p, "", by_row) < 0 ? -1 : take_results(s, fn, arg);
}

/* Tells queries apart, by their words and by what they ask for. */
static uint32_t sum_of(const struct dp_query *q, const struct params *p)
{
	uint32_t sum = dp_crc32c(dp_buf_str(&q->sql));

	for (size_t i = 0; i < q->count; i++) {
		const struct dp_str value =
		    p->formats[i] ? (struct dp_str){p->values[i], 8} : dp_str_from(p->values[i]);

		sum = sum * 31 + dp_crc32c(value);
	}
	return sum;
}

/* An answer that is expected to be short is taken as a whole, which costs libpq much less. Where it
 * turns out to be long no row was given yet, and it is asked for again; and the next time at once
 * by row, as finding out costs a connection. */
int dp_pg_select(struct dp_store *store, const struct dp_query *q, dp_store_cells_fn *fn, void *arg)
{
	struct pg_store *s = (struct pg_store *)store;
	const bool is_short = q->is_short && store->mode == DP_STORE_READ;
	struct params params;
	uint32_t sum;
	int rc;

	if (dp_pg_settle(s) < 0)
		return -1;
	write_params(q, &params);
	sum = is_short ? sum_of(q, &params) : 0;
	if (is_short && s->long_sums[sum % PG_LONG_SUMS] != sum) {
		s->is_overfull = false;
		rc = ask(s, q, &params, false, fn, arg);
		s->is_whole = false;
		if (!s->is_overfull)
			return rc;
		s->is_overfull = false;
		s->long_sums[sum % PG_LONG_SUMS] = sum;
		if (dp_store_connect(store) < 0)
			return -1;
	}
	return ask(s, q, &params, true, fn, arg);
}
