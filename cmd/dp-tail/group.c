#include "group.h"

uint64_t group_hash(struct dp_str s)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < s.n; i++)
		hash = (hash ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
	return hash ? hash : 1;
}

/* The row of a trace, or the one that was not used for longest, made anew. */
static struct group *find(struct groups *g, uint64_t trace)
{
	struct group *oldest = &g->rows[0];

	for (int i = 0; i < GROUP_TRACES; i++) {
		if (g->rows[i].trace == trace)
			return &g->rows[i];
		if (g->rows[i].used < oldest->used)
			oldest = &g->rows[i];
	}
	*oldest = (struct group){.trace = trace, .color = g->next_color++};
	return oldest;
}

static int stage_of(struct group *row, uint64_t system)
{
	int i = 0;

	while (i < GROUP_STAGES - 1 && row->systems[i] != 0 && row->systems[i] != system)
		i++;
	if (row->systems[i] == 0)
		row->systems[i] = system;
	return i;
}

struct group_place group_take(struct groups *g, struct dp_str trace, struct dp_str system)
{
	const uint64_t hash = group_hash(trace);
	struct group *row = find(g, hash);
	const struct group_place place = {
	    row->color, stage_of(row, group_hash(system)), g->last == hash};

	row->used = ++g->clock;
	g->last = hash;
	return place;
}
