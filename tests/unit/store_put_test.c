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

static int tell_position(void *arg, struct dp_str source, int64_t pos)
{
	struct told *t = arg;

	dp_buf_addf(&t->text, "%.*s %lld;", (int)source.n, source.p, (long long)pos);
	return ++t->rows == t->stop_after;
}

static void all_positions_are_told(void **state)
{
	const struct database *d = *state;
	struct told t = {0};

	assert_ok(d->store, dp_store_positions(d->store, tell_position, &t));
	assert_told(&t, "");
	assert_ok(d->store, put_step(d, 1, OTHER, 0, 7));
	assert_ok(d->store, put_step(d, 2, SPOOL, 0, 100));
	assert_ok(d->store, dp_store_positions(d->store, tell_position, &t));
	assert_told(&t, SPOOL " 100;" OTHER " 7;");
	t.stop_after = 1;
	assert_ok(d->store, dp_store_positions(d->store, tell_position, &t));
	assert_told(&t, SPOOL " 100;");
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

/* Makes the database reject events of the system "bad". */
static void reject_bad(const struct database *d)
{
	assert_ok(d->store, dp_store_connect(d->store));
	sql(d, d->is_pg ? "ALTER TABLE events ADD CONSTRAINT good CHECK (system <> 'bad')"
			: "CREATE TRIGGER good BEFORE INSERT ON events WHEN NEW.system = 'bad'"
			  " BEGIN SELECT RAISE(ABORT, 'no \"check\" passes'); END");
}

static const char *dead_letters(const struct database *d)
{
	return sql(d, d->is_pg ? "SELECT string_agg(convert_from(body, 'UTF8'), ' ' ORDER BY body)"
				 " FROM dead_letters WHERE why LIKE '%check%'"
			       : "SELECT group_concat(CAST(body AS TEXT), ' ') FROM"
				 " (SELECT body FROM dead_letters WHERE why LIKE '%check%'"
				 " ORDER BY body)");
}

enum { BATCH = 100 };

/* Stores the events 0..n-1 of the trace "a" in one batch with a step from 0 to 100, the bad ones
 * being those that is_bad says. */
static int put_some(
    const struct database *d, size_t n, const bool *is_bad, enum dp_store_outcome *outcomes)
{
	const struct dp_store_step step = {SPOOL, 0, 100};
	struct dp_event *events[BATCH];
	int rc;

	for (size_t i = 0; i < n; i++)
		events[i] = event((int)i, "a", 0, DP_INFO, is_bad[i] ? "bad" : "good");
	rc = dp_store_put(d->store, (const struct dp_event *const *)events, n, &step, outcomes);
	for (size_t i = 0; i < n; i++)
		free(events[i]);
	return rc;
}

static void what_is_rejected_stands_in_dead_letters(void **state)
{
	const struct database *d = *state;
	const bool is_bad[BATCH] = {[0] = true, [50] = true, [51] = true, [BATCH - 1] = true};
	enum dp_store_outcome outcomes[BATCH];

	reject_bad(d);
	for (int round = 0; round < 2; round++) {
		assert_ok(d->store, put_some(d, BATCH, is_bad, outcomes));
		for (size_t i = 0; i < BATCH; i++)
			if (outcomes[i] != (is_bad[i]       ? DP_STORE_DEAD
					       : round == 0 ? DP_STORE_NEW
							    : DP_STORE_OLD))
				fail_msg("round %d, event %zu: %d", round, i, (int)outcomes[i]);
		assert_non_null(strstr(dp_store_error(d->store), "check"));
		assert_string_equal(dead_letters(d),
		    "{\"n\":0,\"details\":\"title 0\"} {\"n\":50,\"details\":\"title 50\"}"
		    " {\"n\":51,\"details\":\"title 51\"} {\"n\":99,\"details\":\"title 99\"}");
		assert_string_equal(sql(d, "SELECT count(*) FROM events"), "96");
		assert_string_equal(sql(d, "SELECT events FROM traces"), "96");
		assert_int_equal(position(d, SPOOL), 100);
	}
}

/* Of ever so many, and of one alone. */
static void a_batch_may_be_rejected_whole(void **state)
{
	const struct database *d = *state;
	bool is_bad[BATCH];
	enum dp_store_outcome outcomes[BATCH];
	int64_t dead = -1;

	memset(is_bad, true, sizeof is_bad);
	reject_bad(d);
	assert_ok(d->store, dp_store_dead(d->store, &dead));
	assert_int_equal(dead, 0);
	assert_ok(d->store, put_some(d, 1, is_bad, outcomes));
	assert_int_equal(outcomes[0], DP_STORE_DEAD);
	assert_ok(d->store, put_some(d, BATCH, is_bad, outcomes));
	for (size_t i = 0; i < BATCH; i++)
		assert_int_equal(outcomes[i], DP_STORE_DEAD);
	assert_ok(d->store, dp_store_dead(d->store, &dead));
	assert_int_equal(dead, BATCH);
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "0");
	assert_string_equal(sql(d, "SELECT count(*) FROM traces"), "0");
}

/* Nothing of a batch is there, dead letters included, where its end fails. */
static void dead_letters_go_with_their_batch(void **state)
{
	const struct database *d = *state;
	const bool is_bad[3] = {[1] = true};

	reject_bad(d);
	sql(d, "ALTER TABLE positions RENAME TO gone");
	assert_fault(d->store, put_some(d, 3, is_bad, NULL), DP_STORE_BROKEN, "positions");
	assert_string_equal(sql(d, "SELECT count(*) FROM dead_letters"), "0");
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "0");
	sql(d, "ALTER TABLE gone RENAME TO positions");
	sql(d, "ALTER TABLE dead_letters RENAME TO gone");
	assert_fault(d->store, put_some(d, 3, is_bad, NULL), DP_STORE_BROKEN, "dead_letters");
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "0");
	sql(d, "ALTER TABLE gone RENAME TO dead_letters");
	assert_ok(d->store, put_some(d, 3, is_bad, NULL));
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "2");
}

/* An event that spoils not its own row but that of its trace. */
static void what_a_trace_rejects_stands_in_dead_letters(void **state)
{
	const struct database *d = *state;
	const bool is_bad[3] = {false, false, false};
	enum dp_store_outcome outcomes[3];

	assert_ok(d->store, dp_store_connect(d->store));
	sql(d, d->is_pg ? "ALTER TABLE traces ADD CONSTRAINT good CHECK (events < 3)"
			: "CREATE TRIGGER good BEFORE INSERT ON traces WHEN NEW.events > 2"
			  " BEGIN SELECT RAISE(ABORT, 'no check passes'); END");
	put_one(d->store, event(10, "a", 0, DP_INFO, "web"));
	assert_ok(d->store, put_some(d, 3, is_bad, outcomes));
	assert_true(outcomes[0] == DP_STORE_NEW && outcomes[1] == DP_STORE_DEAD &&
		    outcomes[2] == DP_STORE_DEAD);
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "2");
}

/* Numbers are given in the order of commits all the same. */
static void numbers_rise_around_what_is_rejected(void **state)
{
	const struct database *d = *state;
	const bool is_bad[5] = {[0] = true, [3] = true};
	struct told t = {0};

	reject_bad(d);
	assert_ok(d->store, put_some(d, 5, is_bad, NULL));
	put_one(d->store, event(7, "a", 0, DP_INFO, "web"));
	assert_ok(d->store, dp_store_after(d->store, &everything, 0, 10, tell_event, &t));
	assert_false(t.order_broken);
	assert_told(&t, "1 2 4 7");
}

/* Rows that somebody removed by hand: of the events of the newest trace, or of that trace. */
static void a_number_of_a_trace_is_given_once(void **state)
{
	static const char *const removals[] = {"DELETE FROM events WHERE trace_id = 'b'",
	    "DELETE FROM events WHERE seq > 2; DELETE FROM traces WHERE trace_id = 'b'"};
	const struct database *d = *state;

	for (size_t i = 0; i < sizeof removals / sizeof *removals; i++) {
		put_one(d->store, event(1, "a", 0, DP_INFO, "web"));
		put_one(d->store, event(2, "b", 0, DP_INFO, "web"));
		sql(d, removals[i]);
		put_one(d->store, event(3, "c", 0, DP_INFO, "web"));
		assert_string_equal(
		    sql(d, "SELECT count(*) FROM events JOIN traces USING (trace_n, trace_id)"
			   " WHERE trace_id = 'c'"),
		    "1");
	}
}

#define TESTS(X)                                                                                 \
	X(a_position_moves_with_its_events), X(all_positions_are_told),                          \
	    X(a_position_moves_without_events), X(a_step_may_be_made_again),                     \
	    X(a_position_that_another_moved_is_left), X(events_and_position_go_together),        \
	    X(what_is_rejected_stands_in_dead_letters), X(a_batch_may_be_rejected_whole),        \
	    X(dead_letters_go_with_their_batch), X(what_a_trace_rejects_stands_in_dead_letters), \
	    X(numbers_rise_around_what_is_rejected)

int main(void)
{
	const struct CMUnitTest of_sqlite[] = {
	    TESTS(IN_SQLITE), IN_SQLITE(a_number_of_a_trace_is_given_once)};
	const struct CMUnitTest of_pg[] = {TESTS(IN_PG)};
	const struct CMUnitTest of_hashed_pg[] = {TESTS(IN_HASHED_PG)};
	int failed = cmocka_run_group_tests_name("store, batches: sqlite", of_sqlite, NULL, NULL);

	if (has_pg("store, batches: postgresql")) {
		failed +=
		    cmocka_run_group_tests_name("store, batches: postgresql", of_pg, NULL, NULL);
		failed += cmocka_run_group_tests_name(
		    "store, batches: postgresql by hash", of_hashed_pg, NULL, NULL);
	}
	return failed;
}
