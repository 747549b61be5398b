#include "trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { EVENTS_MAX = 8 };

/* An event as "system time severity". */
struct given {
	const char *system;
	int64_t ts_us;
	enum dp_severity severity;
};

static const struct timeline_case {
	const char *name;
	struct given events[EVENTS_MAX];
	const char *want; /* "system first..last status [indexes]; …" and what holds for all */
} cases[] = {
    {"nothing", {{0}}, "all 0..0 fine"},
    {"one event", {{"api", 5, DP_INFO}}, "api 5..5 success [0]; all 5..5 fine"},
    {"stages in order of start", {{"b", 30, DP_INFO}, {"a", 10, DP_INFO}, {"c", 20, DP_INFO}},
	"a 10..10 success [1]; c 20..20 success [2]; b 30..30 success [0]; all 10..30 fine"},
    {"one start: by name", {{"b", 1, DP_INFO}, {"a", 1, DP_INFO}},
	"a 1..1 success [1]; b 1..1 success [0]; all 1..1 fine"},
    {"a prefix is a system of its own", {{"api2", 1, DP_INFO}, {"api", 1, DP_INFO}},
	"api 1..1 success [1]; api2 1..1 success [0]; all 1..1 fine"},
    {"events in any order", {{"a", 30, DP_INFO}, {"a", 10, DP_INFO}, {"a", 20, DP_INFO}},
	"a 10..30 success [1 2 0]; all 10..30 fine"},
    {"one instant keeps its order", {{"a", 7, DP_INFO}, {"a", 7, DP_INFO}, {"a", 7, DP_INFO}},
	"a 7..7 success [0 1 2]; all 7..7 fine"},
    {"stages overlap: the end is the latest end",
	{{"a", 10, DP_INFO}, {"b", 20, DP_INFO}, {"b", 30, DP_INFO}, {"a", 90, DP_INFO}},
	"a 10..90 success [0 3]; b 20..30 success [1 2]; all 10..90 fine"},
    {"the worst counts", {{"a", 1, DP_ERROR}, {"a", 2, DP_DEBUG}, {"b", 3, DP_WARNING}},
	"a 1..2 error [0 1]; b 3..3 warning [2]; all 1..3 errors"},
    {"a warning is no error", {{"a", 1, DP_WARNING}, {"a", 2, DP_INFO}},
	"a 1..2 warning [0 1]; all 1..2 fine"},
    {"before 1970", {{"a", -30, DP_DEBUG}, {"a", -50, DP_DEBUG}},
	"a -50..-30 success [1 0]; all -50..-30 fine"},
    {"an empty name", {{"", 1, DP_INFO}, {"a", 2, DP_INFO}},
	" 1..1 success [0]; a 2..2 success [1]; all 1..2 fine"},
};

static void describe(struct dp_buf *out, const struct dp_timeline *t)
{
	dp_buf_clear(out);
	for (size_t i = 0; i < t->count; i++) {
		const struct dp_stage *s = &t->stages[i];

		dp_buf_add_str(out, s->system);
		dp_buf_addf(out, " %lld..%lld %s [", (long long)s->first_us, (long long)s->last_us,
		    dp_stage_status(s));
		for (size_t k = 0; k < s->count; k++)
			dp_buf_addf(out, "%s%zu", k ? " " : "", s->events[k]);
		dp_buf_add_text(out, "]; ");
	}
	dp_buf_addf(out, "all %lld..%lld %s", (long long)t->first_us, (long long)t->last_us,
	    t->has_errors ? "errors" : "fine");
}

static void test_timeline(void **state)
{
	struct dp_buf got = {0};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct dp_trace_event events[EVENTS_MAX];
		struct dp_timeline t;
		size_t n = 0;

		for (; n < EVENTS_MAX && cases[i].events[n].system; n++)
			events[n] = (struct dp_trace_event){dp_str_from(cases[i].events[n].system),
			    cases[i].events[n].ts_us, cases[i].events[n].severity};
		dp_timeline_init(&t, events, n);
		describe(&got, &t);
		dp_timeline_release(&t);
		if (strcmp(dp_buf_text(&got), cases[i].want) != 0)
			fail_msg("%s:\n  got  %s\n  want %s", cases[i].name, dp_buf_text(&got),
			    cases[i].want);
		assert_int_equal(t.count, 0);
	}
	dp_buf_release(&got);
}

/* A trace may have as many systems as events. */
static void test_many(void **state)
{
	enum { MANY = 20000 };
	struct dp_trace_event *events = calloc(MANY, sizeof *events);
	char(*names)[16] = calloc(MANY, sizeof *names);
	struct dp_timeline t;

	(void)state;
	assert_non_null(events);
	assert_non_null(names);
	for (int i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof names[i], "s%d", i / 2);
		events[i] = (struct dp_trace_event){dp_str_from(names[i]), MANY - i, DP_INFO};
	}
	dp_timeline_init(&t, events, MANY);
	assert_int_equal(t.count, MANY / 2);
	for (size_t i = 0; i < t.count; i++)
		assert_int_equal(t.stages[i].count, 2);
	assert_int_equal(t.stages[0].first_us, 1);
	assert_int_equal(t.last_us, MANY);
	dp_timeline_release(&t);
	free(names);
	free(events);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_timeline),
	    cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
