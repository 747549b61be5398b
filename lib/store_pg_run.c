#include "store_pg_run.h"

#include <assert.h>

/* What the statement at this place of the queue gave. Behind one that failed none is run. */
static int take_result(struct pg_store *s, size_t at, const PGresult *res)
{
	const struct pg_taker *t = &s->queue.takers[at];
	const ExecStatusType status = PQresultStatus(res);

	s->queue.last = at;
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		return dp_pg_fail(s, res);
	return t->take ? t->take(s, t->arg, res) : 0;
}

/* Each statement has a result, and NULL behind it; then comes one for the end of them all, or,
 * where the server ended the connection behind an error, NULL for ever. */
static int take_results(struct pg_store *s)
{
	bool is_over = false;
	size_t at = 0;
	int rc = 0;

	while (s->conn && !is_over) {
		PGresult *res = dp_pg_next_result(s);

		is_over = PQresultStatus(res) == PGRES_PIPELINE_SYNC;
		if (!res)
			at++;
		else if (!is_over && rc == 0)
			rc = take_result(s, at, res);
		PQclear(res);
		if (!res && s->conn && PQstatus(s->conn) != CONNECTION_OK) {
			/* What the server says at the end of a connection comes before that end. */
			if (rc == 0)
				dp_pg_fail(s, NULL);
			else
				s->store.fault = DP_STORE_AWAY;
			dp_pg_disconnect(s);
		}
	}
	return s->conn ? rc : -1;
}

int dp_pg_settle(struct pg_store *s)
{
	int rc;

	if (s->queue.n == 0)
		return 0;
	s->queue.n = 0;
	if (!PQpipelineSync(s->conn))
		return dp_pg_fail(s, NULL);
	rc = take_results(s);
	if (s->conn && !PQexitPipelineMode(s->conn))
		return dp_pg_fail(s, NULL);
	return rc;
}

int dp_pg_execute(struct pg_store *s, const char *sql)
{
	PGresult *res;
	ExecStatusType status;
	int rc = 0;

	if (dp_pg_settle(s) < 0)
		return -1;
	res = dp_pg_last_result(s, PQsendQuery(s->conn, sql));
	if (!res)
		return -1;
	status = PQresultStatus(res);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		rc = dp_pg_fail(s, res);
	PQclear(res);
	return rc;
}

/* As PQsendQueryParams: the columns can be released then. */
static int send_statement(struct pg_store *s, const char *sql, const struct pg_columns *c)
{
	const char *values[PG_COLUMNS_MAX];
	int lengths[PG_COLUMNS_MAX];
	int formats[PG_COLUMNS_MAX];

	for (int i = 0; i < c->count; i++) {
		values[i] = c->values[i].data ? c->values[i].data : "";
		lengths[i] = (int)c->values[i].len;
		formats[i] = 1;
	}
	return PQsendQueryParams(s->conn, sql, c->count, c->types, values, lengths, formats, 1);
}

PGresult *dp_pg_run(struct pg_store *s, const char *sql, struct pg_columns *c)
{
	PGresult *res = NULL;
	ExecStatusType status;

	if (dp_pg_settle(s) == 0)
		res = dp_pg_last_result(s, send_statement(s, sql, c));
	dp_pg_columns_release(c);
	if (!res)
		return NULL;
	status = PQresultStatus(res);
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return res;
	dp_pg_fail(s, res);
	PQclear(res);
	return NULL;
}

int dp_pg_run_only(struct pg_store *s, const char *sql, struct pg_columns *c)
{
	PGresult *res = dp_pg_run(s, sql, c);

	PQclear(res);
	return res ? 0 : -1;
}

/* From a SELECT by single rows libpq keeps that mode for the first statement of a pipeline: only
 * one outside it ends it. */
static int begin_pipeline(struct pg_store *s)
{
	if (s->queue.n > 0)
		return 0;
	if (s->is_by_row && dp_pg_execute(s, "SELECT") < 0)
		return -1;
	s->is_by_row = false;
	return PQenterPipelineMode(s->conn) ? 0 : dp_pg_fail(s, NULL);
}

int dp_pg_queue(
    struct pg_store *s, const char *sql, struct pg_columns *c, dp_pg_take_fn *take, void *arg)
{
	struct pg_queue *q = &s->queue;
	int rc = begin_pipeline(s);

	assert(q->n < PG_QUEUE_MAX);
	if (rc == 0 && (!send_statement(s, sql, c) || PQflush(s->conn) < 0))
		rc = dp_pg_fail(s, NULL);
	dp_pg_columns_release(c);
	if (rc < 0)
		return -1;
	q->takers[q->n].take = take;
	q->takers[q->n].arg = arg;
	q->n++;
	return 0;
}

int dp_pg_queue_only(struct pg_store *s, const char *sql)
{
	struct pg_columns none = {0};

	return dp_pg_queue(s, sql, &none, NULL, NULL);
}
