/* When a step of retention (dp_store_retain) is due: a round of them begins once a minute, and
 * while it lasts they take half of the time at most. */
#ifndef DP_RETAIN_H
#define DP_RETAIN_H

#include "store.h"

struct retain {
	struct dp_store_limits limits; /* {0}: nothing is ever due */
	int64_t due_ms;                /* the next step; 0: at once */
	bool is_over_told;             /* that more is left than there should be */
};

/* Makes a step where one is due. A failure is said, and tried again with the next round; that all
 * is gone that may go and too much is left, once, until it is so anew. */
void retain_step(struct retain *r, struct dp_store *store);

/* How long until the next step; -1: for ever. */
int retain_wait_ms(const struct retain *r);

#endif
