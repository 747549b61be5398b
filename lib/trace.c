#include "trace.h"

#include "mem.h"

#include <stdlib.h>

/* An event while it is sorted: qsort is not stable, so its place decides between equals. */
struct entry {
	const struct dp_trace_event *event;
	size_t index;
};

static int compare_entries(const void *pa, const void *pb)
{
	const struct entry *a = pa;
	const struct entry *b = pb;
	int c = dp_str_compare(a->event->system, b->event->system);

	if (c == 0)
		c = (a->event->ts_us > b->event->ts_us) - (a->event->ts_us < b->event->ts_us);
	return c != 0 ? c : (a->index > b->index) - (a->index < b->index);
}

static int compare_stages(const void *pa, const void *pb)
{
	const struct dp_stage *a = pa;
	const struct dp_stage *b = pb;
	int c = (a->first_us > b->first_us) - (a->first_us < b->first_us);

	return c != 0 ? c : dp_str_compare(a->system, b->system);
}

/* The stage of the first events in entries[0..n), which are all of its system's. */
static struct dp_stage cut_stage(const struct entry *entries, size_t n)
{
	struct dp_stage s = {
	    entries[0].event->system, entries[0].event->ts_us, 0, DP_DEBUG, 0, NULL};

	while (s.count < n && dp_str_equal(entries[s.count].event->system, s.system))
		s.count++;
	s.events = dp_mem_resize_array(NULL, s.count, sizeof *s.events);
	for (size_t i = 0; i < s.count; i++) {
		s.events[i] = entries[i].index;
		if (entries[i].event->severity > s.worst)
			s.worst = entries[i].event->severity;
	}
	s.last_us = entries[s.count - 1].event->ts_us;
	return s;
}

static void add_stage(struct dp_timeline *t, struct dp_stage s, size_t *cap)
{
	if (t->count == *cap) {
		*cap = *cap ? 2 * *cap : 8;
		t->stages = dp_mem_resize_array(t->stages, *cap, sizeof *t->stages);
	}
	if (t->count == 0 || s.first_us < t->first_us)
		t->first_us = s.first_us;
	if (t->count == 0 || s.last_us > t->last_us)
		t->last_us = s.last_us;
	t->has_errors = t->has_errors || s.worst == DP_ERROR;
	t->stages[t->count++] = s;
}

void dp_timeline_init(struct dp_timeline *t, const struct dp_trace_event *events, size_t n)
{
	struct entry *entries = dp_mem_resize_array(NULL, n, sizeof *entries);
	size_t cap = 0;
	size_t at = 0;

	*t = (struct dp_timeline){0};
	for (size_t i = 0; i < n; i++)
		entries[i] = (struct entry){&events[i], i};
	qsort(entries, n, sizeof *entries, compare_entries);
	while (at < n) {
		struct dp_stage s = cut_stage(entries + at, n - at);

		add_stage(t, s, &cap);
		at += s.count;
	}
	free(entries);
	if (t->count > 0)
		qsort(t->stages, t->count, sizeof *t->stages, compare_stages);
}

void dp_timeline_release(struct dp_timeline *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->stages[i].events);
	free(t->stages);
	*t = (struct dp_timeline){0};
}

const char *dp_stage_status(const struct dp_stage *s)
{
	switch (s->worst) {
	case DP_ERROR:
		return "error";
	case DP_WARNING:
		return "warning";
	case DP_INFO:
	case DP_DEBUG:
		break;
	}
	return "success";
}
