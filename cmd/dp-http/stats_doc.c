#include "stats_doc.h"

#include "answer.h"
#include "clock.h"
#include "range.h"
#include "stats.h"
#include "systems.h"
#include "trace_doc.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUCKETS_DEFAULT = 60,
	EVENTS_MAX = 200000, /* that are counted one by one */
	MEASURE_MS = 500,    /* for durations, where nothing else is read from the events */
};

static const int64_t minute_us = INT64_C(60000000);

/* An answer on its way. */
struct doc {
	struct range range;
	struct dp_stats stats;
	int64_t since_us; /* from then on all is counted */
	bool is_complete;
	int64_t bucket_us; /* the bucket that is read */
	bool is_measured;  /* durations are wanted, too */
	bool is_mixed;     /* the minutes don't tell the systems apart that are asked for */
};

static bool asks_for(const struct dp_filter *f, enum dp_filter_field field)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->terms[i].field == field)
			return true;
	return false;
}

/* Whether the counts of minutes can answer. */
static bool is_of_minutes(const struct doc *d)
{
	for (size_t i = 0; i < d->range.filter.count; i++)
		if (d->range.filter.terms[i].field != DP_FILTER_SYSTEM &&
		    d->range.filter.terms[i].field != DP_FILTER_SEVERITY)
			return false;
	return d->stats.buckets.each_us >= minute_us;
}

static int on_count(void *arg, const struct dp_store_count *c)
{
	struct doc *d = arg;
	const struct dp_event ev = {.system = c->system, .severity = c->severity};

	d->is_mixed = c->system.n == 0 && asks_for(&d->range.filter, DP_FILTER_SYSTEM);
	if (d->is_mixed)
		return 1;
	if (dp_filter_match(&d->range.filter, &ev))
		dp_stats_add(&d->stats, d->bucket_us, c->system, c->severity, c->events);
	return 0;
}

/* Bucket by bucket, the newest first. */
static int count_minutes(struct dp_store *s, struct doc *d)
{
	const struct dp_buckets *b = &d->stats.buckets;

	for (size_t i = b->n; i > 0 && dp_clock_monotonic_ms() < d->range.end_ms; i--) {
		d->bucket_us = b->since_us + (int64_t)(i - 1) * b->each_us;
		if (dp_store_minutes(s, d->bucket_us, d->bucket_us + b->each_us, on_count, d) < 0)
			return -1;
		if (d->is_mixed)
			return 0;
		d->since_us = d->bucket_us;
	}
	d->is_complete = d->since_us == b->since_us;
	return 0;
}

static int on_sample(void *arg, const struct dp_store_sample *x)
{
	struct doc *d = arg;

	dp_stats_add(&d->stats, x->ts_us, x->system, x->severity, 1);
	if (d->is_measured && !isnan(x->duration_ms))
		dp_stats_add_time(&d->stats, x->system, x->duration_ms);
	return 0;
}

static int on_time(void *arg, const struct dp_store_sample *x)
{
	struct doc *d = arg;

	return !dp_stats_add_time(&d->stats, x->system, x->duration_ms);
}

static int count_events(struct dp_store *s, struct doc *d)
{
	const struct dp_store_span span = {d->stats.buckets.since_us,
	    dp_buckets_until(&d->stats.buckets), &d->range.filter, false, EVENTS_MAX,
	    d->range.end_ms};
	struct dp_store_reach reach;

	if (dp_store_samples(s, &span, on_sample, d, &reach) < 0)
		return -1;
	d->is_complete = reach.is_complete;
	d->since_us = reach.since_us;
	return 0;
}

static int measure(struct dp_store *s, struct doc *d)
{
	const int64_t soon_ms = dp_clock_monotonic_ms() + MEASURE_MS;
	const struct dp_store_span span = {d->stats.buckets.since_us,
	    dp_buckets_until(&d->stats.buckets), &d->range.filter, true, EVENTS_MAX,
	    soon_ms < d->range.end_ms ? soon_ms : d->range.end_ms};
	struct dp_store_reach ignored;

	return dp_store_samples(s, &span, on_time, d, &ignored);
}

static int count(struct dp_store *s, struct doc *d)
{
	const struct dp_buckets buckets = d->stats.buckets;

	d->since_us = dp_buckets_until(&buckets);
	if (is_of_minutes(d)) {
		if (count_minutes(s, d) < 0)
			return -1;
		if (!d->is_mixed)
			return d->is_measured ? measure(s, d) : 0;
		dp_stats_release(&d->stats);
		dp_stats_init(&d->stats, &buckets);
	}
	return count_events(s, d);
}

static void write_time(struct dp_buf *out, const char *before, int64_t us)
{
	dp_buf_add_text(out, before);
	trace_doc_write_time(out, us);
}

static void write_counts(struct dp_buf *out, const int64_t counts[DP_ERROR + 1])
{
	for (int i = DP_ERROR; i >= 0; i--)
		dp_buf_addf(out, "%s\"%s\":%" PRId64, i < DP_ERROR ? "," : "",
		    dp_severity_name((enum dp_severity)i), counts[i]);
	dp_buf_add_char(out, '}');
}

static void write_buckets(struct dp_buf *out, const struct dp_stats *st)
{
	for (size_t i = 0; i < st->buckets.n; i++) {
		write_time(out, i > 0 ? ",{\"time\":" : "{\"time\":",
		    st->buckets.since_us + (int64_t)i * st->buckets.each_us);
		dp_buf_add_char(out, ',');
		write_counts(out, st->counts[i]);
	}
}

static void write_percentiles(struct dp_buf *out, const struct dp_stats_system *s)
{
	if (s->measured == 0)
		dp_buf_add_text(out, ",\"p50_ms\":null,\"p95_ms\":null,\"p99_ms\":null");
	else
		dp_buf_addf(out, ",\"p50_ms\":%.15g,\"p95_ms\":%.15g,\"p99_ms\":%.15g", s->p50_ms,
		    s->p95_ms, s->p99_ms);
	dp_buf_addf(out, ",\"measured\":%zu}", s->measured);
}

/* How long it took what was counted to come: a range may reach into the future. */
static double counted_seconds(const struct doc *d)
{
	const int64_t end_us = dp_buckets_until(&d->stats.buckets);
	const int64_t now_us = d->range.now_us;
	const int64_t until_us = now_us > d->since_us && now_us < end_us ? now_us : end_us;

	return until_us > d->since_us ? (double)(until_us - d->since_us) / 1e6 : 1e-6;
}

static void write_system(struct dp_buf *out, const void *arg, size_t i)
{
	const struct doc *d = arg;
	const struct dp_census_row *row = &d->stats.systems.rows[i];

	dp_buf_add_text(out, "{\"system\":");
	systems_write_name(out, &d->stats.systems, i);
	dp_buf_addf(out, ",\"events\":%" PRId64 ",\"errors\":%" PRId64 ",\"rate_per_s\":%.6g",
	    row->events, row->errors, (double)row->events / counted_seconds(d));
	write_percentiles(out, &d->stats.speeds[i]);
}

static void write_document(struct dp_buf *out, const struct doc *d)
{
	const struct dp_stats *st = &d->stats;
	int64_t all = 0;
	bool is_folded;

	for (int i = 0; i <= DP_ERROR; i++)
		all += st->totals[i];
	write_time(out, "{\"since\":", st->buckets.since_us);
	write_time(out, ",\"until\":", dp_buckets_until(&st->buckets));
	dp_buf_addf(out, ",\"bucket_ms\":%" PRId64 ",\"buckets\":[", st->buckets.each_us / 1000);
	write_buckets(out, st);
	dp_buf_addf(out, "],\"totals\":{\"events\":%" PRId64 ",", all);
	write_counts(out, st->totals);
	dp_buf_add_text(out, ",\"systems\":[");
	is_folded = systems_write(out, &st->systems, write_system, d);
	dp_buf_addf(out, "],\"folded\":%s,\"complete\":%s", is_folded ? "true" : "false",
	    d->is_complete ? "true" : "false");
	write_time(out, ",\"counted_since\":", d->since_us);
	dp_buf_add_text(out, "}\n");
}

static int answer(struct request *r, struct dp_store *s, struct doc *d,
    const struct dp_buckets *buckets, enum MHD_Result *result)
{
	struct dp_buf body = {0};
	int rc;

	dp_stats_init(&d->stats, buckets);
	rc = count(s, d);
	if (rc == 0) {
		dp_stats_finish(&d->stats);
		write_document(&body, d);
		*result = answer_json(r, &body);
	}
	dp_stats_release(&d->stats);
	return rc;
}

static size_t read_buckets(const struct query *q, struct dp_buf *errors)
{
	const char *text = query_get(q, "buckets");
	char *end;
	unsigned long n;

	if (!text)
		return BUCKETS_DEFAULT;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno != 0 || n < 1 || n > DP_STATS_BUCKETS_MAX)
		answer_add_error(errors, "buckets", "a number from 1 to 200 is wanted");
	return n;
}

static bool read_durations(const struct query *q, struct dp_buf *errors)
{
	const char *text = query_get(q, "durations");
	bool is_wanted = true;

	if (text && !query_parse_flag(text, &is_wanted))
		answer_add_error(errors, "durations", QUERY_FLAG_WANTED);
	return is_wanted;
}

int stats_doc_answer(struct request *r, struct dp_store *s, enum MHD_Result *result)
{
	struct dp_buf errors = {0};
	struct dp_buckets buckets;
	struct doc d = {.is_complete = false};
	size_t n = read_buckets(&r->query, &errors);
	int rc = 0;

	d.is_measured = read_durations(&r->query, &errors);
	range_read(&d.range, &r->query, &errors);
	if (errors.len == 0 &&
	    dp_buckets_choose(d.range.since_us, d.range.until_us, n, &buckets) < 0)
		answer_add_error(&errors, "since",
		    "the range is longer than so many buckets of 30 days: choose a later one, or "
		    "more buckets");
	if (errors.len > 0)
		*result = answer_bad_parameters(r, dp_buf_str(&errors));
	else
		rc = answer(r, s, &d, &buckets, result);
	dp_buf_release(&errors);
	range_release(&d.range);
	return rc;
}
