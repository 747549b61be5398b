#include "stats.h"

#include "mem.h"
#include "quantile.h"

#include <stdlib.h>

enum { MANY = 20 }; /* buckets, of which one may be missing */

static const int64_t second_us = 1000000;

/* In seconds. */
static const int lengths[] = {1, 5, 15, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600,
    86400, 7 * 86400, 30 * 86400};

/* The multiple of `each` that is not above us. */
static int64_t round_down(int64_t us, int64_t each)
{
	const int64_t rest = us % each;

	return us - (rest < 0 ? rest + each : rest);
}

int dp_buckets_choose(int64_t since_us, int64_t until_us, size_t max, struct dp_buckets *out)
{
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		const int64_t each = lengths[i] * second_us;
		const int64_t end = round_down(until_us - (until_us > since_us), each) + each;
		const int64_t first = round_down(since_us, each);
		const size_t n = (size_t)((end - first) / each);

		if (n <= max) {
			*out = (struct dp_buckets){first, each, n};
			return 0;
		}
		if (n == max + 1 && max >= MANY && until_us - since_us <= (int64_t)max * each) {
			*out = (struct dp_buckets){first + each, each, max};
			return 0;
		}
	}
	return -1;
}

int64_t dp_buckets_until(const struct dp_buckets *b)
{
	return b->since_us + (int64_t)b->n * b->each_us;
}

void dp_stats_init(struct dp_stats *st, const struct dp_buckets *buckets)
{
	*st = (struct dp_stats){.buckets = *buckets};
	dp_census_init(&st->systems);
	st->times = dp_mem_resize_array(NULL, DP_STATS_TIMES_MAX, sizeof *st->times);
}

void dp_stats_release(struct dp_stats *st)
{
	dp_census_release(&st->systems);
	free(st->speeds);
	free(st->times);
	st->speeds = NULL;
	st->times = NULL;
}

void dp_stats_add(struct dp_stats *st, int64_t ts_us, struct dp_str system,
    enum dp_severity severity, int64_t events)
{
	const struct dp_buckets *b = &st->buckets;
	struct dp_census_row *row;
	size_t number;

	if (ts_us < b->since_us || ts_us >= dp_buckets_until(b))
		return;
	number = dp_census_take(&st->systems, system);
	row = &st->systems.rows[number];
	row->events += events;
	row->errors += severity == DP_ERROR ? events : 0;
	st->counts[(ts_us - b->since_us) / b->each_us][severity] += events;
	st->totals[severity] += events;
}

bool dp_stats_add_time(struct dp_stats *st, struct dp_str system, double ms)
{
	const size_t number = dp_census_find(&st->systems, system);

	/* one that came since the events were counted */
	if (st->systems.rows[number].events == 0 || !(ms >= 0))
		return true;
	if (st->time_count < DP_STATS_TIMES_MAX)
		st->times[st->time_count++] = (struct dp_stats_time){number, ms};
	return st->time_count < DP_STATS_TIMES_MAX;
}

static int compare_times(const void *pa, const void *pb)
{
	const struct dp_stats_time *a = pa;
	const struct dp_stats_time *b = pb;

	return (a->system > b->system) - (a->system < b->system);
}

/* Of the first times, which are all of one system; `sorted` has room for all. */
static struct dp_stats_system sum_up(const struct dp_stats_time *times, size_t n, double *sorted)
{
	struct dp_stats_system s = {0};

	while (s.measured < n && times[s.measured].system == times->system) {
		sorted[s.measured] = times[s.measured].ms;
		s.measured++;
	}
	dp_quantile_sort(sorted, s.measured);
	s.p50_ms = dp_quantile(sorted, s.measured, 50);
	s.p95_ms = dp_quantile(sorted, s.measured, 95);
	s.p99_ms = dp_quantile(sorted, s.measured, 99);
	return s;
}

void dp_stats_finish(struct dp_stats *st)
{
	size_t *moved = dp_census_rank(&st->systems);
	double *sorted = dp_mem_resize_array(NULL, st->time_count, sizeof *sorted);

	for (size_t i = 0; i < st->time_count; i++)
		st->times[i].system = moved[st->times[i].system];
	if (st->time_count > 1)
		qsort(st->times, st->time_count, sizeof *st->times, compare_times);
	st->speeds = dp_mem_new(st->systems.n * sizeof *st->speeds);
	for (size_t at = 0; at < st->time_count;) {
		struct dp_stats_system *s = &st->speeds[st->times[at].system];

		*s = sum_up(st->times + at, st->time_count - at, sorted);
		at += s->measured;
	}
	free(sorted);
	free(moved);
}
