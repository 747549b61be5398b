/* What a batch is: one transaction of events, dead letters and a position. Tested alike against
 * SQLite and, where DEVPULSE_TEST_PG names a server, PostgreSQL. */
#include "store_fixture.h"

#define SPOOL "019b7c4e-0000-7000-8000-00000000000a"
#define OTHER "019b7c4e-0000-7000-8000-00000000000b"

static int64_t position(const struct database *d, const char *source)
{
	int64_t pos = -1;

	assert_ok(d->store, dp_store_position(d->store, source, &pos));
	return pos;
}

/* Stores the n-th event, of the trace "a", with a step. */
static int put_step(const struct database *d, int n, const char *source, int64_t from, int64_t to)
{
	struct dp_event *ev = event(n, "a", 0, DP_INFO, "web");
	const struct dp_event *one = ev;
	struct dp_store_step step = {.from = from, .to = to};
	int rc;

	snprintf(step.source, sizeof step.source, "%s", source);
	rc = dp_store_put(d->store, &one, 1, &step, NULL);
	free(ev);
	return rc;
}

static void a_position_moves_with_its_events(void **state)
{
	const struct database *d = *state;

	assert_int_equal(position(d, SPOOL), 0);
	assert_ok(d->store, put_step(d, 1, SPOOL, 0, 100));
	assert_ok(d->store, put_step(d, 2, OTHER, 0, 7));
	assert_ok(d->store, put_step(d, 3, SPOOL, 100, INT64_MAX));
	assert_true(position(d, SPOOL) == INT64_MAX);
	assert_int_equal(position(d, OTHER), 7);
	assert_int_equal(position(d, "no such spool"), 0);
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "3");
}

static void a_position_moves_without_events(void **state)
{
	const struct database *d = *state;
	const struct dp_store_step step = {SPOOL, 0, 100};

	assert_ok(d->store, dp_store_put(d->store, NULL, 0, &step, NULL));
	assert_int_equal(position(d, SPOOL), 100);
	assert_ok(d->store, put_step(d, 1, SPOOL, 100, 200));
	assert_ok(d->store, put_step(d, 1, SPOOL, 200, 300)); /* a duplicate */
	assert_int_equal(position(d, SPOOL), 300);
}

static void a_step_may_be_made_again(void **state)
{
	const struct database *d = *state;

	assert_ok(d->store, put_step(d, 1, SPOOL, 0, 100));
	assert_ok(d->store, put_step(d, 1, SPOOL, 0, 100));
	assert_ok(d->store, put_step(d, 1, SPOOL, 100, 100));
	assert_int_equal(position(d, SPOOL), 100);
}

static void a_position_that_another_moved_is_left(void **state)
{
	static const struct {
		int64_t from;
		int64_t to;
	} steps[] = {{0, 50}, {0, 200}, {99, 101}, {101, 200}};
	const struct database *d = *state;

	assert_ok(d->store, put_step(d, 1, SPOOL, 0, 100));
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		assert_fault(d->store, put_step(d, 2, SPOOL, steps[i].from, steps[i].to),
		    DP_STORE_BROKEN, "another program stores from that spool");
	assert_int_equal(position(d, SPOOL), 100);
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "1");
	assert_ok(d->store, put_step(d, 2, SPOOL, 100, 200)); /* the connection serves on */
}

static void events_and_position_go_together(void **state)
{
	const struct database *d = *state;

	assert_ok(d->store, put_step(d, 1, SPOOL, 0, 100));
	sql(d, "ALTER TABLE positions RENAME TO gone");
	assert_fault(d->store, put_step(d, 2, SPOOL, 100, 200), DP_STORE_BROKEN, "positions");
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "1");
	sql(d, "ALTER TABLE gone RENAME TO positions");
	sql(d, "ALTER TABLE traces RENAME TO gone");
	assert_fault(d->store, put_step(d, 2, SPOOL, 100, 200), DP_STORE_BROKEN, "traces");
	sql(d, "ALTER TABLE gone RENAME TO traces");
	assert_int_equal(position(d, SPOOL), 100);
	assert_ok(d->store, put_step(d, 2, SPOOL, 100, 200));
	assert_string_equal(sql(d, "SELECT events FROM traces"), "2");
}

#define TESTS(X)                                                                   \
	X(a_position_moves_with_its_events), X(a_position_moves_without_events),   \
	    X(a_step_may_be_made_again), X(a_position_that_another_moved_is_left), \
	    X(events_and_position_go_together)

int main(void)
{
	const struct CMUnitTest of_sqlite[] = {TESTS(IN_SQLITE)};
	const struct CMUnitTest of_pg[] = {TESTS(IN_PG)};
	int failed = cmocka_run_group_tests_name("store, batches: sqlite", of_sqlite, NULL, NULL);

	if (has_pg("store, batches: postgresql"))
		failed +=
		    cmocka_run_group_tests_name("store, batches: postgresql", of_pg, NULL, NULL);
	return failed;
}
