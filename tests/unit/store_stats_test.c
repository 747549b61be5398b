/* Numbers of store.h: the same from either database, whatever the order of arrival. */
#include "store_fixture.h"

#include "clock.h"
#include "json_random.h"
#include "store_rollup.h"

#include <math.h>

static const int64_t minute = INT64_C(60000000);
static const int64_t begin = INT64_C(1767323040000000); /* a whole minute */

/* What was read of each severity, and of how many systems. */
struct counted {
	int64_t events[DP_ERROR + 1];
	int rows;
	bool has_others;
};

static int on_count(void *arg, const struct dp_store_count *c)
{
	struct counted *counted = arg;

	counted->events[c->severity] += c->events;
	counted->rows++;
	counted->has_others = counted->has_others || c->system.n == 0;
	return 0;
}

static struct counted count(struct dp_store *s, int64_t since_us, int64_t until_us)
{
	struct counted c = {.rows = 0};

	assert_ok(s, dp_store_minutes(s, since_us, until_us, on_count, &c));
	return c;
}

static void minutes_are_summed_up(void **state)
{
	struct dp_store *s = ((struct database *)*state)->store;
	struct dp_event *events[] = {
	    event(1, "a", begin - 1, DP_INFO, "web"),
	    event(2, "a", begin, DP_INFO, "web"),
	    event(3, "a", begin + minute - 1, DP_ERROR, "web"),
	    event(4, "a", begin + minute, DP_ERROR, "web"),
	    event(5, "a", begin + minute, DP_WARNING, "api"),
	    event(6, "b", begin + 2 * minute, DP_ERROR, "web"),
	};
	struct counted c;

	assert_int_equal(count(s, begin, begin + minute).rows, 0);
	put(s, events, sizeof events / sizeof *events, NULL);
	c = count(s, begin, begin + minute);
	assert_int_equal(c.rows, 2);
	assert_int_equal(c.events[DP_INFO], 1);
	assert_int_equal(c.events[DP_ERROR], 1);
	c = count(s, begin, begin + 2 * minute);
	assert_int_equal(c.rows, 3);
	assert_int_equal(c.events[DP_ERROR], 2);
	assert_int_equal(c.events[DP_WARNING], 1);
	assert_false(c.has_others);
	assert_int_equal(count(s, begin + 3 * minute, begin + 9 * minute).rows, 0);
}

static void many_systems_have_others(void **state)
{
	enum { MANY = DP_ROLLUP_SYSTEMS + 5 };
	struct dp_store *s = ((struct database *)*state)->store;
	struct dp_event *events[MANY];
	struct counted c;

	for (int i = 0; i < MANY; i++) {
		char name[20];

		snprintf(name, sizeof name, "s%d", i);
		events[i] = event(i, "a", begin, DP_INFO, name);
	}
	put(s, events, MANY, NULL);
	c = count(s, begin, begin + minute);
	assert_int_equal(c.events[DP_INFO], MANY);
	assert_int_equal(c.rows, DP_ROLLUP_SYSTEMS + 1);
	assert_true(c.has_others);
}

/* What a reading gave. */
struct read {
	struct dp_store_reach reach;
	int64_t since_us;
	int64_t until_us;
	size_t rows;
	size_t stop_after; /* 0: never */
	double milliseconds;
	int64_t last_us;
	int64_t checksum; /* of the times: which they were */
};

static int on_sample(void *arg, const struct dp_store_sample *x)
{
	struct read *r = arg;

	assert_true(x->ts_us >= r->since_us && x->ts_us < r->until_us);
	assert_true(x->trace_id.n > 0 && x->system.n > 0);
	r->rows++;
	r->milliseconds += isnan(x->duration_ms) ? 0 : x->duration_ms;
	r->last_us = x->ts_us;
	r->checksum += x->ts_us - begin;
	return r->rows == r->stop_after;
}

static struct read read_back(struct dp_store *s, struct dp_store_span span, size_t stop_after)
{
	struct read r = {
	    .since_us = span.since_us, .until_us = span.until_us, .stop_after = stop_after};

	span.end_ms = span.end_ms ? span.end_ms : dp_clock_monotonic_ms() + 60000;
	assert_ok(s, dp_store_samples(s, &span, on_sample, &r, &r.reach));
	return r;
}

static void a_span_is_read(void **state)
{
	struct dp_store *s = ((struct database *)*state)->store;
	struct dp_event *events[10];
	struct dp_store_span span = {begin, begin + 5, &everything, false, 100, 0};
	struct dp_filter errors = {0};
	const char *why;
	struct read r = read_back(s, span, 0);

	assert_true(r.reach.is_complete);
	assert_int_equal(r.rows, 0);
	for (int i = 0; i < 10; i++) {
		events[i] = event(i, "a", begin + i, i % 2 ? DP_INFO : DP_ERROR, "web");
		events[i]->has_duration = i != 3;
		events[i]->duration_ms = i + 0.5;
	}
	put(s, events, 10, NULL);
	r = read_back(s, span, 0);
	assert_int_equal(r.rows, 5);
	assert_int_equal(r.checksum, 10);
	assert_true(r.reach.is_complete && r.reach.since_us == begin);
	assert_true(r.milliseconds == 0.5 + 1.5 + 2.5 + 4.5);
	span.is_timed = true;
	r = read_back(s, span, 0);
	assert_int_equal(r.rows, 4);
	assert_int_equal(r.checksum, 7);
	span.limit = 3;
	assert_false(read_back(s, span, 0).reach.is_complete);
	span.limit = 4;
	assert_true(read_back(s, span, 0).reach.is_complete);
	assert_int_equal(dp_filter_add(&errors, "severity", DP_STR("error"), &why), 0);
	span.filter = &errors;
	r = read_back(s, span, 0);
	assert_int_equal(r.checksum, 6);
	assert_true(r.reach.is_complete);
	dp_filter_release(&errors);
}

static void a_reading_ends_early(void **state)
{
	struct dp_store *s = ((struct database *)*state)->store;
	struct dp_store_span span = {begin, begin + minute, &everything, false, 4, 0};
	struct dp_event *events[10];
	struct read r;

	for (int i = 0; i < 10; i++)
		events[i] = event(i, "a", begin + i, DP_INFO, "web");
	put(s, events, 10, NULL);
	r = read_back(s, span, 0);
	assert_int_equal(r.rows, 4);
	assert_false(r.reach.is_complete);
	assert_int_equal(r.reach.since_us, begin + 6);
	assert_int_equal(r.last_us, begin + 6);
	span.is_timed = true;
	assert_true(read_back(s, span, 0).reach.is_complete);
	span.is_timed = false;
	span.limit = 10;
	r = read_back(s, span, 0);
	assert_int_equal(r.rows, 10);
	assert_true(r.reach.is_complete);
	r = read_back(s, span, 3);
	assert_int_equal(r.rows, 3);
	assert_false(r.reach.is_complete);
	span.end_ms = dp_clock_monotonic_ms() - 1;
	r = read_back(s, span, 0);
	assert_int_equal(r.rows, 0);
	assert_false(r.reach.is_complete);
	assert_int_equal(r.reach.since_us, span.until_us);
}

enum { LIVE = 50000, IMPORTED = 10000, ALL = LIVE + IMPORTED };

static int64_t times[ALL];

/* 600 a minute as they come, a few seconds out of order, some by a clock that is far ahead; then
 * very many of one minute long ago. */
static void fill_out_of_order(struct dp_store *s)
{
	struct dp_event **events = dp_mem_resize_array(NULL, ALL, sizeof(struct dp_event *));
	uint64_t seed = 9;

	for (int i = 0; i < ALL; i++) {
		times[i] = begin + (int64_t)i * 100000 + json_random(&seed, 5000000);
		if (i % 1000 == 0)
			times[i] += 30 * minute;
		if (i >= LIVE)
			times[i] = begin + 20 * minute + json_random(&seed, 60000000);
		events[i] = event(i, "a", times[i], i % 3 ? DP_INFO : DP_ERROR, "web");
	}
	put(s, events, ALL, NULL);
	free((void *)events);
}

/* Every span comes whole, of all events and of some. */
static void whatever_the_order(void **state)
{
	struct dp_store *s = ((struct database *)*state)->store;
	struct dp_filter errors = {0};
	const char *why;
	uint64_t seed = 4;

	fill_out_of_order(s);
	assert_int_equal(dp_filter_add(&errors, "severity", DP_STR("error"), &why), 0);
	for (int round = 0; round < 12; round++) {
		/* first all of them */
		const int64_t since =
		    begin + (round < 2 ? 0 : json_random(&seed, 110) * minute / 2 + 123);
		const int64_t until = since + (round < 2 ? 200 : json_random(&seed, 30)) * minute;
		const bool is_filtered = round % 2;
		const struct dp_store_span span = {
		    since, until, is_filtered ? &errors : &everything, false, ALL, 0};
		const struct read r = read_back(s, span, 0);
		int64_t checksum = 0;
		size_t rows = 0;

		for (int i = 0; i < ALL; i++) {
			if (times[i] < since || times[i] >= until || (is_filtered && i % 3))
				continue;
			checksum += times[i] - begin;
			rows++;
		}
		assert_true(r.reach.is_complete);
		assert_int_equal(r.rows, rows);
		assert_int_equal(r.checksum, checksum);
	}
	dp_filter_release(&errors);
}

int main(void)
{
	const struct CMUnitTest of_sqlite[] = {IN_SQLITE(minutes_are_summed_up),
	    IN_SQLITE(many_systems_have_others), IN_SQLITE(a_span_is_read),
	    IN_SQLITE(a_reading_ends_early), IN_SQLITE(whatever_the_order)};
	const struct CMUnitTest of_pg[] = {IN_PG(minutes_are_summed_up),
	    IN_PG(many_systems_have_others), IN_PG(a_span_is_read), IN_PG(a_reading_ends_early),
	    IN_PG(whatever_the_order), IN_HASHED_PG(whatever_the_order)};
	int failed = cmocka_run_group_tests_name("store, numbers: sqlite", of_sqlite, NULL, NULL);

	if (has_pg("store, numbers: postgresql"))
		failed +=
		    cmocka_run_group_tests_name("store, numbers: postgresql", of_pg, NULL, NULL);
	return failed;
}
