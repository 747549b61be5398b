/* The spool that the input comes from, as the positions of its lines tell, and how far it is
 * stored. */
#ifndef DP_SOURCE_H
#define DP_SOURCE_H

#include "pos.h"
#include "store.h"

#include <stdint.h>

enum { SOURCE_WHY_MAX = 300 };

/* {0}: no line had a position yet. */
struct source {
	struct dp_store_step step; /* from what is committed to what was seen; .source: the spool */
	int64_t seen;              /* of the last line that had one */
	int64_t stored;            /* lines up to here had been stored before this input began */
};

enum source_verdict {
	SOURCE_TAKE,
	SOURCE_SKIP,  /* it is stored already */
	SOURCE_WRONG, /* such a position would make the next one, and the mark, tell a lie */
};

/* Begins with the spool of the first position, whose events are stored up to `stored`. */
void source_begin(struct source *s, const struct dp_pos *pos, int64_t stored);

/* What is to be done with the line of a position, which the step then covers, unless it is WRONG:
 * *why says what is. */
enum source_verdict source_see(
    struct source *s, const struct dp_pos *pos, char why[SOURCE_WHY_MAX]);

#endif
