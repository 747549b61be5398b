/* What the tests of the store need: a new database for each, in either kind; events made by hand;
 * the database seen past the store. */
#ifndef DP_TEST_STORE_FIXTURE_H
#define DP_TEST_STORE_FIXTURE_H

#include "buf.h"
#include "clock.h"
#include "mem.h"
#include "store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The database of a test. */
struct database {
	bool is_pg;
	char folder[64]; /* of SQLite */
	char name[64];   /* of PostgreSQL */
	char url[300];
	struct dp_store *store; /* a writer, closed after the test */
};

/* The URL of the database `name` on the server that the tests may use. */
static inline void pg_url(const char *name, char *out, size_t size)
{
	const char *server = getenv("DEVPULSE_TEST_PG");
	const char *slash = strrchr(server, '/');

	snprintf(out, size, "%.*s/%s", (int)(slash - server), server, name);
}

static inline void pg_run(const char *url, const char *sql, char *out, size_t size)
{
	PGconn *conn = PQconnectdb(url);
	PGresult *res = PQexec(conn, sql);
	ExecStatusType status = PQresultStatus(res);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(conn));
	if (out)
		snprintf(out, size, "%s", PQntuples(res) > 0 ? PQgetvalue(res, 0, 0) : "");
	PQclear(res);
	PQfinish(conn);
}

static inline void sqlite_run(const char *path, const char *sql, char *out, size_t size)
{
	sqlite3_stmt *st = NULL;
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(st) == SQLITE_ROW && out)
		snprintf(out, size, "%s", (const char *)sqlite3_column_text(st, 0));
	assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
	sqlite3_close(db);
}

/* Runs one statement past the store; the first column of its first row, or "". Good until the next
 * call. */
static inline const char *sql(const struct database *d, const char *text)
{
	static char out[1000];

	out[0] = '\0';
	if (d->is_pg)
		pg_run(d->url, text, out, sizeof out);
	else
		sqlite_run(d->url + strlen("sqlite:///"), text, out, sizeof out);
	return out;
}

/* Waits until such a statement gives this. */
static inline void await_sql(const struct database *d, const char *text, const char *want)
{
	const int64_t end_ms = dp_clock_monotonic_ms() + 30000;

	while (strcmp(sql(d, text), want) != 0) {
		if (dp_clock_monotonic_ms() >= end_ms)
			fail_msg("%s: \"%s\" after 30 s, not \"%s\"", text, sql(d, text), want);
		poll(NULL, 0, 10);
	}
}

/* Waits until the server has one that waits for another one. */
static inline void await_waiting(const struct database *d)
{
	await_sql(d, "SELECT count(*) FROM pg_locks WHERE NOT granted", "1");
}

static inline struct dp_store *open_store(const struct database *d, enum dp_store_mode mode)
{
	const char *why = NULL;
	struct dp_store *s = dp_store_open(d->url, mode, &why);

	if (!s)
		fail_msg("%s: %s", d->url, why);
	return s;
}

/* For calls that must succeed: tells the store's error where one doesn't. */
#define assert_ok(store, call)                                            \
	do {                                                              \
		if ((call) != 0)                                          \
			fail_msg("%s: %s", #call, dp_store_error(store)); \
	} while (0)

/* For calls that must fail, with this fault and this in the text. */
#define assert_fault(store, call, fault, part)                                            \
	do {                                                                              \
		assert_int_equal((call), -1);                                             \
		if (!strstr(dp_store_error(store), part))                                 \
			fail_msg("\"%s\" is not in \"%s\"", part, dp_store_error(store)); \
		assert_int_equal(dp_store_fault(store), fault);                           \
	} while (0)

/* The first block of SQL in a document. Release with free(). */
static inline char *read_sql_of(const char *path)
{
	static char text[20000];
	FILE *file = fopen(path, "r");
	size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
	const char *begin;
	const char *end;

	if (!file)
		fail_msg("%s: the tests are run in the folder of the sources", path);
	fclose(file);
	text[n] = '\0';
	begin = strstr(text, "```sql\n");
	assert_non_null(begin);
	begin += strlen("```sql\n");
	end = strstr(begin, "```");
	assert_non_null(end);
	return dp_mem_copy(begin, (size_t)(end - begin));
}

static inline int setup_database(bool is_pg, void **state)
{
	static int number;
	struct database *d = dp_mem_new(sizeof *d);
	char text[200];

	d->is_pg = is_pg;
	if (is_pg) {
		snprintf(d->name, sizeof d->name, "store_test_%d_%d", getpid(), ++number);
		/* A language's order: what is sorted must come in that of bytes all the same. */
		snprintf(text, sizeof text,
		    "CREATE DATABASE %s TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en'",
		    d->name);
		pg_run(getenv("DEVPULSE_TEST_PG"), text, NULL, 0);
		pg_url(d->name, d->url, sizeof d->url);
	} else {
		snprintf(d->folder, sizeof d->folder, "/tmp/devpulse-store-XXXXXX");
		if (!mkdtemp(d->folder))
			return -1;
		snprintf(d->url, sizeof d->url, "sqlite:///%s/events.db", d->folder);
	}
	d->store = open_store(d, DP_STORE_WRITE);
	*state = d;
	return 0;
}

static inline int setup_sqlite(void **state)
{
	return setup_database(false, state);
}

static inline int setup_pg(void **state)
{
	return setup_database(true, state);
}

/* A PostgreSQL whose tables are laid out by trace, as docs/scale.md does it. */
static inline int setup_hashed_pg(void **state)
{
	int rc = setup_database(true, state);
	const struct database *d = *state;
	char *statements = read_sql_of("docs/scale.md");

	assert_ok(d->store, dp_store_connect(d->store));
	pg_run(d->url, statements, NULL, 0);
	free(statements);
	return rc;
}

static inline int teardown(void **state)
{
	static const char *const files[] = {"events.db", "events.db-wal", "events.db-shm"};
	struct database *d = *state;
	char text[200];

	dp_store_close(&d->store);
	if (d->is_pg) {
		snprintf(text, sizeof text, "DROP DATABASE %s WITH (FORCE)", d->name);
		pg_run(getenv("DEVPULSE_TEST_PG"), text, NULL, 0);
	} else {
		for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
			snprintf(text, sizeof text, "%s/%s", d->folder, files[i]);
			unlink(text);
		}
		rmdir(d->folder);
	}
	free(d);
	return 0;
}

#define IN_SQLITE(test)    cmocka_unit_test_setup_teardown(test, setup_sqlite, teardown)
#define IN_PG(test)        cmocka_unit_test_setup_teardown(test, setup_pg, teardown)
#define IN_HASHED_PG(test) cmocka_unit_test_setup_teardown(test, setup_hashed_pg, teardown)

/* Whether there is a server to test with; says so where there is none. */
static inline bool has_pg(const char *group)
{
	if (getenv("DEVPULSE_TEST_PG"))
		return true;
	print_message(
	    "ok - %s # SKIP no server in DEVPULSE_TEST_PG: tests/with-postgres.sh\n", group);
	return false;
}

/* The n-th event of a test: ids and text are made of n. */
static inline struct dp_event *event(
    int n, const char *trace_id, int64_t ts_us, enum dp_severity severity, const char *system)
{
	char json[300];
	char title[40];
	struct dp_event ev = {.trace_id = dp_str_from(trace_id),
	    .system = dp_str_from(system),
	    .type = severity == DP_ERROR ? DP_STR("error") : DP_STR("log"),
	    .severity = severity,
	    .ts_us = ts_us};

	snprintf(ev.event_id, sizeof ev.event_id, "018bcfe5-6800-7000-8000-%012x", (unsigned)n);
	snprintf(title, sizeof title, "title %d", n);
	snprintf(json, sizeof json, "{\"n\":%d,\"details\":\"title %d\"}", n, n);
	ev.title = dp_str_from(title);
	ev.json = dp_str_from(json);
	return dp_event_copy(&ev);
}

/* Stores n events in one batch and frees them. */
static inline void put(
    struct dp_store *s, struct dp_event **events, size_t n, enum dp_store_outcome *outcomes)
{
	assert_ok(s, dp_store_put(s, (const struct dp_event *const *)events, n, NULL, outcomes));
	for (size_t i = 0; i < n; i++)
		free(events[i]);
}

static inline void put_one(struct dp_store *s, struct dp_event *ev)
{
	put(s, &ev, 1, NULL);
}

static const struct dp_filter everything;

/* Collects what a reading gives as text: the title's number of each event, separated by blanks. */
struct told {
	struct dp_buf text;
	int64_t last_seq;
	int stop_after; /* rows, 0: never */
	int rows;
	bool order_broken;
};

static inline int tell_event(void *arg, const struct dp_store_row *row)
{
	struct told *t = arg;

	dp_buf_addf(&t->text, "%s%d", t->text.len ? " " : "",
	    (int)strtol(row->json.p + strlen("{\"n\":"), NULL, 10));
	t->order_broken = t->order_broken || row->seq <= t->last_seq;
	t->last_seq = row->seq;
	return ++t->rows == t->stop_after;
}

static inline int tell_trace(void *arg, const struct dp_store_trace_row *row)
{
	struct told *t = arg;

	dp_buf_addf(
	    &t->text, "%s%.*s", t->text.len ? " " : "", (int)row->trace_id.n, row->trace_id.p);
	return ++t->rows == t->stop_after;
}

/* Traces by time, behind (us, id) where there is one. */
static inline int list_traces(
    struct dp_store *s, int64_t us, const char *id, size_t limit, dp_store_trace_fn *fn, void *arg)
{
	struct dp_store_place from = {.us = us};
	const struct dp_store_list list = {
	    .from = id ? &from : NULL, .limit = limit, .end_ms = INT64_MAX};
	struct dp_store_place reached;

	snprintf(from.id, sizeof from.id, "%s", id ? id : "");
	return dp_store_traces(s, &list, fn, arg, &reached);
}

/* What was told is `want`; begins anew. */
static inline void assert_told(struct told *t, const char *want)
{
	assert_string_equal(dp_buf_text(&t->text), want);
	dp_buf_release(&t->text);
	*t = (struct told){0};
}

#endif
