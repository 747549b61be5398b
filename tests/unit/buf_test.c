#include "buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static void str_compares_bytes(void **state)
{
	static const struct {
		const char *name;
		struct dp_str a;
		struct dp_str b;
		int want; /* the sign of the order */
	} rows[] = {
	    {"same", {"abc", 3}, {"abc", 3}, 0},
	    {"prefix", {"abc", 3}, {"ab", 2}, 1},
	    {"case", {"abc", 3}, {"abC", 3}, 1},
	    {"both empty", {NULL, 0}, {"", 0}, 0},
	    {"empty and not", {NULL, 0}, {"a", 1}, -1},
	    {"NUL inside counts", {"a\0b", 3}, {"a\0c", 3}, -1},
	    {"beyond ASCII", {"\xc3", 1}, {"z", 1}, 1},
	    {"length comes last", {"b", 1}, {"aa", 2}, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int order = dp_str_compare(rows[i].a, rows[i].b);

		if ((order > 0) - (order < 0) != rows[i].want)
			fail_msg("%s: %d", rows[i].name, order);
		if (dp_str_equal(rows[i].a, rows[i].b) != (rows[i].want == 0))
			fail_msg("%s", rows[i].name);
	}
	assert_true(dp_str_is(DP_STR("x"), "x"));
	assert_true(dp_str_is(dp_str_from(""), ""));
	assert_false(dp_str_is((struct dp_str){"x\0", 2}, "x"));
	assert_int_equal(DP_STR("a\0b").n, 3);
}

static void str_is_copied_as_far_as_it_fits(void **state)
{
	char out[4] = "xyz";

	(void)state;
	dp_str_copy((struct dp_str){NULL, 0}, out, sizeof out);
	assert_string_equal(out, "");
	dp_str_copy(DP_STR("abc"), out, sizeof out);
	assert_string_equal(out, "abc");
	dp_str_copy(DP_STR("defg"), out, sizeof out);
	assert_string_equal(out, "def");
}

static void grows_and_keeps_what_it_holds(void **state)
{
	struct dp_buf b = {0};

	(void)state;
	for (int i = 0; i < 100000; i++)
		dp_buf_add_char(&b, (char)('a' + i % 26));
	assert_int_equal(b.len, 100000);
	for (int i = 0; i < 100000; i++)
		if (b.data[i] != 'a' + i % 26)
			fail_msg("byte %d is wrong", i);
	dp_buf_release(&b);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.cap, 0);
	dp_buf_release(&b);
}

static void adds_every_kind(void **state)
{
	struct dp_buf b = {0};

	(void)state;
	dp_buf_add(&b, "by\0tes", 6);
	dp_buf_add(&b, NULL, 0);
	dp_buf_add_str(&b, DP_STR(" str"));
	dp_buf_add_str(&b, (struct dp_str){NULL, 0});
	dp_buf_add_text(&b, " text");
	dp_buf_add_char(&b, '\0');
	dp_buf_addf(&b, "%d-%s", 42, "x");
	dp_buf_addf(&b, "%s", "");
	assert_int_equal(b.len, 20);
	assert_memory_equal(b.data,
	    "by\0tes str text\0"
	    "42-x",
	    20);
	dp_buf_release(&b);
}

static void formats_beyond_its_room(void **state)
{
	struct dp_buf b = {0};
	char wide[5001];

	(void)state;
	memset(wide, 'w', sizeof wide - 1);
	wide[sizeof wide - 1] = '\0';
	dp_buf_add_text(&b, "<");
	dp_buf_addf(&b, "%s%s>", wide, wide);
	assert_int_equal(b.len, 10002);
	assert_int_equal(b.data[0], '<');
	assert_int_equal(b.data[10001], '>');
	dp_buf_release(&b);
}

static void adds_numbers(void **state)
{
	struct dp_buf b = {0};

	(void)state;
	dp_buf_add_number(&b, 0);
	dp_buf_add_number(&b, -7);
	dp_buf_add_number(&b, INT64_MAX);
	dp_buf_add_number(&b, INT64_MIN);
	assert_string_equal(dp_buf_text(&b), "0-79223372036854775807-9223372036854775808");
	dp_buf_release(&b);
}

static void drops_from_the_front(void **state)
{
	struct dp_buf b = {0};

	(void)state;
	dp_buf_drop(&b, 0);
	dp_buf_add_text(&b, "abcdef");
	dp_buf_drop(&b, 0);
	dp_buf_drop(&b, 2);
	assert_true(dp_str_is(dp_buf_str(&b), "cdef"));
	dp_buf_drop(&b, 4);
	assert_int_equal(b.len, 0);
	dp_buf_release(&b);
}

static void clear_keeps_the_memory(void **state)
{
	struct dp_buf b = {0};
	char *data;

	(void)state;
	dp_buf_add_text(&b, "abc");
	data = b.data;
	dp_buf_clear(&b);
	assert_int_equal(b.len, 0);
	dp_buf_add_text(&b, "d");
	assert_ptr_equal(b.data, data);
	dp_buf_release(&b);
}

static void reserve_makes_exactly_enough_room(void **state)
{
	struct dp_buf b = {0};

	(void)state;
	for (size_t n = 1; n < 5000; n = n * 3 + 1) {
		dp_buf_reserve(&b, n);
		assert_true(b.cap - b.len >= n);
		memset(b.data + b.len, 'x', n);
		b.len += n;
	}
	dp_buf_release(&b);
}

static void text_is_terminated_and_not_longer(void **state)
{
	struct dp_buf b = {0};

	(void)state;
	assert_string_equal(dp_buf_text(&b), "");
	while (b.len < 256)
		dp_buf_add_char(&b, 'x');
	assert_int_equal(strlen(dp_buf_text(&b)), 256);
	assert_int_equal(b.len, 256);
	dp_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(str_compares_bytes),
	    cmocka_unit_test(str_is_copied_as_far_as_it_fits),
	    cmocka_unit_test(grows_and_keeps_what_it_holds),
	    cmocka_unit_test(adds_every_kind),
	    cmocka_unit_test(formats_beyond_its_room),
	    cmocka_unit_test(adds_numbers),
	    cmocka_unit_test(drops_from_the_front),
	    cmocka_unit_test(clear_keeps_the_memory),
	    cmocka_unit_test(reserve_makes_exactly_enough_room),
	    cmocka_unit_test(text_is_terminated_and_not_longer),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
