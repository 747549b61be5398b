#include "recent.h"

#include "mem.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a. Who chooses ids that collide has his batches stored one after the other. */
static uint64_t hash(const char *id)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * UINT64_C(1099511628211);
	return h;
}

static int compare_keys(const void *pa, const void *pb)
{
	const uint64_t a = *(const uint64_t *)pa;
	const uint64_t b = *(const uint64_t *)pb;

	return (a > b) - (a < b);
}

static void take(struct recent_keys *k, const struct dp_event *const *events, size_t n)
{
	if (n > k->cap) {
		k->keys = dp_mem_resize_array(k->keys, n, sizeof *k->keys);
		k->cap = n;
	}
	for (size_t i = 0; i < n; i++)
		k->keys[i] = hash(events[i]->event_id);
	k->count = n;
	if (n > 0)
		qsort(k->keys, n, sizeof *k->keys, compare_keys);
}

static bool are_alike(const struct recent_keys *a, const struct recent_keys *b)
{
	size_t i = 0;
	size_t j = 0;

	while (i < a->count && j < b->count && a->keys[i] != b->keys[j])
		if (a->keys[i] < b->keys[j])
			i++;
		else
			j++;
	return i < a->count && j < b->count;
}

bool recent_add(struct recent *r, const struct dp_event *const *events, size_t n)
{
	const size_t places = RECENT_BATCHES + 1;
	bool is_alike = false;

	r->last = (r->last + 1) % places;
	take(&r->batches[r->last], events, n);
	for (size_t i = 1; i < places && !is_alike; i++)
		is_alike = are_alike(&r->batches[r->last], &r->batches[(r->last + i) % places]);
	return is_alike;
}

void recent_release(struct recent *r)
{
	for (size_t i = 0; i < RECENT_BATCHES + 1; i++)
		free(r->batches[i].keys);
	*r = (struct recent){.last = 0};
}
