/* What is counted of each system, of however many there are: of more than DP_CENSUS_ROWS those with
 * the fewest events are one row together. Pure. */
#ifndef DP_CENSUS_H
#define DP_CENSUS_H

#include "roster.h"

#include <stdint.h>

enum {
	DP_CENSUS_ROWS = 1000,   /* that dp_census_rank leaves, beside that of the others */
	DP_CENSUS_NAMES = 10000, /* told apart before; a name that comes later is of the others */
	DP_CENSUS_OTHERS = 0,    /* the number of their row, which is always there */
};

struct dp_census_row {
	struct dp_str system; /* empty: of the others */
	int64_t events;
	int64_t errors;
	int64_t traces; /* of the others it is the sum of theirs */
	int64_t mark;   /* the caller's own */
};

struct dp_census {
	struct dp_roster names; /* of rows[1..n), in that order before they are ranked */
	struct dp_census_row *rows;
	size_t n;
};

void dp_census_init(struct dp_census *c);
void dp_census_release(struct dp_census *c);

/* The number of a system's row, made where it is missing; that of the others where it has no room,
 * or the name is empty. */
size_t dp_census_take(struct dp_census *c, struct dp_str system);

/* The same without making a row. */
size_t dp_census_find(const struct dp_census *c, struct dp_str system);

/* Sorts the rows behind that of the others by their events, the most first, then by name, and adds
 * to the others those that are too many. Returns an array with the new number of each old row, to
 * be released with free(). Nothing is taken or found after it. */
size_t *dp_census_rank(struct dp_census *c);

#endif
