/* Databases that an older DevPulse made, brought up to date with what is in them. */
#include "store_backend.h"
#include "store_fixture.h"

#include "store_sql.h"

#include <pthread.h>
#include <sys/eventfd.h>

DP_SQL(pg_begin_sql, "postgresql/begin_migration.sql");
DP_SQL(pg_1_sql, "postgresql/migration_1.sql");
DP_SQL(pg_2_sql, "postgresql/migration_2.sql");
DP_SQL(pg_3_sql, "postgresql/migration_3.sql");
DP_SQL(sqlite_1_sql, "sqlite/migration_1.sql");
DP_SQL(sqlite_2_sql, "sqlite/migration_2.sql");
DP_SQL(sqlite_3_sql, "sqlite/migration_3.sql");
DP_SQL(sqlite_5_sql, "sqlite/migration_5.sql");

#define DATABASE_ID "019b7c4e-0000-7000-8000-0000000000db"
#define EVENT_ID    "018bcfe5-6800-7000-8000-000000000001"
#define SPOOL       "019b7c4e-0000-7000-8000-00000000000a"

static void assert_current(const struct database *d)
{
	char version[20];

	snprintf(version, sizeof version, "%d", DP_STORE_SCHEMA);
	assert_string_equal(sql(d, "SELECT version FROM schema_version"), version);
}

/* Of version 1, with an event, its trace and a dead letter. */
#define OLD_SCHEMA "INSERT INTO schema_version VALUES (1, 1, '" DATABASE_ID "');"
#define OLD_ROWS(TIME, BODY)                                                       \
	"INSERT INTO events VALUES (1, 'a', '" EVENT_ID "', " TIME                 \
	", 'error', 'web', 'error', '{\"n\":1}');"                                 \
	"INSERT INTO traces VALUES ('a', " TIME ", " TIME ", 1, 1, 0, 'title 1');" \
	"INSERT INTO trace_systems VALUES ('a', 'web', " TIME ", " TIME ", 1, 1);" \
	"INSERT INTO dead_letters VALUES ('b', '" EVENT_ID "', " TIME ", 'why', " BODY ");"

static const char pg_rows[] = OLD_SCHEMA OLD_ROWS("'1970-01-01Z'", "'{}'::bytea");
static const char sqlite_rows[] = OLD_SCHEMA OLD_ROWS("0", "x'7b7d'");

/* Runs all the statements of a text. */
static void sqlite_script(sqlite3 *db, const char *text)
{
	char *why = NULL;

	if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s", why);
}

static void make_version_1(const struct database *d)
{
	sqlite3 *db;

	if (d->is_pg) {
		struct dp_buf script = {0};

		dp_buf_addf(&script, "%s%s%sCOMMIT;", pg_begin_sql, pg_1_sql, pg_rows);
		sql(d, dp_buf_text(&script));
		sql(d, "UPDATE event_counter SET n = 1");
		dp_buf_release(&script);
		return;
	}
	assert_int_equal(sqlite3_open(d->url + strlen("sqlite:///"), &db), SQLITE_OK);
	sqlite_script(db, sqlite_1_sql);
	sqlite_script(db, sqlite_rows);
	sqlite3_close(db);
}

static void what_version_1_holds_is_kept(void **state)
{
	const struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	const struct dp_store_step step = {SPOOL, 0, 10};
	struct told t = {0};
	int64_t pos = -1;

	make_version_1(d);
	assert_fault(reader, dp_store_connect(reader), DP_STORE_AWAY, "older schema version 1");
	assert_ok(d->store, dp_store_connect(d->store));
	assert_current(d);
	assert_string_equal(dp_store_id(d->store), DATABASE_ID);
	assert_ok(d->store, dp_store_position(d->store, SPOOL, &pos));
	assert_int_equal(pos, 0);

	assert_ok(d->store, dp_store_put(d->store, NULL, 0, &step, NULL));
	put_one(d->store, event(1, "a", 0, DP_ERROR, "web")); /* is there already */
	put_one(d->store, event(2, "a", 0, DP_INFO, "web"));
	assert_ok(reader, dp_store_after(reader, &everything, 0, 10, tell_event, &t));
	assert_told(&t, "1 2");
	assert_string_equal(sql(d, "SELECT events || ' ' || errors FROM traces"), "2 1");
	assert_string_equal(sql(d, "SELECT trace_id FROM dead_letters"), "b");
	dp_store_close(&reader);
}

/* As dp-store of version 2 stored them. */
#define BODY(TRACE, ID, TIME, SEVERITY, REST)                                        \
	"{\"traceId\":\"" TRACE "\",\"eventId\":\"" ID "\",\"timestamp\":\"" TIME    \
	"\",\"severity\":\"" SEVERITY "\",\"system\":\"web\",\"type\":\"log\"," REST \
	",\"receivedAt\":\"2026-01-02T00:00:00Z\"}"
#define ROW(SEQ, TRACE, ID, TIME, SEVERITY, REST)                                   \
	"INSERT INTO events VALUES (" SEQ ", '" TRACE "', '" ID "', %s, '" SEVERITY \
	"', 'web', 'log', '" BODY(TRACE, ID, TIME, SEVERITY, REST) "');"
#define ID(N) "018bcfe5-6800-7000-8000-00000000000" N

static const struct {
	const char *statement; /* with a place for the time */
	const char *pg_time;
	const char *sqlite_time;
} version_2[] = {
    {ROW("3", "a", ID("1"), "2026-01-02T03:04:05Z", "info",
	 "\"name\":\"GET /\",\"durationMs\":12.5,\"environment\":\"prod\""),
	"'2026-01-02T03:04:05Z'", "1767323045000000"},
    {ROW("5", "a", ID("2"), "2026-01-02T03:05:05Z", "error", "\"details\":\"no order 17\""),
	"'2026-01-02T03:05:05Z'", "1767323105000000"},
    {ROW("9", "b", ID("3"), "1969-01-02T03:05:05Z", "error", "\"details\":\"no order 18\""),
	"'1969-01-02T03:05:05Z'", "-31438495000000"},
    {ROW("10", "c", ID("4"), "9999-12-31T23:59:59Z", "debug", "\"details\":5"),
	"'9999-12-31T23:59:59Z'", "253402300799000000"},
};

static void make_version_2(const struct database *d)
{
	static const char rest[] = "INSERT INTO schema_version VALUES (1, 2, '" DATABASE_ID "');"
				   "INSERT INTO positions VALUES ('" SPOOL "', 77);";
	struct dp_buf script = {0};
	sqlite3 *db;

	if (d->is_pg)
		dp_buf_addf(&script, "%s%s%s", pg_begin_sql, pg_1_sql, pg_2_sql);
	else
		dp_buf_addf(&script, "%s%s", sqlite_1_sql, sqlite_2_sql);
	dp_buf_add_text(&script, rest);
	for (size_t i = 0; i < sizeof version_2 / sizeof *version_2; i++) {
		const char *statement = version_2[i].statement;
		const char *hole = strstr(statement, "%s");

		dp_buf_add(&script, statement, (size_t)(hole - statement));
		dp_buf_add_text(
		    &script, d->is_pg ? version_2[i].pg_time : version_2[i].sqlite_time);
		dp_buf_add_text(&script, hole + 2);
	}
	if (d->is_pg) {
		dp_buf_add_text(&script, "UPDATE event_counter SET n = 12; COMMIT;");
		sql(d, dp_buf_text(&script));
	} else {
		assert_int_equal(sqlite3_open(d->url + strlen("sqlite:///"), &db), SQLITE_OK);
		sqlite_script(db, dp_buf_text(&script));
		sqlite3_close(db);
	}
	dp_buf_release(&script);
}

static void what_version_2_holds_is_summed_up(void **state)
{
	const struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	struct dp_event *again = event(2, "a", INT64_C(1767323105000000), DP_ERROR, "web");
	enum dp_store_outcome outcome;
	int64_t pos = -1;
	int64_t head = -1;

	make_version_2(d);
	assert_ok(d->store, dp_store_connect(d->store));
	assert_string_equal(
	    sql(d, "SELECT min(seq) || ' ' || max(seq) || ' ' || count(*) FROM events"), "3 10 4");
	assert_string_equal(sql(d, "SELECT environment || ' ' || duration_ms FROM events WHERE"
				   " seq = 3"),
	    "prod 12.5");
	assert_string_equal(sql(d, "SELECT events || ' ' || errors || ' ' || title || ' ' ||"
				   " environment || ' ' || last_error || ' ' || systems FROM"
				   " traces WHERE trace_id = 'a'"),
	    "2 1 GET / prod no order 17 [\"web\"]");
	assert_string_equal(sql(d, "SELECT count(*) || ' ' || sum(debugs) FROM traces"), "3 1");
	assert_string_equal(sql(d, "SELECT message || ' ' || events || ' ' || traces FROM"
				   " error_groups"),
	    "no order * 2 [\"b\",\"a\"]");
	assert_string_equal(
	    sql(d, "SELECT sum(events) || ' ' || count(*) FROM minute_counts"), "4 4");
	assert_ok(d->store, dp_store_position(d->store, SPOOL, &pos));
	assert_int_equal(pos, 77);
	put(d->store, &again, 1, &outcome);
	assert_int_equal(outcome, DP_STORE_OLD);
	put_one(d->store, event(7, "a", 0, DP_INFO, "web"));
	assert_ok(reader, dp_store_head(reader, &head));
	assert_true(head > 10);
	dp_store_close(&reader);
}

/* As dp-store of version 3 left it, with events of a time that has no partition of its own: of a
 * long time ago, of five days ago, and far ahead. */
static void make_version_3(const struct database *d)
{
	struct dp_buf script = {0};

	dp_buf_addf(&script, "%s%s%s%s", pg_begin_sql, pg_1_sql, pg_2_sql, pg_3_sql);
	dp_buf_add_text(&script,
	    "DROP TABLE events_2;"
	    "INSERT INTO events SELECT n, 'a', gen_random_uuid(), now() + days * interval '1 day',"
	    " 'info', 'web', 'log', NULL, NULL, NULL, '{\"n\":1}'"
	    " FROM unnest(ARRAY[-5000, -5, -5, 5000], ARRAY[1, 2, 3, 4]) AS given (days, n);"
	    "INSERT INTO schema_version VALUES (1, 3, '" DATABASE_ID "'); COMMIT;");
	sql(d, dp_buf_text(&script));
	dp_buf_release(&script);
}

static void what_version_3_holds_finds_its_partition(void **state)
{
	const struct database *d = *state;

	make_version_3(d);
	assert_ok(d->store, dp_store_connect(d->store));
	assert_string_equal(
	    sql(d, "SELECT string_agg(replace(tableoid::regclass::text, 'events_' ||"
		   "  to_char(ts AT TIME ZONE 'UTC', 'YYYYMMDD'), 'day'), ' ' ORDER BY seq)"
		   " FROM events"),
	    "events_default_old day day events_default_new");
	assert_string_equal(
	    sql(d, "SELECT count(*) FROM pg_class WHERE relname = 'events_3'"), "0");
}

/* Where somebody laid the table out otherwise there is no such thing. */
static void a_table_by_hash_stays_as_it_is(void **state)
{
	const struct database *d = *state;
	char *statements = read_sql_of("docs/scale.md");

	make_version_3(d);
	pg_run(d->url, statements, NULL, 0);
	free(statements);
	assert_ok(d->store, dp_store_connect(d->store));
	assert_current(d);
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "4");
	assert_string_equal(
	    sql(d, "SELECT count(*) FROM pg_class WHERE relname LIKE 'events\\_default%'"), "0");
}

/* SQLite's tables of version 3, and of 5 and 6, where traces have no numbers: events of two traces,
 * and the highest number that there was is that of one that has gone. */
static void make_sqlite(const struct database *d, int version)
{
	struct dp_buf script = {0};
	sqlite3 *db;

	dp_buf_addf(&script, "%s%s%s%s", sqlite_1_sql, sqlite_2_sql, sqlite_3_sql,
	    version < 5 ? "" : sqlite_5_sql);
	dp_buf_addf(&script,
	    "DROP TABLE events_2;"
	    "INSERT INTO schema_version VALUES (1, %d, '" DATABASE_ID "');"
	    "INSERT INTO events VALUES"
	    " (3, 'z', '" ID(
		"1") "', 5, 'info', 'web', 'log', 'prod', 12.5, NULL, '{\"n\":1}'),"
		     " (5, 'a', '" ID(
			 "2") "', 7, 'error', 'web', 'log', NULL, NULL, 'f', '{\"n\":2}'),"
			      " (8, 'z', '" ID(
				  "3") "', 9, 'info', 'db', 'log', NULL, NULL, NULL, '{\"n\":3}'),"
				       " (9, 'a', '" ID(
					   "4") "', 0, 'info', 'db', 'log', NULL, NULL, NULL, "
						"'{\"n\":4}');"
						"DELETE FROM events WHERE seq = 9;"
						"INSERT INTO traces VALUES"
						" ('a', 7, 7, 1, 1, 0, 0, 'title a', 7, 1, '', "
						"'last', 7, '[\"web\"]', '[7]'),"
						" ('z', 5, 9, 2, 0, 0, 0, 'title z', 5, 1, 'prod', "
						"'', 5, '[\"web\",\"db\"]', '[5,9]');",
	    version);
	assert_int_equal(sqlite3_open(d->url + strlen("sqlite:///"), &db), SQLITE_OK);
	sqlite_script(db, dp_buf_text(&script));
	sqlite3_close(db);
	dp_buf_release(&script);
}

static void check_numbers(const struct database *d)
{
	struct dp_event *again = event(2, "a", 7, DP_ERROR, "web");
	enum dp_store_outcome outcome;
	struct told t = {0};
	int64_t head = -1;

	assert_ok(d->store, dp_store_connect(d->store));
	assert_current(d);
	assert_string_equal(
	    sql(d, "SELECT group_concat(seq || trace_id || trace_n) FROM"
		   " (SELECT e.* FROM events e JOIN traces USING (trace_n, trace_id)"
		   " ORDER BY seq)"),
	    "3z2,5a1,8z2");
	assert_string_equal(sql(d, "SELECT environment || duration_ms || body FROM events WHERE"
				   " seq = 3"),
	    "prod12.5{\"n\":1}");
	assert_ok(d->store, dp_store_head(d->store, &head));
	assert_int_equal(head, 9);
	put(d->store, &again, 1, &outcome);
	assert_int_equal(outcome, DP_STORE_OLD);
	put_one(d->store, event(7, "z", 20, DP_INFO, "web"));
	put_one(d->store, event(8, "new", 30, DP_INFO, "web"));
	assert_ok(d->store, dp_store_trace(d->store, "z", 10, tell_event, &t));
	assert_told(&t, "1 3 7");
	assert_string_equal(sql(d, "SELECT group_concat(trace_id || trace_n || events || title ||"
				   " environment || last_error || systems || system_times, ' ')"
				   " FROM (SELECT * FROM traces ORDER BY trace_n)"),
	    "a11title alast[\"web\"][7] z23title zprod[\"web\",\"db\"][5,9] new31title "
	    "8[\"web\"][30]");
}

static void what_sqlite_holds_gets_numbers_of_traces(void **state)
{
	static const int versions[] = {3, 4, 5, 6};

	for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
		void *d = *state;

		if (i > 0)
			assert_int_equal(setup_database(false, &d), 0);
		make_sqlite(d, versions[i]);
		check_numbers(d);
		if (i > 0)
			teardown(&d);
	}
}

/* Nothing is lost of a file that was damaged by other hands: it is as if the trace had a row. */
static void an_event_without_its_trace_is_given_one(void **state)
{
	const struct database *d = *state;
	struct told t = {0};

	make_sqlite(d, 6);
	sql(d, "DELETE FROM traces WHERE trace_id = 'z'");
	assert_ok(d->store, dp_store_connect(d->store));
	assert_current(d);
	assert_string_equal(
	    sql(d, "SELECT group_concat(trace_id || trace_n || events || errors || title ||"
		   " environment || last_error || systems || system_times, ' ')"
		   " FROM (SELECT * FROM traces ORDER BY trace_n)"),
	    "a111title alast[\"web\"][7] z220prod[\"web\",\"db\"][5,9]");
	assert_string_equal(
	    sql(d, "SELECT first_ts || ' ' || last_ts FROM traces WHERE trace_n = 2"), "5 9");
	put_one(d->store, event(7, "z", 20, DP_ERROR, "web"));
	assert_ok(d->store, dp_store_trace(d->store, "z", 10, tell_event, &t));
	assert_told(&t, "1 3 7");
	assert_string_equal(
	    sql(d, "SELECT events || title || last_error FROM traces WHERE trace_n = 2"),
	    "3title 7title 7");
}

/* What takes minutes can be stopped, and is begun again. */
static void the_migration_ends_where_it_is_to_stop(void **state)
{
	const struct database *d = *state;
	const int stop_fd = eventfd(1, EFD_CLOEXEC);

	make_sqlite(d, 6);
	sql(d, "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
	       " INSERT INTO events SELECT i, 'z', 'e' || i, i, 'info', 'web', 'log', NULL, NULL,"
	       " NULL, '{}' FROM n");
	dp_store_set_patience(
	    d->store, &(struct dp_store_patience){.stop_fd = stop_fd, .end_fd = -1});
	assert_fault(d->store, dp_store_connect(d->store), DP_STORE_AWAY, "to stop");
	assert_string_equal(sql(d, "SELECT version FROM schema_version"), "6");
	dp_store_set_patience(d->store, &(struct dp_store_patience){.stop_fd = -1, .end_fd = -1});
	assert_ok(d->store, dp_store_connect(d->store));
	assert_current(d);
	close(stop_fd);
}

/* A program that had the file open before it was brought up to date takes that for no fault of its
 * events, which it would bury. */
static void an_older_statement_fails_for_no_event(void **state)
{
	const struct database *d = *state;
	sqlite3 *db;

	assert_ok(d->store, dp_store_connect(d->store));
	assert_int_equal(sqlite3_open(d->url + strlen("sqlite:///"), &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db,
		"INSERT INTO events (seq, trace_id, event_id, ts, severity, system, type,"
		" environment, duration_ms, fingerprint, body) VALUES (1, 't', 'e', 0, 'info', '',"
		" 'log', NULL, NULL, NULL, '{}') ON CONFLICT DO NOTHING",
		NULL, NULL, NULL),
	    SQLITE_ERROR);
	sqlite3_close(db);
}

/* Version 4 lacks the indexes of two orders. */
static void what_version_4_holds_gets_its_orders(void **state)
{
	static const char indexes[] =
	    "SELECT count(*) FROM sqlite_schema WHERE name IN ('traces_duration', 'traces_errors')";
	static const char pg_indexes[] =
	    "SELECT count(*) FROM pg_class WHERE relname IN ('traces_duration', 'traces_errors')";
	const struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	struct dp_store_list list = {.limit = 9, .end_ms = INT64_MAX};
	struct dp_store_place reached;
	struct told t = {0};

	put_one(d->store, event(1, "short", 10, DP_ERROR, "web"));
	put_one(d->store, event(2, "long", 5, DP_INFO, "web"));
	put_one(d->store, event(3, "long", 8, DP_INFO, "web"));
	sql(d, "DROP INDEX traces_duration");
	sql(d, "DROP INDEX traces_errors");
	sql(d, "UPDATE schema_version SET version = 4");
	dp_store_disconnect(d->store);

	assert_fault(reader, dp_store_connect(reader), DP_STORE_AWAY, "older schema version 4");
	assert_ok(d->store, dp_store_connect(d->store));
	assert_current(d);
	assert_string_equal(sql(d, d->is_pg ? pg_indexes : indexes), "2");
	list.order = DP_STORE_BY_DURATION;
	assert_ok(reader, dp_store_traces(reader, &list, tell_trace, &t, &reached));
	assert_told(&t, "long short");
	list.order = DP_STORE_BY_ERRORS;
	assert_ok(reader, dp_store_traces(reader, &list, tell_trace, &t, &reached));
	assert_told(&t, "short long");
	dp_store_close(&reader);
}

/* Version 5 makes partitions otherwise. */
static void what_version_5_holds_is_kept(void **state)
{
	const struct database *d = *state;

	put_one(d->store, event(1, "a", 10, DP_ERROR, "web"));
	if (d->is_pg)
		sql(d, "CREATE OR REPLACE FUNCTION devpulse_add_day(day date) RETURNS void"
		       " LANGUAGE sql AS ''");
	sql(d, "UPDATE schema_version SET version = 5");
	dp_store_disconnect(d->store);
	assert_ok(d->store, dp_store_connect(d->store));
	assert_current(d);
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "1");
	if (!d->is_pg)
		return;
	assert_string_equal(
	    sql(d, "SELECT prosecdef || ' ' || array_to_string(proconfig, '; ') || ' ' ||"
		   " has_function_privilege('public', oid, 'EXECUTE') FROM pg_proc"
		   " WHERE proname = 'devpulse_add_day' AND prosrc LIKE '%LOCK TABLE%'"),
	    "true search_path=public, pg_temp; lock_timeout=300ms false");
}

static void a_migration_that_fails_changes_nothing(void **state)
{
	const struct database *d = *state;

	make_version_1(d);
	sql(d, "CREATE TABLE positions (x int)");
	assert_fault(d->store, dp_store_connect(d->store), DP_STORE_BROKEN, "positions");
	assert_non_null(
	    strstr(dp_store_error(d->store), ": cannot bring the tables from version 1 up to "));
	assert_string_equal(sql(d, "SELECT version FROM schema_version"), "1");
	sql(d, "DROP TABLE positions");
	assert_ok(d->store, dp_store_connect(d->store));
	assert_current(d);
}

static void the_tables_of_another_program_are_told(void **state)
{
	const struct database *d = *state;

	sql(d, "CREATE TABLE events (x int)");
	assert_fault(
	    d->store, dp_store_connect(d->store), DP_STORE_BROKEN, "cannot make the tables: ");
	assert_non_null(strstr(dp_store_error(d->store), "already exists"));
	assert_non_null(strstr(dp_store_error(d->store), "give another database by --db"));
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "0");
}

static void *connect_writer(void *arg)
{
	struct dp_store *s = open_store(arg, DP_STORE_WRITE);
	int rc = dp_store_connect(s);

	if (rc < 0)
		print_error("%s\n", dp_store_error(s));
	dp_store_close(&s);
	return rc == 0 ? arg : NULL;
}

static void several_writers_may_migrate(void **state)
{
	const struct database *d = *state;
	pthread_t threads[8];
	void *result;

	make_version_1(d);
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, connect_writer, *state), 0);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &result);
		assert_non_null(result);
	}
	assert_current(d);
}

#define TESTS(X)                                                                                  \
	X(what_version_1_holds_is_kept), X(what_version_2_holds_is_summed_up),                    \
	    X(what_version_4_holds_gets_its_orders), X(what_version_5_holds_is_kept),             \
	    X(a_migration_that_fails_changes_nothing), X(the_tables_of_another_program_are_told), \
	    X(several_writers_may_migrate)

int main(void)
{
	const struct CMUnitTest of_sqlite[] = {
	    TESTS(IN_SQLITE),
	    IN_SQLITE(what_sqlite_holds_gets_numbers_of_traces),
	    IN_SQLITE(an_event_without_its_trace_is_given_one),
	    IN_SQLITE(the_migration_ends_where_it_is_to_stop),
	    IN_SQLITE(an_older_statement_fails_for_no_event),
	};
	const struct CMUnitTest of_pg[] = {
	    TESTS(IN_PG),
	    IN_PG(what_version_3_holds_finds_its_partition),
	    IN_PG(a_table_by_hash_stays_as_it_is),
	};
	int failed = cmocka_run_group_tests_name("store, older: sqlite", of_sqlite, NULL, NULL);

	if (has_pg("store, older: postgresql"))
		failed +=
		    cmocka_run_group_tests_name("store, older: postgresql", of_pg, NULL, NULL);
	return failed;
}
