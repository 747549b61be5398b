#include "flow.h"

#include "json_random.h"
#include "mem.h"
#include "quantile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

enum { EVENTS_MAX = 10 };

/* An event; a new trace begins where `ends` is set on the one before. */
struct given {
	const char *system;
	int64_t ts_ms;
	const char *span;
	const char *parent;
	double duration_ms; /* 0: none; -1: none, and an error; -2: a negative one */
	bool ends;
};

static struct dp_flow_event to_event(const struct given *g)
{
	return (struct dp_flow_event){
	    .system = dp_str_from(g->system),
	    .ts_us = g->ts_ms * 1000,
	    .severity = g->duration_ms == -1 ? DP_ERROR : DP_INFO,
	    .span = {dp_str_from(g->span ? g->span : ""), dp_str_from(g->parent ? g->parent : ""),
		g->duration_ms > 0 || g->duration_ms == -2, g->duration_ms},
	};
}

static const struct flow_case {
	const char *name;
	struct given events[EVENTS_MAX];
	const char *want; /* "from>to count/errors p50 p95; …| node events/errors/traces …" */
} cases[] = {
    {"nothing", {{0}}, "|"},
    {"one event", {{"a", 1, 0, 0, 0, 0}}, "| a 1/0/1"},
    {"one system", {{"a", 1, 0, 0, 0, 0}, {"a", 2, 0, 0, -1, 0}}, "| a 2/1/1"},
    {"in order of time: there and back",
	{{"a", 1, 0, 0, 0, 0}, {"b", 3, 0, 0, 0, 0}, {"b", 4, 0, 0, 0, 0}, {"a", 9, 0, 0, 0, 0}},
	"a>b 1/0 2 2; b>a 1/0 5 5; | a 2/0/1 b 2/0/1"},
    {"in whatever order they come", {{"b", 3, 0, 0, 0, 0}, {"a", 1, 0, 0, 0, 0}},
	"a>b 1/0 2 2; | a 1/0/1 b 1/0/1"},
    {"those of one instant keep theirs", {{"b", 3, 0, 0, 0, 0}, {"a", 3, 0, 0, 0, 0}},
	"b>a 1/0 0 0; | a 1/0/1 b 1/0/1"},
    {"a run fails as a whole, and no further",
	{{"a", 1, 0, 0, 0, 0}, {"b", 2, 0, 0, 0, 0}, {"b", 3, 0, 0, -1, 0}, {"a", 4, 0, 0, 0, 0},
	    {"b", 5, 0, 0, 0, 0}},
	"b>a 1/0 1 1; a>b 2/1 1 1; | b 3/1/1 a 2/0/1"},
    {"the target's duration, where it has one", {{"a", 1, 0, 0, 70, 0}, {"b", 2, 0, 0, 30, 0}},
	"a>b 1/0 30 30; | a 1/0/1 b 1/0/1"},
    {"a negative duration says nothing", {{"a", 1, 0, 0, 0, 0}, {"b", 2, 0, 0, -2, 0}},
	"a>b 1/0 - -; | a 1/0/1 b 1/0/1"},
    {"by parents, whatever lies between",
	{{"web", 0, "1", 0, 0, 0}, {"api", 1, "2", "1", 0, 0}, {"db", 2, "3", "2", 5, 0},
	    {"cache", 3, "4", "2", 7, 0}},
	"api>cache 1/0 7 7; api>db 1/0 5 5; web>api 1/0 1 1; "
	"| api 1/0/1 cache 1/0/1 db 1/0/1 web 1/0/1"},
    {"spans that are told when they end are not returns",
	{{"db", 2, "3", "2", 5, 0}, {"api", 3, "2", "1", 6, 0}, {"web", 4, "1", 0, 9, 0}},
	"api>db 1/0 5 5; web>api 1/0 6 6; | api 1/0/1 db 1/0/1 web 1/0/1"},
    {"a parent of the same system is no edge, nor what came before",
	{{"a", 0, "1", 0, 0, 0}, {"b", 1, 0, 0, 0, 0}, {"a", 2, "2", "1", 0, 0}},
	"a>b 1/0 1 1; | a 2/0/1 b 1/0/1"},
    {"a parent that is not there: by time", {{"a", 0, 0, 0, 0, 0}, {"b", 4, "2", "9", 0, 0}},
	"a>b 1/0 4 4; | a 1/0/1 b 1/0/1"},
    {"one's own parent: by time", {{"a", 0, 0, 0, 0, 0}, {"b", 4, "2", "2", 0, 0}},
	"a>b 1/0 4 4; | a 1/0/1 b 1/0/1"},
    {"before the spans there was something",
	{{"app", 0, 0, 0, 0, 0}, {"a", 4, "1", 0, 0, 0}, {"b", 5, "2", "1", 0, 0}},
	"a>b 1/0 1 1; app>a 1/0 4 4; | a 1/0/1 app 1/0/1 b 1/0/1"},
    {"a span of several events is called once; any of them fails it, the longest time is its own",
	{{"a", 0, "1", 0, 0, 0}, {"b", 1, "2", "1", 3, 0}, {"b", 2, "2", "1", -1, 0},
	    {"b", 3, "2", 0, 8, 0}},
	"a>b 1/1 8 8; | b 3/1/1 a 1/0/1"},
    {"an error below it, within its system, fails a span; one of a system further down does not",
	{{"a", 0, "1", 0, 0, 0}, {"b", 1, "2", "1", 0, 0}, {"b", 2, "3", "2", 0, 0},
	    {"b", 3, 0, "3", -1, 0}, {"c", 4, "4", "1", 0, 0}, {"d", 5, "5", "4", -1, 0}},
	"a>b 1/1 1 1; a>c 1/0 4 4; c>d 1/1 1 1; | b 3/1/1 a 1/0/1 c 1/0/1 d 1/1/1"},
    {"an event without a span of its own has a parent",
	{{"a", 0, "1", 0, 0, 0}, {"b", 6, 0, "1", 0, 0}}, "a>b 1/0 6 6; | a 1/0/1 b 1/0/1"},
    {"from the caller's last event before it",
	{{"a", 0, "1", 0, 0, 0}, {"a", 4, "1", 0, 0, 0}, {"b", 6, "2", "1", 0, 0},
	    {"a", 9, "1", 0, 0, 0}},
	"a>b 1/0 2 2; | a 3/0/1 b 1/0/1"},
    {"clocks apart: the caller is after it", {{"b", 1, "2", "1", 0, 0}, {"a", 5, "1", 0, 0, 0}},
	"a>b 1/0 - -; | a 1/0/1 b 1/0/1"},
    {"parents in a circle",
	{{"a", 0, "1", "3", 0, 0}, {"b", 1, "2", "1", 0, 0}, {"c", 2, "3", "2", 0, 0},
	    {"d", 3, "4", "3", 0, 0}, {"a", 4, 0, 0, 0, 0}},
	"a>b 1/0 1 1; b>c 1/0 1 1; c>a 1/0 - -; c>d 1/0 1 1; d>a 1/0 1 1; "
	"| a 2/0/1 b 1/0/1 c 1/0/1 d 1/0/1"},
    {"traces are apart, and summed up",
	{{"a", 0, "1", 0, 0, 0}, {"b", 1, "2", "1", 10, true}, {"b", 2, "2", "1", 0, 0},
	    {"a", 3, "1", 0, 0, true}, {"a", 0, 0, 0, 0, 0}, {"b", 20, 0, 0, 0, 0},
	    {"b", 21, 0, 0, -1, 0}},
	"a>b 3/1 10 20; | b 4/1/3 a 3/0/3"},
    {"one name in two traces is two spans", {{"a", 0, "1", 0, 0, true}, {"b", 1, "2", "1", 0, 0}},
	"| a 1/0/1 b 1/0/1"},
};

static void describe(struct dp_buf *out, const struct dp_flow *f)
{
	dp_buf_clear(out);
	for (size_t i = 0; i < f->edge_count; i++) {
		const struct dp_flow_edge *e = &f->edges[i];

		dp_buf_add_str(out, f->nodes.rows[e->from].system);
		dp_buf_add_char(out, '>');
		dp_buf_add_str(out, f->nodes.rows[e->to].system);
		dp_buf_addf(out, " %d/%d ", (int)e->count, (int)e->errors);
		if (e->measured > 0)
			dp_buf_addf(out, "%g %g; ", e->p50_ms, e->p95_ms);
		else
			dp_buf_add_text(out, "- -; ");
	}
	dp_buf_add_char(out, '|');
	for (size_t i = 0; i < f->nodes.n; i++) {
		const struct dp_census_row *row = &f->nodes.rows[i];

		if (row->events == 0)
			continue;
		dp_buf_addf(out, " %.*s", (int)row->system.n, row->system.p);
		dp_buf_addf(out, " %d/%d/%d", (int)row->events, (int)row->errors, (int)row->traces);
	}
}

static void test_cases(void **state)
{
	struct dp_buf got = {0};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct dp_flow f;

		dp_flow_init(&f);
		for (size_t k = 0; k < EVENTS_MAX && cases[i].events[k].system; k++) {
			const struct dp_flow_event ev = to_event(&cases[i].events[k]);

			assert_true(dp_flow_add(&f, &ev));
			if (cases[i].events[k].ends)
				dp_flow_end_trace(&f);
		}
		dp_flow_end_trace(&f);
		dp_flow_end_trace(&f);
		dp_flow_finish(&f);
		describe(&got, &f);
		if (strcmp(dp_buf_text(&got), cases[i].want) != 0)
			fail_msg("%s:\n  got  %s\n  want %s", cases[i].name, dp_buf_text(&got),
			    cases[i].want);
		dp_flow_release(&f);
	}
	dp_buf_release(&got);
}

/* The same said once more as the header says it, without any thought of speed. */

enum { ORACLE_MAX = 14, ORACLE_SYSTEMS = 4 };

struct oracle_edge {
	int count;
	int errors;
	size_t measured;
	double ms[100];
};

static struct oracle_edge oracle[ORACLE_SYSTEMS][ORACLE_SYSTEMS];

static bool same_span(const struct given *ev, size_t a, size_t b)
{
	return a == b || (ev[a].span && ev[b].span && strcmp(ev[a].span, ev[b].span) == 0);
}

/* The first event of the parent of the span that events[i] is in, or -1. */
static int oracle_parent(const struct given *ev, size_t n, size_t i)
{
	for (size_t k = 0; k < n; k++) {
		if (!same_span(ev, i, k) || !ev[k].parent)
			continue;
		for (size_t p = 0; p < n; p++)
			if (ev[p].span && strcmp(ev[p].span, ev[k].parent) == 0 &&
			    !same_span(ev, p, i))
				return (int)p;
	}
	return -1;
}

static bool is_below(const struct given *ev, size_t n, size_t i, size_t top)
{
	int at = (int)i;

	for (size_t steps = 0; at >= 0 && steps <= n; steps++) {
		const int parent = oracle_parent(ev, n, (size_t)at);

		if (parent < 0)
			return same_span(ev, (size_t)at, top);
		at = parent;
	}
	return false;
}

static double oracle_duration(const struct given *ev, size_t n, size_t i, double otherwise)
{
	double longest = NAN;

	for (size_t k = 0; k < n; k++)
		if (same_span(ev, i, k) && (ev[k].duration_ms > 0 || ev[k].duration_ms == -2) &&
		    !(longest >= ev[k].duration_ms))
			longest = ev[k].duration_ms;
	if (isnan(longest))
		return otherwise;
	return longest >= 0 ? longest : NAN;
}

static void oracle_add(const struct given *from, const struct given *to, bool failed, double ms)
{
	struct oracle_edge *e = &oracle[*from->system - 'a'][*to->system - 'a'];

	if (*from->system == *to->system)
		return;
	e->count++;
	e->errors += failed;
	if (!isnan(ms))
		e->ms[e->measured++] = ms;
}

static size_t first_of(const struct given *ev, size_t i)
{
	size_t first = 0;

	while (!same_span(ev, first, i))
		first++;
	return first;
}

/* Whether an event is of the span that `top` is of, or of one below it within its system. */
static bool is_part(const struct given *ev, size_t n, size_t i, size_t top)
{
	size_t at = first_of(ev, i);

	for (size_t steps = 0; steps <= n; steps++) {
		const int parent = oracle_parent(ev, n, at);

		if (same_span(ev, at, top))
			return true;
		if (parent < 0 || *ev[first_of(ev, (size_t)parent)].system != *ev[at].system)
			return false;
		at = first_of(ev, (size_t)parent);
	}
	return false;
}

static void oracle_call(const struct given *ev, size_t n, size_t i)
{
	const int parent = oracle_parent(ev, n, i);
	double ms = NAN;
	bool failed = false;

	for (size_t k = 0; k < i; k++)
		if (same_span(ev, i, k))
			return; /* its first event speaks for it */
	for (size_t k = 0; k < n; k++) {
		failed = failed || (ev[k].duration_ms == -1 && is_part(ev, n, k, i));
		if (parent >= 0 && same_span(ev, k, (size_t)parent) && ev[k].ts_ms <= ev[i].ts_ms)
			ms = (double)(ev[i].ts_ms - ev[k].ts_ms);
	}
	if (parent >= 0)
		oracle_add(&ev[parent], &ev[i], failed, oracle_duration(ev, n, i, ms));
}

static void oracle_turn(const struct given *ev, size_t n, size_t i)
{
	bool failed = false;

	if (i == 0 || oracle_parent(ev, n, i) >= 0 || is_below(ev, n, i - 1, i))
		return;
	for (size_t k = i; k < n && *ev[k].system == *ev[i].system; k++)
		failed = failed || ev[k].duration_ms == -1;
	oracle_add(&ev[i - 1], &ev[i], failed,
	    oracle_duration(ev, n, i, (double)(ev[i].ts_ms - ev[i - 1].ts_ms)));
}

static int compare_given(const void *pa, const void *pb)
{
	const struct given *a = pa;
	const struct given *b = pb;

	return (a->ts_ms > b->ts_ms) - (a->ts_ms < b->ts_ms);
}

static void random_trace(uint64_t *seed, struct given *ev, size_t n)
{
	static const char *const systems[] = {"a", "b", "c", "d"};
	static const char *const ids[] = {NULL, "1", "2", "3", "4", "5", "6", NULL, "7"};
	static const double durations[] = {0, 0, 0, -1, -2, 5, 6, 7, 8.5};

	for (size_t i = 0; i < n; i++)
		ev[i] = (struct given){JSON_PICK(seed, systems), json_random(seed, 12),
		    JSON_PICK(seed, ids), JSON_PICK(seed, ids), JSON_PICK(seed, durations), false};
	/* stable, as few: by insertion */
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && compare_given(&ev[k - 1], &ev[k]) > 0; k--) {
			const struct given held = ev[k];

			ev[k] = ev[k - 1];
			ev[k - 1] = held;
		}
}

static void compare_with_oracle(const struct dp_flow *f)
{
	int edges = 0;

	for (size_t i = 0; i < f->edge_count; i++) {
		const struct dp_flow_edge *e = &f->edges[i];
		struct oracle_edge *want = &oracle[*f->nodes.rows[e->from].system.p - 'a']
						  [*f->nodes.rows[e->to].system.p - 'a'];

		assert_int_equal(e->count, want->count);
		assert_int_equal(e->errors, want->errors);
		assert_int_equal(e->measured, want->measured);
		dp_quantile_sort(want->ms, want->measured);
		if (e->measured > 0) {
			assert_true(e->p50_ms == want->ms[(want->measured * 50 + 99) / 100 - 1]);
			assert_true(e->p95_ms == want->ms[(want->measured * 95 + 99) / 100 - 1]);
		}
	}
	for (int i = 0; i < ORACLE_SYSTEMS * ORACLE_SYSTEMS; i++)
		edges += oracle[i / ORACLE_SYSTEMS][i % ORACLE_SYSTEMS].count > 0;
	assert_int_equal(f->edge_count, edges);
}

static void test_oracle(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct dp_flow f;

		memset(oracle, 0, sizeof oracle);
		dp_flow_init(&f);
		for (uint32_t traces = 1 + json_random(&seed, 3); traces > 0; traces--) {
			struct given ev[ORACLE_MAX];
			const size_t n = json_random(&seed, ORACLE_MAX + 1);

			random_trace(&seed, ev, n);
			for (size_t i = 0; i < n; i++) {
				const struct dp_flow_event one = to_event(&ev[i]);

				oracle_call(ev, n, i);
				oracle_turn(ev, n, i);
				dp_flow_add(&f, &one);
			}
			dp_flow_end_trace(&f);
		}
		dp_flow_finish(&f);
		compare_with_oracle(&f);
		dp_flow_release(&f);
	}
}

/* As many events as are taken, each of a system and a span of its own, each the parent of the next:
 * no square of them is anywhere. */
static void test_many(void **state)
{
	struct dp_flow f;
	int64_t events = 0;
	char name[3][16];

	(void)state;
	dp_flow_init(&f);
	for (int i = 0; i <= DP_FLOW_EVENTS_MAX; i++) {
		struct dp_flow_event ev = {.ts_us = i, .severity = DP_INFO};

		snprintf(name[0], sizeof name[0], "s%d", i);
		snprintf(name[1], sizeof name[1], "\"%d\"", i);
		snprintf(name[2], sizeof name[2], "\"%d\"", i - 1);
		ev.system = dp_str_from(name[0]);
		ev.span.id = dp_str_from(name[1]);
		ev.span.parent = dp_str_from(name[2]);
		assert_int_equal(dp_flow_add(&f, &ev), i < DP_FLOW_EVENTS_MAX);
	}
	dp_flow_end_trace(&f);
	dp_flow_finish(&f);
	assert_int_equal(f.nodes.n, DP_CENSUS_ROWS + 1);
	for (size_t i = 0; i < f.nodes.n; i++)
		events += f.nodes.rows[i].events;
	assert_int_equal(events, DP_FLOW_EVENTS_MAX);
	assert_true(f.edge_count > 0 && f.edge_count <= 2 * DP_CENSUS_ROWS);
	for (size_t i = 0; i < f.edge_count; i++)
		assert_true(f.edges[i].from != f.edges[i].to);
	dp_flow_release(&f);
}

/* An id too long to keep is none: not one that is cut, and equal to others. */
static void test_long_ids(void **state)
{
	char id[DP_FLOW_SPAN_ID_MAX + 2];
	struct given events[] = {{"a", 0, id, NULL, 0, false}, {"b", 1, NULL, NULL, 0, false},
	    {"c", 2, NULL, id, 0, false}};
	struct dp_buf got = {0};

	(void)state;
	for (size_t length = DP_FLOW_SPAN_ID_MAX; length <= DP_FLOW_SPAN_ID_MAX + 1; length++) {
		struct dp_flow f;

		memset(id, 'x', length);
		id[length] = '\0';
		dp_flow_init(&f);
		for (size_t i = 0; i < 3; i++) {
			const struct dp_flow_event ev = to_event(&events[i]);

			dp_flow_add(&f, &ev);
		}
		dp_flow_end_trace(&f);
		dp_flow_finish(&f);
		describe(&got, &f);
		assert_string_equal(
		    dp_buf_text(&got), length == DP_FLOW_SPAN_ID_MAX
					   ? "a>b 1/0 1 1; a>c 1/0 2 2; | a 1/0/1 b 1/0/1 c 1/0/1"
					   : "a>b 1/0 1 1; b>c 1/0 1 1; | a 1/0/1 b 1/0/1 c 1/0/1");
		dp_flow_release(&f);
	}
	dp_buf_release(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases),
	    cmocka_unit_test(test_oracle),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_long_ids),
	};

	return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
