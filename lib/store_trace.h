/* One trace, read in parts: what a document of any length is made of while its reader takes it, in
 * memory that doesn't grow with the trace.
 *
 * First what there is of it (dp_store_trace_extent). Then, some thousand at a time, the keys of its
 * events in the order of the document; then the events, some at a time, by their keys. What is
 * stored meanwhile has numbers beyond the extent and is left out. */
#ifndef DP_STORE_TRACE_H
#define DP_STORE_TRACE_H

#include "store.h"

/* The events of a trace up to the number seq. The two never come again for other events. */
struct dp_store_extent {
	int64_t events; /* 0: there is no such trace */
	int64_t seq;
};

int dp_store_trace_extent(struct dp_store *s, const char *trace_id, struct dp_store_extent *out);

/* An event's key, and what its stage comes to: all events of the extent with its system. `system`
 * ends with a NUL and is borrowed; without stages it and what follows are empty. */
struct dp_store_key {
	char event_id[DP_UUID_TEXT + 1];
	int64_t ts_us;
	struct dp_str system;
	int64_t first_us;
	int64_t last_us;
	int64_t events;
	enum dp_severity worst; /* info where it is neither an error nor a warning */
};

/* Returns 0 to go on, or anything else to end the reading. */
typedef int dp_store_key_fn(void *arg, const struct dp_store_key *key);

/* The keys behind `after` (NULL: from the first one), at most `limit`: in order of (ts, event id),
 * or by_stage in order of (first_us, system, ts, event id). */
int dp_store_trace_keys(struct dp_store *s, const char *trace_id, int64_t seq, bool by_stage,
    const struct dp_store_key *after, size_t limit, dp_store_key_fn *fn, void *arg);

/* The events with these ids, n > 0, in any order. */
int dp_store_trace_events(struct dp_store *s, const char *trace_id,
    char (*event_ids)[DP_UUID_TEXT + 1], size_t n, dp_store_row_fn *fn, void *arg);

#endif
