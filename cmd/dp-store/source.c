#include "source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void source_begin(struct source *s, const struct dp_pos *pos, int64_t stored)
{
	*s = (struct source){.step = {.from = stored, .to = stored}, .seen = -1, .committed = -1};
	memcpy(s->step.source, pos->spool, sizeof s->step.source);
}

int source_see(struct source *s, const struct dp_pos *pos, bool is_bare, char why[SOURCE_WHY_MAX])
{
	const int64_t offset = (int64_t)pos->offset;

	if (strcmp(pos->spool, s->step.source) != 0) {
		snprintf(why, SOURCE_WHY_MAX,
		    "the input comes from the spool %s, then from %s: each wants a dp-store of its "
		    "own",
		    s->step.source, pos->spool);
		return -1;
	}
	if (offset < s->seen || (offset == s->seen && !is_bare)) {
		snprintf(why, SOURCE_WHY_MAX,
		    "position %" PRId64 " comes after %" PRId64
		    ": a filter that changes the order of lines or repeats them, or two programs "
		    "that write to one pipe, make it impossible to tell what is stored",
		    offset, s->seen);
		return -1;
	}
	s->seen = offset;
	if (offset > s->step.to)
		s->step.to = offset;
	return 0;
}

bool source_waits(const struct source *s)
{
	return s->seen > s->committed;
}

void source_commit(struct source *s)
{
	s->step.from = s->step.to;
	s->committed = s->seen;
}

void source_forget(struct source *s)
{
	s->step.to = s->step.from;
	s->seen = s->committed;
}
