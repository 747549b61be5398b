/* A short list of names, each with an instant, that a row of a roll-up keeps as two JSON arrays:
 * the systems of a trace, in order of their first appearance; the traces that stand for an error
 * group. Pure. */
#ifndef DP_STORE_NAMES_H
#define DP_STORE_NAMES_H

#include "arena.h"

#include <stdint.h>

struct dp_name {
	struct dp_str name;
	int64_t us;
};

/* {0} is an empty one. In order of time; of equal times, in that in which they came. Borrows the
 * names. */
struct dp_names {
	struct dp_name *at;
	size_t n;
};

void dp_names_release(struct dp_names *l);

typedef void dp_names_add_fn(struct dp_names *l, struct dp_str name, int64_t us, size_t max);

enum { DP_NAMES_BYTES_MAX = 8192 }; /* of all names of a list that dp_names_see makes */

/* Notes that a name was seen: the earliest instant of each stays. A list of `max`, or without room
 * for its bytes, takes no new name. */
void dp_names_see(struct dp_names *l, struct dp_str name, int64_t us, size_t max);

/* The same, but what is new always gets in: of more than `max` the one goes that stands closest
 * between its neighbours, so that those left are spread over time. max > 2. */
void dp_names_sample(struct dp_names *l, struct dp_str name, int64_t us, size_t max);

/* Appends the names as a JSON array of strings, the instants as one of numbers. */
void dp_names_write(const struct dp_names *l, struct dp_buf *names, struct dp_buf *times);

/* Adds by `add` what dp_names_write wrote; copies the names into the arena. */
void dp_names_read(struct dp_names *l, struct dp_str names, struct dp_str times,
    dp_names_add_fn *add, size_t max, struct dp_arena *arena);

#endif
