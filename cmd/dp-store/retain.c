#include "retain.h"

#include "clock.h"
#include "log.h"
#include "proc.h"

#include <inttypes.h>

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

static void tell_what_is_left(struct retain *r, struct dp_store *store)
{
	int64_t bytes = 0;
	bool is_over;

	if (r->limits.bytes == 0 || dp_store_size(store, &bytes) < 0)
		return;
	is_over = bytes > r->limits.bytes;
	if (is_over && !r->is_over_told)
		dp_log(DP_LOG_WARNING,
		    "%" PRId64 " bytes are kept, more than --retain-bytes %" PRId64
		    ", and none of them may go now; see dp-store(1), What is kept",
		    bytes, r->limits.bytes);
	r->is_over_told = is_over;
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
	else if (!more)
		tell_what_is_left(r, store);
	end_ms = dp_clock_monotonic_ms();
	r->due_ms = end_ms + (more ? end_ms - begin_ms + 1 : ROUND_MS);
}
