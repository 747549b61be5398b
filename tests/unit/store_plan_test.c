/* How the databases come by what the store asks for: which index serves each query of store.h, how
 * much of the tables it reads, and that it reads no table from its beginning to its end.
 *
 * Of 200,000 events, or of as many as DEVPULSE_TEST_ROWS says. The queries are taken on their way
 * to the database (Makefile, PLAN_CALLS), and explained with the same parameters. */
#include "store_fixture.h"

#include "clock.h"
#include "store_pg_binary.h"
#include "store_sql.h"
#include "store_trace.h"

#include <endian.h>
#include <inttypes.h>
#include <limits.h>

DP_SQL(reader_sql, "postgresql/reader.sql");
DP_SQL(writer_sql, "postgresql/writer.sql");

enum { ROWS = 200000, PLAN_SIZE = 400 };

static struct {
	bool is_on;
	struct kept { /* what the connection has prepared by name */
		char name[64];
		char sql[2000];
		Oid types[20];
	} kept[32];
	int kept_count;
	PGconn *aside;        /* to PostgreSQL, with the settings of who is watched */
	char plan[PLAN_SIZE]; /* the indexes used, and what else counts, in order of appearance */
	long most;            /* rows that one of the queries read */
} watch;

static void note(const char *what)
{
	char *at = watch.plan;
	size_t n = strlen(what);

	for (; (at = strstr(at, what)); at++)
		if ((at == watch.plan || at[-1] == ' ') && (at[n] == ',' || at[n] == '\0'))
			return;
	n = strlen(watch.plan);
	snprintf(watch.plan + n, sizeof watch.plan - n, "%s%s", n ? ", " : "", what);
}

/* A name up to a blank, that of a partition's index as that of the table's: "events_20260131_pkey"
 * and "events_default_new_pkey" are both "events_pkey". */
static void copy_name(const char *from, char out[64])
{
	static const char prefix[] = "events_";
	size_t skip = strlen(prefix);
	size_t digits = strspn(from + skip, "0123456789");

	if (strncmp(from, prefix, skip) != 0)
		skip = 0;
	else if (digits == 8)
		skip += digits + (from[skip + digits] == '_');
	else if (strncmp(from + skip, "default_old", 11) == 0 ||
		 strncmp(from + skip, "default_new", 11) == 0)
		skip += 11 + (from[skip + 11] == '_');
	snprintf(
	    out, 64, "%s%.*s", skip ? prefix : "", (int)strcspn(from + skip, " \n"), from + skip);
}

/* A line of EXPLAIN (ANALYZE); returns how many rows it says were read. */
static long read_pg_line(const char *line)
{
	static const char *const scans[] = {
	    "Index Scan using ", "Index Only Scan using ", "Bitmap Index Scan on "};
	const char *rows = strstr(line, "(actual rows=");
	const char *loops = strstr(line, " loops=");
	const char *removed = strstr(line, "Rows Removed by Filter: ");
	const char *backward = strstr(line, "Scan Backward using ");
	const char *seq = strstr(line, "Seq Scan on ");
	const char *name = backward ? backward + strlen("Scan Backward using ") : NULL;
	char what[80] = "SCAN ";

	for (size_t i = 0; i < sizeof scans / sizeof *scans; i++)
		if (strstr(line, scans[i]))
			name = strstr(line, scans[i]) + strlen(scans[i]);
	if (name)
		copy_name(name, what);
	if (seq)
		copy_name(seq + strlen("Seq Scan on "), what + strlen("SCAN "));
	if (name || seq)
		note(what);
	else if (strstr(line, "Sort") && !strchr(line, ':'))
		note("sort");
	if (removed)
		return strtol(removed + strlen("Rows Removed by Filter: "), NULL, 10);
	if (!(name || seq) || !rows || !loops)
		return 0;
	return strtol(rows + strlen("(actual rows="), NULL, 10) *
	       strtol(loops + strlen(" loops="), NULL, 10);
}

/* The names' prefixes are the linker's. NOLINTBEGIN(bugprone-reserved-identifier,cert-*) */
int __real_PQsendQueryParams(PGconn *conn, const char *sql, int n, const Oid *types,
    const char *const *values, const int *lengths, const int *formats, int format);
int __wrap_PQsendQueryParams(PGconn *conn, const char *sql, int n, const Oid *types,
    const char *const *values, const int *lengths, const int *formats, int format);
int __real_PQsendPrepare(PGconn *conn, const char *name, const char *sql, int n, const Oid *types);
int __wrap_PQsendPrepare(PGconn *conn, const char *name, const char *sql, int n, const Oid *types);
int __real_PQsendQueryPrepared(PGconn *conn, const char *name, int n, const char *const *values,
    const int *lengths, const int *formats, int format);
int __wrap_PQsendQueryPrepared(PGconn *conn, const char *name, int n, const char *const *values,
    const int *lengths, const int *formats, int format);
int __real_sqlite3_prepare_v2(
    sqlite3 *db, const char *sql, int n, sqlite3_stmt **st, const char **rest);
int __wrap_sqlite3_prepare_v2(
    sqlite3 *db, const char *sql, int n, sqlite3_stmt **st, const char **rest);
int __real_sqlite3_prepare_v3(
    sqlite3 *db, const char *sql, int n, unsigned flags, sqlite3_stmt **st, const char **rest);
int __wrap_sqlite3_prepare_v3(
    sqlite3 *db, const char *sql, int n, unsigned flags, sqlite3_stmt **st, const char **rest);

static bool is_in(const char *sql, const char *const words[])
{
	for (; *words; words++)
		if (strstr(sql, *words))
			return true;
	return false;
}

static void read_pg_plan(const char *sql, PGresult *res)
{
	long rows = 0;

	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(watch.aside));
	for (int i = 0; i < PQntuples(res); i++)
		rows += read_pg_line(PQgetvalue(res, i, 0));
	watch.most = rows > watch.most ? rows : watch.most;
	PQclear(res);
}

/* Beside the connection, which may be in a pipeline: so one that reads is run in full, and what
 * would write is only planned. Others (BEGIN, NOTIFY) have no plan. */
static void explain_pg(const char *sql, int n, const Oid *types, const char *const *values,
    const int *lengths, const int *formats)
{
	static const char *const writes[] = {"INSERT INTO", "UPDATE ", "DELETE FROM", NULL};
	static const char *const reads[] = {"SELECT", NULL};
	const bool is_write = is_in(sql, writes);
	struct dp_buf text = {0};

	if (!is_write && !is_in(sql, reads))
		return;
	dp_buf_addf(
	    &text, "EXPLAIN (%sCOSTS OFF) %s", is_write ? "" : "ANALYZE, TIMING OFF, ", sql);
	read_pg_plan(sql,
	    PQexecParams(watch.aside, dp_buf_text(&text), n, types, values, lengths, formats, 0));
	dp_buf_release(&text);
}

/* A parameter as an expression of SQL. */
static void write_literal(struct dp_buf *out, Oid type, const char *value, bool is_binary)
{
	char *quoted = is_binary ? NULL : PQescapeLiteral(watch.aside, value, strlen(value));
	uint64_t bits = 0;

	if (quoted)
		dp_buf_add_text(out, quoted);
	else
		memcpy(&bits, value, sizeof bits);
	PQfreemem(quoted);
	bits = be64toh(bits);
	if (is_binary && type == PG_TIMESTAMPTZ)
		dp_buf_addf(out, "timestamptz '2000-01-01Z' + %" PRId64 " * interval '1 us'",
		    (int64_t)bits);
	else if (is_binary)
		dp_buf_addf(out, "%" PRId64, (int64_t)bits);
}

/* By the plan that the server keeps for a statement, whatever its parameters are. */
static void explain_kept(const struct kept *k, int n, const char *const *values, const int *formats)
{
	struct dp_buf text = {0};

	PQclear(PQexec(watch.aside, "DEALLOCATE ALL; SET plan_cache_mode = force_generic_plan"));
	PQclear(PQprepare(watch.aside, "kept", k->sql, n, k->types));
	dp_buf_add_text(&text, "EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) EXECUTE kept");
	for (int i = 0; i < n; i++) {
		dp_buf_add_text(&text, i > 0 ? ", " : " (");
		write_literal(&text, k->types[i], values[i], formats[i]);
	}
	dp_buf_add_text(&text, n > 0 ? ")" : "");
	read_pg_plan(k->sql, PQexec(watch.aside, dp_buf_text(&text)));
	dp_buf_release(&text);
}

int __wrap_PQsendPrepare(PGconn *conn, const char *name, const char *sql, int n, const Oid *types)
{
	struct kept *k = &watch.kept[watch.kept_count++];

	assert_true(watch.kept_count <= 32 && n <= 20);
	snprintf(k->name, sizeof k->name, "%s", name);
	snprintf(k->sql, sizeof k->sql, "%s", sql);
	memcpy(k->types, types, (size_t)n * sizeof *types);
	return __real_PQsendPrepare(conn, name, sql, n, types);
}

int __wrap_PQsendQueryPrepared(PGconn *conn, const char *name, int n, const char *const *values,
    const int *lengths, const int *formats, int format)
{
	const struct kept *k = watch.kept;

	while (strcmp(k->name, name) != 0)
		k++;
	if (watch.is_on) {
		explain_pg(k->sql, n, k->types, values, lengths, formats);
		explain_kept(k, n, values, formats);
	}
	return __real_PQsendQueryPrepared(conn, name, n, values, lengths, formats, format);
}

int __wrap_PQsendQueryParams(PGconn *conn, const char *sql, int n, const Oid *types,
    const char *const *values, const int *lengths, const int *formats, int format)
{
	if (watch.is_on)
		explain_pg(sql, n, types, values, lengths, formats);
	return __real_PQsendQueryParams(conn, sql, n, types, values, lengths, formats, format);
}

/* A line of EXPLAIN QUERY PLAN: "SEARCH events USING INDEX events_ts (ts>?)". Of a table's own
 * order the table is noted; of all of it too, if need be in that of an index. Rows that a statement
 * brings are "SCAN 16 CONSTANT ROWS", and since SQLite 3.46 "SCAN 16-ROW VALUES CLAUSE". */
static void read_sqlite_line(const char *line)
{
	const char *index = strstr(line, " INDEX ");
	bool is_scan = strncmp(line, "SCAN ", 5) == 0;
	const char *table = line + (is_scan ? strlen("SCAN ") : strlen("SEARCH "));
	char what[100];

	if (strstr(line, "TEMP B-TREE")) {
		note("sort");
	} else if ((is_scan || strncmp(line, "SEARCH ", 7) == 0) &&
		   strncmp(table, "CONSTANT", 8) != 0) {
		snprintf(what, sizeof what, "%s%.*s", is_scan ? "SCAN " : "",
		    (int)strcspn(index ? index + 7 : table, " -"), index ? index + 7 : table);
		note(what);
	}
}

static void explain_sqlite(sqlite3 *db, const char *sql)
{
	struct dp_buf text = {0};
	sqlite3_stmt *st = NULL;

	dp_buf_addf(&text, "EXPLAIN QUERY PLAN %s", sql);
	if (__real_sqlite3_prepare_v2(db, dp_buf_text(&text), -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	while (sqlite3_step(st) == SQLITE_ROW)
		read_sqlite_line((const char *)sqlite3_column_text(st, 3));
	sqlite3_finalize(st);
	dp_buf_release(&text);
}

int __wrap_sqlite3_prepare_v2(
    sqlite3 *db, const char *sql, int n, sqlite3_stmt **st, const char **rest)
{
	if (watch.is_on)
		explain_sqlite(db, sql);
	return __real_sqlite3_prepare_v2(db, sql, n, st, rest);
}

int __wrap_sqlite3_prepare_v3(
    sqlite3 *db, const char *sql, int n, unsigned flags, sqlite3_stmt **st, const char **rest)
{
	if (watch.is_on)
		explain_sqlite(db, sql);
	return __real_sqlite3_prepare_v3(db, sql, n, flags, st, rest);
}
/* NOLINTEND(bugprone-reserved-identifier,cert-*) */

/* Events of the last seven days and, by clocks that are ahead, the next two: every tenth of one
 * large trace, else twenty a trace; every hundredth of a time long ago
 * or, in PostgreSQL, far ahead. */
static const char fill_pg[] =
    "SELECT devpulse_add_day((now() AT TIME ZONE 'UTC')::date - n) FROM generate_series(-2, 7) n;"
    "INSERT INTO events SELECT n, CASE WHEN n % 10 = 0 THEN 'large' ELSE 't' || (n / 20) END,"
    " md5(n::text)::uuid, CASE n % 200 WHEN 7 THEN timestamptz '2001-01-01Z'"
    "  WHEN 107 THEN now() + interval '40 days' ELSE"
    "  date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '7 days' END"
    "  + n * (interval '10 days' / ROWS),"
    " (ARRAY['info', 'debug', 'info', 'warning', 'error'])[1 + n % 5], 'svc' || n % 7,"
    " (ARRAY['log', 'span', 'http'])[1 + n % 3], 'prod', n % 1000,"
    " CASE WHEN n % 5 = 4 THEN lpad(to_hex(n % 1990), 16, '0') END,"
    " ('{\"n\":' || n || ',\"details\":\"order ' || n || ' was refused by the warehouse, it is"
    " tried again\",\"environment\":\"prod\"}')::json FROM generate_series(1::bigint, ROWS) n;"
    "UPDATE event_counter SET n = ROWS;"
    "INSERT INTO traces SELECT trace_id, min(ts), max(ts), count(*),"
    " sum(CASE WHEN severity = 'error' AND seq % 100 = 4 THEN 1 ELSE 0 END), 0, 0, 'title',"
    " min(ts), 1, 'prod', '', min(ts), '[\"svc1\"]', '[1]' FROM events GROUP BY 1;"
    "INSERT INTO error_groups SELECT fingerprint, 'E', 'f.py:1', 'm', 't', min(ts), max(ts),"
    " count(*), '[\"svc2\"]', '[1]', '[]', '[]', '[]', '[]' FROM events"
    " WHERE fingerprint IS NOT NULL GROUP BY 1;"
    "INSERT INTO minute_counts SELECT date_trunc('minute', ts - interval '30 days'), system, "
    "severity, count(*)"
    " FROM events GROUP BY 1, 2, 3;"
    "INSERT INTO minute_counts VALUES"
    " (date_trunc('minute', now() - interval '5 days'), 'svc1', 'info', ROWS / 250),"
    " (date_trunc('minute', now() - interval '4 days'), 'svc1', 'info',"
    " (SELECT count(*) FROM events WHERE ts > now() - interval '5 days'));"
    "INSERT INTO positions SELECT md5(n::text), n FROM generate_series(1, 1000) n;"
    "ANALYZE";

/* As above. A day has 86,400,000,000 microseconds. */
static const char fill_sqlite[] =
    "BEGIN;"
    "INSERT INTO events WITH RECURSIVE s(n) AS"
    " (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ROWS)"
    " SELECT n, CASE WHEN n % 10 = 0 THEN 1 ELSE 2 + n / 20 END,"
    " CASE WHEN n % 10 = 0 THEN 'large' ELSE 't' || (n / 20) END,"
    " printf('018bcfe5-6800-7000-8000-%012x', n), CASE WHEN n % 100 = 7 THEN 978307200000000 ELSE"
    "  (unixepoch() / 86400 - 7) * 86400000000 END + n * (864000000000 / ROWS),"
    " CASE n % 5 WHEN 4 THEN 'error' WHEN 3 THEN 'warning' ELSE 'info' END, 'svc' || (n % 7),"
    " 'log', 'prod', n % 1000, CASE WHEN n % 5 = 4 THEN printf('%016x', n % 1990) END,"
    " '{\"n\":' || n || ',\"details\":\"order ' || n || ' was refused by the warehouse, it is"
    " tried again\",\"environment\":\"prod\"}' FROM s;"
    "INSERT INTO traces SELECT trace_n, trace_id, min(ts), max(ts), count(*),"
    " sum(CASE WHEN severity = 'error' AND seq % 100 = 4 THEN 1 ELSE 0 END), 0, 0, 'title',"
    " min(ts), 1, 'prod', '', min(ts), '[\"svc1\"]', '[1]' FROM events GROUP BY 1, 2;"
    "INSERT INTO error_groups SELECT fingerprint, 'E', 'f.py:1', 'm', 't', min(ts), max(ts),"
    " count(*), '[\"svc2\"]', '[1]', '[]', '[]', '[]', '[]' FROM events"
    " WHERE fingerprint IS NOT NULL GROUP BY 1;"
    "INSERT INTO minute_counts SELECT (ts / 60000000 - 43200) * 60000000, system, severity, "
    "count(*)"
    " FROM events GROUP BY 1, 2, 3;"
    "INSERT INTO minute_counts VALUES"
    " ((unixepoch() / 60 - 5 * 1440) * 60000000, 'svc1', 'info', ROWS / 250),"
    " ((unixepoch() / 60 - 4 * 1440) * 60000000, 'svc1', 'info',"
    " (SELECT count(*) FROM events WHERE ts > (unixepoch() - 5 * 86400) * 1000000));"
    "COMMIT";

static long rows_wanted(void)
{
	const char *text = getenv("DEVPULSE_TEST_ROWS");
	long n = text ? strtol(text, NULL, 10) : 0;

	return n > 0 ? n : ROWS;
}

/* Runs the statements, with the number for ROWS. */
static void fill(const struct database *d)
{
	const char *from = d->is_pg ? fill_pg : fill_sqlite;
	struct dp_buf text = {0};
	sqlite3 *db = NULL;

	for (const char *at; (at = strstr(from, "ROWS")); from = at + 4)
		dp_buf_addf(&text, "%.*s%ld", (int)(at - from), from, rows_wanted());
	dp_buf_add_text(&text, from);
	if (d->is_pg) {
		pg_run(d->url, dp_buf_text(&text), NULL, 0);
	} else {
		assert_int_equal(sqlite3_open(d->url + strlen("sqlite:///"), &db), SQLITE_OK);
		if (sqlite3_exec(db, dp_buf_text(&text), NULL, NULL, NULL) != SQLITE_OK)
			fail_msg("%s", sqlite3_errmsg(db));
		sqlite3_close(db);
	}
	dp_buf_release(&text);
}

static int row_count;

static int count_row(void *arg, const struct dp_store_row *row)
{
	(void)arg;
	(void)row;
	row_count++;
	return 0;
}

static int count_trace(void *arg, const struct dp_store_trace_row *row)
{
	(void)arg;
	(void)row;
	row_count++;
	return 0;
}

static int count_group(void *arg, const struct dp_store_group_row *row)
{
	(void)arg;
	(void)row;
	row_count++;
	return 0;
}

/* A query of store.h: what is asked for, and what it shall cost. */
struct asked {
	const char *name;
	int (*ask)(struct dp_store *s, const struct asked *a);
	const char *filter;
	enum dp_store_order order; /* of traces */
	int64_t after;             /* or before */
	int64_t rank;              /* of the place there */
	int64_t time_ms;           /* to look for it; or 0: any */
	const char *id;
	int rows;         /* that come, at least */
	long most;        /* that PostgreSQL may read in one query */
	bool reads_large; /* those of the large trace, once, instead */
	const char *pg;
	const char *sqlite;
};

static void add_filter(struct dp_filter *f, const char *text)
{
	struct dp_filter_error error;

	if (text && dp_filter_parse(f, dp_str_from(text), dp_clock_now_us(), &error) < 0)
		fail_msg("%s: %s", text, error.why);
}

static int ask_after(struct dp_store *s, const struct asked *a)
{
	struct dp_filter f = {0};
	int rc;

	add_filter(&f, a->filter);
	rc = dp_store_after(s, &f, a->after, 256, count_row, NULL);
	dp_filter_release(&f);
	return rc;
}

/* The last tenth: it has hardly more events than the large trace. */
static int ask_after_last(struct dp_store *s, const struct asked *a)
{
	const struct asked last = {.filter = a->filter, .after = rows_wanted() / 10 * 9};

	return ask_after(s, &last);
}

static int ask_tail(struct dp_store *s, const struct asked *a)
{
	struct dp_filter f = {0};
	int64_t after = -1;
	int rc;

	add_filter(&f, a->filter);
	rc = dp_store_tail(s, &f, 100, INT64_MAX, &after);
	row_count = after > 0;
	dp_filter_release(&f);
	return rc;
}

static int ask_head(struct dp_store *s, const struct asked *a)
{
	int64_t seq;
	int rc = dp_store_head(s, &seq);

	(void)a;
	row_count = seq == rows_wanted();
	return rc;
}

static int ask_trace(struct dp_store *s, const struct asked *a)
{
	return dp_store_trace(s, a->id, 257, count_row, NULL);
}

static int ask_extent(struct dp_store *s, const struct asked *a)
{
	struct dp_store_extent extent;
	int rc = dp_store_trace_extent(s, a->id, &extent);

	row_count = (int)extent.events;
	return rc;
}

static struct dp_store_key last_key;

static int count_key(void *arg, const struct dp_store_key *key)
{
	(void)arg;
	last_key = *key;
	row_count++;
	return 0;
}

/* The second part, of 1,000. */
static int ask_keys(struct dp_store *s, const struct asked *a)
{
	const char *systems = a->after > 0 ? "[\"svc1\",\"svc2\"]" : NULL;

	if (dp_store_trace_keys(s, a->id, INT64_MAX, systems, NULL, 1000, count_key, NULL) < 0)
		return -1;
	return dp_store_trace_keys(s, a->id, INT64_MAX, systems, &last_key, 1000, count_key, NULL);
}

static int count_stage(void *arg, const struct dp_store_stage *stage)
{
	(void)arg;
	(void)stage;
	row_count++;
	return 0;
}

static int ask_stages(struct dp_store *s, const struct asked *a)
{
	const struct dp_store_stage after = {.system = DP_STR("svc1")};

	return dp_store_trace_stages(s, a->id, INT64_MAX, &after, 1000, count_stage, NULL);
}

/* By ids of which none is there, in the largest trace. */
static int ask_trace_events(struct dp_store *s, const struct asked *a)
{
	char ids[256][DP_UUID_TEXT + 1];

	for (int i = 0; i < 256; i++)
		snprintf(ids[i], sizeof ids[i], "018bcfe5-6800-7000-9000-%012x", (unsigned)i);
	return dp_store_trace_events(s, a->id, ids, 256, count_row, NULL);
}

static int ask_list(struct dp_store *s, const struct asked *a, bool of_groups)
{
	struct dp_store_place from = {.rank = a->rank, .us = a->after};
	struct dp_store_place reached;
	struct dp_filter f = {0};
	const struct dp_store_list list = {.order = a->order,
	    .filter = &f,
	    .from = a->id ? &from : NULL,
	    .limit = 51,
	    .end_ms = a->time_ms > 0 ? dp_clock_monotonic_ms() + a->time_ms : INT64_MAX};
	int rc;

	snprintf(from.id, sizeof from.id, "%s", a->id ? a->id : "");
	add_filter(&f, a->filter);
	rc = of_groups ? dp_store_groups(s, &list, count_group, NULL, &reached)
		       : dp_store_traces(s, &list, count_trace, NULL, &reached);
	dp_filter_release(&f);
	return rc < 0 ? -1 : 0;
}

static int ask_traces(struct dp_store *s, const struct asked *a)
{
	return ask_list(s, a, false);
}

static int ask_groups(struct dp_store *s, const struct asked *a)
{
	return ask_list(s, a, true);
}

static int ask_group(struct dp_store *s, const struct asked *a)
{
	return dp_store_group(s, a->id, count_group, NULL);
}

static int ask_group_events(struct dp_store *s, const struct asked *a)
{
	const struct dp_store_place from = {.us = a->after, .rank = INT64_MAX};
	const struct dp_store_list list = {.from = a->after != 0 ? &from : NULL, .limit = 50};

	return dp_store_group_events(s, a->id, &list, count_row, NULL);
}

static int ask_group_counts(struct dp_store *s, const struct asked *a)
{
	int64_t counts[24] = {0};
	struct dp_store_counts c = {.since_us = dp_clock_now_us() - INT64_C(86400000000),
	    .part_us = INT64_C(3600000000),
	    .n = 24,
	    .counts = counts};
	int rc = dp_store_group_counts(s, a->id, &c);

	for (size_t i = 0; i < c.n; i++)
		row_count += (int)counts[i];
	return rc;
}

static int ask_part(struct dp_store *s, const struct asked *a)
{
	return dp_store_trace_part(
	    s, a->id, INT64_MAX, "018bcfe5-6800-7000-8000-000000000000", 256, count_row, NULL);
}

static int ask_event(struct dp_store *s, const struct asked *a)
{
	return dp_store_event(s, a->id, "018bcfe5-6800-7000-8000-000000000000", count_row, NULL);
}

static int ask_position(struct dp_store *s, const struct asked *a)
{
	int64_t pos;

	return dp_store_position(s, a->id, &pos);
}

static int count_count(void *arg, const struct dp_store_count *count)
{
	(void)arg;
	(void)count;
	row_count++;
	return 0;
}

static int count_sample(void *arg, const struct dp_store_sample *sample)
{
	(void)arg;
	(void)sample;
	row_count++;
	return 0;
}

/* Ten minutes thirty days before those of the events. */
static int ask_minutes(struct dp_store *s, const struct asked *a)
{
	const int64_t minute = INT64_C(60000000);
	const int64_t now = dp_clock_now_us() / minute * minute - 30 * 1440 * minute;

	(void)a;
	return dp_store_minutes(s, now - 10 * minute, now, count_count, NULL);
}

/* An hour of five days ago. */
static int ask_samples(struct dp_store *s, const struct asked *a)
{
	const int64_t hour = INT64_C(3600000000);
	const int64_t begin = dp_clock_now_us() - 120 * hour - hour / 2;
	struct dp_filter f = {0};
	const struct dp_store_span span = {
	    begin, begin + hour, &f, a->after != 0, 1000000, dp_clock_monotonic_ms() + 60000};
	struct dp_store_reach reach;
	int rc;

	add_filter(&f, a->filter);
	rc = dp_store_samples(s, &span, count_sample, NULL, &reach);
	dp_filter_release(&f);
	return rc;
}

enum { BATCH = 1000 };

/* Errors of a time that may be another one when they come again: they are looked for by their key.
 */
static int ask_put(struct dp_store *s, const struct asked *a)
{
	const struct dp_store_step step = {"018bcfe5-6800-7000-8000-00000000aaaa", 0, 10};
	struct dp_event *events[BATCH];
	int rc;

	(void)a;
	for (int i = 0; i < BATCH; i++) {
		char trace_id[20];

		snprintf(trace_id, sizeof trace_id, "t%d", i * 9);
		events[i] = event(i, trace_id, dp_clock_now_us(), DP_ERROR, "web");
		events[i]->ts_received = true;
	}
	rc = dp_store_put(s, (const struct dp_event *const *)events, BATCH, &step, NULL);
	for (int i = 0; i < BATCH; i++)
		free(events[i]);
	return rc;
}

/* In the year 2100. */
#define LATE INT64_C(4102444800000000)

/* PostgreSQL's indexes, and SQLite's: a table's own order has the table's name there. A list is
 * scanned in its order until the page is full. The names are those that the schema gives. */
static const struct asked queries[] = {
    {.name = "everything",
	.ask = ask_after,
	.rows = 256,
	.most = 500,
	.pg = "events_seq_idx",
	.sqlite = "events"},
    {.name = "everything, from the middle",
	.ask = ask_after,
	.after = 100000,
	.rows = 256,
	.most = 500,
	.pg = "events_seq_idx",
	.sqlite = "events"},
    {.name = "what is frequent",
	.ask = ask_after,
	.filter = "severity=error",
	.rows = 256,
	.most = 3000,
	.pg = "events_seq_idx",
	.sqlite = "events"},
    {.name = "what is rare",
	.ask = ask_after,
	.filter = "system=nobody",
	.most = 11000,
	.pg = "events_seq_idx",
	.sqlite = "events"},
    {.name = "a small trace",
	.ask = ask_after,
	.filter = "trace=t9000",
	.rows = 18,
	.most = 11000,
	.pg = "events_seq_idx, traces_pkey, sort, events_pkey",
	.sqlite = "events, sqlite_autoindex_traces_1, sqlite_autoindex_events_1, sort"},
    {.name = "a large trace",
	.ask = ask_after,
	.filter = "trace=large",
	.rows = 256,
	.most = 5000,
	.pg = "events_seq_idx",
	.sqlite = "events"},
    {.name = "a large trace, from the middle",
	.ask = ask_after,
	.filter = "trace=large",
	.after = 100000,
	.rows = 256,
	.most = 5000,
	.pg = "events_seq_idx",
	.sqlite = "events"},
    {.name = "what is rare in a large trace",
	.ask = ask_after_last,
	.filter = "trace=large system=nobody",
	.reads_large = true,
	.pg = "events_seq_idx, traces_pkey",
	.sqlite = "events, sqlite_autoindex_traces_1"},
    {.name = "no trace",
	.ask = ask_after,
	.filter = "trace=nobody's",
	.most = 11000,
	.pg = "events_seq_idx, traces_pkey, sort, events_pkey",
	.sqlite = "events, sqlite_autoindex_traces_1, sqlite_autoindex_events_1, sort"},
    {.name = "the tail",
	.ask = ask_tail,
	.rows = 1,
	.most = 500,
	.pg = "events_seq_idx",
	.sqlite = "events"},
    {.name = "the tail of what is frequent",
	.ask = ask_tail,
	.filter = "severity=error",
	.rows = 1,
	.most = 3000,
	.pg = "events_seq_idx",
	.sqlite = "events"},
    {.name = "the tail of what is rare",
	.ask = ask_tail,
	.filter = "system=nobody",
	.most = 11000,
	.pg = "events_seq_idx",
	.sqlite = "events"},
    {.name = "the tail of a small trace",
	.ask = ask_tail,
	.filter = "trace=t100",
	.most = 11000,
	.pg = "events_seq_idx, traces_pkey, sort, events_pkey",
	.sqlite = "events, sqlite_autoindex_traces_1, sqlite_autoindex_events_1, sort"},
    {.name = "the tail of a large trace",
	.ask = ask_tail,
	.filter = "trace=large",
	.rows = 1,
	.most = 5000,
	.pg = "events_seq_idx",
	.sqlite = "events"},
    {.name = "the tail of a time without events",
	.ask = ask_tail,
	.filter = "since=2101-01-01T00:00Z",
	.most = 11000,
	.pg = "events_seq_idx, sort, events_ts_idx1",
	.sqlite = "events, events_ts, SCAN few"},
    {.name = "a time without events",
	.ask = ask_after,
	.filter = "since=2101-01-01T00:00Z",
	.most = 11000,
	.pg = "sort, events_ts_idx1, events_seq_idx",
	.sqlite = "events, events_ts, SCAN few"},
    {.name = "the head",
	.ask = ask_head, /* of a table with a row or two */
	.rows = 1,
	.most = 50,
	.pg = "event_counter_pkey",
	.sqlite = "SCAN sqlite_sequence"},
    {.name = "a trace",
	.ask = ask_trace,
	.id = "t9000",
	.rows = 18,
	.most = 100,
	.pg = "sort, traces_pkey, events_pkey",
	.sqlite = "sqlite_autoindex_events_1, sqlite_autoindex_traces_1, sort"},
    {.name = "a trace that is too large",
	.ask = ask_trace,
	.id = "large",
	.most = 10,
	.pg = "sort, traces_pkey, events_pkey",
	.sqlite = "sqlite_autoindex_events_1, sqlite_autoindex_traces_1, sort"},
    {.name = "the extent of a trace",
	.ask = ask_extent,
	.id = "t9000",
	.rows = 18,
	.most = 100,
	.pg = "traces_pkey, events_pkey",
	.sqlite = "sqlite_autoindex_events_1, sqlite_autoindex_traces_1"},
    {.name = "keys of a trace",
	.ask = ask_keys,
	.id = "t9000",
	.rows = 18,
	.most = 100,
	.pg = "traces_pkey, sort, events_pkey",
	.sqlite = "sqlite_autoindex_events_1, sqlite_autoindex_traces_1, sort"},
    {.name = "keys of two stages of a large trace",
	.ask = ask_keys,
	.id = "large",
	.after = 1,
	.rows = 2000,
	.reads_large = true,
	.pg = "traces_pkey, sort, events_pkey",
	.sqlite =
	    "sqlite_autoindex_events_1, sqlite_autoindex_traces_1, SCAN 1:, sort"}, /* the array */
    {.name = "the stages of a trace",
	.ask = ask_stages,
	.id = "t9000",
	.rows = 7,
	.most = 100,
	.pg = "sort, traces_pkey, events_pkey",
	.sqlite = "sqlite_autoindex_events_1, sqlite_autoindex_traces_1, sort, SCAN stages"},
    {.name = "events of a large trace by their ids",
	.ask = ask_trace_events,
	.id = "large",
	.most = 600,
	.pg = "traces_pkey, events_pkey",
	.sqlite =
	    "SCAN 1:, sqlite_autoindex_events_1, sqlite_autoindex_traces_1"}, /* of the array */
    {.name = "the newest traces",
	.ask = ask_traces,
	.rows = 51,
	.most = 60,
	.pg = "traces_last",
	.sqlite = "SCAN traces_last"},
    {.name = "traces behind a cursor",
	.ask = ask_traces,
	.after = LATE,
	.id = "t9000",
	.rows = 51,
	.most = 60,
	.pg = "traces_last",
	.sqlite = "traces_last"},
    {.name = "the longest traces",
	.ask = ask_traces,
	.order = DP_STORE_BY_DURATION,
	.rows = 51,
	.most = 60,
	.pg = "traces_duration",
	.sqlite = "SCAN traces_duration"},
    {.name = "long traces behind a cursor",
	.ask = ask_traces,
	.order = DP_STORE_BY_DURATION,
	.rank = INT64_C(1000000000000),
	.id = "t9000",
	.rows = 51,
	.most = 60,
	.pg = "traces_duration",
	.sqlite = "traces_duration"},
    {.name = "the traces with most errors",
	.ask = ask_traces,
	.order = DP_STORE_BY_ERRORS,
	.rows = 51,
	.most = 60,
	.pg = "traces_errors",
	.sqlite = "traces_errors"},
    {.name = "traces with errors behind a cursor",
	.ask = ask_traces,
	.order = DP_STORE_BY_ERRORS,
	.after = LATE,
	.rank = 1,
	.id = "t9000",
	.rows = 51,
	.most = 60,
	.pg = "traces_errors",
	.sqlite = "traces_errors"},
    {.name = "traces of which an event matches",
	.ask = ask_traces,
	.filter = "system=svc1 duration>900",
	.rows = 51,
	.most = 6000,
	.pg = "traces_last, events_pkey",
	.sqlite = "SCAN traces_last, sqlite_autoindex_events_1"},
    {.name = "traces of which no event matches",
	.ask = ask_traces,
	.filter = "severity=info details=nothing",
	.time_ms = 200,
	.most = 100000,
	.pg = "traces_last, events_pkey",
	.sqlite = "SCAN traces_last, sqlite_autoindex_events_1"},
    {.name = "a trace in the list",
	.ask = ask_traces,
	.filter = "trace=t9000",
	.rows = 1,
	.most = 60,
	.pg = "sort, traces_pkey",
	.sqlite = "sqlite_autoindex_traces_1"},
    {.name = "the newest groups",
	.ask = ask_groups,
	.rows = 51,
	.most = 60,
	.pg = "error_groups_last",
	.sqlite = "SCAN error_groups_last"},
    {.name = "groups behind a cursor",
	.ask = ask_groups,
	.after = LATE,
	.id = "f",
	.rows = 51,
	.most = 60,
	.pg = "error_groups_last",
	.sqlite = "error_groups_last"},
    {.name = "a group",
	.ask = ask_group,
	.id = "0000000000000004",
	.rows = 1,
	.most = 2,
	.pg = "error_groups_pkey",
	.sqlite = "list"},
    {.name = "the errors of a group",
	.ask = ask_group_events,
	.id = "0000000000000004",
	.rows = 50,
	.most = 100,
	.pg = "sort, events_fingerprint_ts_idx",
	.sqlite = "events_fingerprint"},
    {.name = "what minutes count",
	.ask = ask_minutes,
	.rows = 3,
	.most = 1000,
	.pg = "minute_counts_pkey",
	.sqlite = "minute_counts, sort"},
    {.name = "an hour",
	.ask = ask_samples,
	.rows = 500,
	.most = 10000,
	.pg = "events_seq_idx, minute_counts_pkey",
	.sqlite = "events, minute_counts"},
    {.name = "an hour's durations",
	.ask = ask_samples,
	.after = 1,
	.rows = 500,
	.most = 10000,
	.pg = "events_seq_idx, minute_counts_pkey",
	.sqlite = "events, minute_counts"},
    {.name = "what is rare in an hour",
	.ask = ask_samples,
	.filter = "type=nothing",
	.most = 10000,
	.pg = "events_seq_idx, minute_counts_pkey",
	.sqlite = "events, minute_counts"},
    {.name = "the errors of a group, behind a cursor",
	.ask = ask_group_events,
	.id = "0000000000000004",
	.after = LATE,
	.rows = 50,
	.most = 100,
	.pg = "sort, events_fingerprint_ts_idx",
	.sqlite = "events_fingerprint"},
    {.name = "how often a group came",
	.ask = ask_group_counts,
	.id = "0000000000000004",
	.rows = 1,
	.most = 100,
	.pg = "sort, events_fingerprint_ts_idx",
	.sqlite = "events_fingerprint, SCAN newest, sort"},
    {.name = "groups of which an error matches",
	.ask = ask_groups,
	.filter = "since=1d system=svc2",
	.rows = 51,
	.most = 2000,
	.pg = "error_groups_last, events_fingerprint_ts_idx",
	.sqlite = "error_groups_last, events_fingerprint"},
    {.name = "a part of a large trace",
	.ask = ask_part,
	.id = "large",
	.rows = 256,
	.most = 600,
	.pg = "traces_pkey, events_pkey",
	.sqlite = "sqlite_autoindex_events_1, sqlite_autoindex_traces_1"},
    {.name = "an event",
	.ask = ask_event,
	.id = "large",
	.most = 10,
	.pg = "traces_pkey, events_pkey",
	.sqlite = "sqlite_autoindex_events_1, sqlite_autoindex_traces_1"},
    {.name = "a position",
	.ask = ask_position,
	.id = "nobody's",
	.most = 2,
	.pg = "positions_pkey",
	.sqlite = "positions"},
};

/* What a writer asks before it writes. The counter has one row; the systems that were counted of
 * late are read once a connection; "SCAN 16" are the rows of an INSERT. */
static const struct asked batch = {.name = "a batch",
    .ask = ask_put,
    .most = LONG_MAX,
    .pg = "minute_counts_pkey, event_counter_pkey, traces_pkey, events_pkey, error_groups_pkey",
    .sqlite = "minute_counts, sort, events, traces, sqlite_autoindex_events_1, "
	      "sqlite_autoindex_traces_1, SCAN 16, error_groups"};

static void check(const struct database *d, struct dp_store *s, const struct asked *a)
{
	const char *want = d->is_pg ? a->pg : a->sqlite;
	const long most = a->reads_large ? rows_wanted() / 10 + 100 : a->most;

	watch.plan[0] = '\0';
	watch.most = 0;
	row_count = 0;
	/* What it keeps prepared it prepares again. */
	dp_store_disconnect(s);
	watch.kept_count = 0;
	assert_ok(s, dp_store_connect(s));
	watch.is_on = true;
	assert_ok(s, a->ask(s, a));
	watch.is_on = false;
	if (strcmp(watch.plan, want) != 0)
		fail_msg("%s: \"%s\" instead of \"%s\"", a->name, watch.plan, want);
	if (watch.most > most)
		fail_msg("%s: %ld rows were read, not %ld", a->name, watch.most, most);
	if (row_count < a->rows)
		fail_msg("%s: only %d rows came", a->name, row_count);
}

static void each_query_has_its_index(void **state)
{
	const struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);

	assert_ok(d->store, dp_store_connect(d->store));
	fill(d);
	assert_ok(reader, dp_store_connect(reader));
	watch.aside = d->is_pg ? PQconnectdb(d->url) : NULL;
	if (d->is_pg)
		PQclear(PQexec(watch.aside, reader_sql));
	for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
		check(d, reader, &queries[i]);
	if (d->is_pg)
		PQclear(PQexec(watch.aside, writer_sql));
	check(d, d->store, &batch);
	PQfinish(watch.aside);
	dp_store_close(&reader);
}

int main(void)
{
	const struct CMUnitTest of_sqlite[] = {IN_SQLITE(each_query_has_its_index)};
	const struct CMUnitTest of_pg[] = {IN_PG(each_query_has_its_index)};
	int failed = cmocka_run_group_tests_name("store, plans: sqlite", of_sqlite, NULL, NULL);

	if (has_pg("store, plans: postgresql"))
		failed +=
		    cmocka_run_group_tests_name("store, plans: postgresql", of_pg, NULL, NULL);
	return failed;
}
