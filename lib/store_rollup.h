/* What a batch adds to the tables `traces` and `trace_systems`, summed up before it reaches the
 * database: one row a trace instead of one an event. Pure. */
#ifndef DP_STORE_ROLLUP_H
#define DP_STORE_ROLLUP_H

#include "event.h"

#include <stdbool.h>

/* A trace's or, in it, a system's share of the batch. Borrows from the events. */
struct dp_rollup_row {
	struct dp_str trace_id;
	struct dp_str system; /* of a trace: unused */
	struct dp_str title;  /* of its first event in time; of several at one instant, the first */
	size_t first_at;      /* that event's place in the batch */
	int64_t first_us;
	int64_t last_us;
	int64_t events;
	int64_t errors;
	int64_t warnings;
};

/* Both sorted by trace id, then system: writers lock rows in the same order. */
struct dp_rollup {
	struct dp_rollup_row *traces;
	size_t trace_count;
	struct dp_rollup_row *systems;
	size_t system_count;
};

/* Sums up the events whose flag in is_new is set. */
void dp_rollup_init(
    struct dp_rollup *r, const struct dp_event *const *events, size_t n, const bool *is_new);
void dp_rollup_release(struct dp_rollup *r);

#endif
