/* What retention removes, and that what is left is summed up truly after each step: the tables are
 * compared with those of a second database that was given only the events that are left. Tested
 * alike against SQLite and, where DEVPULSE_TEST_PG names a server, PostgreSQL. */
#include "store_fixture.h"

#include "clock.h"
#include "store_retain.h"

#include <limits.h>

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

/* Tries to drop a day, by the linker (Makefile). NOLINTBEGIN(bugprone-reserved-identifier,cert-*)
 */
static int drops;

int __real_PQsendQueryParams(PGconn *conn, const char *sql, int n, const Oid *types,
    const char *const *values, const int *lengths, const int *formats, int format);
int __wrap_PQsendQueryParams(PGconn *conn, const char *sql, int n, const Oid *types,
    const char *const *values, const int *lengths, const int *formats, int format);

int __wrap_PQsendQueryParams(PGconn *conn, const char *sql, int n, const Oid *types,
    const char *const *values, const int *lengths, const int *formats, int format)
{
	drops += strstr(sql, "devpulse_drop_day") != NULL;
	return __real_PQsendQueryParams(conn, sql, n, types, values, lengths, formats, format);
}
/* NOLINTEND(bugprone-reserved-identifier,cert-*) */

static const int64_t day_one = INT64_C(18262) * DAY; /* 2020-01-01 */

/* What the n-th event of a test is made of; the other members of it are made of n. */
struct given {
	const char *trace_id;
	int64_t ts_us;
	enum dp_severity severity;
	const char *system;
	const char *type;
	const char *details;
};

/* As dp-store reads it: its row can be made anew from its body. */
static struct dp_event *make(int n, const struct given *g)
{
	struct dp_event_reader *reader = dp_event_reader_new();
	struct dp_event *copy;
	struct dp_refusal why;
	struct dp_event ev;
	struct dp_buf json = {0};
	char ts[DP_CLOCK_MAX];

	dp_clock_write((struct dp_time){.us = g->ts_us, .digits = 6}, ts);
	dp_buf_addf(&json,
	    "{\"traceId\":\"%s\",\"eventId\":\"018bcfe5-6800-7000-8000-%012x\",\"timestamp\":"
	    "\"%s\",\"severity\":\"%s\",\"system\":\"%s\",\"type\":\"%s\",\"details\":\"%s\","
	    "\"environment\":\"%s\"}",
	    g->trace_id, (unsigned)n, ts, dp_severity_name(g->severity), g->system, g->type,
	    g->details, n % 3 ? "test" : "prod");
	if (dp_event_read(reader, dp_buf_str(&json), 0, &ev, &why) < 0)
		fail_msg("%s: %s", dp_buf_text(&json), why.why);
	copy = dp_event_copy(&ev);
	dp_buf_release(&json);
	dp_event_reader_free(&reader);
	return copy;
}

enum { BATCH = 4000 };

/* Gathers events and stores them in batches. */
struct feed {
	struct dp_store *store;
	struct dp_event *batch[BATCH];
	size_t count;
	int n;
};

static void flush(struct feed *f)
{
	if (f->count > 0)
		put(f->store, f->batch, f->count, NULL);
	f->count = 0;
}

static void feed(struct feed *f, const struct given *g)
{
	f->batch[f->count++] = make(f->n++, g);
	if (f->count == BATCH)
		flush(f);
}

/* Events in ten minutes before `end_us`, by which the others grow old. */
static void feed_evidence(struct feed *f, int64_t end_us)
{
	for (int i = 0; i < 10; i++)
		feed(f, &(struct given){
			    "now", end_us - i * MINUTE - 1, DP_INFO, "clock", "log", "tick"});
	flush(f);
}

/* PostgreSQL: makes partitions of days of 2020. */
static void add_days(const struct database *d, int from, int n)
{
	char text[100];

	assert_ok(d->store, dp_store_connect(d->store));
	for (int i = from; i < from + n && d->is_pg; i++) {
		snprintf(text, sizeof text, "SELECT devpulse_add_day('2020-01-01'::date + %d)", i);
		sql(d, text);
	}
}

/* All rows of a query as text. */
static char *dump(const struct database *d, const char *query)
{
	struct dp_buf out = {0};

	if (d->is_pg) {
		PGconn *conn = PQconnectdb(d->url);
		PGresult *res = PQexec(conn, query);

		if (PQresultStatus(res) != PGRES_TUPLES_OK)
			fail_msg("%s: %s", query, PQerrorMessage(conn));
		for (int i = 0; i < PQntuples(res); i++)
			for (int c = 0; c < PQnfields(res); c++)
				dp_buf_addf(&out, "%s%c", PQgetvalue(res, i, c),
				    c + 1 < PQnfields(res) ? '|' : '\n');
		PQclear(res);
		PQfinish(conn);
	} else {
		sqlite3_stmt *st = NULL;
		sqlite3 *db = NULL;

		sqlite3_open(d->url + strlen("sqlite:///"), &db);
		if (sqlite3_prepare_v2(db, query, -1, &st, NULL) != SQLITE_OK)
			fail_msg("%s: %s", query, sqlite3_errmsg(db));
		while (sqlite3_step(st) == SQLITE_ROW)
			for (int c = 0; c < sqlite3_column_count(st); c++)
				dp_buf_addf(&out, "%s%c", (const char *)sqlite3_column_text(st, c),
				    c + 1 < sqlite3_column_count(st) ? '|' : '\n');
		sqlite3_finalize(st);
		sqlite3_close(db);
	}
	dp_buf_text(&out);
	return out.data;
}

static void assert_same(
    const struct database *a, const struct database *b, const char *what, const char *query)
{
	char *left = dump(a, query);
	char *right = dump(b, query);
	size_t at = 0;

	while (left[at] && left[at] == right[at])
		at++;
	if (left[at] || right[at]) {
		while (at > 0 && left[at - 1] != '\n')
			at--;
		fail_msg("%s: \"%.*s\" is not \"%.*s\"", what, (int)strcspn(left + at, "\n"),
		    left + at, (int)strcspn(right + at, "\n"), right + at);
	}
	free(left);
	free(right);
}

struct copying {
	struct dp_event_reader *reader;
	struct feed feed;
};

static int copy_event(void *arg, const struct dp_store_row *row)
{
	struct copying *c = arg;
	struct dp_refusal why;
	struct dp_event ev;

	assert_int_equal(dp_event_read(c->reader, row->json, 0, &ev, &why), 0);
	c->feed.batch[c->feed.count++] = dp_event_copy(&ev);
	if (c->feed.count == BATCH)
		flush(&c->feed);
	return 0;
}

/* Empties `to` and gives it the events of `from`. */
static void copy_events(const struct database *from, const struct database *to)
{
	struct copying c = {.reader = dp_event_reader_new(), .feed = {.store = to->store}};

	assert_ok(to->store, dp_store_connect(to->store));
	assert_ok(to->store,
	    to->store->backend->execute(to->store,
		"BEGIN; DELETE FROM events; DELETE FROM traces; DELETE FROM error_groups;"
		" DELETE FROM minute_counts; COMMIT"));
	assert_ok(
	    from->store, dp_store_after(from->store, &everything, 0, SIZE_MAX, copy_event, &c));
	flush(&c.feed);
	dp_event_reader_free(&c.reader);
}

/* SQLite: an event names the row of its trace by number, too, and no row is without events. */
static void check_numbers(const struct database *d)
{
	if (d->is_pg)
		return;
	assert_string_equal(sql(d, "SELECT count(*) FROM events e LEFT JOIN traces t"
				   " USING (trace_n, trace_id) WHERE t.trace_n IS NULL"),
	    "0");
	assert_string_equal(sql(d, "SELECT count(*) FROM traces WHERE trace_n NOT IN"
				   " (SELECT trace_n FROM events)"),
	    "0");
}

/* Whether all is summed up truly. `whole`: no trace is larger than what is made anew. */
static void check(const struct database *d, const struct database *want, bool whole)
{
	check_numbers(d);
	copy_events(d, want);
	assert_same(d, want, "counts of traces",
	    "SELECT trace_id, events, errors, warnings, debugs FROM traces ORDER BY 1");
	if (whole)
		assert_same(d, want, "traces",
		    "SELECT trace_id, first_ts, last_ts, title, title_rank, title_ts, environment,"
		    " last_error, CASE WHEN errors > 0 THEN last_error_ts ELSE first_ts END,"
		    " systems, system_times FROM traces ORDER BY 1");
	assert_same(d, want, "minutes", "SELECT * FROM minute_counts ORDER BY 1, 2, 3");
	assert_same(d, want, "groups",
	    "SELECT fingerprint, type, place, message, events, first_ts, last_ts FROM error_groups"
	    " ORDER BY 1");
	assert_string_equal(
	    sql(d, d->is_pg
		       ? "SELECT count(*) FROM error_groups g, json_array_elements_text("
			 "g.traces::json) t (id) WHERE NOT EXISTS (SELECT FROM events e WHERE "
			 "e.trace_id = id AND e.fingerprint = g.fingerprint)"
		       : "SELECT count(*) FROM error_groups g, json_each(g.traces) t WHERE NOT "
			 "EXISTS (SELECT 1 FROM events e WHERE e.trace_id = t.value AND "
			 "e.fingerprint = g.fingerprint)"),
	    "0");
	assert_string_equal(sql(d, "SELECT count(*) FROM error_groups WHERE traces = '[]'"), "0");
}

/* A second database, for check(). */
static struct database *new_twin(const struct database *d)
{
	void *twin = NULL;

	assert_int_equal(setup_database(d->is_pg, &twin), 0);
	return twin;
}

static void free_twin(struct database *twin)
{
	void *state = twin;

	teardown(&state);
}

/* All steps of a round. Returns how many. */
static int retain(const struct database *d, const struct dp_store_limits *l, int64_t now_us,
    const struct database *twin, bool whole)
{
	bool more = true;
	int steps = 0;

	while (more) {
		assert_ok(d->store, dp_store_retain(d->store, l, now_us, &more));
		if (twin)
			check(d, twin, whole);
		assert_true(++steps < 1000);
	}
	return steps;
}

/* PostgreSQL: a round after the other until the partition of a day of 2020 is gone; the server's
 * own cleaning may be in the way for a while. */
static void retain_until_dropped(
    const struct database *d, const struct dp_store_limits *l, int64_t now_us, const char *name)
{
	char text[100];

	snprintf(text, sizeof text, "SELECT to_regclass('%s') IS NULL", name);
	for (int i = 0; i < 100 && d->is_pg && strcmp(sql(d, text), "t") != 0; i++) {
		retain(d, l, now_us, NULL, true);
		usleep(100 * 1000);
	}
	if (d->is_pg)
		assert_string_equal(sql(d, text), "t");
}

static const char *count(const struct database *d)
{
	return sql(d, "SELECT count(*) FROM events");
}

static void the_clock_moves_by_what_events_say(void **state)
{
	static const struct {
		int64_t seen, now, ms, want;
	} moves[] = {
	    {INT64_MIN, 5000, 0, INT64_MIN}, /* nothing to go by */
	    {INT64_MIN, 5000, 9, INT64_MIN},
	    {100, 5000, 10, 100},
	    {100, 5000, 12, 2100},       /* it runs */
	    {4000, 5000, 13, 4000},      /* events are ahead of it */
	    {4000, 5000, 15, 5000},      /* never later than now */
	    {9000, 5000, 15, 5000},      /* nor are events */
	    {4000, INT64_MAX, 16, 6000}, /* a jump of the machine's clock */
	    {4000, 100, 17, 100},        /* back */
	    {4000, INT64_MAX, 18, 4000},
	};
	struct dp_retain_clock c = {0};

	(void)state;
	for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
		assert_true(dp_retain_clock_move(&c, moves[i].seen, moves[i].now, moves[i].ms) ==
			    moves[i].want);
}

/* Three days of traces: short ones, some that last for all of the time, errors of 40 kinds. */
static void feed_days(struct feed *f, int n, int64_t from_us)
{
	static const char *const types[] = {"log", "request", "query", "task"};
	static const char *const systems[] = {"web", "db", "worker"};

	for (int i = 0; i < n; i++) {
		char trace_id[32];
		char details[64];
		const bool is_long = i % 10 == 0;
		const enum dp_severity severity = i % 7 == 0 ? DP_ERROR : (enum dp_severity)(i % 3);

		snprintf(trace_id, sizeof trace_id, is_long ? "long-%d" : "short-%d",
		    is_long ? i / 10 % 60 : i / 6);
		snprintf(details, sizeof details, "kind %c%c of %d", 'a' + i / 7 % 8,
		    'a' + i / 56 % 5, i);
		feed(
		    f, &(struct given){trace_id, from_us + i * (3 * DAY / n) + i % 5, severity,
			   systems[i % 3], severity == DP_ERROR ? "error" : types[i % 4], details});
	}
	flush(f);
}

static void what_is_old_goes_and_the_rest_stays_true(void **state)
{
	const struct database *d = *state;
	const struct dp_store_limits limits = {.age_us = 2 * DAY};
	struct database *twin = new_twin(d);
	struct feed f = {.store = d->store};
	const int64_t now_us = day_one + 3 * DAY + 30 * MINUTE;

	add_days(d, 0, 4);
	feed_days(&f, 3000, day_one);
	feed(&f, &(struct given){"ancient", day_one - 400 * DAY, DP_ERROR, "web", "error", "old"});
	feed_evidence(&f, now_us);
	check(d, twin, true);
	/* More than it would take if a step took all it might. */
	assert_true(retain(d, &limits, now_us + 5 * SECOND, twin, true) > 1000 / DP_RETAIN_EVENTS);
	/* Ten minutes tell the time; the day is gone, and in SQLite the minutes of the next one. */
	assert_string_equal(sql(d, d->is_pg ? "SELECT count(*) FROM events WHERE ts < '2020-01-02Z'"
					    : "SELECT min(ts) / 60000000 FROM events"),
	    d->is_pg ? "0" : "26298740");
	assert_string_equal(count(d), d->is_pg ? "2010" : "1996");
	retain_until_dropped(d, &limits, now_us, "events_20200101");
	if (d->is_pg)
		assert_string_equal(
		    sql(d, "SELECT to_regclass('events_20200102') IS NOT NULL"), "t");
	free_twin(twin);
}

/* Stores n events of a trace, a minute apart. */
static void feed_trace(struct feed *f, const char *trace_id, int64_t from_us, int n)
{
	for (int i = 0; i < n; i++)
		feed(
		    f, &(struct given){trace_id, from_us + i * MINUTE, DP_INFO, "web", "log", "x"});
	flush(f);
}

static void a_clock_that_jumps_removes_nothing(void **state)
{
	const struct database *d = *state;
	const struct dp_store_limits limits = {.age_us = DAY};
	struct feed f = {.store = d->store};
	const int64_t now_us = day_one + 2 * HOUR;

	add_days(d, 0, 1);
	feed_trace(&f, "a", day_one, 100);
	retain(d, &limits, now_us + 3650 * DAY, NULL, true);
	/* Nor do events from the future, nor a few that come after the jump. */
	feed_trace(&f, "future", now_us + 7000 * DAY, 50);
	feed_trace(&f, "few", now_us + 3650 * DAY, 9);
	retain(d, &limits, now_us + 3650 * DAY + HOUR, NULL, true);
	assert_string_equal(count(d), "159");
	/* Ten are the truth. */
	feed_trace(&f, "enough", now_us + 3650 * DAY + 9 * MINUTE, 1);
	retain(d, &limits, now_us + 3650 * DAY + HOUR, NULL, true);
	assert_string_equal(sql(d, "SELECT count(*) FROM events WHERE trace_id = 'a'"), "0");
	assert_string_equal(sql(d, "SELECT count(*) FROM traces"), "3");
}

static void without_limits_all_stays(void **state)
{
	const struct database *d = *state;
	const struct dp_store_limits limits = {0};
	struct feed f = {.store = d->store};

	feed_trace(&f, "a", day_one, 20);
	assert_int_equal(retain(d, &limits, day_one + 9000 * DAY, NULL, true), 1);
	assert_string_equal(count(d), "20");
}

/* More is left than is made anew: the counts are true, and its times span what is left. */
static void a_large_trace_shrinks(void **state)
{
	const struct database *d = *state;
	const struct dp_store_limits limits = {.age_us = HOUR};
	struct database *twin = new_twin(d);
	struct feed f = {.store = d->store};
	bool more;

	feed_trace(&f, "large", day_one, DP_RETAIN_REMAKE + 200);
	assert_ok(d->store,
	    dp_store_retain(d->store, &limits, day_one + 170 * MINUTE, &more)); /* 101 go */
	check(d, twin, false);
	assert_string_equal(sql(d, "SELECT events FROM traces"), "1099");
	assert_string_equal(sql(d, d->is_pg ? "SELECT count(*) FROM traces WHERE first_ts = "
					      "'2020-01-01Z' AND last_ts > '2020-01-01T19:00Z'"
					    : "SELECT count(*) FROM traces WHERE first_ts = "
					      "1577836800000000 AND last_ts > 1577905200000000"),
	    "1");
	retain(d, &limits, day_one + 270 * MINUTE, twin, false);
	check(d, twin, true);
	assert_string_equal(sql(d, "SELECT events FROM traces"), "999");
	retain(d, &limits, day_one + 9000 * MINUTE, twin, true);
	free_twin(twin);
}

/* Of several traces at a time more is left than a step reads again. */
static void traces_take_turns(void **state)
{
	const struct database *d = *state;
	const struct dp_store_limits limits = {.age_us = HOUR};
	struct database *twin = new_twin(d);
	struct feed f = {.store = d->store};
	char trace_id[20];

	for (int i = 0; i < 3600; i++) {
		snprintf(trace_id, sizeof trace_id, "t%d", i % 6);
		feed(&f,
		    &(struct given){trace_id, day_one + i * SECOND, DP_INFO, "web", "log", "x"});
	}
	flush(&f);
	feed_evidence(&f, day_one + 70 * MINUTE + 1000 * SECOND);
	assert_true(retain(d, &limits, day_one + 70 * MINUTE + 1000 * SECOND, twin, true) > 4);
	assert_string_equal(count(d), "2590");
	free_twin(twin);
}

/* Which traces stand for a group: those that are there, and some always. */
static void groups_show_traces_that_are_there(void **state)
{
	const struct database *d = *state;
	const struct dp_store_limits limits = {.age_us = HOUR};
	struct database *twin = new_twin(d);
	struct feed f = {.store = d->store};

	for (int i = 0; i < 200; i++) {
		char trace_id[20];

		snprintf(trace_id, sizeof trace_id, "t%d", i % 100);
		feed(&f, &(struct given){trace_id, day_one + i * MINUTE, DP_ERROR, "web", "error",
			     i < 100 ? "no such order"
			     : i % 2 ? "no such order"
				     : "no such user"});
	}
	flush(&f);
	feed_evidence(&f, day_one + 200 * MINUTE);
	retain(d, &limits, day_one + 200 * MINUTE, twin, true);
	assert_string_equal(
	    sql(d, "SELECT events FROM error_groups WHERE message LIKE '%order'"), "35");
	retain(d, &limits, day_one + 200 * MINUTE, twin, true);
	free_twin(twin);
}

static void dead_letters_go(void **state)
{
	const struct database *d = *state;
	const struct dp_store_limits limits = {.age_us = HOUR};
	struct feed f = {.store = d->store};
	char text[300];

	feed_evidence(&f, day_one + 2 * HOUR);
	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof text,
		    d->is_pg ? "INSERT INTO dead_letters VALUES ('t', "
			       "'018bcfe5-6800-7000-8000-00000000000%d', "
			       "'2020-01-01Z'::timestamptz + interval '%d hour', 'why', 'x')"
			     : "INSERT INTO dead_letters VALUES ('t', "
			       "'018bcfe5-6800-7000-8000-00000000000%d', "
			       "1577836800000000 + 3600000000 * %d, 'why', x'00')",
		    i, i);
		sql(d, text);
	}
	retain(d, &limits, day_one + 2 * HOUR, NULL, true);
	assert_string_equal(sql(d, "SELECT count(*) FROM dead_letters"), "2");
}

static void many_dead_letters_take_several_steps(void **state)
{
	const struct database *d = *state;
	const struct dp_store_limits limits = {.age_us = HOUR};
	struct feed f = {.store = d->store};

	feed_evidence(&f, day_one + 2 * HOUR);
	sql(d,
	    d->is_pg
		? "INSERT INTO dead_letters SELECT 't' || n, "
		  "'018bcfe5-6800-7000-8000-000000000000', '2020-01-01Z', 'why', 'x' "
		  "FROM generate_series(1, 700) n"
		: "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 700)"
		  " INSERT INTO dead_letters SELECT 't' || n, 'e', 1577836800000000, 'why', x'00'"
		  " FROM c");
	assert_int_equal(retain(d, &limits, day_one + 2 * HOUR, NULL, true), 2);
	assert_string_equal(sql(d, "SELECT count(*) FROM dead_letters"), "0");
}

/* Between steps more comes of what is going, and what is late. */
static void events_that_come_meanwhile_count(void **state)
{
	const struct database *d = *state;
	const struct dp_store_limits limits = {.age_us = 2 * DAY};
	struct database *twin = new_twin(d);
	struct feed f = {.store = d->store};
	const int64_t now_us = day_one + 3 * DAY + 30 * MINUTE;
	bool more = true;

	add_days(d, 0, 4);
	feed_days(&f, 1500, day_one);
	feed_evidence(&f, now_us);
	for (int i = 0; more; i++) {
		assert_ok(d->store, dp_store_retain(d->store, &limits, now_us, &more));
		if (i < 3)
			feed_days(&f, 20, day_one + i * HOUR);
		check(d, twin, true);
	}
	assert_string_equal(
	    sql(d, d->is_pg ? "SELECT count(*) FROM events WHERE ts < '2020-01-02Z'"
			    : "SELECT count(*) FROM events WHERE ts < 1577924400000000"),
	    "0");
	free_twin(twin);
}

/* Where there were too many systems, the minutes of some are counted together. */
static void minutes_of_systems_without_room_shrink(void **state)
{
	const struct database *d = *state;
	const struct dp_store_limits limits = {.age_us = HOUR};
	struct feed f = {.store = d->store};
	char system[20];

	for (int i = 0; i < DP_ROLLUP_SYSTEMS + 5; i++) {
		snprintf(system, sizeof system, "s%d", i);
		feed(&f,
		    &(struct given){"a", day_one + i % 2 * 12 * HOUR, DP_INFO, system, "log", ""});
	}
	flush(&f);
	assert_string_equal(sql(d, "SELECT sum(events) FROM minute_counts WHERE system = ''"), "5");
	feed_evidence(&f, day_one + 12 * HOUR);
	retain(d, &limits, day_one + 12 * HOUR, NULL, true);
	assert_string_equal(
	    sql(d, d->is_pg
		       ? "SELECT count(*) FROM minute_counts WHERE minute < '2020-01-01T11:00Z'"
		       : "SELECT count(*) FROM minute_counts WHERE minute < 1577876400000000"),
	    "0");
	assert_string_equal(sql(d, "SELECT (SELECT sum(events) FROM minute_counts) -"
				   " (SELECT count(*) FROM events)"),
	    "0");
}

static void a_step_that_fails_changes_nothing(void **state)
{
	const struct database *d = *state;
	const struct dp_store_limits limits = {.age_us = HOUR};
	struct database *twin = new_twin(d);
	struct feed f = {.store = d->store};
	bool more = true;

	feed_days(&f, 700, day_one);
	sql(d, "ALTER TABLE error_groups RENAME TO hidden");
	assert_fault(d->store, dp_store_retain(d->store, &limits, day_one + 3 * DAY, &more),
	    DP_STORE_BROKEN, "error_groups");
	assert_true(more);
	sql(d, "ALTER TABLE hidden RENAME TO error_groups");
	assert_string_equal(count(d), "700");
	check(d, twin, true);
	feed_trace(&f, "the connection serves on", day_one, 1);
	retain(d, &limits, day_one + 3 * DAY, twin, true);
	free_twin(twin);
}

/* A cursor that was given out stays one. */
static void the_head_does_not_fall(void **state)
{
	const struct database *d = *state;
	const struct dp_store_limits limits = {.age_us = HOUR};
	struct feed f = {.store = d->store};
	int64_t before;
	int64_t after;

	feed_evidence(&f, day_one + 12 * HOUR);
	feed_trace(&f, "newest, but old", day_one, 5);
	assert_ok(d->store, dp_store_head(d->store, &before));
	retain(d, &limits, day_one + 12 * HOUR, NULL, true);
	assert_string_equal(count(d), "10");
	assert_ok(d->store, dp_store_head(d->store, &after));
	assert_int_equal(before, 15);
	assert_int_equal(after, 15);
}

static void size_limits_sqlite(void **state)
{
	const struct database *d = *state;
	struct dp_store_limits limits = {.bytes = 600 * 1024};
	struct database *twin = new_twin(d);
	struct feed f = {.store = d->store};
	char before[40];

	feed_days(&f, 3000, day_one);
	snprintf(before, sizeof before, "%s", sql(d, "SELECT max(ts) FROM events"));
	retain(d, &limits, day_one, twin, true);
	assert_true(strtol(count(d), NULL, 10) > 300);
	assert_true(strtol(count(d), NULL, 10) < 2500);
	assert_true(strtol(sql(d, "SELECT (page_count - freelist_count) * page_size FROM "
				  "pragma_page_count, pragma_freelist_count, pragma_page_size"),
			NULL, 10) <= limits.bytes);
	assert_string_equal(sql(d, "SELECT max(ts) FROM events"), before);
	assert_string_equal(sql(d, "SELECT min(ts) > 1577836800000000 FROM events"), "1");
	assert_int_equal(retain(d, &limits, day_one, twin, true), 1);
	free_twin(twin);
}

static void size_limits_pg(void **state)
{
	const struct database *d = *state;
	struct dp_store_limits limits = {.bytes = INT64_C(1) << 40};
	struct database *twin = new_twin(d);
	struct feed f = {.store = d->store};
	const int64_t now_us = day_one + 2 * DAY + 12 * HOUR;

	add_days(d, 0, 4);
	feed_days(&f, 3000, day_one);
	feed_evidence(&f, now_us);
	retain(d, &limits, now_us, twin, true);
	assert_string_equal(count(d), "3010");
	/* What is less than the three days, and more than two of them. */
	limits.bytes =
	    strtol(sql(d, "SELECT sum(pg_total_relation_size(relid))::bigint FROM ("
			  "SELECT relid FROM pg_partition_tree('events') UNION ALL SELECT "
			  "unnest(ARRAY['traces', 'error_groups', 'minute_counts', "
			  "'dead_letters']::regclass[])) t"),
		NULL, 10) -
	    1;
	retain(d, &limits, now_us, twin, true);
	retain_until_dropped(d, &limits, now_us, "events_20200101");
	assert_string_equal(sql(d, "SELECT to_regclass('events_20200102') IS NOT NULL"), "t");
	/* Nothing suffices: the day that is not over stays. */
	limits.bytes = 1;
	retain(d, &limits, now_us, twin, true);
	retain_until_dropped(d, &limits, now_us, "events_20200102");
	assert_string_equal(sql(d, "SELECT min(ts) >= '2020-01-03Z' FROM events"), "t");
	assert_string_equal(count(d), "1010");
	free_twin(twin);
}

/* Not the days: they are younger, and dead letters would stay when no event is left. */
static void dead_letters_go_for_the_size(void **state)
{
	const struct database *d = *state;
	struct dp_store_limits limits = {.bytes = 1};
	struct feed f = {.store = d->store};
	const int64_t now_us = day_one + 4 * DAY + 12 * HOUR;
	bool more = false;

	add_days(d, 2, 3);
	feed_trace(&f, "a", day_one + 2 * DAY, 10);
	feed_evidence(&f, now_us);
	sql(d, d->is_pg ? "INSERT INTO dead_letters SELECT 't' || n, "
			  "'018bcfe5-6800-7000-8000-000000000000', '2020-01-02Z', 'why', 'x' "
			  "FROM generate_series(1, 10) n"
			: "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE "
			  "n < 10) INSERT INTO dead_letters SELECT 't' || n, 'e', "
			  "1577923200000000, 'why', x'00' FROM c");
	assert_ok(d->store, dp_store_retain(d->store, &limits, now_us, &more));
	assert_true(more);
	assert_string_equal(sql(d, "SELECT count(*) FROM dead_letters"), "0");
	assert_string_equal(count(d), "20");
	if (d->is_pg)
		assert_int_equal(retain(d, &limits, now_us, NULL, true), 1);
}

/* By other hands, as with a day's table: what they leave in the lists grows old, too. */
static void what_events_left_behind_goes(void **state)
{
	const struct database *d = *state;
	const struct dp_store_limits limits = {.age_us = 2 * DAY};
	struct database *twin = new_twin(d);
	struct feed f = {.store = d->store};
	const int64_t now_us = day_one + 6 * DAY;

	for (int i = 0; i < 1200; i++) {
		char trace_id[20];

		snprintf(trace_id, sizeof trace_id, "t%d", i);
		feed(&f, &(struct given){trace_id, day_one + i * MINUTE, DP_ERROR, "web", "error",
			     "no such order"});
	}
	feed_trace(&f, "later", day_one + 5 * DAY, 10);
	feed_evidence(&f, now_us);
	sql(d, "DELETE FROM events WHERE trace_id LIKE 't%' AND trace_id <> 't7'");
	retain(d, &limits, now_us, NULL, true);
	check(d, twin, true);
	assert_string_equal(count(d), "20");
	assert_int_equal(retain(d, &limits, now_us, NULL, true), 1);
	free_twin(twin);
}

/* What has no day of its own, and is older, goes before it; and the room of that is waited for. */
static void events_without_a_day_go_for_the_size(void **state)
{
	const struct database *d = *state;
	struct dp_store_limits limits = {.bytes = 1};
	struct database *twin = new_twin(d);
	struct feed f = {.store = d->store};
	const int64_t now_us = day_one + 4 * DAY + 12 * HOUR;

	add_days(d, 2, 3);
	feed_trace(&f, "old", day_one, 10);
	feed_trace(&f, "a", day_one + 2 * DAY, 10);
	feed_trace(&f, "later", day_one + 10 * DAY, 10);
	feed_evidence(&f, now_us);
	retain(d, &limits, now_us, twin, true);
	assert_string_equal(count(d), "30");
	assert_string_equal(sql(d, "SELECT count(*) FROM traces WHERE trace_id = 'old'"), "0");
	/* Where the size was right meanwhile it is begun anew. */
	limits.bytes = INT64_C(1) << 40;
	retain(d, &limits, now_us, twin, true);
	limits.bytes = 1;
	retain(d, &limits, now_us, twin, true);
	retain_until_dropped(d, &limits, now_us, "events_20200103");
	assert_string_equal(count(d), "20");
	free_twin(twin);
}

/* A reader that takes long keeps an empty day from being dropped, and nobody waits for it. */
static void a_day_is_dropped_when_nobody_reads(void **state)
{
	const struct database *d = *state;
	const struct dp_store_limits limits = {.age_us = 20 * HOUR};
	struct feed f = {.store = d->store};
	const int64_t now_us = day_one + 3 * DAY;
	PGconn *reader = PQconnectdb(d->url);

	add_days(d, 0, 4);
	feed_trace(&f, "a", day_one, 10);
	feed_trace(&f, "a", day_one + DAY, 10);
	feed_evidence(&f, now_us);
	PQclear(PQexec(reader, "BEGIN; SELECT count(*) FROM events"));
	retain(d, &limits, now_us, NULL, true);
	assert_string_equal(count(d), "10"); /* both days are empty */
	assert_string_equal(sql(d, "SELECT to_regclass('events_20200101') IS NOT NULL"), "t");
	feed_trace(&f, "late", day_one, 1);
	PQfinish(reader);
	retain(d, &limits, now_us, NULL, true);
	assert_string_equal(count(d), "10");
	retain_until_dropped(d, &limits, now_us, "events_20200101");
	retain_until_dropped(d, &limits, now_us, "events_20200102");
}

/* Each try waits a moment for it, and all writers and readers wait behind that. */
static void a_reader_in_the_way_is_waited_for_once_a_step(void **state)
{
	const struct database *d = *state;
	const struct dp_store_limits limits = {.age_us = 20 * HOUR};
	struct feed f = {.store = d->store};
	const int64_t now_us = day_one + 5 * DAY;
	PGconn *reader = PQconnectdb(d->url);
	bool more;

	add_days(d, 0, 6);
	for (int i = 0; i < 4; i++)
		feed_trace(&f, "a", day_one + i * DAY, 10);
	feed_evidence(&f, now_us);
	PQclear(PQexec(reader, "BEGIN; SELECT count(*) FROM events"));
	retain(d, &limits, now_us, NULL, true);
	assert_string_equal(count(d), "10");
	drops = 0;
	assert_ok(d->store, dp_store_retain(d->store, &limits, now_us, &more));
	assert_int_equal(drops, 1);
	PQfinish(reader);
}

/* Only a day of which nothing is left; nor is a function for everyone. */
static void a_day_with_events_is_not_dropped(void **state)
{
	const struct database *d = *state;
	struct feed f = {.store = d->store};

	add_days(d, 0, 1);
	feed_trace(&f, "a", day_one, 2);
	assert_string_equal(sql(d, "SELECT devpulse_drop_day('2020-01-01', 1)"), "f");
	assert_string_equal(sql(d, "SELECT devpulse_drop_day('2025-01-01', 0)"), "f");
	assert_string_equal(count(d), "2");
	sql(d, "DELETE FROM events");
	assert_string_equal(sql(d, "SELECT devpulse_drop_day('2020-01-01', 1)"), "t");
	assert_string_equal(
	    sql(d, "SELECT count(*) FROM pg_proc WHERE proname LIKE 'devpulse_%_day' AND"
		   " (proacl IS NULL OR has_function_privilege('pg_monitor', oid, 'EXECUTE'))"),
	    "0");
}

/* As where the table is distributed. */
static void a_table_of_another_layout_shrinks(void **state)
{
	const struct database *d = *state;
	struct dp_store_limits limits = {.age_us = DAY, .bytes = 1};
	struct database *twin = new_twin(d);
	struct feed f = {.store = d->store};
	const int64_t now_us = day_one + 3 * DAY;

	assert_ok(d->store, dp_store_connect(d->store));
	sql(d, "ALTER TABLE events RENAME TO by_day");
	sql(d, "CREATE TABLE events (LIKE by_day INCLUDING ALL) PARTITION BY HASH (trace_id)");
	sql(d,
	    "CREATE TABLE events_a PARTITION OF events FOR VALUES WITH (MODULUS 2, REMAINDER 0)");
	sql(d,
	    "CREATE TABLE events_b PARTITION OF events FOR VALUES WITH (MODULUS 2, REMAINDER 1)");
	feed_days(&f, 1500, day_one);
	feed_evidence(&f, now_us);
	retain(d, &limits, now_us, twin, true);
	assert_string_equal(sql(d, "SELECT min(ts) >= '2020-01-02T23:50:00Z' FROM events"), "t");
	free_twin(twin);
}

#define TESTS(X)                                                                             \
	X(what_is_old_goes_and_the_rest_stays_true), X(a_clock_that_jumps_removes_nothing),  \
	    X(without_limits_all_stays), X(a_large_trace_shrinks), X(traces_take_turns),     \
	    X(groups_show_traces_that_are_there), X(dead_letters_go),                        \
	    X(many_dead_letters_take_several_steps), X(events_that_come_meanwhile_count),    \
	    X(minutes_of_systems_without_room_shrink), X(a_step_that_fails_changes_nothing), \
	    X(the_head_does_not_fall), X(dead_letters_go_for_the_size),                      \
	    X(what_events_left_behind_goes)

int main(void)
{
	const struct CMUnitTest of_none[] = {cmocka_unit_test(the_clock_moves_by_what_events_say)};
	const struct CMUnitTest of_sqlite[] = {TESTS(IN_SQLITE), IN_SQLITE(size_limits_sqlite)};
	const struct CMUnitTest of_pg[] = {TESTS(IN_PG), IN_PG(size_limits_pg),
	    IN_PG(events_without_a_day_go_for_the_size),
	    IN_PG(a_reader_in_the_way_is_waited_for_once_a_step),
	    IN_PG(a_day_is_dropped_when_nobody_reads), IN_PG(a_day_with_events_is_not_dropped),
	    IN_PG(a_table_of_another_layout_shrinks)};
	int failed = cmocka_run_group_tests_name("retention: clock", of_none, NULL, NULL);

	failed += cmocka_run_group_tests_name("retention: sqlite", of_sqlite, NULL, NULL);
	if (has_pg("retention: postgresql"))
		failed += cmocka_run_group_tests_name("retention: postgresql", of_pg, NULL, NULL);
	return failed;
}
