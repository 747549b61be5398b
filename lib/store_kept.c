#include "store_kept.h"

#include "mem.h"

#include <assert.h>
#include <stdlib.h>

int dp_kept_find(const struct dp_kept *k, struct dp_str text)
{
	for (int i = 0; i < k->n; i++)
		if (dp_str_is(text, k->texts[i]))
			return i;
	return k->n < DP_KEPT_MAX ? k->n : DP_KEPT_NONE;
}

void dp_kept_add(struct dp_kept *k, struct dp_str text)
{
	assert(k->n < DP_KEPT_MAX);
	k->texts[k->n++] = dp_mem_copy(text.p, text.n);
}

void dp_kept_clear(struct dp_kept *k)
{
	while (k->n > 0)
		free(k->texts[--k->n]);
}
