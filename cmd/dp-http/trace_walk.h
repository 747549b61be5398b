/* The keys of a trace's events in the order of its document, a part at a time, in memory that has a
 * bound whatever the trace is made of: events, or systems. */
#ifndef TRACE_WALK_H
#define TRACE_WALK_H

#include "body.h"
#include "roster.h"
#include "store_trace.h"

struct walk_stage {
	struct dp_str system; /* empty where the document has no stages */
	int64_t first_us;
	int64_t last_us;
	int64_t events;
	enum dp_severity worst;
	size_t name; /* where its name stands; the rest is the module's own */
	size_t next; /* where its next key belongs */
	size_t end;
};

struct trace_walk {
	size_t keys_max; /* read at a time (16 bytes each), by a look at the whole trace; 0: many */
	size_t stages_max;
	char *trace_id;
	struct dp_store_extent extent;
	uint8_t (*keys)[16]; /* the ids of the events that come next */
	size_t key_count;
	size_t taken;      /* of them */
	int64_t all_taken; /* from the beginning on; the rest is the module's own */

	bool by_stage;
	struct walk_stage *stages; /* the present one, and some that follow */
	size_t stage_count;
	size_t stage_cap;
	struct dp_buf names;
	bool has_all_stages;
	size_t stage;             /* the present one */
	int64_t stage_taken;      /* of its events */
	struct dp_store_key last; /* that was read */
	bool is_gone;
	struct dp_roster run; /* the systems of these keys */
};

/* Looks what there is of a trace; by_stage, in what stages. Start with {0}, or with the first
 * members set. Returns 0 or -1; with an extent of no events there is no such trace. */
int trace_walk_begin(struct trace_walk *w, struct dp_store *s, const char *trace_id, bool by_stage);
void trace_walk_release(struct trace_walk *w);

/* Reads the next keys where all were taken. */
enum body_step trace_walk_read(struct trace_walk *w, struct dp_store *s);

/* Takes the next key. Returns the stage that begins with it, or NULL: it is good until keys are
 * read. */
const struct walk_stage *trace_walk_take(struct trace_walk *w);

#endif
