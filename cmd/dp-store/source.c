#include "source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void source_begin(struct source *s, const struct dp_pos *pos, int64_t stored)
{
	*s = (struct source){.step = {.from = stored, .to = stored}, .seen = -1, .stored = stored};
	memcpy(s->step.source, pos->spool, sizeof s->step.source);
}

enum source_verdict source_see(struct source *s, const struct dp_pos *pos, char why[SOURCE_WHY_MAX])
{
	const int64_t offset = (int64_t)pos->offset;

	if (strcmp(pos->spool, s->step.source) != 0) {
		snprintf(why, SOURCE_WHY_MAX,
		    "the input comes from the spool %s, then from %s: each wants a dp-store of its "
		    "own",
		    s->step.source, pos->spool);
		return SOURCE_WRONG;
	}
	if (offset <= s->seen) {
		snprintf(why, SOURCE_WHY_MAX,
		    "position %" PRId64 " comes after %" PRId64
		    ": a filter that changes the order of lines or repeats them, or two programs "
		    "that write to one pipe, make it impossible to tell what is stored",
		    offset, s->seen);
		return SOURCE_WRONG;
	}
	s->seen = offset;
	if (offset <= s->stored)
		return SOURCE_SKIP;
	s->step.to = offset;
	return SOURCE_TAKE;
}
