/* The spool that the input comes from, as the positions of its lines tell, and how far it is
 * stored. */
#ifndef DP_SOURCE_H
#define DP_SOURCE_H

#include "pos.h"
#include "store.h"

#include <stdbool.h>
#include <stdint.h>

enum { SOURCE_WHY_MAX = 300 };

/* {0}: no line had a position yet. */
struct source {
	struct dp_store_step step; /* from what the database says to what was seen above that;
				      .source: the spool */
	int64_t seen;              /* of the last line that had one; -1: there was none */
	int64_t committed;         /* the same, at the last commit */
};

/* Begins with the spool of the first position, whose events the database says are stored up to
 * `stored`. That may be more than the input begins with, as the mark lags, or where the spool is an
 * older copy: then the step is empty until the input has come so far, and what comes is stored like
 * everything else, as its key tells what is there. */
void source_begin(struct source *s, const struct dp_pos *pos, int64_t stored);

/* The line of a position has come; a bare one may repeat that of the event before it. Returns 0,
 * and the step covers it; or -1 with *why where such a position would make the next one, and the
 * mark, tell a lie. */
int source_see(struct source *s, const struct dp_pos *pos, bool is_bare, char why[SOURCE_WHY_MAX]);

/* Whether positions wait for the commit. */
bool source_waits(const struct source *s);

/* All that was seen is committed; or is forgotten, back to the last commit. */
void source_commit(struct source *s);
void source_forget(struct source *s);

#endif
