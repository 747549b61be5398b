#include "stats.h"

#include "clock.h"
#include "json_random.h"
#include "mem.h"
#include "quantile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

static int64_t at(const char *text)
{
	struct dp_time t;

	assert_int_equal(dp_clock_parse(text, strlen(text), &t), 0);
	return t.us;
}

static const struct bucket_case {
	const char *since;
	const char *until;
	size_t max;
	const char *want; /* "since seconds count", or "" where it is too long */
} bucket_cases[] = {
    {"2026-01-02T10:00:00Z", "2026-01-02T11:00:00Z", 60, "2026-01-02T10:00:00Z 60 60"},
    {"2026-01-02T10:00:30Z", "2026-01-02T11:00:30Z", 60, "2026-01-02T10:01:00Z 60 60"},
    {"2026-01-02T10:00:30Z", "2026-01-02T11:00:31Z", 60, "2026-01-02T10:00:00Z 300 13"},
    {"2026-01-02T10:00:30Z", "2026-01-02T11:00:30Z", 19, "2026-01-02T10:00:00Z 300 13"},
    {"2026-01-02T10:14:59.999999Z", "2026-01-02T10:30:00.000001Z", 2,
	"2026-01-02T10:00:00Z 1800 2"},
    {"2026-01-02T10:00:00Z", "2026-01-02T10:00:00Z", 1, "2026-01-02T10:00:00Z 1 1"},
    {"2026-01-02T10:00:00.5Z", "2026-01-02T10:00:00.5Z", 200, "2026-01-02T10:00:00Z 1 1"},
    {"2026-01-02T10:00:00Z", "2026-01-02T10:00:01Z", 1, "2026-01-02T10:00:00Z 1 1"},
    {"2026-01-02T10:00:00Z", "2026-01-02T10:00:01.000001Z", 1, "2026-01-02T10:00:00Z 5 1"},
    {"2026-01-02T10:00:04Z", "2026-01-02T10:00:06Z", 1, "2026-01-02T10:00:00Z 15 1"},
    {"2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z", 60, "2026-01-01T00:00:00Z 10800 56"},
    {"2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z", 60, "2026-01-01T00:00:00Z 86400 59"},
    {"2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z", 9, "2026-01-01T00:00:00Z 604800 9"},
    {"2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z", 3, "2025-12-08T00:00:00Z 2592000 3"},
    {"2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z", 1, ""},
    {"1969-12-31T23:59:59Z", "1970-01-01T00:00:01Z", 2, "1969-12-31T23:59:59Z 1 2"},
    {"1969-12-31T23:59:58Z", "1969-12-31T23:59:59Z", 1, "1969-12-31T23:59:58Z 1 1"},
    {"1969-12-31T23:59:52Z", "1969-12-31T23:59:59Z", 2, "1969-12-31T23:59:50Z 5 2"},
    {"0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", 200, ""},
};

static void test_buckets(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bucket_cases / sizeof *bucket_cases; i++) {
		const struct bucket_case *c = &bucket_cases[i];
		struct dp_buckets b = {.n = 0};
		char got[DP_CLOCK_MAX + 60] = "";

		if (dp_buckets_choose(at(c->since), at(c->until), c->max, &b) == 0) {
			size_t n = dp_clock_write((struct dp_time){b.since_us, 0, 0}, got);

			assert_int_equal(b.since_us % b.each_us, 0);
			snprintf(got + n, sizeof got - n, " %d %d", (int)(b.each_us / 1000000),
			    (int)b.n);
		}
		if (strcmp(got, c->want) != 0)
			fail_msg("%s to %s: \"%s\", not \"%s\"", c->since, c->until, got, c->want);
	}
}

/* Whatever the span: the buckets cover it, but for one at most, and no shorter ones do. */
static void test_any_buckets(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const int64_t since =
		    (int64_t)json_random(&seed, 2000000000) * 1000 - 1000000000000;
		const int64_t until =
		    since +
		    ((int64_t)json_random(&seed, 2000000000) >> json_random(&seed, 31)) * 100000;
		const size_t max = 1 + json_random(&seed, DP_STATS_BUCKETS_MAX);
		struct dp_buckets b;

		if (dp_buckets_choose(since, until, max, &b) < 0) {
			assert_true(until - since > (int64_t)(max - 1) * 30 * 86400 * 1000000);
			continue;
		}
		assert_true(b.n >= 1 && b.n <= max);
		assert_true(b.since_us - since < b.each_us && since - b.since_us < b.each_us);
		assert_true(b.since_us <= since || (max >= 20 && b.n == max));
		assert_true(dp_buckets_until(&b) >= until);
		assert_true(dp_buckets_until(&b) - until <= b.each_us);
	}
}

static void test_quantiles(void **state)
{
	double few[] = {3, 1, 2};
	double hundred[100];

	(void)state;
	dp_quantile_sort(few, 3);
	assert_true(dp_quantile(few, 3, 50) == 2);
	assert_true(dp_quantile(few, 3, 95) == 3);
	assert_true(dp_quantile(few, 3, 1) == 1);
	assert_true(dp_quantile(few, 1, 99) == 1);
	for (int i = 0; i < 100; i++)
		hundred[i] = i * 37 % 100 + 1;
	dp_quantile_sort(hundred, 100);
	for (unsigned percent = 1; percent <= 100; percent++)
		assert_true(dp_quantile(hundred, 100, percent) == percent);
}

enum { SYSTEMS = 7, EVENTS = 5000 };

/* What is counted is what a second count says. */
static void test_counts(void **state)
{
	static const char *const names[SYSTEMS] = {"a", "b", "c", "d", "e", "f", ""};
	const struct dp_buckets buckets = {-50, 10, 20};
	int64_t counts[20][DP_ERROR + 1] = {{0}};
	int64_t events[SYSTEMS] = {0};
	int64_t errors[SYSTEMS] = {0};
	size_t measured[SYSTEMS] = {0};
	static double times[SYSTEMS][EVENTS];
	struct dp_stats st;
	uint64_t seed = 11;
	int64_t last = INT64_MAX;

	(void)state;
	dp_stats_init(&st, &buckets);
	for (int i = 0; i < EVENTS; i++) {
		const int64_t ts = (int64_t)json_random(&seed, 220) - 60;
		const uint32_t k = json_random(&seed, SYSTEMS);
		const enum dp_severity severity =
		    (enum dp_severity)json_random(&seed, DP_ERROR + 1);
		const double ms = (double)json_random(&seed, 1000) - 10;
		const bool is_in = ts >= -50 && ts < 150;

		dp_stats_add(&st, ts, dp_str_from(names[k]), severity, 2);
		if (is_in) {
			counts[(ts + 50) / 10][severity] += 2;
			events[k] += 2;
			errors[k] += severity == DP_ERROR ? 2 : 0;
		}
		if (!is_in || events[k] == 0)
			continue;
		assert_true(dp_stats_add_time(&st, dp_str_from(names[k]), ms));
		if (ms >= 0)
			times[k][measured[k]++] = ms;
	}
	dp_stats_finish(&st);
	assert_memory_equal(st.counts, counts, sizeof counts);
	assert_int_equal(st.systems.n, SYSTEMS);
	for (size_t i = 0; i < st.systems.n; i++) {
		const struct dp_census_row *row = &st.systems.rows[i];
		size_t k = 0;

		while (!dp_str_is(row->system, names[k]))
			k++;
		assert_int_equal(row->events, events[k]);
		assert_int_equal(row->errors, errors[k]);
		assert_true(i < 2 || row->events <= last);
		last = row->events;
		dp_quantile_sort(times[k], measured[k]);
		assert_int_equal(st.speeds[i].measured, measured[k]);
		assert_true(st.speeds[i].p50_ms == dp_quantile(times[k], measured[k], 50));
		assert_true(st.speeds[i].p95_ms == dp_quantile(times[k], measured[k], 95));
		assert_true(st.speeds[i].p99_ms == dp_quantile(times[k], measured[k], 99));
	}
	dp_stats_release(&st);
}

static void test_no_events(void **state)
{
	const struct dp_buckets buckets = {0, 1000000, 3};
	struct dp_stats st;

	(void)state;
	dp_stats_init(&st, &buckets);
	assert_true(dp_stats_add_time(&st, DP_STR("a"), 3));
	dp_stats_finish(&st);
	assert_int_equal(st.systems.n, 1);
	assert_int_equal(st.speeds[0].measured, 0);
	dp_stats_release(&st);
}

/* Times beyond the limit are not taken. */
static void test_many_times(void **state)
{
	const struct dp_buckets buckets = {0, 1000000, 1};
	struct dp_stats st;

	(void)state;
	dp_stats_init(&st, &buckets);
	dp_stats_add(&st, 0, DP_STR("a"), DP_INFO, 1);
	for (int i = 1; i <= DP_STATS_TIMES_MAX + 1; i++)
		assert_int_equal(dp_stats_add_time(&st, DP_STR("a"), i), i < DP_STATS_TIMES_MAX);
	dp_stats_finish(&st);
	assert_int_equal(st.speeds[1].measured, DP_STATS_TIMES_MAX);
	assert_true(st.speeds[1].p99_ms == DP_STATS_TIMES_MAX * 0.99);
	dp_stats_release(&st);
}

/* Of 100,000 systems a thousand are told, those with most events that there was room to notice; no
 * event is lost. */
static void test_many_systems(void **state)
{
	enum { MANY = 100000 };
	struct dp_census c;
	int64_t events = 0;
	size_t *moved;
	char name[20];

	(void)state;
	dp_census_init(&c);
	for (int i = 0; i < MANY; i++) {
		size_t number;

		snprintf(name, sizeof name, "s%d", i);
		number = dp_census_take(&c, dp_str_from(name));
		assert_int_equal(number == DP_CENSUS_OTHERS, i >= DP_CENSUS_NAMES);
		assert_int_equal(dp_census_take(&c, dp_str_from(name)), number);
		c.rows[number].events += i + 1;
		c.rows[number].errors++;
	}
	assert_int_equal(c.n, DP_CENSUS_NAMES + 1);
	moved = dp_census_rank(&c);
	assert_int_equal(c.n, DP_CENSUS_ROWS + 1);
	assert_true(dp_str_is(c.rows[1].system, "s9999"));
	assert_true(dp_str_is(c.rows[DP_CENSUS_ROWS].system, "s9000"));
	assert_int_equal(moved[9999 + 1], 1);
	assert_int_equal(moved[9000 + 1], DP_CENSUS_ROWS);
	assert_int_equal(moved[8999 + 1], DP_CENSUS_OTHERS);
	assert_int_equal(moved[DP_CENSUS_OTHERS], DP_CENSUS_OTHERS);
	for (size_t i = 0; i < c.n; i++)
		events += c.rows[i].events;
	assert_int_equal(events, (int64_t)MANY * (MANY + 1) / 2);
	assert_int_equal(c.rows[DP_CENSUS_OTHERS].errors, MANY - DP_CENSUS_ROWS);
	free(moved);
	dp_census_release(&c);
}

static void test_roster(void **state)
{
	struct dp_roster r = {.max = 300};
	uint64_t seed = 5;
	int known[400] = {0};
	char name[20];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		const uint32_t k = json_random(&seed, 400);
		size_t number = 1000;

		snprintf(name, sizeof name, "%u", k * 7919);
		assert_int_equal(
		    dp_roster_find(&r, dp_str_from(name), &number), known[k] > 0 ? 0 : -1);
		assert_int_equal(dp_roster_take(&r, dp_str_from(name), &number), known[k] > 0 ? 0
										 : n < 300    ? 1
											      : -1);
		if (known[k] == 0 && n < 300)
			known[k] = (int)++n;
		if (known[k] > 0) {
			assert_int_equal(number, known[k] - 1);
			assert_true(dp_str_is(r.names[number], name));
		}
	}
	assert_int_equal(r.n, 300);
	dp_roster_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_buckets),
	    cmocka_unit_test(test_any_buckets),
	    cmocka_unit_test(test_quantiles),
	    cmocka_unit_test(test_counts),
	    cmocka_unit_test(test_no_events),
	    cmocka_unit_test(test_many_times),
	    cmocka_unit_test(test_many_systems),
	    cmocka_unit_test(test_roster),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
