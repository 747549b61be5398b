/* A clock that jumps by years under the store: nothing is lost, nothing is stuck, and a day's
 * partition is where the server's clock says. And one that runs: queries of SQLite end in time. */
#include "store_fixture.h"

#include <sys/eventfd.h>

/* What the clock says, by the linker (Makefile). NOLINTBEGIN(bugprone-reserved-identifier,cert-*)
 */
static int64_t now_us;

int64_t __wrap_dp_clock_now_us(void);

int64_t __wrap_dp_clock_now_us(void)
{
	return now_us;
}

static int64_t step_ms; /* from each look at the clock to the next; 0: it is the true one */
static int64_t monotonic_ms;

int64_t __real_dp_clock_monotonic_ms(void);
int64_t __wrap_dp_clock_monotonic_ms(void);

int64_t __wrap_dp_clock_monotonic_ms(void)
{
	return step_ms ? (monotonic_ms += step_ms) : __real_dp_clock_monotonic_ms();
}
/* NOLINTEND(bugprone-reserved-identifier,cert-*) */

#define DAY_US INT64_C(86400000000)

static const int64_t times[] = {
    INT64_C(1800000000000000),          /* 2027 */
    INT64_C(1800000000000000) - DAY_US, /* the day before */
    INT64_C(253402300799999999),        /* the end of 9999 */
    0,
    -1,
    INT64_C(-62135596800000000), /* the beginning of the year 1 */
    INT64_C(1800000000000000) + 4000 * DAY_US,
};

static void the_clock_jumps(void **state)
{
	enum { TIMES = sizeof times / sizeof *times };
	const struct database *d = *state;
	struct told t = {0};

	for (int i = 0; i < TIMES; i++) {
		now_us = times[i];
		put_one(d->store, event(2 * i, "a", now_us, DP_ERROR, "web"));
		put_one(d->store, event(2 * i + 1, "b", times[0], DP_INFO, "db"));
	}
	assert_ok(d->store, dp_store_after(d->store, &everything, 0, 100, tell_event, &t));
	assert_told(&t, "0 1 2 3 4 5 6 7 8 9 10 11 12 13");
	assert_ok(d->store, dp_store_trace(d->store, "a", SIZE_MAX, tell_event, &t));
	t.order_broken = false; /* it is of time */
	assert_told(&t, "10 8 6 2 0 12 4");
	assert_string_equal(sql(d, "SELECT sum(events) FROM traces"), "14");
	assert_string_equal(sql(d, "SELECT sum(events) FROM minute_counts"), "14");
	if (d->is_pg) /* yesterday, today, two to come */
		assert_string_equal(
		    sql(d, "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE"
			   " 'events\\_20%'"),
		    "4");
}

/* Names that come and go leave room for others. */
static void systems_of_long_ago_are_forgotten(void **state)
{
	enum { N = 1000 };
	const struct database *d = *state;
	struct dp_event *events[N];

	now_us = times[0];
	for (int i = 0; i < N; i++) {
		char name[20];

		snprintf(name, sizeof name, "job %d", i);
		events[i] = event(i, "a", now_us, DP_INFO, name);
	}
	put(d->store, events, N, NULL);
	put_one(d->store, event(N, "a", now_us, DP_INFO, "one too many"));
	assert_string_equal(sql(d, "SELECT events FROM minute_counts WHERE system = ''"), "1");
	now_us += 2 * DAY_US;
	put_one(d->store, event(N + 1, "a", now_us, DP_INFO, "later"));
	assert_string_equal(sql(d, "SELECT events FROM minute_counts WHERE system = 'later'"), "1");
}

/* A reader, and a query that would count to 3 million. */
static struct dp_store *count_slowly(const struct database *d)
{
	assert_ok(d->store, dp_store_connect(d->store));
	sql(d, "ALTER TABLE events RENAME TO gone");
	sql(d, "CREATE VIEW events AS WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1"
	       " FROM s WHERE n < 3000000) SELECT n AS seq, 't' AS trace_id, '' AS event_id,"
	       " 0 AS ts, 'info' AS severity, 'web' AS system, 'log' AS type, '{\"n\":1}' AS body"
	       " FROM s WHERE n = 3000000");
	return open_store(d, DP_STORE_READ);
}

static void a_query_that_takes_too_long_is_ended(void **state)
{
	const struct database *d = *state;
	struct dp_store *reader = count_slowly(d);
	struct told t = {0};
	int64_t head;

	step_ms = 1000;
	assert_fault(reader, dp_store_after(reader, &everything, 0, 1, tell_event, &t),
	    DP_STORE_BROKEN, "longer than 30 s");
	assert_int_equal(t.rows, 0);
	assert_ok(reader, dp_store_head(reader, &head));
	step_ms = 0;
	dp_store_close(&reader);
}

static void who_wants_to_stop_waits_for_no_query(void **state)
{
	const struct database *d = *state;
	struct dp_store *reader = count_slowly(d);
	struct told t = {0};
	int stop_fd = eventfd(1, EFD_CLOEXEC);
	int64_t begin_ms = monotonic_ms;

	dp_store_set_patience(
	    reader, &(struct dp_store_patience){.stop_fd = stop_fd, .end_fd = -1, .stop_ms = 300});
	step_ms = 10;
	assert_fault(reader, dp_store_after(reader, &everything, 0, 1, tell_event, &t),
	    DP_STORE_AWAY, "ended, to stop");
	assert_in_range(monotonic_ms - begin_ms, 300, 400);
	step_ms = 0;
	dp_store_close(&reader);
	close(stop_fd);
}

int main(void)
{
	const struct CMUnitTest of_sqlite[] = {
	    IN_SQLITE(the_clock_jumps),
	    IN_SQLITE(systems_of_long_ago_are_forgotten),
	    IN_SQLITE(a_query_that_takes_too_long_is_ended),
	    IN_SQLITE(who_wants_to_stop_waits_for_no_query),
	};
	const struct CMUnitTest of_pg[] = {
	    IN_PG(the_clock_jumps), IN_PG(systems_of_long_ago_are_forgotten)};
	int failed = cmocka_run_group_tests_name("store, clocks: sqlite", of_sqlite, NULL, NULL);

	if (has_pg("store, clocks: postgresql"))
		failed +=
		    cmocka_run_group_tests_name("store, clocks: postgresql", of_pg, NULL, NULL);
	return failed;
}
