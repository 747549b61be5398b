/* The traces that were shown last: which have which colour, and at which stage of its trace a
 * system stands. Bounded: the trace that was not seen for longest is forgotten. Pure. */
#ifndef DP_TAIL_GROUP_H
#define DP_TAIL_GROUP_H

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

enum { GROUP_TRACES = 64, GROUP_STAGES = 8 };

struct group {
	uint64_t trace; /* hashes of names; 0: none */
	uint64_t systems[GROUP_STAGES];
	uint64_t used; /* when it was seen last */
	unsigned color;
};

/* {0} is one without traces. */
struct groups {
	struct group rows[GROUP_TRACES];
	uint64_t clock;
	uint64_t last; /* the trace of the event before */
	unsigned next_color;
};

struct group_place {
	unsigned color; /* of the trace: a number that goes on counting */
	int stage;      /* 0.. GROUP_STAGES-1, in order of appearance; later ones share the last */
	bool goes_on;   /* the event before was of the same trace */
};

/* Takes an event of a system in a trace, and tells where it stands. */
struct group_place group_take(struct groups *g, struct dp_str trace, struct dp_str system);

/* FNV-1a of a text; never 0. */
uint64_t group_hash(struct dp_str s);

#endif
