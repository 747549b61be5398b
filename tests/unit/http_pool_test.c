#include "../../cmd/dp-http/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Where the database has no room for all of them: else the one that got none would be taken again
 * and again, however many are connected. */
static void one_that_failed_is_taken_last(void **state)
{
	const char *why;
	struct pool *p = pool_new("sqlite:///no/such/file", 3, &why);
	struct dp_store *a = pool_take(p);
	struct dp_store *b = pool_take(p);
	struct dp_store *const connected = a;
	struct dp_store *const failed = b;

	(void)state;
	pool_give(p, &a, true);
	pool_give(p, &b, false);
	a = pool_take(p);
	assert_ptr_equal(a, connected);
	pool_give(p, &a, true);
	a = pool_take(p);
	assert_ptr_equal(a, connected);
	b = pool_take(p);
	assert_ptr_not_equal(b, failed);
	pool_give(p, &a, true);
	pool_give(p, &b, true);
	pool_free(&p);
}

static void while_it_is_away_one_tries(void **state)
{
	const char *why;
	struct pool *p = pool_new("sqlite:///no/such/file", 2, &why);
	struct dp_store *s = pool_take(p);

	(void)state;
	pool_give(p, &s, false);
	s = pool_take(p);
	assert_non_null(s);
	assert_null(pool_take(p));
	pool_give(p, &s, true);
	s = pool_take(p);
	assert_non_null(s);
	pool_give(p, &s, true);
	pool_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_that_failed_is_taken_last),
	    cmocka_unit_test(while_it_is_away_one_tries),
	};

	return cmocka_run_group_tests_name("http, pool", tests, NULL, NULL);
}
