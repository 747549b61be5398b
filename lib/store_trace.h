/* One trace, read in parts: what a document of any length is made of while its reader takes it, in
 * memory that doesn't grow with the trace.
 *
 * First what there is of it (dp_store_trace_extent), and of a document in stages these. Then, many
 * thousand at a time, the keys of its events in the order of the document; then the events, some at
 * a time, by their keys. What is stored meanwhile has numbers beyond the extent and is left out.
 *
 * But for the events each of these reads, and mostly sorts, the columns of the whole trace: a
 * second for a million events. No index has them in order of time. */
#ifndef DP_STORE_TRACE_H
#define DP_STORE_TRACE_H

#include "store.h"

/* The events of a trace up to the number seq. The two never come again for other events. */
struct dp_store_extent {
	int64_t events; /* 0: there is no such trace */
	int64_t seq;
};

int dp_store_trace_extent(struct dp_store *s, const char *trace_id, struct dp_store_extent *out);

/* All events of the extent with one system. */
struct dp_store_stage {
	struct dp_str system; /* borrowed */
	int64_t first_us;
	int64_t last_us;
	int64_t events;
	int64_t seq;            /* the greatest number */
	enum dp_severity worst; /* info where it is neither an error nor a warning */
};

/* Returns 0 to go on, or anything else to end the reading. */
typedef int dp_store_stage_fn(void *arg, const struct dp_store_stage *stage);

/* The stages behind `after` (NULL: from the first one), at most `limit`, in order of (first_us,
 * system). Of after->system a NUL follows. */
int dp_store_trace_stages(struct dp_store *s, const char *trace_id, int64_t seq,
    const struct dp_store_stage *after, size_t limit, dp_store_stage_fn *fn, void *arg);

struct dp_store_key {
	char event_id[DP_UUID_TEXT + 1];
	int64_t ts_us;
	struct dp_str system; /* borrowed */
};

/* Returns 0 to go on, or anything else to end the reading. */
typedef int dp_store_key_fn(void *arg, const struct dp_store_key *key);

/* The keys behind `after` (NULL: from the first one), at most `limit`, in order of (ts, event id):
 * of all events, or of those whose system is in a JSON array of strings. */
int dp_store_trace_keys(struct dp_store *s, const char *trace_id, int64_t seq, const char *systems,
    const struct dp_store_key *after, size_t limit, dp_store_key_fn *fn, void *arg);

/* The events with these ids, n > 0, in any order. */
int dp_store_trace_events(struct dp_store *s, const char *trace_id,
    char (*event_ids)[DP_UUID_TEXT + 1], size_t n, dp_store_row_fn *fn, void *arg);

#endif
