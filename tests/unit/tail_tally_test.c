#include "../../cmd/dp-tail/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

static void add(struct tally *t, const char *system, enum dp_severity severity)
{
	const struct dp_event ev = {.system = dp_str_from(system), .severity = severity};

	tally_add(t, &ev);
}

static void systems_and_severities_are_counted(void **state)
{
	struct tally t = {0};
	struct dp_buf out = {0};

	(void)state;
	assert_int_equal(tally_total(&t), 0);
	add(&t, "web", DP_INFO);
	add(&t, "a\x1b[1m", DP_WARNING);
	add(&t, "web", DP_DEBUG);
	assert_int_equal(tally_total(&t), 3);
	assert_true(tally_has(&t, DP_WARNING));
	assert_false(tally_has(&t, DP_ERROR));
	tally_write(&out, &t);
	assert_string_equal(dp_buf_text(&out),
	    "system        events     error   warning      info     debug\n"
	    "web                2         0         0         1         1\n"
	    "a\\x1b[1m           1         0         1         0         0\n"
	    "(all)              3         0         1         1         1\n");
	dp_buf_release(&out);
	tally_release(&t);
}

static void systems_are_bounded(void **state)
{
	struct tally t = {0};
	struct dp_buf out = {0};
	char name[16];

	(void)state;
	for (int i = 0; i < TALLY_SYSTEMS + 5; i++) {
		snprintf(name, sizeof name, "s%d", i);
		add(&t, name, DP_ERROR);
	}
	assert_int_equal(t.count, TALLY_SYSTEMS);
	tally_write(&out, &t);
	assert_non_null(strstr(dp_buf_text(&out), "\n(others)           5         5 "));
	dp_buf_release(&out);
	tally_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(systems_and_severities_are_counted),
	    cmocka_unit_test(systems_are_bounded),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests_name("tail_tally", tests, NULL, NULL);
}
