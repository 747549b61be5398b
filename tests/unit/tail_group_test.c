#include "../../cmd/dp-tail/group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

static struct group_place take(struct groups *g, const char *trace, const char *system)
{
	return group_take(g, dp_str_from(trace), dp_str_from(system));
}

static void systems_stand_in_order_of_appearance(void **state)
{
	static const char *const systems[] = {"web", "api", "web", "worker", "api"};
	static const int stages[] = {0, 1, 0, 2, 1};
	struct groups g = {0};

	(void)state;
	for (int i = 0; i < 5; i++) {
		const struct group_place p = take(&g, "a", systems[i]);

		assert_int_equal(p.stage, stages[i]);
		assert_int_equal(p.goes_on, i > 0);
	}
	assert_int_equal(take(&g, "b", "worker").stage, 0);
}

static void systems_beyond_the_last_stage_share_it(void **state)
{
	struct groups g = {0};
	char name[8];

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "s%d", i);
		assert_int_equal(
		    take(&g, "a", name).stage, i < GROUP_STAGES ? i : GROUP_STAGES - 1);
	}
}

static void traces_keep_their_colour_until_they_are_forgotten(void **state)
{
	struct groups g = {0};
	char name[8];

	(void)state;
	assert_int_equal(take(&g, "a", "web").color, 0);
	assert_int_equal(take(&g, "b", "web").color, 1);
	assert_false(take(&g, "a", "web").goes_on);
	for (int i = 0; i < GROUP_TRACES - 1; i++) {
		snprintf(name, sizeof name, "t%d", i);
		take(&g, name, "web");
	}
	/* b was not seen for longest */
	assert_int_equal(take(&g, "a", "api").color, 0);
	assert_int_equal(take(&g, "a", "web").stage, 0);
	assert_int_equal(take(&g, "b", "web").color, GROUP_TRACES + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(systems_stand_in_order_of_appearance),
	    cmocka_unit_test(systems_beyond_the_last_stage_share_it),
	    cmocka_unit_test(traces_keep_their_colour_until_they_are_forgotten),
	};

	return cmocka_run_group_tests_name("tail_group", tests, NULL, NULL);
}
