#include "outage.h"

#include "clock.h"
#include "log.h"
#include "proc.h"

#include <poll.h>
#include <unistd.h>

enum { WAIT_FIRST_MS = 200, WAIT_MAX_MS = 10000, STOP_MS = 3000 };

/* Half of the wait is left to chance: programs that lost one database do not come back in step. */
static int with_jitter(int wait_ms)
{
	return wait_ms / 2 + (int)(dp_clock_now_us() % (wait_ms / 2 + 1));
}

bool outage_wait(struct outage *o, const struct dp_store *store)
{
	struct pollfd ends[] = {{.fd = dp_proc_stop_fd(), .events = POLLIN},
	    {.fd = o->of_spool ? STDIN_FILENO : -1}}; /* for POLLHUP, which is always told */

	if (dp_store_fault(store) != DP_STORE_AWAY || o->is_last_try)
		return false;
	if (!o->is_on) {
		dp_log(DP_LOG_WARNING, "the database is away: %s; retrying, nothing is lost",
		    dp_store_error(store));
		o->is_on = true;
		o->since_ms = dp_clock_monotonic_ms();
		o->wait_ms = WAIT_FIRST_MS;
	}
	poll(ends, 2, with_jitter(o->wait_ms));
	o->is_last_try = dp_proc_stopping() || ends[1].revents != 0;
	o->wait_ms = o->wait_ms < WAIT_MAX_MS / 2 ? o->wait_ms * 2 : WAIT_MAX_MS;
	return true;
}

static void note_slow(void *arg, const struct dp_store *store, int64_t waited_ms)
{
	struct outage *o = arg;

	if (o->is_on)
		return;
	dp_log_limited(DP_LOG_WARNING, "slow",
	    "the database doesn't answer for %.0f s: %s; waiting, nothing is lost",
	    (double)waited_ms / 1000, dp_store_name(store));
	o->is_on = true;
	o->since_ms = dp_clock_monotonic_ms() - waited_ms;
	o->wait_ms = WAIT_FIRST_MS;
}

static void watch(bool of_spool, struct outage *o, struct dp_store *store)
{
	dp_store_set_patience(store, &(struct dp_store_patience){.stop_fd = dp_proc_stop_fd(),
					 .end_fd = of_spool ? STDIN_FILENO : -1,
					 .stop_ms = STOP_MS,
					 .on_slow = o ? note_slow : NULL,
					 .arg = o});
}

void outage_watch(struct outage *o, struct dp_store *store)
{
	watch(o->of_spool, o, store);
}

void outage_watch_end(bool of_spool, struct dp_store *store)
{
	watch(of_spool, NULL, store);
}

void outage_end(struct outage *o, const struct dp_store *store)
{
	if (o->is_on)
		dp_log(DP_LOG_INFO, "the database is back after %.1f s: %s",
		    (double)(dp_clock_monotonic_ms() - o->since_ms) / 1000, dp_store_name(store));
	*o = (struct outage){.of_spool = o->of_spool};
}
