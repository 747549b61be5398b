/* The partitions of days in PostgreSQL: which get one, and what it costs. */
#include "store_fixture.h"

#include "clock.h"
#include "store_draft.h"

#define DAY_US INT64_C(86400000000)

/* Puts n events of the day that is so many days from today. */
static void put_of_day(struct dp_store *s, int first, int n, int days)
{
	const int64_t noon_us = dp_clock_now_us() / DAY_US * DAY_US + DAY_US / 2;
	struct dp_event *events[200];

	for (int i = 0; i < n; i++)
		events[i] = event(first + i, "a", noon_us + days * DAY_US + i, DP_INFO, "web");
	put(s, events, (size_t)n, NULL);
}

/* Where the events are: how many days back, and how many in the partition of that day, "old" or
 * "new"; the oldest first. */
static const char *places(const struct database *d)
{
	return sql(d,
	    "SELECT string_agg(days || ':' || place || ':' || n, ' ' ORDER BY days DESC) FROM"
	    " (SELECT (now() AT TIME ZONE 'UTC')::date - (ts AT TIME ZONE 'UTC')::date AS days,"
	    "   CASE tableoid::regclass::text WHEN 'events_default_old' THEN 'old'"
	    "   WHEN 'events_default_new' THEN 'new'"
	    "   WHEN 'events_' || to_char(ts AT TIME ZONE 'UTC', 'YYYYMMDD') THEN 'day'"
	    "   END AS place, count(*) AS n FROM events GROUP BY 1, 2) places");
}

static void a_day_of_many_events_gets_a_partition(void **state)
{
	const struct database *d = *state;

	put_of_day(d->store, 0, 150, -10);
	put_of_day(d->store, 200, 5, -20);
	put_of_day(d->store, 300, 150, -365);
	put_of_day(d->store, 500, 150, -400);
	put_of_day(d->store, 700, 150, 2);
	put_of_day(d->store, 900, 150, 3);
	assert_string_equal(places(d), "400:old:150 365:day:150 20:new:5 10:day:150 -2:day:150"
				       " -3:new:150");
	/* and takes with it those that had none */
	put_of_day(d->store, 1200, 150, -20);
	assert_string_equal(places(d), "400:old:150 365:day:150 20:day:155 10:day:150 -2:day:150"
				       " -3:new:150");
}

/* In this style times have names of zones, and India's is Israel's where it is read. */
static void days_begin_alike_however_times_are_shown(void **state)
{
	const struct database *d = *state;
	const int64_t begin_us = dp_clock_now_us() / DAY_US * DAY_US;
	char text[200];

	snprintf(text, sizeof text, "ALTER DATABASE %s SET datestyle = 'SQL, DMY'", d->name);
	sql(d, text);
	snprintf(text, sizeof text, "ALTER DATABASE %s SET timezone = 'Asia/Kolkata'", d->name);
	sql(d, text);
	put_one(d->store, event(1, "a", begin_us, DP_INFO, "web"));
	assert_string_equal(places(d), "0:day:1");
}

static void who_reads_is_not_waited_for(void **state)
{
	const struct database *d = *state;
	PGconn *reader = PQconnectdb(d->url);

	assert_ok(d->store, dp_store_connect(d->store));
	PQclear(PQexec(reader, "BEGIN"));
	PQclear(PQexec(reader, "SELECT count(*) FROM events"));
	put_of_day(d->store, 0, 150, -10);
	assert_string_equal(places(d), "10:new:150");
	PQfinish(reader);
	put_of_day(d->store, 200, 10, -10);
	dp_store_disconnect(d->store); /* or when it is looked for again */
	put_of_day(d->store, 300, 150, -10);
	assert_string_equal(places(d), "10:day:310");
}

static void note(void *arg, const char *text)
{
	dp_buf_add_text(arg, text);
}

/* What it has not committed yet comes along. */
static void who_stores_is_waited_for(void **state)
{
	const struct database *d = *state;
	PGconn *writer = PQconnectdb(d->url);
	PGconn *maker = PQconnectdb(d->url);
	PGresult *res;

	assert_ok(d->store, dp_store_connect(d->store));
	sql(d, "ALTER FUNCTION devpulse_add_day(date) SET lock_timeout = '60s'");
	PQclear(PQexec(writer, "BEGIN"));
	PQclear(PQexec(writer, "INSERT INTO events SELECT 1, 'a', gen_random_uuid(),"
			       " now() - interval '10 days', 'info', 'web', 'log', NULL, NULL,"
			       " NULL, '{}'"));
	assert_true(PQsendQuery(maker,
	    "SELECT devpulse_add_day(((now() - interval '10 days') AT TIME ZONE 'UTC')::date)"));
	await_waiting(d);
	PQclear(PQexec(writer, "COMMIT"));
	res = PQgetResult(maker);
	assert_string_equal(PQresultErrorMessage(res), "");
	assert_string_equal(places(d), "10:day:1");
	PQclear(res);
	PQfinish(maker);
	PQfinish(writer);
}

static struct dp_draft *draft_of_day(struct dp_event **events, int first, int n, int days)
{
	const int64_t noon_us = dp_clock_now_us() / DAY_US * DAY_US + DAY_US / 2;

	for (int i = 0; i < n; i++)
		events[i] = event(first + i, "a", noon_us + days * DAY_US + i, DP_INFO, "web");
	return dp_draft_new((const struct dp_event *const *)events, (size_t)n);
}

/* A batch before may have events of that day where they lay until now, and would be waited for. */
static void who_is_ahead_makes_no_days(void **state)
{
	const struct database *d = *state;
	struct dp_store *twin = dp_store_twin(d->store);
	struct dp_event *few[5];
	struct dp_event *many[150];
	struct dp_draft *drafts[] = {draft_of_day(few, 0, 5, -10), draft_of_day(many, 5, 150, -10)};

	assert_ok(twin, dp_store_connect(twin));
	assert_ok(d->store, dp_store_send(d->store, drafts[0], 0));
	assert_int_equal(dp_store_send(twin, drafts[1], dp_draft_last(drafts[0])), 1);
	assert_ok(d->store, dp_store_finish(d->store, drafts[0], NULL));
	assert_ok(twin, dp_store_send(twin, drafts[1], 0));
	assert_ok(twin, dp_store_finish(twin, drafts[1], NULL));
	assert_string_equal(places(d), "10:day:155");
	for (int i = 0; i < 2; i++)
		dp_draft_free(&drafts[i]);
	for (int i = 0; i < 5; i++)
		free(few[i]);
	for (int i = 0; i < 150; i++)
		free(many[i]);
	dp_store_close(&twin);
}

/* Sends a batch of a day in its turn and one ahead, and finishes both. */
static void store_two_of_day(const struct database *d, struct dp_store *twin, int first, int days)
{
	struct dp_event *events[2][150];
	struct dp_draft *drafts[] = {draft_of_day(events[0], first, 150, days),
	    draft_of_day(events[1], first + 150, 150, days)};

	assert_ok(d->store, dp_store_send(d->store, drafts[0], 0));
	assert_ok(twin, dp_store_send(twin, drafts[1], dp_draft_last(drafts[0])));
	assert_ok(d->store, dp_store_finish(d->store, drafts[0], NULL));
	assert_ok(twin, dp_store_finish(twin, drafts[1], NULL));
	for (int i = 0; i < 2; i++) {
		dp_draft_free(&drafts[i]);
		for (int j = 0; j < 150; j++)
			free(events[i][j]);
	}
}

static void who_is_ahead_finds_the_days_of_others(void **state)
{
	const struct database *d = *state;
	struct dp_store *twin = dp_store_twin(d->store);

	store_two_of_day(d, twin, 0, -10);
	store_two_of_day(d, twin, 300, -9); /* made since */
	assert_string_equal(places(d), "10:day:300 9:day:300");
	dp_store_close(&twin);
}

static void tables_by_hash_have_no_days(void **state)
{
	const struct database *d = *state;
	struct dp_store *twin = dp_store_twin(d->store);

	store_two_of_day(d, twin, 0, -10);
	store_two_of_day(d, twin, 300, -9);
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "600");
	dp_store_close(&twin);
}

/* However many there are: PostgreSQL says so. */
static void events_of_long_ago_are_not_looked_through(void **state)
{
	const struct database *d = *state;
	PGconn *conn = PQconnectdb(d->url);
	struct dp_buf notes = {0};
	PGresult *res;

	put_of_day(d->store, 0, 150, -2000);
	PQsetNoticeProcessor(conn, note, &notes);
	PQclear(PQexec(conn, "SET client_min_messages = debug1"));
	res = PQexec(conn, "SELECT devpulse_add_day(current_date + 10)");
	assert_int_equal(PQresultStatus(res), PGRES_TUPLES_OK);
	assert_non_null(strstr(dp_buf_text(&notes), "default partition \"events_default_old\" is"
						    " implied by existing constraints"));
	assert_null(strstr(notes.data, "\"events_default_new\" is implied"));
	PQclear(res);
	PQfinish(conn);
	dp_buf_release(&notes);
}

int main(void)
{
	const struct CMUnitTest of_pg[] = {
	    IN_PG(a_day_of_many_events_gets_a_partition),
	    IN_PG(days_begin_alike_however_times_are_shown),
	    IN_PG(who_reads_is_not_waited_for),
	    IN_PG(who_stores_is_waited_for),
	    IN_PG(who_is_ahead_makes_no_days),
	    IN_PG(who_is_ahead_finds_the_days_of_others),
	    IN_HASHED_PG(tables_by_hash_have_no_days),
	    IN_PG(events_of_long_ago_are_not_looked_through),
	};

	if (!has_pg("store, days: postgresql"))
		return 0;
	return cmocka_run_group_tests_name("store, days: postgresql", of_pg, NULL, NULL);
}
