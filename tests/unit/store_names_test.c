#include "store_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

enum { MAX = 4 };

static void assert_names(const struct dp_names *l, const char *names, const char *times)
{
	struct dp_buf n = {0};
	struct dp_buf t = {0};

	dp_names_write(l, &n, &t);
	assert_string_equal(dp_buf_text(&n), names);
	assert_string_equal(dp_buf_text(&t), times);
	dp_buf_release(&n);
	dp_buf_release(&t);
}

static void names_are_in_order_of_their_first_time(void **state)
{
	struct dp_names l = {0};

	(void)state;
	assert_names(&l, "[]", "[]");
	dp_names_see(&l, DP_STR("web"), 20, MAX);
	dp_names_see(&l, DP_STR("db"), 30, MAX);
	dp_names_see(&l, DP_STR("web"), 40, MAX);
	dp_names_see(&l, DP_STR("queue"), 20, MAX);
	assert_names(&l, "[\"web\",\"queue\",\"db\"]", "[20,20,30]");
	dp_names_see(&l, DP_STR("db"), -5, MAX);
	assert_names(&l, "[\"db\",\"web\",\"queue\"]", "[-5,20,20]");
	dp_names_release(&l);
	assert_names(&l, "[]", "[]");
}

static void a_full_list_takes_no_new_name(void **state)
{
	struct dp_names l = {0};
	char name[8][8];

	(void)state;
	for (int i = 0; i < 8; i++) {
		snprintf(name[i], sizeof name[i], "s%d", i);
		dp_names_see(&l, dp_str_from(name[i]), 100 - i, MAX);
	}
	assert_names(&l, "[\"s3\",\"s2\",\"s1\",\"s0\"]", "[97,98,99,100]");
	dp_names_see(&l, DP_STR("s0"), 1, MAX); /* is in it */
	assert_names(&l, "[\"s0\",\"s3\",\"s2\",\"s1\"]", "[1,97,98,99]");
	dp_names_release(&l);
}

static void a_list_has_room_for_so_many_bytes(void **state)
{
	static char big[DP_NAMES_BYTES_MAX - 3];
	struct dp_names l = {0};

	(void)state;
	memset(big, 'x', sizeof big);
	dp_names_see(&l, DP_STR("a"), 1, MAX);
	dp_names_see(&l, (struct dp_str){big, sizeof big}, 2, MAX);
	dp_names_see(&l, DP_STR("bc"), 3, MAX);
	assert_int_equal(l.n, 3);
	dp_names_see(&l, DP_STR("d"), 3, MAX);
	dp_names_see(&l, DP_STR("a"), 0, MAX); /* is in it */
	assert_int_equal(l.n, 3);
	assert_int_equal(l.at[0].us, 0);
	dp_names_release(&l);
}

static void samples_are_spread_over_time(void **state)
{
	struct dp_names l = {0};
	char name[1000][8];

	(void)state;
	dp_names_sample(&l, DP_STR("a"), 0, MAX);
	dp_names_sample(&l, DP_STR("b"), 10, MAX);
	dp_names_sample(&l, DP_STR("c"), 11, MAX);
	dp_names_sample(&l, DP_STR("d"), 20, MAX);
	dp_names_sample(&l, DP_STR("a"), 5, MAX); /* the same trace again */
	assert_names(&l, "[\"a\",\"b\",\"c\",\"d\"]", "[0,10,11,20]");
	dp_names_sample(&l, DP_STR("e"), 30, MAX);
	assert_names(&l, "[\"a\",\"b\",\"d\",\"e\"]", "[0,10,20,30]");
	dp_names_sample(&l, DP_STR("first"), -100, MAX);
	assert_names(&l, "[\"first\",\"a\",\"d\",\"e\"]", "[-100,0,20,30]");
	dp_names_release(&l);

	for (int i = 0; i < 1000; i++) {
		snprintf(name[i], sizeof name[i], "%d", i);
		dp_names_sample(&l, dp_str_from(name[i]), i, MAX);
	}
	assert_int_equal(l.n, MAX);
	assert_int_equal(l.at[0].us, 0);
	assert_int_equal(l.at[MAX - 1].us, 999);
	assert_true(l.at[1].us > 100 && l.at[2].us < 900 + 99);
	dp_names_release(&l);
}

static void what_is_written_is_read(void **state)
{
	static const char names[] = "[\"a \\\"q\\\"\",\"\",\"\xe2\x98\x83\\u0001\",\"z\"]";
	static const char times[] = "[-62135596800000000,0,7,253402300799999999]";
	struct dp_arena arena = {0};
	struct dp_names l = {0};

	(void)state;
	dp_names_read(&l, dp_str_from(names), dp_str_from(times), dp_names_see, MAX, &arena);
	assert_names(&l, names, times);
	dp_names_read(&l, DP_STR("[\"z\",\"new\"]"), DP_STR("[1,2]"), dp_names_see, MAX, &arena);
	assert_names(&l, "[\"a \\\"q\\\"\",\"\",\"z\",\"\xe2\x98\x83\\u0001\"]",
	    "[-62135596800000000,0,1,7]");
	dp_names_release(&l);
	dp_arena_release(&arena);
}

/* What somebody else wrote into the columns. */
static void damage_costs_only_itself(void **state)
{
	static const struct {
		const char *names;
		const char *times;
		const char *want;
	} cases[] = {
	    {"", "", "[]"},
	    {"{}", "[1]", "[]"},
	    {"[\"a\",\"b\"]", "[1]", "[\"a\"]"},
	    {"[\"a\"]", "[123456789012345678901234567890]", "[\"a\"]"},
	    {"[\"a\"]", "[null]", "[\"a\"]"},
	    {"[1,true]", "[1,2]", "[\"1\",\"true\"]"},
	};
	struct dp_arena arena = {0};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct dp_names l = {0};
		struct dp_buf n = {0};
		struct dp_buf t = {0};

		dp_names_read(&l, dp_str_from(cases[i].names), dp_str_from(cases[i].times),
		    dp_names_see, MAX, &arena);
		dp_names_write(&l, &n, &t);
		assert_string_equal(dp_buf_text(&n), cases[i].want);
		dp_buf_release(&n);
		dp_buf_release(&t);
		dp_names_release(&l);
	}
	dp_arena_release(&arena);
}

static void an_arena_keeps_what_it_copied(void **state)
{
	static char big[100 * 1000];
	struct dp_arena arena = {0};
	struct dp_str copies[10000];
	struct dp_str large;
	char text[20];

	(void)state;
	big[0] = 'x';
	for (int i = 0; i < 10000; i++) {
		snprintf(text, sizeof text, "%d", i);
		copies[i] = dp_arena_copy(&arena, dp_str_from(text));
		if (i == 5000)
			large = dp_arena_copy(&arena, (struct dp_str){big, sizeof big});
	}
	for (int i = 0; i < 10000; i++) {
		snprintf(text, sizeof text, "%d", i);
		assert_true(dp_str_is(copies[i], text));
	}
	assert_memory_equal(large.p, big, sizeof big);
	assert_int_equal(dp_arena_copy(&arena, (struct dp_str){0}).n, 0);
	dp_arena_release(&arena);
	dp_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_in_order_of_their_first_time),
	    cmocka_unit_test(a_full_list_takes_no_new_name),
	    cmocka_unit_test(a_list_has_room_for_so_many_bytes),
	    cmocka_unit_test(samples_are_spread_over_time),
	    cmocka_unit_test(what_is_written_is_read),
	    cmocka_unit_test(damage_costs_only_itself),
	    cmocka_unit_test(an_arena_keeps_what_it_copied),
	};

	return cmocka_run_group_tests_name("store_names", tests, NULL, NULL);
}
