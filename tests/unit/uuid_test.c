/* lib/uuid: what UUIDs and ids look like, which texts are UUIDs. */
#include "uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* RFC 9562, appendix A.6: the UUIDv7 of 2022-02-22T19:22:22.000Z. */
static void test_v7_holds_the_instant(void **state)
{
	char id[DP_UUID_TEXT + 1];

	(void)state;
	dp_uuid_v7(INT64_C(1645557742000000), id);
	assert_int_equal(strlen(id), DP_UUID_TEXT);
	assert_memory_equal(id, "017f22e2-79b0-7000-", 19);
	assert_non_null(strchr("89ab", id[19]));
	dp_uuid_v7(INT64_C(1645557742000999), id);
	assert_memory_equal(id, "017f22e2-79b0-7ffb-", 19);
	dp_uuid_v7(-5, id);
	assert_memory_equal(id, "00000000-0000-7000-", 19);
}

static void test_v7_sorts_by_time_and_never_repeats(void **state)
{
	char before[DP_UUID_TEXT + 1] = "";
	char id[DP_UUID_TEXT + 1];

	(void)state;
	for (int64_t us = INT64_C(1767225600000000); us < INT64_C(1767225600002500); us++) {
		dp_uuid_v7(us, id);
		assert_true(strcmp(before, id) < 0);
		memcpy(before, id, sizeof id);
	}
	dp_uuid_v7(1, before);
	dp_uuid_v7(1, id);
	assert_string_not_equal(before, id);
}

static void test_parse(void **state)
{
	static const struct {
		const char *name;
		const char *input;
		const char *want; /* NULL: refused */
	} rows[] = {
	    {"lower case", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398f"},
	    {"upper case", "017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398f"},
	    {"any version", "ffffffff-ffff-ffff-ffff-ffffffffffff",
		"ffffffff-ffff-ffff-ffff-ffffffffffff"},
	    {"nil", "00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"},
	    {"empty", "", NULL},
	    {"short", "017f22e2-79b0-7cc3-98c4-dc0c0c07398", NULL},
	    {"long", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0", NULL},
	    {"without dashes", "017f22e279b07cc398c4dc0c0c07398f", NULL},
	    {"a dash elsewhere", "017f22e27-9b0-7cc3-98c4-dc0c0c07398f", NULL},
	    {"a digit for a dash", "017f22e2079b0-7cc3-98c4-dc0c0c07398f", NULL},
	    {"a letter behind f", "017f22g2-79b0-7cc3-98c4-dc0c0c07398f", NULL},
	    {"a letter behind F", "017f22G2-79b0-7cc3-98c4-dc0c0c07398f", NULL},
	    {"braces", "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char out[DP_UUID_TEXT + 1] = "untouched";
		int rc = dp_uuid_parse(dp_str_from(rows[i].input), out);

		if (rc != (rows[i].want ? 0 : -1) ||
		    strcmp(out, rows[i].want ? rows[i].want : "untouched") != 0)
			fail_msg("%s: %d %s", rows[i].name, rc, out);
	}
}

static void test_parse_refuses_a_nul(void **state)
{
	char text[] = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
	char out[DP_UUID_TEXT + 1];

	(void)state;
	text[3] = '\0';
	assert_int_equal(dp_uuid_parse((struct dp_str){text, DP_UUID_TEXT}, out), -1);
}

static void test_bytes_both_ways(void **state)
{
	static const uint8_t want[16] = {0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x7c, 0xc3, 0x98, 0xc4,
	    0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
	uint8_t bytes[16];
	char text[DP_UUID_TEXT + 1];

	(void)state;
	dp_uuid_to_bytes("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", bytes);
	assert_memory_equal(bytes, want, sizeof want);
	dp_uuid_from_bytes(bytes, text);
	assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

static void test_hex_id(void **state)
{
	char a[DP_HEX_ID_TEXT + 1];
	char b[DP_HEX_ID_TEXT + 1];

	(void)state;
	dp_hex_id_new(a);
	dp_hex_id_new(b);
	assert_int_equal(strlen(a), DP_HEX_ID_TEXT);
	assert_int_equal(strspn(a, "0123456789abcdef"), DP_HEX_ID_TEXT);
	assert_string_not_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_v7_holds_the_instant),
	    cmocka_unit_test(test_v7_sorts_by_time_and_never_repeats),
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_parse_refuses_a_nul),
	    cmocka_unit_test(test_bytes_both_ways),
	    cmocka_unit_test(test_hex_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
