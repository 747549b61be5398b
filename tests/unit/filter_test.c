#include "filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct pair {
	const char *name;
	const char *values;
};

static const struct dp_event event = {
    .trace_id = {"t1", 2},
    .system = {"api,v2", 6},
    .type = {"request", 7},
    .severity = DP_WARNING,
};

static const char long_trace[] =
    "0123456789012345678901234567890123456789012345678901234567890123"
    "01234567890123456789012345678901234567890123456789012345678901234";

static const struct match_case {
	const char *name;
	struct pair terms[3];
	bool want;
} matches[] = {
    {"no term", {{0}}, true},
    {"the trace", {{"trace", "t1"}}, true},
    {"another trace", {{"trace", "t2"}}, false},
    {"a prefix is another", {{"trace", "t"}}, false},
    {"a longer one is another", {{"trace", "t11"}}, false},
    {"one of several", {{"trace", "t0,t1,t2"}}, true},
    {"upper case is another", {{"trace", "T1"}}, false},
    {"severity", {{"severity", "warning"}}, true},
    {"severity in another case", {{"severity", "WARNING"}}, true},
    {"severity by its synonym", {{"severity", "warn"}}, true},
    {"severity is no threshold", {{"severity", "info"}}, false},
    {"severities", {{"severity", "error,warning"}}, true},
    {"type", {{"type", "request"}}, true},
    {"another type", {{"type", "response"}}, false},
    {"escaped comma", {{"system", "api\\,v2"}}, true},
    {"bare comma separates", {{"system", "api,v2"}}, false},
    {"all terms hold", {{"trace", "t1"}, {"type", "request"}}, true},
    {"one term fails", {{"trace", "t1"}, {"type", "query"}}, false},
    {"a field twice: both", {{"type", "request,query"}, {"type", "query"}}, false},
};

static void test_match(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof matches / sizeof *matches; i++) {
		const struct match_case *c = &matches[i];
		struct dp_filter f = {0};
		const char *why = NULL;

		for (const struct pair *p = c->terms; p->name; p++)
			assert_int_equal(
			    dp_filter_add(&f, p->name, dp_str_from(p->values), &why), 0);
		if (dp_filter_match(&f, &event) != c->want)
			fail_msg("%s: %s", c->name, c->want ? "does not match" : "matches");
		dp_filter_release(&f);
		assert_int_equal(f.count, 0);
	}
}

static const struct refusal_case {
	const char *name;
	const char *field;
	struct dp_str values;
	const char *want; /* part of the reason */
} refusals[] = {
    {"unknown field", "sistem", {"x", 1}, "no such field"},
    {"the name's case counts", "Trace", {"x", 1}, "no such field"},
    {"nothing", "trace", {"", 0}, "empty"},
    {"an empty value before", "type", {",a", 2}, "empty"},
    {"an empty value behind", "type", {"a,", 2}, "empty"},
    {"an empty value between", "type", {"a,,b", 4}, "empty"},
    {"no severity", "severity", {"error,loud", 10}, "severity"},
    {"long trace", "trace", {long_trace, 129}, "128"},
    {"no UTF-8", "system", {"\xff", 1}, "UTF-8"},
    {"cut UTF-8", "system", {"\xc3", 1}, "UTF-8"},
    {"a NUL", "system", {"a\0b", 3}, "UTF-8"},
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		const struct refusal_case *c = &refusals[i];
		struct dp_filter f = {0};
		const char *why = NULL;

		if (dp_filter_add(&f, c->field, c->values, &why) != -1)
			fail_msg("%s: was taken", c->name);
		if (!strstr(why, c->want))
			fail_msg("%s: '%s' does not say '%s'", c->name, why, c->want);
		assert_int_equal(f.count, 0);
		dp_filter_release(&f);
	}
}

static void test_limits(void **state)
{
	struct dp_filter f = {0};
	struct dp_buf values = {0};
	char name[513];
	const char *why = NULL;

	(void)state;
	assert_int_equal(dp_filter_add(&f, "trace", (struct dp_str){long_trace, 128}, &why), 0);
	memset(name, 's', sizeof name);
	assert_int_equal(dp_filter_add(&f, "system", (struct dp_str){name, 512}, &why), 0);
	assert_int_equal(dp_filter_add(&f, "system", (struct dp_str){name, 513}, &why), -1);
	for (int i = 0; i < DP_FILTER_VALUES_MAX; i++)
		dp_buf_addf(&values, "%sv%d", i ? "," : "", i);
	assert_int_equal(dp_filter_add(&f, "type", dp_buf_str(&values), &why), 0);
	assert_int_equal(f.terms[2].count, DP_FILTER_VALUES_MAX);
	dp_buf_add_text(&values, ",more");
	assert_int_equal(dp_filter_add(&f, "type", dp_buf_str(&values), &why), -1);
	assert_string_equal(why, "more than 32 values");
	while (f.count < DP_FILTER_TERMS_MAX)
		assert_int_equal(dp_filter_add(&f, "type", DP_STR("x"), &why), 0);
	assert_int_equal(dp_filter_add(&f, "type", DP_STR("x"), &why), -1);
	assert_string_equal(why, "more than 16 terms");
	dp_buf_release(&values);
	dp_filter_release(&f);
}

static void test_values_are_canonical(void **state)
{
	struct dp_filter f = {0};
	const char *why = NULL;

	(void)state;
	assert_int_equal(dp_filter_add(&f, "severity", DP_STR("FATAL,Info"), &why), 0);
	assert_string_equal(f.terms[0].values[0], "error");
	assert_string_equal(f.terms[0].values[1], "info");
	assert_int_equal(dp_filter_add(&f, "type", DP_STR("a\\\\b\\,c,d\\"), &why), 0);
	assert_string_equal(f.terms[1].values[0], "a\\b,c");
	assert_string_equal(f.terms[1].values[1], "d\\");
	dp_filter_release(&f);
}

static const struct trace_case {
	const char *name;
	struct pair terms[3];
	const char *want;
} traces[] = {
    {"none", {{0}}, NULL},
    {"another field", {{"type", "t1"}}, NULL},
    {"one", {{"type", "x"}, {"trace", "t1"}}, "t1"},
    {"several", {{"trace", "t1,t2"}}, NULL},
    {"one of several", {{"trace", "t1,t2"}, {"trace", "t2"}}, "t2"},
};

static void test_trace(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof traces / sizeof *traces; i++) {
		const struct trace_case *c = &traces[i];
		struct dp_filter f = {0};
		const char *why = NULL;
		const char *got;

		for (const struct pair *p = c->terms; p->name; p++)
			assert_int_equal(
			    dp_filter_add(&f, p->name, dp_str_from(p->values), &why), 0);
		got = dp_filter_trace(&f);
		if ((got == NULL) != (c->want == NULL) || (got && strcmp(got, c->want) != 0))
			fail_msg("%s: %s", c->name, got ? got : "(none)");
		dp_filter_release(&f);
	}
}

static void test_knows(void **state)
{
	(void)state;
	assert_true(dp_filter_knows("trace"));
	assert_true(dp_filter_knows("severity"));
	assert_true(dp_filter_knows("system"));
	assert_true(dp_filter_knows("type"));
	assert_false(dp_filter_knows("follow"));
	assert_false(dp_filter_knows(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_match),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_values_are_canonical),
	    cmocka_unit_test(test_trace),
	    cmocka_unit_test(test_knows),
	};

	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
