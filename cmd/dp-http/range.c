#include "range.h"

#include "answer.h"
#include "clock.h"
#include "terms.h"

#include <string.h>

static const int64_t hour_us = INT64_C(3600000000);

static bool read_time(const struct range *range, const struct query *q, const char *name,
    int64_t *us, struct dp_buf *errors)
{
	const char *text = query_get(q, name);

	if (!text)
		return false;
	if (dp_filter_read_time(dp_str_from(text), range->now_us, us) < 0)
		answer_add_error(errors, name, "a time is wanted, as 15m or 2026-01-31T12:00Z");
	return true;
}

/* What the filter says of the time, where the parameters don't. */
static void take_times(struct range *range, bool has_since, bool has_until)
{
	int64_t from_us = INT64_MIN;

	for (size_t i = 0; i < range->filter.count; i++) {
		const struct dp_filter_term *t = &range->filter.terms[i];
		const bool is_end = t->test == DP_FILTER_BELOW || t->test == DP_FILTER_UPTO;
		const bool is_begin = t->test == DP_FILTER_ABOVE || t->test == DP_FILTER_FROM;
		const bool is_time = t->field == DP_FILTER_TIME && !t->negated;

		if (is_time && is_end && !has_until && t->values[0].us < range->until_us)
			range->until_us = t->values[0].us + (t->test == DP_FILTER_UPTO);
		if (is_time && is_begin && t->values[0].us > from_us)
			from_us = t->values[0].us;
	}
	if (!has_since)
		range->since_us = from_us > INT64_MIN ? from_us : range->until_us - hour_us;
}

void range_read(struct range *range, const struct query *q, struct dp_buf *errors)
{
	bool has_since;
	bool has_until;

	*range = (struct range){.now_us = dp_clock_now_us()};
	range->end_ms = dp_clock_monotonic_ms() + RANGE_BUDGET_MS;
	range->until_us = range->now_us;
	for (size_t i = 0; i < q->count; i++)
		if (strcmp(q->params[i].name, "filter") == 0)
			terms_add(&range->filter, &q->params[i], errors);
	has_since = read_time(range, q, "since", &range->since_us, errors);
	has_until = read_time(range, q, "until", &range->until_us, errors);
	take_times(range, has_since, has_until);
	if (range->since_us > range->until_us && errors->len == 0)
		answer_add_error(errors, "since", "it is after until");
}

void range_release(struct range *range)
{
	dp_filter_release(&range->filter);
}
