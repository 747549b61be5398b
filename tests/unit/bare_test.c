#include "../../cmd/dp-ingest/bare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* A start at the mark 100, at 1000 ms, and what is seen then. */
static void it_comes_where_the_mark_stands_still(void **state)
{
	static const struct {
		int64_t now_ms;
		uint64_t mark;
		uint64_t handed;
		bool want;
	} rows[] = {
	    {1000, 100, 100, false},
	    {90000, 100, 100, false}, /* quiet for long */
	    {90000, 100, 200, false}, /* then a line */
	    {94999, 100, 200, false},
	    {95000, 100, 300, true}, /* for all that is in the pipe */
	    {95000, 100, 300, false},
	    {200000, 100, 300, false}, /* not twice */
	    {200000, 100, 310, true},
	    {200001, 100, 320, false},
	    {204999, 100, 330, false}, /* not more often */
	    {205000, 100, 330, true},
	    {205100, 330, 330, false}, /* believed */
	    {300000, 330, 400, false},
	    {304000, 340, 400, false}, /* the mark moves */
	    {308999, 340, 500, false},
	    {309000, 340, 500, true},
	    {310000, 500, 500, false},
	    {314000, 500, 600, false},
	    {318999, 500, 600, false}, /* not since the mark moved, but since something waits */
	    {319000, 500, 600, true},
	};
	struct bare b = {.mark = 100, .handed = 100, .since_ms = 1000};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (bare_is_due(&b, rows[i].mark, rows[i].handed, rows[i].now_ms) != rows[i].want)
			fail_msg("row %zu", i);
}

/* What an earlier process left is handed over, and none of it is believed. */
static void it_comes_after_a_start(void **state)
{
	struct bare b = {.since_ms = 70000};

	(void)state;
	assert_false(bare_is_due(&b, 0, 50, 70000));
	assert_false(bare_is_due(&b, 0, 50, 74999));
	assert_true(bare_is_due(&b, 0, 50, 75000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_comes_where_the_mark_stands_still),
	    cmocka_unit_test(it_comes_after_a_start),
	};

	return cmocka_run_group_tests_name("bare", tests, NULL, NULL);
}
