/* Whether a batch has an event that one of the batches just before it has, too: by their ids, of
 * which it keeps hashes, so that it may say so without need once in a great while.
 *
 * Where it says so they are not to be on their way to the database at once, each ahead of its turn:
 * the one before could wait there for the one behind, which waits for it here. */
#ifndef DP_RECENT_H
#define DP_RECENT_H

#include "event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RECENT_BATCHES = 2 }; /* that the next one is compared with */

/* {0}: there was none. */
struct recent {
	struct recent_keys {
		uint64_t *keys; /* sorted */
		size_t count;
		size_t cap;
	} batches[RECENT_BATCHES + 1];
	size_t last; /* the place of the last one */
};

/* Notes the events of the next batch. Returns whether one of those before has one of them. */
bool recent_add(struct recent *r, const struct dp_event *const *events, size_t n);

void recent_release(struct recent *r);

#endif
