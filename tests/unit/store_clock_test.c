/* A clock that jumps by years under the store: nothing is lost, nothing is stuck, and a day's
 * partition is where the server's clock says. */
#include "store_fixture.h"

/* What the clock says, by the linker (Makefile). NOLINTBEGIN(bugprone-reserved-identifier,cert-*)
 */
static int64_t now_us;

int64_t __wrap_dp_clock_now_us(void);

int64_t __wrap_dp_clock_now_us(void)
{
	return now_us;
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
	assert_ok(d->store, dp_store_trace(d->store, "a", tell_event, &t));
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

int main(void)
{
	const struct CMUnitTest of_sqlite[] = {IN_SQLITE(the_clock_jumps)};
	const struct CMUnitTest of_pg[] = {IN_PG(the_clock_jumps)};
	int failed = cmocka_run_group_tests_name("store, clocks: sqlite", of_sqlite, NULL, NULL);

	if (has_pg("store, clocks: postgresql"))
		failed +=
		    cmocka_run_group_tests_name("store, clocks: postgresql", of_pg, NULL, NULL);
	return failed;
}
