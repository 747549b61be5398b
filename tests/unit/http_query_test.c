#include "../../cmd/dp-http/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct query_case {
	const char *text;
	const char *want; /* "[name=value]…", "!" before what cannot be decoded */
} cases[] = {
    {"", ""},
    {"&&", ""},
    {"a", "[a=]"},
    {"a=", "[a=]"},
    {"=b", "[=b]"},
    {"a=b", "[a=b]"},
    {"a=b&c=d", "[a=b][c=d]"},
    {"a=b&", "[a=b]"},
    {"a=b=c", "[a=b=c]"},
    {"a=b&a=c", "[a=b][a=c]"},
    {"a=x+y%2Bz", "[a=x y+z]"},
    {"%61=%62", "[a=b]"},
    {"a=%c3%A4", "[a=\xc3\xa4]"},
    {"a=\xc3\xa4", "[a=\xc3\xa4]"},
    {"a=%26b", "[a=&b]"},
    {"a=%3D", "[a==]"},
    {"a=%2525", "[a=%25]"},
    {"a=%ff", "![a=]"},
    {"%ff=a", "![=a]"},
    {"a=%00", "![a=]"},
    {"a=%", "![a=]"},
    {"a=%4", "![a=]"},
    {"a=%g1&b=c", "![a=][b=c]"},
    {"a=%ed%a0%80", "![a=]"},
    {"a=%c0%af", "![a=]"},
};

static void test_parse(void **state)
{
	struct dp_buf got = {0};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct query q = {0};

		dp_buf_clear(&got);
		query_parse(&q, dp_str_from(cases[i].text));
		for (size_t k = 0; k < q.count; k++)
			dp_buf_addf(&got, "%s[%s=%s]", q.params[k].undecodable ? "!" : "",
			    q.params[k].name, q.params[k].value);
		query_release(&q);
		if (strcmp(dp_buf_text(&got), cases[i].want) != 0)
			fail_msg("'%s': %s instead of %s", cases[i].text, got.data, cases[i].want);
	}
	dp_buf_release(&got);
}

static void test_get(void **state)
{
	struct query q = {0};

	(void)state;
	query_parse(&q, DP_STR("a=1&b=2&a=3"));
	assert_string_equal(query_get(&q, "a"), "1");
	assert_string_equal(query_get(&q, "b"), "2");
	assert_null(query_get(&q, "c"));
	query_release(&q);
	assert_null(query_get(&q, "a"));
}

static void test_limit(void **state)
{
	struct dp_buf text = {0};
	struct query q = {0};

	(void)state;
	for (int i = 0; i < QUERY_MAX; i++)
		dp_buf_addf(&text, "&p%d=%d", i, i);
	query_parse(&q, dp_buf_str(&text));
	assert_int_equal(q.count, QUERY_MAX);
	assert_false(q.overflow);
	query_release(&q);
	dp_buf_add_text(&text, "&more=1");
	query_parse(&q, dp_buf_str(&text));
	assert_int_equal(q.count, QUERY_MAX);
	assert_true(q.overflow);
	query_release(&q);
	dp_buf_release(&text);
}

static void test_plus_in_a_path(void **state)
{
	struct dp_buf b = {0};

	(void)state;
	assert_true(percent_decode(DP_STR("a+b%20c"), false, &b));
	assert_string_equal(dp_buf_text(&b), "a+b c");
	dp_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_get),
	    cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_plus_in_a_path),
	};

	return cmocka_run_group_tests_name("http_query", tests, NULL, NULL);
}
