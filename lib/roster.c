#include "roster.h"

#include "mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void dp_roster_release(struct dp_roster *r)
{
	dp_arena_release(&r->arena);
	free(r->names);
	free(r->order);
	*r = (struct dp_roster){.max = r->max};
}

/* Where the name stands in r->order, or would. A search by halves, as no choice of names is worse
 * for it than another. */
static size_t find_place(const struct dp_roster *r, struct dp_str name, bool *is_there)
{
	size_t low = 0;
	size_t high = r->n;

	*is_there = false;
	while (low < high && !*is_there) {
		const size_t middle = low + (high - low) / 2;
		const int order = dp_str_compare(r->names[r->order[middle]], name);

		*is_there = order == 0;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return *is_there ? high : low;
}

int dp_roster_find(const struct dp_roster *r, struct dp_str name, size_t *number)
{
	bool is_there;
	const size_t at = find_place(r, name, &is_there);

	if (!is_there)
		return -1;
	*number = r->order[at];
	return 0;
}

int dp_roster_take(struct dp_roster *r, struct dp_str name, size_t *number)
{
	bool is_there;
	const size_t at = find_place(r, name, &is_there);

	if (is_there) {
		*number = r->order[at];
		return 0;
	}
	if (r->max > 0 && r->n == r->max)
		return -1;
	if ((r->n & (r->n - 1)) == 0) { /* full: the room is a power of two */
		const size_t cap = r->n ? 2 * r->n : 1;

		r->names = dp_mem_resize_array(r->names, cap, sizeof *r->names);
		r->order = dp_mem_resize_array(r->order, cap, sizeof *r->order);
	}
	memmove(&r->order[at + 1], &r->order[at], (r->n - at) * sizeof *r->order);
	r->order[at] = r->n;
	r->names[r->n] = dp_arena_copy(&r->arena, name);
	*number = r->n++;
	return 1;
}
