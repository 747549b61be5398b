#include "../../cmd/dp-store/recent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { EACH = 50 };

/* Adds a batch of the events from `first` on, the last ones first. */
static bool add(struct recent *r, int first)
{
	struct dp_event events[EACH] = {0};
	const struct dp_event *refs[EACH];

	for (int i = 0; i < EACH; i++) {
		snprintf(events[i].event_id, sizeof events[i].event_id,
		    "018bcfe5-6800-7000-8000-%012x", first + EACH - 1 - i);
		refs[i] = &events[i];
	}
	return recent_add(r, refs, EACH);
}

static void batches_without_a_common_event_are_not_alike(void **state)
{
	struct recent r = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_false(add(&r, i * EACH));
	recent_release(&r);
}

static void an_event_that_one_of_the_batches_before_has_is_found(void **state)
{
	(void)state;
	for (int before = 1; before <= RECENT_BATCHES; before++) {
		struct recent r = {0};

		assert_false(add(&r, 1000));
		for (int i = 1; i < before; i++)
			assert_false(add(&r, 2000 + i * EACH));
		assert_true(add(&r, 1000 + EACH - 1));
		recent_release(&r);
	}
}

static void a_batch_before_those_is_forgotten(void **state)
{
	struct recent r = {0};

	(void)state;
	assert_false(add(&r, 1000));
	for (int i = 0; i < RECENT_BATCHES; i++)
		assert_false(add(&r, 2000 + i * EACH));
	assert_false(add(&r, 1000));
	recent_release(&r);
}

static void a_batch_without_events_is_like_none(void **state)
{
	struct recent r = {0};

	(void)state;
	assert_false(recent_add(&r, NULL, 0));
	assert_false(add(&r, 1000));
	assert_false(recent_add(&r, NULL, 0));
	assert_true(add(&r, 1000));
	recent_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(batches_without_a_common_event_are_not_alike),
	    cmocka_unit_test(an_event_that_one_of_the_batches_before_has_is_found),
	    cmocka_unit_test(a_batch_before_those_is_forgotten),
	    cmocka_unit_test(a_batch_without_events_is_like_none),
	};

	return cmocka_run_group_tests_name("recent", tests, NULL, NULL);
}
