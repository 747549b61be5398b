#include "../../cmd/dp-tail/when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND INT64_C(1000000)
#define AT     (INT64_C(1767323045678000)) /* 2026-01-02T03:04:05.678Z */

static const struct {
	enum when_mode mode;
	int64_t ago_us;
	const char *want;
	const char *whole;
} rows[] = {
    {WHEN_LOCAL, 0, "08:49:05.678", "2026-01-02 08:49:05.678"},
    {WHEN_UTC, 0, "03:04:05.678Z", "2026-01-02T03:04:05.678Z"},
    {WHEN_NONE, 0, "", ""},
    {WHEN_RELATIVE, 0, "    0.0s ago", "    0.0s ago"},
    {WHEN_RELATIVE, 3250000, "    3.2s ago", "    3.2s ago"},
    {WHEN_RELATIVE, 59 * SECOND, "     59s ago", "     59s ago"},
    {WHEN_RELATIVE, 62 * SECOND, "   1m02s ago", "   1m02s ago"},
    {WHEN_RELATIVE, 86399 * SECOND, "  23h59m ago", "  23h59m ago"},
    {WHEN_RELATIVE, 99 * 86400 * SECOND, "  99d00h ago", "  99d00h ago"},
    {WHEN_RELATIVE, 20455 * 86400 * SECOND, "  20455d ago", "  20455d ago"},
    {WHEN_RELATIVE, -2 * SECOND, "  in    2.0s", "  in    2.0s"},
    {WHEN_DELTA, 1500, "     +0.002s", "     +0.002s"},
    {WHEN_DELTA, -61 * SECOND, "    -61.000s", "    -61.000s"},
    {WHEN_DELTA, 86400 * SECOND, "     +86400s", "     +86400s"},
};

/* RELATIVE: the event is so old; DELTA: the one before it was so much earlier. */
static void times_are_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct when w = {rows[i].mode, AT + rows[i].ago_us, AT - rows[i].ago_us};
		char text[WHEN_MAX];

		when_write(&w, AT, text);
		assert_string_equal(text, rows[i].want);
		if (*text && rows[i].mode != WHEN_UTC)
			assert_int_equal(strlen(text), when_columns(rows[i].mode) - 1);
		when_write_whole(&w, AT, text);
		assert_string_equal(text, rows[i].whole);
	}
}

static void days_are_those_of_the_mode(void **state)
{
	char text[WHEN_MAX];

	(void)state;
	when_write_day(WHEN_UTC, AT + 18 * 3600 * SECOND, text);
	assert_string_equal(text, "Fri 2026-01-02");
	when_write_day(WHEN_LOCAL, AT + 18 * 3600 * SECOND, text);
	assert_string_equal(text, "Sat 2026-01-03");
	assert_int_equal(when_day(WHEN_UTC, AT + 18 * 3600 * SECOND), 2026001);
	assert_int_equal(when_day(WHEN_LOCAL, AT + 18 * 3600 * SECOND), 2026002);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(times_are_told),
	    cmocka_unit_test(days_are_those_of_the_mode),
	};

	setenv("TZ", "XXX-5:45", 1);
	tzset();
	return cmocka_run_group_tests_name("tail_when", tests, NULL, NULL);
}
