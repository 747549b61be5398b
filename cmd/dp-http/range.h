/* What /api/stats and /api/flow are asked about: matching events of a range of time. */
#ifndef RANGE_H
#define RANGE_H

#include "filter.h"
#include "query.h"

enum { RANGE_BUDGET_MS = 2000 }; /* for an answer: then it comes with what was found */

struct range {
	struct dp_filter filter;
	int64_t now_us;
	int64_t since_us;
	int64_t until_us; /* behind it; >= since_us */
	int64_t end_ms;   /* of dp_clock_monotonic_ms: when the budget is spent */
};

/* Reads `filter`, `since` and `until`; what is wrong with them is added to *errors. Without `until`
 * the range ends where the filter's times do, or now; without `since` it begins where they do, or
 * an hour before its end. Release with range_release in any case. */
void range_read(struct range *range, const struct query *q, struct dp_buf *errors);
void range_release(struct range *range);

#endif
