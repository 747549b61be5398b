#include "store_backend.h"

#include "mem.h"

#include <stdlib.h>

static void add_fingerprints(struct dp_draft *d)
{
	struct dp_fingerprint *f;
	size_t errors = 0;

	for (size_t i = 0; i < d->n; i++)
		errors += d->entries[i].ev->severity == DP_ERROR;
	f = d->fingerprints = dp_mem_resize_array(NULL, errors, sizeof *f);
	for (size_t i = 0; i < d->n; i++) {
		if (d->entries[i].ev->severity != DP_ERROR)
			continue;
		dp_fingerprint_read(d->entries[i].ev, f);
		d->entries[i].fingerprint = f++;
	}
}

struct dp_draft *dp_draft_new(const struct dp_event *const *events, size_t n)
{
	struct dp_draft *d = dp_mem_new(sizeof *d);

	d->n = n;
	d->entries = dp_mem_new(n * sizeof *d->entries);
	d->outcomes = dp_mem_new(n * sizeof *d->outcomes);
	for (size_t i = 0; i < n; i++)
		d->entries[i] = (struct dp_entry){.ev = events[i], .is_new = true};
	add_fingerprints(d);
	dp_rollup_init(&d->rollup, d->entries, n);
	d->is_summed = true;
	return d;
}

void dp_draft_free(struct dp_draft **d)
{
	if (!*d)
		return;
	dp_rollup_release(&(*d)->rollup);
	free((*d)->outcomes);
	free((*d)->fingerprints);
	free((*d)->entries);
	free(*d);
	*d = NULL;
}

enum dp_store_outcome dp_draft_outcome(const struct dp_draft *d, size_t at)
{
	return d->outcomes[at];
}
