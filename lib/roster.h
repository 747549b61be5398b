/* Names, each with a number: 0, 1, 2, … as they came. Pure. */
#ifndef DP_ROSTER_H
#define DP_ROSTER_H

#include "arena.h"

/* Start with {0}, or with a limit. Owns its copies of the names. */
struct dp_roster {
	size_t max; /* names at most; 0: no limit */
	size_t n;
	struct dp_str *names; /* by number */
	size_t *order;        /* their numbers, by name */
	struct dp_arena arena;
};

void dp_roster_release(struct dp_roster *r);

/* The number of a name, in *number. Returns 0, or -1 where it has none. */
int dp_roster_find(const struct dp_roster *r, struct dp_str name, size_t *number);

/* The same; a name that has none gets the next one. Returns 1 then, and -1 where there is no room
 * for it. */
int dp_roster_take(struct dp_roster *r, struct dp_str name, size_t *number);

#endif
