#include "../../cmd/dp-ingest/lag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void nothing_waits_at_the_start_and_behind_the_end(void **state)
{
	struct lag l = {0};
	uint64_t events = 9;
	int64_t since_us = 9;

	(void)state;
	lag_get(&l, 0, &events, &since_us);
	assert_int_equal(events, 0);
	assert_int_equal(since_us, 0);
	lag_add(&l, 100, 10, 5, 0);
	lag_get(&l, 100, &events, &since_us);
	assert_int_equal(events, 0);
	assert_int_equal(since_us, 0);
}

static void between_points_it_is_even(void **state)
{
	static const struct {
		uint64_t mark;
		uint64_t events;
		int64_t since_us;
	} rows[] = {{0, 30, 1}, {50, 25, 1}, {100, 20, LAG_STEP_US + 1}, {300, 10, LAG_STEP_US + 1},
	    {500, 0, 0}};
	struct lag l = {0};
	uint64_t events;
	int64_t since_us;

	(void)state;
	lag_add(&l, 40, 4, 1, 0);
	lag_add(&l, 100, 6, LAG_STEP_US, 0);      /* the same point */
	lag_add(&l, 500, 20, LAG_STEP_US + 1, 0); /* the next */
	assert_int_equal(l.count, 2);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		lag_get(&l, rows[i].mark, &events, &since_us);
		if (events != rows[i].events || since_us != rows[i].since_us)
			fail_msg("row %zu: %ju %jd", i, (uintmax_t)events, (intmax_t)since_us);
	}
	lag_add(&l, 600, 10, 3 * LAG_STEP_US, 300); /* forgets the first */
	lag_get(&l, 300, &events, &since_us);
	assert_int_equal(events, 20);
	assert_int_equal(l.count, 2);
}

static void hours_of_backlog_cost_no_memory(void **state)
{
	enum { POINTS = 100000 };
	struct lag l = {0};
	uint64_t events;
	int64_t since_us;

	(void)state;
	for (uint64_t i = 1; i <= POINTS; i++)
		lag_add(&l, i * 1000, 10, (int64_t)i * LAG_STEP_US, 0);
	lag_get(&l, 0, &events, &since_us);
	assert_int_equal(events, POINTS * 10);
	assert_int_equal(since_us, LAG_STEP_US);
	for (uint64_t mark = 0; mark < POINTS; mark += 997) {
		lag_get(&l, mark * 1000, &events, &since_us);
		assert_in_range(events, (POINTS - mark) * 10 - 10, (POINTS - mark) * 10 + 10);
		assert_true(since_us <= (int64_t)(mark + 1) * LAG_STEP_US);
		assert_true(since_us > ((int64_t)mark - 1024) * LAG_STEP_US);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_waits_at_the_start_and_behind_the_end),
	    cmocka_unit_test(between_points_it_is_even),
	    cmocka_unit_test(hours_of_backlog_cost_no_memory),
	};

	return cmocka_run_group_tests_name("lag", tests, NULL, NULL);
}
