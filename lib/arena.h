/* Memory for copies that all go at once. */
#ifndef DP_ARENA_H
#define DP_ARENA_H

#include "buf.h"

/* {0} is an empty one. */
struct dp_arena {
	struct dp_arena_block *last;
};

void dp_arena_release(struct dp_arena *a);

/* A copy of s that lives as long as the arena. */
struct dp_str dp_arena_copy(struct dp_arena *a, struct dp_str s);

#endif
