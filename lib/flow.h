/* How events went from system to system in some traces: nodes and edges. Pure.
 *
 * The events of a trace that have one spanId are a span, one without is a span of its own. A span's
 * system is that of its first event, its parent the span that the first of its parentSpanIds names
 * of which the trace has events, and that is not the span itself.
 *
 * Where a span has a parent of another system an edge leads from that one's system to its own: it
 * was called once. It failed where an event of the span is an error, or one of a span that it has
 * below it by spans of its own system alone.
 *
 * What has no parent is put in order of time: where an event's system is not that of the event
 * right before it an edge leads from there, unless that one belongs to a span below the event's
 * own, which then returned and was not called. It failed where an event is an error among those
 * that follow up to the next change of system.
 *
 * Either took as long as the longest durationMs in the span called, where there is one; else the
 * time to the event called from the caller's last event not after it. Where clocks are so far apart
 * that there is none, or a duration is negative, it is unknown. */
#ifndef DP_FLOW_H
#define DP_FLOW_H

#include "census.h"
#include "event.h"

enum {
	DP_FLOW_EVENTS_MAX = 100000,
	DP_FLOW_SPAN_ID_MAX = 128, /* bytes, as it is written; a longer one is taken for none */
};

/* What the flow needs of an event; borrowed. */
struct dp_flow_event {
	struct dp_str system;
	int64_t ts_us;
	enum dp_severity severity;
	struct dp_event_span span;
};

struct dp_flow_edge {
	size_t from; /* numbers of nodes */
	size_t to;
	int64_t count;
	int64_t errors;
	size_t
	    measured; /* of how many it is known how long they took; 0: the next two are not set */
	double p50_ms;
	double p95_ms;
};

struct dp_flow {
	struct dp_census nodes; /* after dp_flow_finish as dp_census_rank leaves them */
	int64_t traces;
	size_t events;
	struct dp_flow_edge *edges; /* after dp_flow_finish; by `from`, then `to` */
	size_t edge_count;
	struct dp_flow_trace *trace; /* the rest is the module's own */
	struct dp_flow_step *steps;
	size_t step_count;
	size_t step_cap;
};

void dp_flow_init(struct dp_flow *f);
void dp_flow_release(struct dp_flow *f);

/* Adds an event of the trace at hand, in any order; those of one instant keep theirs. Returns
 * false, and takes no more, once there are DP_FLOW_EVENTS_MAX of all traces. */
bool dp_flow_add(struct dp_flow *f, const struct dp_flow_event *ev);

/* The trace at hand is complete; the next one begins. Without events it is none. */
void dp_flow_end_trace(struct dp_flow *f);

/* Sums up. Systems beyond the bound of census.h are one node, the others: without edges inside. */
void dp_flow_finish(struct dp_flow *f);

#endif
