/* URLs, files, servers: what each database has of its own. */
#include "clock.h"
#include "store_fixture.h"

static void bad_urls_are_refused(void **state)
{
	static const char *const urls[] = {"", "events.db", "/tmp/events.db",
	    "sqlite:", "sqlite://x", "sqlite:///", "sqlite:////tmp/", "mysql://localhost/x",
	    "postgresql://localhost/x?no_such_setting=1", "postgresql://me:p@ss@localhost/x",
	    "postgresql://%zz/x"};

	(void)state;
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		const char *why = NULL;

		if (dp_store_open(urls[i], DP_STORE_WRITE, &why) || !why || strstr(why, "p@ss"))
			fail_msg("%s", urls[i]);
	}
}

static void names_hold_no_password(void **state)
{
	static const struct {
		const char *url;
		const char *want;
	} cases[] = {
	    {"sqlite:///events.db", "sqlite:///events.db"},
	    {"postgresql://me:secret@host:5433/db", "postgresql://me@host:5433/db"},
	    {"postgres://host/db?user=me&password=secret", "postgresql://me@host/db"},
	    {"postgresql://me:se%40cret@/db?host=/run/pg", "postgresql://me@/run/pg/db"},
	    {"postgresql://", "postgresql:///"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *why = NULL;
		struct dp_store *s = dp_store_open(cases[i].url, DP_STORE_READ, &why);

		assert_non_null(s);
		assert_string_equal(dp_store_name(s), cases[i].want);
		dp_store_close(&s);
	}
}

static void the_default_url_follows_the_environment(void **state)
{
	static const struct {
		const char *own;
		const char *xdg;
		const char *home;
		const char *want;
	} cases[] = {
	    {"/own", "/xdg", "/home/me", "sqlite:////own/devpulse.db"},
	    {"own", NULL, NULL, "sqlite:///own/devpulse.db"},
	    {NULL, "/xdg", "/home/me", "sqlite:////xdg/devpulse/devpulse.db"},
	    {"", "relative", "/home/me", "sqlite:////home/me/.local/state/devpulse/devpulse.db"},
	    {NULL, NULL, "/home/me", "sqlite:////home/me/.local/state/devpulse/devpulse.db"},
	    {NULL, NULL, NULL, "sqlite:///devpulse.db"},
	};
	static const char *const names[] = {"DEVPULSE_STATE_DIR", "XDG_STATE_HOME", "HOME"};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *const values[] = {cases[i].own, cases[i].xdg, cases[i].home};
		char *url;

		for (size_t k = 0; k < 3; k++) {
			unsetenv(names[k]);
			if (values[k])
				setenv(names[k], values[k], 1);
		}
		url = dp_store_default_url();
		assert_string_equal(url, cases[i].want);
		free(url);
	}
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 0777;
}

static void sqlite_makes_private_files(void **state)
{
	struct database *d = *state;
	char path[200];

	dp_store_close(&d->store);
	snprintf(d->url, sizeof d->url, "sqlite:///%s/deep/er/events.db", d->folder);
	d->store = open_store(d, DP_STORE_WRITE);
	put_one(d->store, event(1, "a", 0, DP_INFO, "web"));
	snprintf(path, sizeof path, "%s/deep/er/events.db", d->folder);
	assert_int_equal(mode_of(path), 0600);
	dp_store_close(&d->store);
	unlink(path);
	snprintf(path, sizeof path, "%s/deep/er", d->folder);
	assert_int_equal(mode_of(path), 0700);
	rmdir(path);
	snprintf(path, sizeof path, "%s/deep", d->folder);
	assert_int_equal(mode_of(path), 0700);
	rmdir(path);
}

static void sqlite_sees_that_its_file_was_deleted(void **state)
{
	const struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	struct told t = {0};
	char path[200];

	put_one(d->store, event(1, "a", 0, DP_INFO, "web"));
	assert_ok(reader, dp_store_after(reader, &everything, 0, 9, tell_event, &t));
	assert_told(&t, "1");
	snprintf(path, sizeof path, "%s/events.db", d->folder);
	unlink(path);
	assert_fault(reader, dp_store_after(reader, &everything, 0, 9, tell_event, &t),
	    DP_STORE_AWAY, "no database yet");
	put_one(d->store, event(2, "a", 0, DP_INFO, "web"));
	assert_ok(reader, dp_store_after(reader, &everything, 0, 9, tell_event, &t));
	assert_told(&t, "2");
	dp_store_close(&reader);
}

static void sqlite_says_what_is_wrong_with_the_file(void **state)
{
	struct database *d = *state;
	char path[200];
	FILE *f;

	snprintf(path, sizeof path, "%s/events.db", d->folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(
	    f, "This is no database, but a text that is long enough to be looked at. %0500d", 0);
	fclose(f);
	assert_fault(d->store, dp_store_connect(d->store), DP_STORE_BROKEN,
	    "not a database; give another place");

	dp_store_close(&d->store);
	snprintf(d->url, sizeof d->url, "sqlite:///%s/below.db", path);
	d->store = open_store(d, DP_STORE_WRITE);
	assert_fault(d->store, dp_store_connect(d->store), DP_STORE_BROKEN, "Not a directory");
	dp_store_close(&d->store);
	snprintf(d->url, sizeof d->url, "sqlite:///%s", d->folder);
	d->store = open_store(d, DP_STORE_WRITE);
	assert_fault(d->store, dp_store_connect(d->store), DP_STORE_BROKEN, "Is a directory");
	dp_store_close(&d->store);
	snprintf(d->url, sizeof d->url, "sqlite:////proc/devpulse/events.db");
	d->store = open_store(d, DP_STORE_WRITE);
	assert_fault(d->store, dp_store_connect(d->store), DP_STORE_BROKEN, "cannot make");
}

static void sqlite_says_that_the_file_is_damaged(void **state)
{
	const struct database *d = *state;
	FILE *f;

	put_one(d->store, event(1, "a", 0, DP_INFO, "web"));
	dp_store_disconnect(d->store);
	f = fopen(d->url + strlen("sqlite:///"), "r+");
	assert_non_null(f);
	fseek(f, 100, SEEK_SET); /* behind the header, where the schema begins */
	fprintf(f, "%01000d", 0);
	fclose(f);
	assert_fault(d->store, dp_store_connect(d->store), DP_STORE_BROKEN, "restore a copy");
}

/* Whoever has the folder read-only, as a container may, reads while somebody else writes. */
static void sqlite_reads_in_a_folder_that_it_cannot_write(void **state)
{
	struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	const uid_t me = geteuid();

	put_one(d->store, event(1, "a", 0, DP_INFO, "web"));
	dp_store_close(&d->store);
	assert_int_equal(chmod(d->url + strlen("sqlite:///"), 0444), 0);
	assert_int_equal(chmod(d->folder, 0555), 0);
	if (me == 0)
		assert_int_equal(seteuid(65534), 0);
	assert_fault(reader, dp_store_connect(reader), DP_STORE_AWAY, "while dp-store runs");
	if (me == 0)
		assert_int_equal(seteuid(me), 0);
	assert_int_equal(chmod(d->folder, 0755), 0);
	assert_int_equal(chmod(d->url + strlen("sqlite:///"), 0644), 0);
	d->store = open_store(d, DP_STORE_WRITE);
	assert_ok(d->store, dp_store_connect(d->store));
	assert_int_equal(chmod(d->folder, 0555), 0);
	if (me == 0)
		assert_int_equal(seteuid(65534), 0);
	assert_ok(reader, dp_store_connect(reader));
	dp_store_close(&reader);
	if (me == 0)
		assert_int_equal(seteuid(me), 0);
	assert_int_equal(chmod(d->folder, 0755), 0);
}

static void sqlite_sees_at_once_what_it_cannot_write(void **state)
{
	struct database *d = *state;
	const uid_t me = geteuid();
	char path[200];

	put_one(d->store, event(1, "a", 0, DP_INFO, "web"));
	dp_store_close(&d->store);
	snprintf(path, sizeof path, "%s/events.db", d->folder);
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(chmod(d->folder, 0777), 0);
	d->store = open_store(d, DP_STORE_WRITE);
	/* nothing is read-only for root */
	if (me == 0)
		assert_int_equal(seteuid(65534), 0);
	assert_fault(d->store, dp_store_connect(d->store), DP_STORE_BROKEN, "is not writable");
	if (me == 0)
		assert_int_equal(seteuid(me), 0);
}

static void sqlite_waits_for_a_lock(void **state)
{
	const struct database *d = *state;
	struct dp_event *ev = event(1, "a", 0, DP_INFO, "web");
	const struct dp_event *one = ev;
	sqlite3 *db;

	assert_ok(d->store, dp_store_connect(d->store));
	assert_int_equal(sqlite3_open(d->url + strlen("sqlite:///"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_fault(
	    d->store, dp_store_put(d->store, &one, 1, NULL, NULL), DP_STORE_AWAY, "locked");
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	assert_ok(d->store, dp_store_put(d->store, &one, 1, NULL, NULL));
	sqlite3_close(db);
	free(ev);
}

static void sqlite_closes_in_time_while_it_is_read(void **state)
{
	struct database *d = *state;
	int64_t start_ms;
	sqlite3 *db;

	put_one(d->store, event(1, "a", 0, DP_INFO, "web"));
	assert_int_equal(sqlite3_open(d->url + strlen("sqlite:///"), &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db, "BEGIN; SELECT * FROM events", NULL, NULL, NULL), SQLITE_OK);
	put_one(d->store, event(2, "a", 0, DP_INFO, "web"));
	start_ms = dp_clock_monotonic_ms();
	dp_store_close(&d->store);
	assert_in_range(dp_clock_monotonic_ms() - start_ms, 0, 2000);
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "2");
	sqlite3_close(db);
}

/* Without a failure: a pool of connections would have one for each of them. */
static void pg_connects_again_where_the_server_ended_it(void **state)
{
	static const char kill_all[] =
	    "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
	    " WHERE datname = current_database() AND pid <> pg_backend_pid()";
	const struct database *d = *state;
	struct told t = {0};

	put_one(d->store, event(1, "a", 0, DP_INFO, "web"));
	sql(d, kill_all);
	put_one(d->store, event(2, "a", 0, DP_INFO, "web"));
	sql(d, kill_all);
	assert_ok(d->store, dp_store_trace(d->store, "a", SIZE_MAX, tell_event, &t));
	assert_told(&t, "1 2");
}

static void pg_tells_absence_from_a_mistake(void **state)
{
	struct database *d = *state;
	static const struct {
		const char *url;
		const char *in_text;
		enum dp_store_fault fault;
	} cases[] = {
	    {"postgresql://nobody:secret@127.0.0.1:1/x", "refused", DP_STORE_AWAY},
	    {"postgresql://nobody@no-such-host.invalid/x", "no-such-host", DP_STORE_AWAY},
	    {"postgresql://localhost:x:y/", "invalid", DP_STORE_BROKEN},
	    {"postgresql://localhost/?sslmode=perhaps", "sslmode", DP_STORE_BROKEN},
	    {NULL, "does not exist", DP_STORE_BROKEN},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		dp_store_close(&d->store);
		if (cases[i].url)
			snprintf(d->url, sizeof d->url, "%s", cases[i].url);
		else
			pg_url("no_such_database", d->url, sizeof d->url);
		d->store = open_store(d, DP_STORE_WRITE);
		assert_fault(
		    d->store, dp_store_connect(d->store), cases[i].fault, cases[i].in_text);
		assert_null(strstr(dp_store_error(d->store), "secret"));
		assert_null(strstr(dp_store_error(d->store), "\n"));
	}
}

static void pg_wants_utf8(void **state)
{
	struct database *d = *state;
	char text[200];

	dp_store_close(&d->store);
	snprintf(text, sizeof text, "DROP DATABASE %s", d->name);
	pg_run(getenv("DEVPULSE_TEST_PG"), text, NULL, 0);
	snprintf(text, sizeof text,
	    "CREATE DATABASE %s ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0", d->name);
	pg_run(getenv("DEVPULSE_TEST_PG"), text, NULL, 0);
	d->store = open_store(d, DP_STORE_WRITE);
	assert_fault(d->store, dp_store_connect(d->store), DP_STORE_BROKEN, "LATIN1");
}

static void pg_blames_no_event_where_none_was_put(void **state)
{
	const struct database *d = *state;
	int64_t head;

	assert_ok(d->store, dp_store_connect(d->store));
	sql(d, "ALTER TABLE events RENAME TO gone");
	sql(d,
	    "CREATE VIEW events AS SELECT 1 / (seq - seq) AS seq FROM generate_series(1, 2) seq");
	assert_fault(d->store, dp_store_tail(d->store, &everything, 1, INT64_MAX, &head),
	    DP_STORE_BROKEN, "division by zero");
}

/* Keys fit to be distributed: each unique index holds trace_id, but for the small tables that stay
 * whole. */
int main(void)
{
	const struct CMUnitTest of_urls[] = {
	    cmocka_unit_test(bad_urls_are_refused),
	    cmocka_unit_test(names_hold_no_password),
	    cmocka_unit_test(the_default_url_follows_the_environment),
	};
	const struct CMUnitTest of_sqlite[] = {
	    IN_SQLITE(sqlite_makes_private_files),
	    IN_SQLITE(sqlite_sees_that_its_file_was_deleted),
	    IN_SQLITE(sqlite_says_what_is_wrong_with_the_file),
	    IN_SQLITE(sqlite_says_that_the_file_is_damaged),
	    IN_SQLITE(sqlite_reads_in_a_folder_that_it_cannot_write),
	    IN_SQLITE(sqlite_sees_at_once_what_it_cannot_write),
	    IN_SQLITE(sqlite_waits_for_a_lock),
	    IN_SQLITE(sqlite_closes_in_time_while_it_is_read),
	};
	const struct CMUnitTest of_pg[] = {
	    IN_PG(pg_connects_again_where_the_server_ended_it),
	    IN_PG(pg_tells_absence_from_a_mistake),
	    IN_PG(pg_wants_utf8),
	    IN_PG(pg_blames_no_event_where_none_was_put),
	};
	int failed = cmocka_run_group_tests_name("store, URLs", of_urls, NULL, NULL);

	failed += cmocka_run_group_tests_name("store, files: sqlite", of_sqlite, NULL, NULL);
	if (has_pg("store, servers: postgresql"))
		failed +=
		    cmocka_run_group_tests_name("store, servers: postgresql", of_pg, NULL, NULL);
	return failed;
}
