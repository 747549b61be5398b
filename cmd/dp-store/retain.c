#include "retain.h"

#include "clock.h"
#include "log.h"
#include "proc.h"

enum { ROUND_MS = 60 * 1000 };

static bool is_on(const struct retain *r)
{
	return r->limits.age_us > 0 || r->limits.bytes > 0;
}

int retain_wait_ms(const struct retain *r)
{
	const int64_t left = r->due_ms - dp_clock_monotonic_ms();

	if (!is_on(r))
		return -1;
	return left > 0 ? (int)left : 0;
}

void retain_step(struct retain *r, struct dp_store *store)
{
	const int64_t begin_ms = dp_clock_monotonic_ms();
	bool more = false;
	int64_t end_ms;

	if (retain_wait_ms(r) != 0 || dp_proc_stopping())
		return;
	if (dp_store_retain(store, &r->limits, dp_clock_now_us(), &more) < 0)
		dp_log_limited(DP_LOG_WARNING, "retain",
		    "what is too old or too much cannot be removed now: %s", dp_store_error(store));
	end_ms = dp_clock_monotonic_ms();
	r->due_ms = end_ms + (more ? end_ms - begin_ms + 1 : ROUND_MS);
}
