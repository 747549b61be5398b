/* One trace's events as a timeline: a stage for each system. Pure. */
#ifndef DP_TRACE_H
#define DP_TRACE_H

#include "buf.h"
#include "event.h"

#include <stdbool.h>
#include <stdint.h>

/* What the timeline needs of an event; borrows. */
struct dp_trace_event {
	struct dp_str system;
	int64_t ts_us;
	enum dp_severity severity;
};

struct dp_stage {
	struct dp_str system;
	int64_t first_us;
	int64_t last_us;
	enum dp_severity worst;
	size_t count;
	size_t *events; /* `count` indexes into the events, in order of time */
};

struct dp_timeline {
	struct dp_stage *stages; /* in order of first_us, then of system */
	size_t count;
	int64_t first_us; /* of all; 0 without events */
	int64_t last_us;
	bool has_errors;
};

/* Events may come in any order; those of one instant keep theirs. Release with
 * dp_timeline_release. */
void dp_timeline_init(struct dp_timeline *t, const struct dp_trace_event *events, size_t n);
void dp_timeline_release(struct dp_timeline *t);

/* "error", "warning" or "success". */
const char *dp_stage_status(const struct dp_stage *s);

#endif
