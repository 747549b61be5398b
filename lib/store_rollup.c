#include "store_rollup.h"

#include "mem.h"

#include <stdlib.h>

/* An event at its place in the batch: qsort(3) is not stable. */
struct item {
	const struct dp_event *ev;
	size_t at;
};

static int compare_items(const void *pa, const void *pb)
{
	const struct item *a = pa;
	const struct item *b = pb;
	int order = dp_str_compare(a->ev->trace_id, b->ev->trace_id);

	if (order == 0)
		order = dp_str_compare(a->ev->system, b->ev->system);
	return order != 0 ? order : (a->at > b->at) - (a->at < b->at);
}

static struct dp_rollup_row row_of(const struct item *item)
{
	const struct dp_event *ev = item->ev;

	return (struct dp_rollup_row){
	    .trace_id = ev->trace_id,
	    .system = ev->system,
	    .title = ev->title,
	    .first_at = item->at,
	    .first_us = ev->ts_us,
	    .last_us = ev->ts_us,
	    .events = 1,
	    .errors = ev->severity == DP_ERROR,
	    .warnings = ev->severity == DP_WARNING,
	};
}

static void merge(struct dp_rollup_row *row, const struct dp_rollup_row *part)
{
	if (part->first_us < row->first_us ||
	    (part->first_us == row->first_us && part->first_at < row->first_at)) {
		row->first_us = part->first_us;
		row->first_at = part->first_at;
		row->title = part->title;
	}
	if (part->last_us > row->last_us)
		row->last_us = part->last_us;
	row->events += part->events;
	row->errors += part->errors;
	row->warnings += part->warnings;
}

/* Adds one event to the rows of its trace and system: the last ones, if they are there already. */
static void add(struct dp_rollup *r, const struct item *item)
{
	struct dp_rollup_row part = row_of(item);
	struct dp_rollup_row *trace = r->trace_count ? &r->traces[r->trace_count - 1] : NULL;
	struct dp_rollup_row *system = r->system_count ? &r->systems[r->system_count - 1] : NULL;

	if (!trace || !dp_str_equal(trace->trace_id, part.trace_id)) {
		r->traces[r->trace_count++] = part;
		r->systems[r->system_count++] = part;
		return;
	}
	merge(trace, &part);
	if (dp_str_equal(system->system, part.system))
		merge(system, &part);
	else
		r->systems[r->system_count++] = part;
}

void dp_rollup_init(
    struct dp_rollup *r, const struct dp_event *const *events, size_t n, const bool *is_new)
{
	struct item *items = dp_mem_resize_array(NULL, n, sizeof *items);
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		if (is_new[i])
			items[count++] = (struct item){events[i], i};
	if (count > 0)
		qsort(items, count, sizeof *items, compare_items);
	r->traces = dp_mem_resize_array(NULL, count, sizeof *r->traces);
	r->systems = dp_mem_resize_array(NULL, count, sizeof *r->systems);
	r->trace_count = 0;
	r->system_count = 0;
	for (size_t i = 0; i < count; i++)
		add(r, &items[i]);
	free(items);
}

void dp_rollup_release(struct dp_rollup *r)
{
	free(r->traces);
	free(r->systems);
	*r = (struct dp_rollup){0};
}
