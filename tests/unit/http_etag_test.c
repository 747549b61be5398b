#include "../../cmd/dp-http/etag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_tags(void **state)
{
	struct etag a;
	struct etag b;

	(void)state;
	etag_make(&a, DP_STR("one body"));
	etag_make(&b, DP_STR("one body"));
	assert_string_equal(a.plain, b.plain);
	assert_string_equal(a.gzip, b.gzip);
	assert_string_not_equal(a.plain, a.gzip);
	assert_int_equal(a.plain[0], '"');
	etag_make(&b, DP_STR("one bodz"));
	assert_string_not_equal(a.plain, b.plain);
	assert_string_not_equal(a.gzip, b.gzip);
}

/* Of bodies of every length around those that are read at once, one byte counts wherever it is. */
static void test_each_byte_counts(void **state)
{
	char text[70] = "1234567890123456789012345678901234567890123456789012345678901234567890";
	struct etag before;
	struct etag after;

	(void)state;
	for (size_t n = 1; n <= sizeof text; n++) {
		etag_make(&before, (struct dp_str){text, n - 1});
		etag_make(&after, (struct dp_str){text, n});
		assert_string_not_equal(before.plain, after.plain);
		for (size_t i = 0; i < n; i++) {
			text[i] ^= 1;
			etag_make(&before, (struct dp_str){text, n});
			assert_string_not_equal(before.plain, after.plain);
			text[i] ^= 1;
		}
	}
}

enum { NONE, PLAIN, GZIP };

static const struct match_case {
	const char *before;
	int named;
	const char *after;
	bool takes_gzip;
	int want;
} cases[] = {
    {"", PLAIN, "", false, PLAIN},
    {"", PLAIN, "", true, PLAIN},
    {"", GZIP, "", true, GZIP},
    {"", GZIP, "", false, NONE},
    {"\"other\", W/", PLAIN, "", false, PLAIN},
    {"", GZIP, ", \"other\"", true, GZIP},
    {"*", NONE, "", false, PLAIN},
    {" *", NONE, "", true, GZIP},
    {"\"other\"", NONE, "", true, NONE},
    {"\"*\"", NONE, "", true, NONE},
    {"", NONE, "", true, NONE},
};

static void test_match(void **state)
{
	struct etag t;
	const char *tags[] = {"", t.plain, t.gzip};

	(void)state;
	etag_make(&t, DP_STR("x"));
	assert_null(etag_match(&t, NULL, true));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct match_case *c = &cases[i];
		char header[100];
		const char *got;

		snprintf(header, sizeof header, "%s%s%s", c->before, tags[c->named], c->after);
		got = etag_match(&t, header, c->takes_gzip);
		if (strcmp(got ? got : "", tags[c->want]) != 0)
			fail_msg("%s: %s", header, got ? got : "none");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_tags),
	    cmocka_unit_test(test_each_byte_counts),
	    cmocka_unit_test(test_match),
	};

	return cmocka_run_group_tests_name("http_etag", tests, NULL, NULL);
}
