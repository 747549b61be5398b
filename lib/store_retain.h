/* What the files of retention share: private to lib/store_retain*.c. */
#ifndef DP_STORE_RETAIN_H
#define DP_STORE_RETAIN_H

#include "store_backend.h"

enum {
	DP_RETAIN_EVENTS = 500,      /* removed in a step */
	DP_RETAIN_GROUPS = 32,       /* error groups that they are taken from */
	DP_RETAIN_REMAKE = 1000,     /* events left of a trace that is made anew from them */
	DP_RETAIN_REMAKE_ALL = 2000, /* that are read for it in a step */
};

_Static_assert(DP_RETAIN_REMAKE <= DP_RETAIN_REMAKE_ALL, "a step can always do something");

/* The events that go in a step: the entries that are new, with what counts for roll-ups. */
struct dp_removal {
	struct dp_entry entries[DP_RETAIN_EVENTS];
	struct dp_event events[DP_RETAIN_EVENTS];
	struct dp_fingerprint fingerprints[DP_RETAIN_EVENTS];
	size_t n;
	struct dp_rollup sum;           /* of them */
	int64_t left[DP_RETAIN_EVENTS]; /* of each trace in it */
	struct dp_arena arena;
};

void dp_removal_release(struct dp_removal *r);

/* A copy of a text that the database gave, with the NUL behind it, that lives as long as r. */
struct dp_str dp_removal_keep(struct dp_removal *r, struct dp_str text);

/* Adds a row of DP_SELECT_OLD. */
void dp_removal_add(struct dp_removal *r, const struct dp_store_cell *c);

/* In the transaction: sums up what goes; leaves for another step what would be too much for one. */
int dp_removal_plan(struct dp_store *s, struct dp_removal *r);

/* In the transaction, when the events are gone: takes them out of traces and minutes, and out of
 * groups. */
int dp_removal_settle(struct dp_store *s, struct dp_removal *r);
int dp_removal_settle_groups(struct dp_store *s, struct dp_removal *r);

/* Rows went one by one for the database's size: in PostgreSQL their room shows when it has cleaned
 * up after them, and until then, or for some minutes, no day goes. Once, until the size is right.
 */
void dp_retain_note_room(struct dp_store *s);

/* Moves the clock by which events grow old, and tells it; INT64_MIN where it is not known. It is
 * what the events say (seen_us; INT64_MIN: too little) or what the clock was last and has run
 * since, whichever is later, but not later than now_us. So no event grows older by a machine's
 * clock that jumps ahead. */
int64_t dp_retain_clock_move(
    struct dp_retain_clock *c, int64_t seen_us, int64_t now_us, int64_t monotonic_ms);

#endif
