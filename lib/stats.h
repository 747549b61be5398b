/* Numbers about the events of a span of time: how many of each severity in each part of it, and of
 * each system how many and how long they took. Pure. */
#ifndef DP_STATS_H
#define DP_STATS_H

#include "census.h"
#include "event.h"

enum {
	DP_STATS_BUCKETS_MAX = 200,
	DP_STATS_TIMES_MAX = 20000, /* durations that percentiles are made of */
};

/* Equal parts of time, each beginning at a multiple of their length since the epoch. */
struct dp_buckets {
	int64_t since_us;
	int64_t each_us;
	size_t n;
};

/* The shortest usual length (1, 5, 15 s; 1, 5, 15, 30 min; 1, 3, 6, 12 h; 1, 7, 30 days) by which
 * at most so many buckets cover the span. They end at until_us or up to one bucket later, and begin
 * at since_us or up to one bucket earlier; but of 21 or more the first is left out where that makes
 * it so many, as of an hour's minutes. since_us <= until_us, of years 1 to 9999; max > 0. Returns
 * 0, or -1 where the span is too long. */
int dp_buckets_choose(int64_t since_us, int64_t until_us, size_t max, struct dp_buckets *out);

int64_t dp_buckets_until(const struct dp_buckets *b);

/* A system's numbers, once they are finished. */
struct dp_stats_system {
	size_t measured; /* events that a percentile is made of; 0: they are not set */
	double p50_ms;
	double p95_ms;
	double p99_ms;
};

struct dp_stats_time {
	size_t system;
	double ms;
};

struct dp_stats {
	struct dp_buckets buckets;
	int64_t counts[DP_STATS_BUCKETS_MAX][DP_ERROR + 1]; /* by severity */
	int64_t totals[DP_ERROR + 1];
	struct dp_census systems;       /* after dp_stats_finish as dp_census_rank leaves them */
	struct dp_stats_system *speeds; /* of each of them; after dp_stats_finish */
	struct dp_stats_time *times;    /* the module's own */
	size_t time_count;
};

/* buckets.n <= DP_STATS_BUCKETS_MAX. */
void dp_stats_init(struct dp_stats *st, const struct dp_buckets *buckets);
void dp_stats_release(struct dp_stats *st);

/* Adds `events` events of the bucket that ts_us is in; nothing where it is in none. */
void dp_stats_add(struct dp_stats *st, int64_t ts_us, struct dp_str system,
    enum dp_severity severity, int64_t events);

/* Adds the duration of an event of a system of which there are events; what is negative is ignored.
 * Returns whether there is room for more: at most DP_STATS_TIMES_MAX are taken. */
bool dp_stats_add_time(struct dp_stats *st, struct dp_str system, double ms);

void dp_stats_finish(struct dp_stats *st);

#endif
