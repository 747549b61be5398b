/* Whatever the events of some traces: no event is lost, what is called is never the caller, and as
 * many calls are told as edges count. Each event is five bytes; a zero one ends a trace. */
#include "flow.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dp_str name_of(const char *names, uint8_t n)
{
	return (struct dp_str){names + n % 12, (size_t)n / 12 % 3};
}

static void add(struct dp_flow *f, const uint8_t *p)
{
	static const char names[] = "abcdefabcdefabc";
	static const double durations[] = {0, -1, 1e-308, 5, 1.7e308};
	const struct dp_flow_event ev = {
	    .system = name_of(names, p[0]),
	    .ts_us = p[1] > 250   ? INT64_MAX - p[1]
		     : p[1] > 245 ? INT64_MIN + p[1]
				  : p[1],
	    .severity = (enum dp_severity)(p[2] % (DP_ERROR + 1)),
	    .span = {name_of(names, p[3]), name_of(names, p[4]), p[2] >= 128, durations[p[2] % 5]},
	};

	assert(dp_flow_add(f, &ev));
}

static void check(const struct dp_flow *f, int64_t events)
{
	int64_t calls = 0;

	for (size_t i = 0; i < f->edge_count; i++) {
		const struct dp_flow_edge *e = &f->edges[i];

		assert(e->from != e->to && e->from < f->nodes.n && e->to < f->nodes.n);
		assert(
		    i == 0 || e[-1].from < e->from || (e[-1].from == e->from && e[-1].to < e->to));
		assert(e->count > 0 && e->errors <= e->count && e->measured <= (size_t)e->count);
		assert(e->measured == 0 || (e->p50_ms >= 0 && e->p50_ms <= e->p95_ms));
		calls += e->count;
	}
	assert(calls <= events);
	for (size_t i = 0; i < f->nodes.n; i++) {
		assert(f->nodes.rows[i].errors <= f->nodes.rows[i].events);
		assert(f->nodes.rows[i].traces <= f->traces);
		events -= f->nodes.rows[i].events;
	}
	assert(events == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dp_flow f;
	int64_t events = 0;

	dp_flow_init(&f);
	while (size > 0) {
		const size_t n = *data == 0 || size < 5 ? 1 : 5;

		if (n == 5) {
			add(&f, data);
			events++;
		} else {
			dp_flow_end_trace(&f);
		}
		data += n;
		size -= n;
	}
	dp_flow_end_trace(&f);
	dp_flow_finish(&f);
	check(&f, events);
	dp_flow_release(&f);
	return 0;
}
