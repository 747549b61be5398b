#include "mem.h"
#include "store_rollup.h"

#include <stdlib.h>

enum { SLOTS = 2048 }; /* a power of two, twice as many as systems at least */

_Static_assert(SLOTS >= 2 * DP_ROLLUP_SYSTEMS, "a slot is always free");

/* FNV-1a. Who fills the table with names that meet in a slot slows down his own counting; there are
 * DP_ROLLUP_SYSTEMS of them at most. */
static size_t hash(struct dp_str s)
{
	uint32_t h = 2166136261;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 16777619;
	return h;
}

struct dp_str dp_systems_take(struct dp_systems *s, struct dp_str name)
{
	size_t i = hash(name);

	if (!s->slots)
		s->slots = dp_mem_new(SLOTS * sizeof *s->slots);
	for (;; i++) {
		struct dp_str *slot = &s->slots[i % SLOTS];

		if (slot->p && dp_str_equal(*slot, name))
			return *slot;
		if (slot->p)
			continue;
		if (s->n == DP_ROLLUP_SYSTEMS || name.n == 0)
			return (struct dp_str){0};
		s->n++;
		*slot = dp_arena_copy(&s->arena, name);
		return *slot;
	}
}

void dp_systems_release(struct dp_systems *s)
{
	dp_arena_release(&s->arena);
	free(s->slots);
	*s = (struct dp_systems){0};
}
