/* Waiting for a database that is away: how long, and what is said about it. */
#ifndef DP_OUTAGE_H
#define DP_OUTAGE_H

#include "store.h"

#include <stdbool.h>
#include <stdint.h>

/* {0}: there is none. */
struct outage {
	bool of_spool; /* set by the caller: what stdin gave is in a spool, and its end is no time
			  to wait: who starts the pair again waits for this program */
	bool is_on;
	bool is_last_try; /* a stop signal came, or that end: the next call is the last one */
	int64_t since_ms;
	int wait_ms;
};

/* After a call of the store failed: waits and returns true where it shall be made again. False
 * where waiting doesn't help (the fault is not AWAY), or it was the last try. Says so, once an
 * outage. */
bool outage_wait(struct outage *o, const struct dp_store *store);

/* From here on an answer of the store that doesn't come is an outage, too, and after a stop signal,
 * or the end of a spool's stdin, it is not waited for any longer than 3 s. */
void outage_watch(struct outage *o, struct dp_store *store);

/* The same, but it is nobody's outage. */
void outage_watch_end(bool of_spool, struct dp_store *store);

/* After a call that succeeded: says so where there was an outage. */
void outage_end(struct outage *o, const struct dp_store *store);

#endif
