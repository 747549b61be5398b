/* The roll-ups in PostgreSQL: the rows are read, added to, and written whole. */
#include "store_pg_parts.h"
#include "store_pg_run.h"
#include "store_sql.h"

DP_SQL(read_traces_sql, "postgresql/read_traces.sql");
DP_SQL(put_traces_sql, "postgresql/put_traces.sql");
DP_SQL(read_groups_sql, "postgresql/read_groups.sql");
DP_SQL(put_groups_sql, "postgresql/put_groups.sql");
DP_SQL(put_minutes_sql, "postgresql/put_minutes.sql");

static void take_rows(const PGresult *res, struct dp_rollup *r,
    void (*add)(struct dp_rollup *r, const struct dp_store_cell *cells))
{
	struct dp_store_cell cells[DP_STORE_CELLS_MAX];
	char no_uuid[DP_UUID_TEXT + 1];

	for (int i = 0; i < PQntuples(res); i++) {
		dp_pg_read_row(res, i, cells, no_uuid);
		add(r, cells);
	}
}

static int take_traces(struct pg_store *s, void *rollup, const PGresult *res)
{
	(void)s;
	take_rows(res, rollup, dp_store_add_trace);
	return 0;
}

static int take_groups(struct pg_store *s, void *rollup, const PGresult *res)
{
	(void)s;
	take_rows(res, rollup, dp_store_add_group);
	return 0;
}

static int read_traces(struct pg_store *s, struct dp_rollup *r)
{
	struct pg_columns c = {0};
	struct dp_buf *trace_id = dp_pg_add_array(&c, PG_TEXT, r->trace_count);

	for (size_t i = 0; i < r->trace_count; i++)
		dp_pg_add_str(trace_id, r->traces[i].trace_id);
	return dp_pg_queue(s, read_traces_sql, &c, take_traces, r);
}

static int read_groups(struct pg_store *s, struct dp_rollup *r)
{
	struct pg_columns c = {0};
	struct dp_buf *fingerprint = dp_pg_add_array(&c, PG_TEXT, r->group_count);

	for (size_t i = 0; i < r->group_count; i++)
		dp_pg_add_str(fingerprint, r->groups[i].fingerprint);
	return dp_pg_queue(s, read_groups_sql, &c, take_groups, r);
}

/* Appends an element each to two arrays. */
static void add_names(struct dp_buf *names, struct dp_buf *times, const struct dp_names *l)
{
	struct dp_buf n = {0};
	struct dp_buf t = {0};

	dp_names_write(l, &n, &t);
	dp_pg_add_str(names, dp_buf_str(&n));
	dp_pg_add_str(times, dp_buf_str(&t));
	dp_buf_release(&n);
	dp_buf_release(&t);
}

static int put_traces(struct pg_store *s, const struct dp_rollup *r)
{
	static const Oid types[] = {PG_TEXT, PG_TIMESTAMPTZ, PG_TIMESTAMPTZ, PG_INT8, PG_INT8,
	    PG_INT8, PG_INT8, PG_TEXT, PG_TIMESTAMPTZ, PG_INT8, PG_TEXT, PG_TEXT, PG_TIMESTAMPTZ,
	    PG_TEXT, PG_TEXT};
	struct dp_buf *out[sizeof types / sizeof *types];
	struct pg_columns c = {0};

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		out[i] = dp_pg_add_array(&c, types[i], r->trace_count);
	for (size_t i = 0; i < r->trace_count; i++) {
		const struct dp_trace_row *row = &r->traces[i];

		dp_pg_add_str(out[0], row->trace_id);
		dp_pg_add_time(out[1], row->first_us);
		dp_pg_add_time(out[2], row->last_us);
		dp_pg_add_int8(out[3], row->events);
		dp_pg_add_int8(out[4], row->errors);
		dp_pg_add_int8(out[5], row->warnings);
		dp_pg_add_int8(out[6], row->debugs);
		dp_pg_add_str(out[7], row->title);
		dp_pg_add_time(out[8], row->title_us);
		dp_pg_add_int8(out[9], row->title_rank);
		dp_pg_add_str(out[10], row->environment);
		dp_pg_add_str(out[11], row->last_error);
		dp_pg_add_time(out[12], row->last_error_us);
		add_names(out[13], out[14], &row->systems);
	}
	return dp_pg_queue(s, put_traces_sql, &c, NULL, NULL);
}

static int put_groups(struct pg_store *s, const struct dp_rollup *r)
{
	static const Oid types[] = {PG_TEXT, PG_TEXT, PG_TEXT, PG_TEXT, PG_TEXT, PG_TIMESTAMPTZ,
	    PG_TIMESTAMPTZ, PG_INT8, PG_TEXT, PG_TEXT, PG_TEXT, PG_TEXT, PG_TEXT, PG_TEXT};
	struct dp_buf *out[sizeof types / sizeof *types];
	struct pg_columns c = {0};

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		out[i] = dp_pg_add_array(&c, types[i], r->group_count);
	for (size_t i = 0; i < r->group_count; i++) {
		const struct dp_group_row *row = &r->groups[i];

		dp_pg_add_str(out[0], row->fingerprint);
		dp_pg_add_str(out[1], row->type);
		dp_pg_add_str(out[2], row->place);
		dp_pg_add_str(out[3], row->message);
		dp_pg_add_str(out[4], row->title);
		dp_pg_add_time(out[5], row->first_us);
		dp_pg_add_time(out[6], row->last_us);
		dp_pg_add_int8(out[7], row->events);
		add_names(out[8], out[9], &row->systems);
		add_names(out[10], out[11], &row->environments);
		add_names(out[12], out[13], &row->traces);
	}
	return dp_pg_queue(s, put_groups_sql, &c, NULL, NULL);
}

static int put_minutes(struct pg_store *s, const struct dp_rollup *r)
{
	const size_t n = r->minute_count;
	struct pg_columns c = {0};
	struct dp_buf *minute = dp_pg_add_array(&c, PG_TIMESTAMPTZ, n);
	struct dp_buf *system = dp_pg_add_array(&c, PG_TEXT, n);
	struct dp_buf *severity = dp_pg_add_array(&c, PG_TEXT, n);
	struct dp_buf *events = dp_pg_add_array(&c, PG_INT8, n);

	for (size_t i = 0; i < n; i++) {
		const struct dp_minute_row *row = &r->minutes[i];

		dp_pg_add_time(minute, row->minute_us);
		dp_pg_add_str(system, row->system);
		dp_pg_add_str(severity, dp_str_from(dp_severity_name(row->severity)));
		dp_pg_add_int8(events, row->events);
	}
	return dp_pg_queue(s, put_minutes_sql, &c, NULL, NULL);
}

int dp_pg_put_rollup(struct dp_store *store, struct dp_rollup *r)
{
	struct pg_store *s = (struct pg_store *)store;

	if ((r->trace_count > 0 && read_traces(s, r) < 0) ||
	    (r->group_count > 0 && read_groups(s, r) < 0) || dp_pg_settle(s) < 0)
		return -1;
	/* The large one last: the server has something to do while it is made. */
	if ((r->minute_count > 0 && put_minutes(s, r) < 0) ||
	    (r->group_count > 0 && put_groups(s, r) < 0))
		return -1;
	return r->trace_count > 0 ? put_traces(s, r) : 0;
}
