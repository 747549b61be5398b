#include "flow.h"

#include "mem.h"
#include "quantile.h"

#include <math.h>
#include <stdlib.h>

static const size_t none = SIZE_MAX;

/* An event of the trace at hand. */
struct event {
	size_t system; /* its number in the census */
	size_t span;   /* its number in the trace, once they are found */
	size_t place;  /* in which it came */
	int64_t ts_us;
	struct dp_str id;
	struct dp_str parent;
	double duration_ms; /* NaN: none */
	bool is_error;
	bool run_failed; /* it or one of those behind it up to the next change of system is an error
			  */
};

/* A span of the trace at hand: members[first..first + n), in order of time. */
struct span {
	size_t first;
	size_t n;
	size_t parent; /* or none */
	size_t top;    /* of its parents; none where they go in a circle */
	double duration_ms;
	bool is_error;
	enum { SPAN_NEW, SPAN_ON_PATH, SPAN_DONE } state; /* while tops are looked for */
};

struct dp_flow_trace {
	struct dp_arena ids;
	struct event *events; /* in order of time, once it is complete */
	size_t n;
	size_t cap;
	struct event **members; /* by span: those with an id by that, then by time */
	struct span *spans;
	size_t span_count;
	size_t named; /* how many spans have an id: they come first */
};

/* One call of a system by another. */
struct dp_flow_step {
	size_t from;
	size_t to;
	double ms; /* NaN: unknown */
	bool failed;
};

void dp_flow_init(struct dp_flow *f)
{
	*f = (struct dp_flow){.trace = dp_mem_new(sizeof *f->trace)};
	dp_census_init(&f->nodes);
}

static void forget_trace(struct dp_flow_trace *t)
{
	dp_arena_release(&t->ids);
	free(t->events);
	free((void *)t->members);
	free(t->spans);
	*t = (struct dp_flow_trace){.n = 0};
}

void dp_flow_release(struct dp_flow *f)
{
	if (f->trace)
		forget_trace(f->trace);
	free(f->trace);
	free(f->steps);
	free(f->edges);
	dp_census_release(&f->nodes);
	*f = (struct dp_flow){.traces = 0};
}

static struct dp_str keep_id(struct dp_flow_trace *t, struct dp_str id)
{
	return id.n <= DP_FLOW_SPAN_ID_MAX ? dp_arena_copy(&t->ids, id) : DP_STR("");
}

bool dp_flow_add(struct dp_flow *f, const struct dp_flow_event *ev)
{
	struct dp_flow_trace *t = f->trace;

	if (f->events == DP_FLOW_EVENTS_MAX)
		return false;
	f->events++;
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 64;
		t->events = dp_mem_resize_array(t->events, t->cap, sizeof *t->events);
	}
	t->events[t->n] = (struct event){
	    .system = dp_census_take(&f->nodes, ev->system),
	    .place = t->n,
	    .ts_us = ev->ts_us,
	    .id = keep_id(t, ev->span.id),
	    .parent = keep_id(t, ev->span.parent),
	    .duration_ms = ev->span.has_duration ? ev->span.duration_ms : NAN,
	    .is_error = ev->severity == DP_ERROR,
	};
	t->n++;
	return true;
}

static int compare_times(const void *pa, const void *pb)
{
	const struct event *a = pa;
	const struct event *b = pb;

	if (a->ts_us != b->ts_us)
		return a->ts_us < b->ts_us ? -1 : 1;
	return a->place < b->place ? -1 : a->place > b->place;
}

/* Those without an id last. The events are in order of time already, and so are their addresses. */
static int compare_members(const void *pa, const void *pb)
{
	const struct event *a = *(const struct event *const *)pa;
	const struct event *b = *(const struct event *const *)pb;
	int order = (a->id.n == 0) - (b->id.n == 0);

	if (order == 0)
		order = dp_str_compare(a->id, b->id);
	return order != 0 ? order : (a > b) - (a < b);
}

static bool has_duration(double ms)
{
	return !isnan(ms);
}

/* The next span: its first member is members[first]. Returns the number of the member behind it. */
static size_t cut_span(struct dp_flow_trace *t, size_t first)
{
	struct span s = {.first = first, .parent = none, .top = none, .duration_ms = NAN};
	const struct dp_str id = t->members[first]->id;

	do {
		struct event *ev = t->members[first + s.n++];

		ev->span = t->span_count;
		s.is_error = s.is_error || ev->is_error;
		if (has_duration(ev->duration_ms) && !(s.duration_ms >= ev->duration_ms))
			s.duration_ms = ev->duration_ms;
	} while (id.n > 0 && first + s.n < t->n && dp_str_equal(t->members[first + s.n]->id, id));
	t->spans[t->span_count++] = s;
	t->named += id.n > 0;
	return first + s.n;
}

static void find_spans(struct dp_flow_trace *t)
{
	t->members = dp_mem_resize_array(NULL, t->n, sizeof(struct event *));
	t->spans = dp_mem_resize_array(NULL, t->n, sizeof *t->spans);
	for (size_t i = 0; i < t->n; i++)
		t->members[i] = &t->events[i];
	qsort((void *)t->members, t->n, sizeof(struct event *), compare_members);
	for (size_t at = 0; at < t->n;)
		at = cut_span(t, at);
}

static size_t find_span(const struct dp_flow_trace *t, struct dp_str id)
{
	size_t low = 0;
	size_t high = t->named;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order = dp_str_compare(t->members[t->spans[middle].first]->id, id);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return none;
}

static void find_parent(const struct dp_flow_trace *t, size_t number)
{
	struct span *s = &t->spans[number];

	for (size_t i = 0; i < s->n && s->parent == none; i++) {
		const struct dp_str id = t->members[s->first + i]->parent;
		const size_t parent = id.n > 0 ? find_span(t, id) : none;

		s->parent = parent != number ? parent : none;
	}
}

/* Goes up to the top, or to where that is known already; then the way again, to note it. */
static void find_top(const struct dp_flow_trace *t, size_t number)
{
	size_t at = number;
	size_t top = none;

	while (t->spans[at].state == SPAN_NEW && t->spans[at].parent != none) {
		t->spans[at].state = SPAN_ON_PATH;
		at = t->spans[at].parent;
	}
	if (t->spans[at].state == SPAN_NEW)
		top = at;
	else if (t->spans[at].state == SPAN_DONE)
		top = t->spans[at].top;
	t->spans[at].state = SPAN_DONE;
	t->spans[at].top = top;
	for (at = number; t->spans[at].state == SPAN_ON_PATH; at = t->spans[at].parent) {
		t->spans[at].state = SPAN_DONE;
		t->spans[at].top = top;
	}
}

static size_t system_of(const struct dp_flow_trace *t, const struct span *s)
{
	return t->members[s->first]->system;
}

/* What fails within a system fails the span by which it was called. Each span is marked once, so no
 * way is gone twice. */
static void pass_errors_up(struct dp_flow_trace *t)
{
	for (size_t i = 0; i < t->span_count; i++) {
		const struct span *s = &t->spans[i];

		while (s->is_error && s->parent != none && !t->spans[s->parent].is_error &&
		       system_of(t, &t->spans[s->parent]) == system_of(t, s)) {
			t->spans[s->parent].is_error = true;
			s = &t->spans[s->parent];
		}
	}
}

static void add_step(struct dp_flow *f, const struct dp_flow_step *step)
{
	if (f->step_count == f->step_cap) {
		f->step_cap = f->step_cap ? 2 * f->step_cap : 64;
		f->steps = dp_mem_resize_array(f->steps, f->step_cap, sizeof *f->steps);
	}
	f->steps[f->step_count++] = *step;
}

/* How long a call took that an event of the span `to` began, the caller's last event before it
 * being `from`, or NULL. */
static double time_of(const struct span *to, const struct event *from, const struct event *begin)
{
	if (has_duration(to->duration_ms))
		return to->duration_ms >= 0 ? to->duration_ms : NAN;
	return from ? ((double)begin->ts_us - (double)from->ts_us) / 1000 : NAN;
}

/* The last event of a span that is not after an instant, or NULL. */
static const struct event *last_until(
    const struct dp_flow_trace *t, const struct span *s, int64_t until_us)
{
	size_t low = 0;
	size_t high = s->n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (t->members[s->first + middle]->ts_us <= until_us)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? t->members[s->first + low - 1] : NULL;
}

/* The step from its parent to a span, where that is one. */
static void add_call(struct dp_flow *f, const struct span *to)
{
	const struct dp_flow_trace *t = f->trace;
	const struct event *begin = t->members[to->first];
	const struct span *from;
	struct dp_flow_step step;

	if (to->parent == none)
		return;
	from = &t->spans[to->parent];
	step = (struct dp_flow_step){system_of(t, from), system_of(t, to),
	    time_of(to, last_until(t, from, begin->ts_us), begin), to->is_error};
	if (step.from != step.to)
		add_step(f, &step);
}

/* The step from the event before to events[i], where that is one. */
static void add_turn(struct dp_flow *f, size_t i)
{
	const struct dp_flow_trace *t = f->trace;
	const struct event *ev = &t->events[i];
	const struct event *before = ev - 1;
	const struct span *s = &t->spans[ev->span];
	const struct dp_flow_step step = {
	    before->system, ev->system, time_of(s, before, ev), ev->run_failed};

	if (s->parent == none && before->system != ev->system &&
	    t->spans[before->span].top != ev->span)
		add_step(f, &step);
}

static void note_runs(struct dp_flow_trace *t)
{
	for (size_t i = t->n; i > 0; i--) {
		struct event *ev = &t->events[i - 1];

		ev->run_failed =
		    ev->is_error || (i < t->n && ev[1].system == ev->system && ev[1].run_failed);
	}
}

static void count_nodes(struct dp_flow *f)
{
	for (size_t i = 0; i < f->trace->n; i++) {
		const struct event *ev = &f->trace->events[i];
		struct dp_census_row *row = &f->nodes.rows[ev->system];

		row->events++;
		row->errors += ev->is_error;
		row->traces += row->mark != f->traces;
		row->mark = f->traces;
	}
}

void dp_flow_end_trace(struct dp_flow *f)
{
	struct dp_flow_trace *t = f->trace;

	if (t->n == 0)
		return;
	f->traces++;
	qsort(t->events, t->n, sizeof *t->events, compare_times);
	count_nodes(f);
	note_runs(t);
	find_spans(t);
	for (size_t i = 0; i < t->span_count; i++)
		find_parent(t, i);
	for (size_t i = 0; i < t->span_count; i++)
		find_top(t, i);
	pass_errors_up(t);
	for (size_t i = 0; i < t->span_count; i++)
		add_call(f, &t->spans[i]);
	for (size_t i = 1; i < t->n; i++)
		add_turn(f, i);
	forget_trace(t);
}

static int compare_steps(const void *pa, const void *pb)
{
	const struct dp_flow_step *a = pa;
	const struct dp_flow_step *b = pb;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return (a->to > b->to) - (a->to < b->to);
}

/* The edge that the first of the steps are; `times` has room for all. */
static struct dp_flow_edge sum_up(const struct dp_flow_step *steps, size_t n, double *times)
{
	struct dp_flow_edge e = {.from = steps->from, .to = steps->to};

	for (size_t i = 0; i < n && compare_steps(&steps[i], steps) == 0; i++) {
		e.count++;
		e.errors += steps[i].failed;
		if (has_duration(steps[i].ms))
			times[e.measured++] = steps[i].ms;
	}
	dp_quantile_sort(times, e.measured);
	if (e.measured > 0) {
		e.p50_ms = dp_quantile(times, e.measured, 50);
		e.p95_ms = dp_quantile(times, e.measured, 95);
	}
	return e;
}

/* Gives the steps their nodes' new numbers, and drops those that lead nowhere now. */
static void renumber(struct dp_flow *f, const size_t *moved)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->step_count; i++) {
		struct dp_flow_step step = f->steps[i];

		step.from = moved[step.from];
		step.to = moved[step.to];
		if (step.from != step.to)
			f->steps[kept++] = step;
	}
	f->step_count = kept;
}

void dp_flow_finish(struct dp_flow *f)
{
	size_t *moved = dp_census_rank(&f->nodes);
	double *times;

	renumber(f, moved);
	free(moved);
	if (f->step_count > 1)
		qsort(f->steps, f->step_count, sizeof *f->steps, compare_steps);
	f->edges = dp_mem_resize_array(NULL, f->step_count, sizeof *f->edges);
	times = dp_mem_resize_array(NULL, f->step_count, sizeof *times);
	for (size_t at = 0; at < f->step_count; at += (size_t)f->edges[f->edge_count++].count)
		f->edges[f->edge_count] = sum_up(f->steps + at, f->step_count - at, times);
	free(times);
}
