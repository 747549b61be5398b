/* Numbers of store.h: what the minutes say, and the events of a span of time.
 *
 * No index of PostgreSQL has the times of single events. But events arrive about in order of their
 * time and are numbered as they arrive, and how many there are of later minutes is known: so about
 * behind so many numbers from the last one the span begins. From there it is read by numbers, to
 * both sides, until all is found that the minutes say there is. */
#include "clock.h"
#include "store_query.h"

enum {
	SLACK = 5000,       /* numbers around the place where a span should begin */
	PART_FIRST = 2000,  /* numbers that are looked at in a query */
	PART_LEAST = 1000,  /* the fewest */
	PART_MOST = 128000, /* the most */
	PART_QUICK_MS = 50, /* more are looked at after a query that was quicker */
	PART_SLOW_MS = 200, /* and fewer after one that was slower */
};

static const int64_t minute_us = INT64_C(60000000);

struct count_reading {
	dp_store_count_fn *fn;
	void *arg;
};

static enum dp_severity read_severity(struct dp_str name)
{
	enum dp_severity severity = DP_INFO;

	dp_severity_parse(name, &severity);
	return severity;
}

static int on_count(void *arg, const struct dp_store_cell *c)
{
	const struct count_reading *reading = arg;
	const struct dp_store_count count = {c[0].text, read_severity(c[1].text), c[2].number};

	return reading->fn(reading->arg, &count);
}

int dp_store_minutes(
    struct dp_store *s, int64_t since_us, int64_t until_us, dp_store_count_fn *fn, void *arg)
{
	struct count_reading reading = {fn, arg};
	struct dp_query q = {.count = 0};

	if (dp_store_connect(s) < 0)
		return -1;
	dp_buf_add_text(&q.sql,
	    "SELECT system, severity, CAST(sum(events) AS bigint) FROM minute_counts "
	    "WHERE minute >= ");
	dp_query_add_time(&q, since_us);
	dp_buf_add_text(&q.sql, " AND minute < ");
	dp_query_add_time(&q, until_us);
	dp_buf_add_text(&q.sql, " GROUP BY system, severity");
	return dp_query_run(s, &q, on_count, &reading);
}

/* Numbers from the least to the greatest; none where that is less. */
struct part {
	int64_t least;
	int64_t greatest;
};

struct sample_reading {
	struct dp_store *store;
	const struct dp_store_span *span;
	dp_store_sample_fn *fn;
	void *arg;
	int64_t since_us; /* the whole minutes around the span */
	int64_t until_us;
	bool counts_rows; /* all events of these minutes are read, and need not be counted */
	int64_t expected; /* that there are in these minutes */
	int64_t later;    /* in those behind them */
	struct part all;
	int64_t seen;
	size_t given;
	bool is_ended; /* by fn, or by the limit */
	int64_t last_us;
};

static int64_t to_minute(int64_t us)
{
	const int64_t rest = us % minute_us;

	return us - (rest < 0 ? rest + minute_us : rest);
}

static int on_extent(void *arg, const struct dp_store_cell *c)
{
	struct sample_reading *r = arg;

	r->all = (struct part){c[0].number, c[1].number};
	r->expected = c[2].number;
	r->later = c[3].number;
	return 0;
}

/* In one query, so that what arrives meanwhile is in all of it or in nothing. */
static int find_extent(struct sample_reading *r)
{
	struct dp_query q = {.count = 0};

	dp_buf_add_text(&q.sql,
	    "SELECT (SELECT min(seq) FROM events), (SELECT max(seq) FROM events), "
	    "(SELECT CAST(sum(events) AS bigint) FROM minute_counts WHERE minute >= ");
	dp_query_add_time(&q, r->since_us);
	dp_buf_add_text(&q.sql, " AND minute < ");
	dp_query_add_time(&q, r->until_us);
	dp_buf_add_text(
	    &q.sql, "), (SELECT CAST(sum(events) AS bigint) FROM minute_counts WHERE minute >= ");
	dp_query_add_time(&q, r->until_us);
	dp_buf_add_char(&q.sql, ')');
	return dp_query_run(r->store, &q, on_extent, r);
}

static void add_part(struct sample_reading *r, struct dp_query *q, const struct part *p,
    int64_t since_us, int64_t until_us)
{
	dp_buf_add_text(&q->sql, " FROM events WHERE seq >= ");
	dp_query_add_number(q, p->least);
	dp_buf_add_text(&q->sql, " AND seq <= ");
	dp_query_add_number(q, p->greatest);
	r->store->backend->dialect->add_span(q, since_us, until_us);
}

static int on_sample(void *arg, const struct dp_store_cell *c)
{
	struct sample_reading *r = arg;
	const struct dp_store_sample sample = {
	    .trace_id = c[0].text,
	    .system = c[1].text,
	    .ts_us = c[2].number,
	    .severity = read_severity(c[3].text),
	    .duration_ms = c[4].real,
	};

	r->seen += r->counts_rows;
	if (sample.ts_us < r->span->since_us || sample.ts_us >= r->span->until_us)
		return 0;
	r->is_ended = r->given == r->span->limit || r->fn(r->arg, &sample) != 0;
	if (r->is_ended)
		return 1;
	r->last_us = sample.ts_us;
	r->given++;
	return 0;
}

static int read_samples(struct sample_reading *r, const struct part *p)
{
	const struct dp_store_span *span = r->span;
	struct dp_query q = {.count = 0};

	dp_buf_add_text(&q.sql, "SELECT trace_id, system, ts, severity, duration_ms");
	if (r->counts_rows)
		add_part(r, &q, p, r->since_us, r->until_us);
	else
		add_part(r, &q, p, span->since_us, span->until_us);
	if (span->is_timed)
		dp_buf_add_text(&q.sql, " AND duration_ms IS NOT NULL");
	dp_query_add_filter(&q, r->store->backend->dialect, span->filter, false);
	dp_buf_add_text(&q.sql, " ORDER BY seq DESC");
	if (!r->counts_rows) {
		dp_buf_add_text(&q.sql, " LIMIT ");
		dp_query_add_number(&q, (int64_t)(span->limit - r->given) + 1);
	}
	return dp_query_run(r->store, &q, on_sample, r);
}

static int on_seen(void *arg, const struct dp_store_cell *c)
{
	struct sample_reading *r = arg;

	r->seen += c[0].number;
	if (c[0].number > 0)
		r->last_us = c[1].number;
	return 0;
}

/* Counts what there was to choose from. */
static int count_seen(struct sample_reading *r, const struct part *p)
{
	struct dp_query q = {.count = 0};

	dp_buf_add_text(&q.sql, "SELECT count(*), max(ts)");
	add_part(r, &q, p, r->since_us, r->until_us);
	return dp_query_run(r->store, &q, on_seen, r);
}

static bool is_over(const struct sample_reading *r)
{
	return r->is_ended || r->seen >= r->expected || dp_clock_monotonic_ms() >= r->span->end_ms;
}

static int read_part(struct sample_reading *r, const struct part *p, int64_t *size)
{
	const int64_t begin_ms = dp_clock_monotonic_ms();
	int64_t took_ms;

	if (p->least > p->greatest || is_over(r))
		return 0;
	if (read_samples(r, p) < 0)
		return -1;
	if (!r->is_ended && !r->counts_rows && count_seen(r, p) < 0)
		return -1;
	took_ms = dp_clock_monotonic_ms() - begin_ms;
	if (took_ms < PART_QUICK_MS && *size < PART_MOST)
		*size *= 2;
	else if (took_ms > PART_SLOW_MS && *size > PART_LEAST)
		*size /= 2;
	return 0;
}

/* Takes the last numbers away, or the first. */
static struct part cut_last(struct part *p, int64_t size)
{
	struct part last = *p;

	if (p->greatest - p->least >= size)
		last.least = p->greatest - size + 1;
	p->greatest = last.least - 1;
	return last;
}

static struct part cut_first(struct part *p, int64_t size)
{
	struct part first = *p;

	if (p->greatest - p->least >= size)
		first.greatest = p->least + size - 1;
	p->least = first.greatest + 1;
	return first;
}

static bool has_numbers(const struct part *p)
{
	return p->least <= p->greatest;
}

/* Reads from where the span should begin, to both sides. */
static int read_all(struct sample_reading *r, struct dp_store_reach *reach)
{
	const int64_t behind = r->later < SLACK ? 0 : r->later - SLACK;
	const int64_t start =
	    r->all.greatest - behind > r->all.least ? r->all.greatest - behind : r->all.least;
	struct part down = {r->all.least, start};
	struct part up = {start + 1, r->all.greatest};
	int64_t size = PART_FIRST;

	while ((has_numbers(&down) || has_numbers(&up)) && !is_over(r)) {
		struct part p = cut_last(&down, size);

		if (read_part(r, &p, &size) < 0)
			return -1;
		reach->since_us =
		    has_numbers(&down) || r->is_ended ? r->last_us : r->span->since_us;
		p = cut_first(&up, size);
		if (read_part(r, &p, &size) < 0)
			return -1;
	}
	reach->is_complete =
	    !r->is_ended && (r->seen >= r->expected || (!has_numbers(&down) && !has_numbers(&up)));
	return 0;
}

int dp_store_samples(struct dp_store *s, const struct dp_store_span *span, dp_store_sample_fn *fn,
    void *arg, struct dp_store_reach *reach)
{
	struct sample_reading r = {
	    .store = s,
	    .span = span,
	    .fn = fn,
	    .arg = arg,
	    .since_us = to_minute(span->since_us),
	    .until_us = to_minute(span->until_us - 1) + minute_us,
	    .counts_rows = span->filter->count == 0 && !span->is_timed,
	    .last_us = span->until_us,
	};

	*reach = (struct dp_store_reach){false, span->until_us};
	if (dp_store_connect(s) < 0 || find_extent(&r) < 0)
		return -1;
	if (r.expected > 0 && read_all(&r, reach) < 0)
		return -1;
	if (r.expected == 0)
		reach->is_complete = true;
	if (reach->is_complete)
		reach->since_us = span->since_us;
	return 0;
}
