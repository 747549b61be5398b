/* What a session with PostgreSQL is like: its settings, its faults, its plans. */
#include "store_fixture.h"

#include "clock.h"
#include "store_backend.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

static const struct {
	const char *name;
	enum dp_store_mode mode;
	const char *synchronous_commit; /* the database's own */
	const char *want;
} sessions[] = {
    {"a reader", DP_STORE_READ, "off", "on 30s 0 off"},
    {"a writer", DP_STORE_WRITE, "on", "off 0 1min on"},
    {"off is not durable", DP_STORE_WRITE, "off", "off 0 1min on"},
    {"local is less than on", DP_STORE_WRITE, "local", "off 0 1min on"},
    {"less than on, but chosen for standbys", DP_STORE_WRITE, "remote_write",
	"off 0 1min remote_write"},
    {"more than on", DP_STORE_WRITE, "remote_apply", "off 0 1min remote_apply"},
};

static int keep_system(void *arg, const struct dp_store_row *row)
{
	char *out = arg;

	snprintf(out, 100, "%.*s", (int)row->system.n, row->system.p);
	return 0;
}

/* Instead of the table a view whose only event has what this expression gives as its system. */
static void make_view(const struct database *d, const char *system)
{
	char text[400];

	snprintf(text, sizeof text,
	    "CREATE OR REPLACE VIEW events AS SELECT 1::bigint AS seq, 't' AS trace_id,"
	    " gen_random_uuid() AS event_id, now() AS ts, 'info' AS severity, %s AS system,"
	    " 'log' AS type, '{\"n\":1}'::json AS body",
	    system);
	sql(d, text);
}

static void each_mode_has_its_settings(void **state)
{
	const struct database *d = *state;
	char text[200];

	assert_ok(d->store, dp_store_connect(d->store));
	sql(d, "ALTER TABLE events RENAME TO gone");
	make_view(d, "concat_ws(' ', current_setting('default_transaction_read_only'),"
		     " current_setting('statement_timeout'),"
		     " current_setting('idle_in_transaction_session_timeout'),"
		     " current_setting('synchronous_commit'))");
	snprintf(text, sizeof text, "ALTER DATABASE %s SET statement_timeout = '10s'", d->name);
	sql(d, text);
	for (size_t i = 0; i < sizeof sessions / sizeof *sessions; i++) {
		char got[100] = "";
		struct dp_store *s = open_store(d, sessions[i].mode);

		snprintf(text, sizeof text, "ALTER DATABASE %s SET synchronous_commit = %s",
		    d->name, sessions[i].synchronous_commit);
		sql(d, text);
		assert_ok(s, dp_store_after(s, &everything, 0, 1, keep_system, got));
		if (strcmp(got, sessions[i].want) != 0)
			fail_msg("%s: \"%s\"", sessions[i].name, got);
		dp_store_close(&s);
	}
}

static const struct {
	const char *sqlstate;
	enum dp_store_fault want;
} faults[] = {
    {"08006", DP_STORE_AWAY},   /* connection_failure */
    {"40001", DP_STORE_AWAY},   /* serialization_failure */
    {"40P01", DP_STORE_AWAY},   /* deadlock_detected */
    {"53100", DP_STORE_AWAY},   /* disk_full */
    {"57P03", DP_STORE_AWAY},   /* cannot_connect_now */
    {"57014", DP_STORE_AWAY},   /* query_canceled */
    {"55P03", DP_STORE_AWAY},   /* lock_not_available */
    {"21000", DP_STORE_REJECT}, /* cardinality_violation */
    {"22P05", DP_STORE_REJECT}, /* untranslatable_character */
    {"23514", DP_STORE_REJECT}, /* check_violation */
    {"54000", DP_STORE_REJECT}, /* program_limit_exceeded */
    {"55000", DP_STORE_BROKEN}, /* object_not_in_prerequisite_state */
    {"42501", DP_STORE_BROKEN}, /* insufficient_privilege */
    {"25006", DP_STORE_BROKEN}, /* read_only_sql_transaction */
    {"P0001", DP_STORE_BROKEN}, /* raise_exception */
    {"XX000", DP_STORE_BROKEN}, /* internal_error */
};

static void each_sqlstate_is_a_fault(void **state)
{
	const struct database *d = *state;
	struct dp_event *ev = event(1, "a", 0, DP_INFO, "web");
	const struct dp_event *one = ev;
	enum dp_store_outcome outcome;
	char text[300];

	assert_ok(d->store, dp_store_connect(d->store));
	sql(d, "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'");
	sql(d, "CREATE TRIGGER fail BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION fail()");
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		snprintf(text, sizeof text,
		    "CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
		    " 'BEGIN RAISE EXCEPTION ''it failed'' USING ERRCODE = ''%s''; END'",
		    faults[i].sqlstate);
		sql(d, text);
		snprintf(text, sizeof text, "it failed (SQLSTATE %s)", faults[i].sqlstate);
		if (faults[i].want == DP_STORE_REJECT) {
			assert_ok(d->store, dp_store_put(d->store, &one, 1, NULL, &outcome));
			assert_int_equal(outcome, DP_STORE_DEAD);
			assert_non_null(strstr(dp_store_error(d->store), text));
		} else {
			assert_fault(d->store, dp_store_put(d->store, &one, 1, NULL, &outcome),
			    faults[i].want, text);
		}
	}
	free(ev);
}

/* Behind the error there is no answer any more to what was sent with it. */
static void a_connection_that_ends_in_a_batch_is_made_again(void **state)
{
	const struct database *d = *state;
	struct dp_event *ev = event(1, "a", 0, DP_INFO, "s");
	const struct dp_event *events[] = {ev};

	assert_ok(d->store, dp_store_connect(d->store));
	sql(d, "ALTER TABLE traces ADD CONSTRAINT end_it"
	       " CHECK (pg_terminate_backend(pg_backend_pid()))");
	assert_fault(d->store, dp_store_put(d->store, events, 1, NULL, NULL), DP_STORE_AWAY,
	    "terminating connection");
	sql(d, "ALTER TABLE traces DROP CONSTRAINT end_it");
	assert_ok(d->store, dp_store_put(d->store, events, 1, NULL, NULL));
	assert_string_equal(sql(d, "SELECT events FROM traces"), "1");
	free(ev);
}

/* How many entries of an index were read, in the table's partitions. */
static long reads_of(const struct database *d, const char *index)
{
	char text[200];

	snprintf(text, sizeof text,
	    "SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE indexrelname LIKE "
	    "'events%%%s'",
	    index);
	return strtol(sql(d, text), NULL, 10);
}

/* How often the key of the table was asked, in all its partitions, by connections that are closed.
 */
static long scans_of_key(const struct database *d)
{
	return strtol(sql(d, "SELECT sum(idx_scan) FROM pg_stat_user_indexes"
			     " WHERE indexrelname LIKE 'events%pkey'"),
	    NULL, 10);
}

/* Puts 100 events without a time of their own, a trace each. */
static void put_timeless(struct dp_store *s, enum dp_store_outcome want)
{
	enum { N = 100 };
	struct dp_event *events[N];
	enum dp_store_outcome outcomes[N];

	for (int i = 0; i < N; i++) {
		char trace_id[20];

		snprintf(trace_id, sizeof trace_id, "t%d", i);
		events[i] = event(i, trace_id, dp_clock_now_us(), DP_INFO, "web");
		events[i]->ts_received = true;
	}
	put(s, events, N, outcomes);
	for (int i = 0; i < N; i++)
		assert_int_equal(outcomes[i], want);
	dp_store_disconnect(s); /* which makes the server count what it did */
}

static void what_has_no_time_is_looked_for_where_its_trace_is(void **state)
{
	const struct database *d = *state;
	const int64_t end_ms = dp_clock_monotonic_ms() + 10000;

	assert_ok(d->store, dp_store_connect(d->store));
	sql(d, "SELECT devpulse_add_day(current_date - n) FROM generate_series(2, 30) n");
	put_timeless(d->store, DP_STORE_NEW);
	put_timeless(d->store, DP_STORE_OLD);
	while (scans_of_key(d) < 100 && dp_clock_monotonic_ms() < end_ms)
		poll(NULL, 0, 10);
	assert_int_equal(scans_of_key(d), 100);
}

/* One trace of many, its events the last ones: in order of seq they would come after all others. */
static void a_trace_is_not_looked_for_in_all_events(void **state)
{
	const struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	struct dp_filter f = {0};
	struct told t = {0};
	const int64_t end_ms = dp_clock_monotonic_ms() + 10000;
	const char *why;
	long before;

	assert_ok(d->store, dp_store_connect(d->store));
	sql(d, "INSERT INTO events SELECT n, 't' || n / 100, gen_random_uuid(), now(), 'info', '',"
	       " 'log', NULL, NULL, NULL, ('{\"n\":' || n || '}')::json"
	       " FROM generate_series(1, 20000) n");
	sql(d, "ANALYZE events");
	before = reads_of(d, "pkey");
	assert_int_equal(dp_filter_add(&f, "trace", DP_STR("t199"), &why), 0);
	assert_ok(reader, dp_store_after(reader, &f, 0, 3, tell_event, &t));
	assert_told(&t, "19900 19901 19902");
	dp_store_close(&reader); /* which makes the server count what it did */
	while (reads_of(d, "pkey") == before && dp_clock_monotonic_ms() < end_ms)
		;
	assert_true(reads_of(d, "pkey") > before);
	assert_true(reads_of(d, "seq_idx") < 10100); /* the first window, and the ends of others */
	dp_filter_release(&f);
}

/* Of which the server has no statistics yet. */
static void a_page_of_a_new_table_is_read_alone(void **state)
{
	const struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	const int64_t end_ms = dp_clock_monotonic_ms() + 10000;
	struct told t = {0};

	assert_ok(d->store, dp_store_connect(d->store));
	sql(d,
	    "INSERT INTO events SELECT n, 't', gen_random_uuid(), now(), 'info', '', 'log', NULL,"
	    " NULL, NULL, '{\"n\":1}' FROM generate_series(1, 10000) n");
	assert_ok(reader, dp_store_after(reader, &everything, 1, 100, tell_event, &t));
	assert_int_equal(t.rows, 100);
	dp_buf_release(&t.text);
	dp_store_close(&reader); /* which makes the server count what it did */
	while (reads_of(d, "seq_idx") == 0 && dp_clock_monotonic_ms() < end_ms)
		;
	assert_in_range(reads_of(d, "seq_idx"), 100, 200);
}

/* A view whose 1000 events take ten seconds, each too large to wait in the server for the next. */
static void a_reading_that_is_ended_early_ends_the_query(void **state)
{
	const struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	struct told t = {.stop_after = 3};
	int64_t begin_ms;

	assert_ok(d->store, dp_store_connect(d->store));
	sql(d, "ALTER TABLE events RENAME TO gone");
	sql(d, "CREATE VIEW events AS SELECT n::bigint AS seq, 't' AS trace_id,"
	       " gen_random_uuid() AS event_id, now() AS ts, 'info' AS severity,"
	       " pg_sleep(0.01)::text AS system, 'log' AS type,"
	       " ('{\"n\":' || n || ',\"x\":\"' || repeat('x', 10000) || '\"}')::json AS body"
	       " FROM generate_series(1, 1000) n ORDER BY 1");
	begin_ms = dp_clock_monotonic_ms();
	assert_ok(reader, dp_store_after(reader, &everything, 0, 1000, tell_event, &t));
	assert_told(&t, "1 2 3");
	await_sql(d,
	    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%ORDER BY seq%'"
	    " AND state = 'active' AND pid <> pg_backend_pid()",
	    "0");
	assert_true(dp_clock_monotonic_ms() - begin_ms < 5000);
	/* and the handle serves on */
	t.stop_after = 1;
	assert_ok(reader, dp_store_after(reader, &everything, 4, 1000, tell_event, &t));
	assert_told(&t, "5");
	dp_store_close(&reader);
}

/* The limit is made a short one by the first reading, for those that follow. */
static void a_query_that_takes_too_long_is_ended(void **state)
{
	const struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	struct told t = {0};
	char got[100] = "";

	assert_ok(d->store, dp_store_connect(d->store));
	sql(d, "ALTER TABLE events RENAME TO gone");
	make_view(d, "set_config('statement_timeout', '50ms', false)");
	assert_ok(reader, dp_store_after(reader, &everything, 0, 1, tell_event, &t));
	assert_told(&t, "1");
	make_view(d, "pg_sleep(60)::text");
	assert_fault(reader, dp_store_after(reader, &everything, 0, 1, tell_event, &t),
	    DP_STORE_BROKEN, "canceling statement due to statement timeout");
	assert_int_equal(t.rows, 0);
	/* and the connection serves on */
	make_view(d, "current_setting('statement_timeout')");
	assert_ok(reader, dp_store_after(reader, &everything, 0, 1, keep_system, got));
	assert_string_equal(got, "50ms");
	dp_store_close(&reader);
}

/* Reads the one event of the view, whose system is the name of what reads it: "" where it has none.
 */
static void read_own_name(struct dp_store *reader, char out[100])
{
	snprintf(out, 100, "nothing");
	assert_ok(reader, dp_store_after(reader, &everything, 0, 1, keep_system, out));
}

/* As behind a pooler that gives a connection what another one has prepared, and takes away what it
 * has itself. */
static void names_that_do_not_work_are_given_up(void **state)
{
	const struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	char name[100];
	char got[100];
	char text[200];

	assert_ok(d->store, dp_store_connect(d->store));
	sql(d, "ALTER TABLE events RENAME TO gone");
	make_view(d, "concat((SELECT max(name) FROM pg_prepared_statements WHERE NOT from_sql))");
	read_own_name(reader, name);
	assert_int_equal(strncmp(name, "devpulse_", 9), 0);
	/* Gone: SQLSTATE 26000. */
	assert_ok(reader, reader->backend->execute(reader, "DEALLOCATE ALL"));
	read_own_name(reader, got);
	assert_string_equal(got, "");
	read_own_name(reader, got);
	assert_string_equal(got, "");
	/* Another's: 42P05. */
	dp_store_disconnect(reader);
	assert_ok(reader, dp_store_connect(reader));
	snprintf(text, sizeof text, "PREPARE %s AS SELECT 1", name);
	assert_ok(reader, reader->backend->execute(reader, text));
	read_own_name(reader, got);
	assert_string_equal(got, "");
	/* Of tables that have changed: 0A000. */
	dp_store_disconnect(reader);
	read_own_name(reader, got);
	assert_string_equal(got, name);
	sql(d, "DROP VIEW events");
	make_view(d, "''::varchar");
	read_own_name(reader, got);
	assert_string_equal(got, "");
	dp_store_close(&reader);
}

enum { LONG_ROWS = 64 };

/* What is freed stays with the process for a while then. */
#ifdef __SANITIZE_ADDRESS__
static const bool is_sanitized = true;
#else
static const bool is_sanitized = false;
#endif

static long peak_kb(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return used.ru_maxrss;
}

static int count_long_row(void *arg, const struct dp_store_row *row)
{
	assert_true(row->json.n > 1000000);
	++*(int *)arg;
	return 0;
}

/* A trace "t" whose 64 events are a megabyte each; their system tells which connection read it. */
static void make_long_trace(const struct database *d)
{
	put_one(d->store, event(1, "t", 0, DP_INFO, "web"));
	sql(d, "ALTER TABLE events RENAME TO gone");
	sql(d, "CREATE VIEW events AS SELECT seq + n AS seq, trace_id, event_id, ts, severity,"
	       " pg_backend_pid()::text AS system, type,"
	       " json_build_object('text', repeat('x', 1000000)) AS body"
	       " FROM gone, generate_series(1, 64) n");
}

/* A trace is expected to be short, and its events may be megabytes. */
static void a_long_answer_is_not_held(void **state)
{
	const struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	int rows = 0;
	long before_kb;

	make_long_trace(d);
	before_kb = peak_kb();
	assert_ok(reader, dp_store_trace(reader, "t", 257, count_long_row, &rows));
	assert_int_equal(rows, LONG_ROWS);
	if (!is_sanitized && peak_kb() - before_kb > 24 * 1024)
		fail_msg("%ld KiB more", peak_kb() - before_kb);
	/* and the handle serves on */
	assert_ok(reader, dp_store_trace(reader, "nobody's", 257, count_long_row, &rows));
	assert_int_equal(rows, LONG_ROWS);
	dp_store_close(&reader);
}

static int keep_connection(void *arg, const struct dp_store_row *row)
{
	*(long *)arg = strtol(row->system.p, NULL, 10);
	return 0;
}

/* Finding out that it is long costs the connection. */
static void a_long_answer_is_known_the_next_time(void **state)
{
	const struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	long first = 0;
	long second = 0;

	make_long_trace(d);
	assert_ok(reader, dp_store_trace(reader, "t", 257, keep_connection, &first));
	assert_ok(reader, dp_store_trace(reader, "nobody's", 257, keep_connection, &second));
	assert_ok(reader, dp_store_trace(reader, "t", 257, keep_connection, &second));
	assert_true(first > 0);
	assert_int_equal(second, first);
	dp_store_close(&reader);
}

/* The server of a reading stands still behind its first row, and the reader is to stop. */
struct stop {
	pid_t pid;
	int fds[2];
};

static int stop_server(void *arg, const struct dp_store_row *row)
{
	struct stop *s = arg;

	if (s->pid > 0)
		return 0;
	s->pid = (pid_t)strtol(row->system.p, NULL, 10);
	assert_true(s->pid > 0);
	assert_int_equal(kill(s->pid, SIGSTOP), 0);
	assert_int_equal(write(s->fds[1], "", 1), 1);
	return 0;
}

static void a_long_answer_that_stays_away_is_told(void **state)
{
	const struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	struct stop s = {.pid = 0};
	int rc;

	make_long_trace(d);
	assert_int_equal(pipe(s.fds), 0);
	dp_store_set_patience(
	    reader, &(struct dp_store_patience){.stop_fd = s.fds[0], .end_fd = -1, .stop_ms = 500});
	rc = dp_store_trace(reader, "t", 257, stop_server, &s);
	assert_true(s.pid > 0);
	kill(s.pid, SIGCONT);
	assert_fault(reader, rc, DP_STORE_AWAY, "no answer for ");
	dp_store_close(&reader);
	close(s.fds[0]);
	close(s.fds[1]);
}

static void *put_two(void *arg)
{
	const struct database *d = arg;
	struct dp_event *events[] = {
	    event(1, "a", 1, DP_INFO, "web"), event(2, "a", 2, DP_INFO, "web")};
	const int rc =
	    dp_store_put(d->store, (const struct dp_event *const *)events, 2, NULL, NULL);

	free(events[0]);
	free(events[1]);
	return rc == 0 ? arg : NULL;
}

/* Another writer has the second event, and then wants the lock on the counter. The store looks for
 * a deadlock first, and so is who is ended. */
static void a_deadlock_is_tried_again(void **state)
{
	struct database *d = *state;
	PGconn *other = PQconnectdb(d->url);
	pthread_t thread;
	char text[200];
	void *put;

	assert_ok(d->store, dp_store_connect(d->store));
	dp_store_disconnect(d->store);
	snprintf(text, sizeof text, "ALTER DATABASE %s SET deadlock_timeout = '2s'",
	    strrchr(d->url, '/') + 1);
	sql(d, text);
	PQclear(PQexec(other, "SET deadlock_timeout = '60s'; BEGIN"));
	PQclear(PQexec(other,
	    "INSERT INTO events SELECT 0, 'a', '018bcfe5-6800-7000-8000-000000000002',"
	    " 'epoch'::timestamptz + interval '2 microseconds', 'info', 'web', 'log', NULL, NULL,"
	    " NULL, '{}'"));
	assert_int_equal(pthread_create(&thread, NULL, put_two, d), 0);
	await_waiting(d);
	PQclear(PQexec(other, "UPDATE event_counter SET n = n"));
	assert_int_equal(PQtransactionStatus(other), PQTRANS_INTRANS);
	PQclear(PQexec(other, "COMMIT"));
	pthread_join(thread, &put);
	assert_non_null(put);
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "2");
	assert_string_equal(sql(d, "SELECT sum(events) FROM traces"), "1");
	PQfinish(other);
}

int main(void)
{
	const struct CMUnitTest of_pg[] = {
	    IN_PG(each_mode_has_its_settings),
	    IN_PG(each_sqlstate_is_a_fault),
	    IN_PG(a_connection_that_ends_in_a_batch_is_made_again),
	    IN_PG(a_deadlock_is_tried_again),
	    IN_PG(a_trace_is_not_looked_for_in_all_events),
	    IN_PG(what_has_no_time_is_looked_for_where_its_trace_is),
	    IN_PG(a_page_of_a_new_table_is_read_alone),
	    IN_PG(a_reading_that_is_ended_early_ends_the_query),
	    IN_PG(a_query_that_takes_too_long_is_ended),
	    IN_PG(names_that_do_not_work_are_given_up),
	    IN_PG(a_long_answer_is_not_held),
	    IN_PG(a_long_answer_is_known_the_next_time),
	    IN_PG(a_long_answer_that_stays_away_is_told),
	};

	if (!has_pg("store, sessions: postgresql"))
		return 0;
	return cmocka_run_group_tests_name("store, sessions: postgresql", of_pg, NULL, NULL);
}
