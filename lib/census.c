#include "census.h"

#include "mem.h"

#include <stdlib.h>

void dp_census_init(struct dp_census *c)
{
	*c = (struct dp_census){.names = {.max = DP_CENSUS_NAMES}, .n = 1};
	c->rows = dp_mem_new(sizeof *c->rows);
}

void dp_census_release(struct dp_census *c)
{
	dp_roster_release(&c->names);
	free(c->rows);
	*c = (struct dp_census){.n = 0};
}

size_t dp_census_take(struct dp_census *c, struct dp_str system)
{
	size_t number = 0;
	const int rc = system.n > 0 ? dp_roster_take(&c->names, system, &number) : -1;

	if (rc < 0)
		return DP_CENSUS_OTHERS;
	if (rc == 0)
		return number + 1;
	if ((c->n & (c->n - 1)) == 0) /* full: the room is a power of two */
		c->rows = dp_mem_resize_array(c->rows, 2 * c->n, sizeof *c->rows);
	c->rows[c->n] = (struct dp_census_row){.system = c->names.names[number]};
	return c->n++;
}

size_t dp_census_find(const struct dp_census *c, struct dp_str system)
{
	size_t number;

	return dp_roster_find(&c->names, system, &number) == 0 ? number + 1 : DP_CENSUS_OTHERS;
}

struct ranked {
	struct dp_census_row row;
	size_t number;
};

static int compare(const void *pa, const void *pb)
{
	const struct ranked *a = pa;
	const struct ranked *b = pb;

	if (a->row.events != b->row.events)
		return a->row.events > b->row.events ? -1 : 1;
	return dp_str_compare(a->row.system, b->row.system);
}

size_t *dp_census_rank(struct dp_census *c)
{
	struct ranked *ranked = dp_mem_resize_array(NULL, c->n, sizeof *ranked);
	size_t *moved = dp_mem_resize_array(NULL, c->n, sizeof *moved);
	const size_t kept = c->n > DP_CENSUS_ROWS + 1 ? DP_CENSUS_ROWS + 1 : c->n;
	struct dp_census_row *others = &c->rows[DP_CENSUS_OTHERS];

	for (size_t i = 0; i < c->n; i++)
		ranked[i] = (struct ranked){c->rows[i], i};
	qsort(ranked + 1, c->n - 1, sizeof *ranked, compare);
	for (size_t i = 0; i < c->n; i++) {
		moved[ranked[i].number] = i < kept ? i : DP_CENSUS_OTHERS;
		c->rows[i] = ranked[i].row;
	}
	for (size_t i = kept; i < c->n; i++) {
		others->events += c->rows[i].events;
		others->errors += c->rows[i].errors;
		others->traces += c->rows[i].traces;
	}
	c->n = kept;
	free(ranked);
	return moved;
}
