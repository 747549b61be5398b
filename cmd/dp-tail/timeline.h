/* The stages of a trace as a waterfall on a terminal. Pure. */
#ifndef DP_TAIL_TIMELINE_H
#define DP_TAIL_TIMELINE_H

#include "event.h"
#include "when.h"

#include <stdbool.h>

struct timeline_options {
	int width; /* columns: render.h */
	bool color;
	enum when_mode time;
};

/* Appends what a document of /api/traces/{id}/timeline says: a head, a line a stage on one axis of
 * time, and the errors. Returns 0, or -1 where the document is no timeline. */
int timeline_write(struct dp_buf *out, struct dp_str document, const struct timeline_options *o);

/* The worst severity of an event in such a document; DP_DEBUG where it has none. */
enum dp_severity timeline_worst(struct dp_str document);

#endif
