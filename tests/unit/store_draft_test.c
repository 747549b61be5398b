/* Batches that are made ready, and sent ahead of their turn. */
#include "store_draft.h"
#include "store_fixture.h"

#include <pthread.h>

enum { EACH = 5, BATCHES = 3 };

/* A database with a twin, and batches: events 1 to 5, 6 to 10 and so on, of traces "a" and "b". */
struct pair {
	const struct database *d;
	struct dp_store *twin;
	struct dp_event *events[BATCHES * EACH];
	struct dp_draft *drafts[BATCHES];
};

static void make_pair(struct pair *p, const struct database *d)
{
	*p = (struct pair){.d = d, .twin = dp_store_twin(d->store)};
	for (int i = 0; i < BATCHES * EACH; i++)
		p->events[i] = event(i + 1, i % 2 == 0 ? "a" : "b", i, DP_ERROR, "web");
}

static const struct dp_event *const *batch(const struct pair *p, size_t at)
{
	return (const struct dp_event *const *)p->events + at * EACH;
}

static void make_drafts(struct pair *p)
{
	for (size_t i = 0; i < BATCHES; i++)
		p->drafts[i] = dp_draft_new(batch(p, i), EACH);
}

static void release_pair(struct pair *p)
{
	for (size_t i = 0; i < BATCHES; i++)
		dp_draft_free(&p->drafts[i]);
	for (size_t i = 0; i < BATCHES * EACH; i++)
		free(p->events[i]);
	dp_store_close(&p->twin);
}

static void assert_outcomes(const struct dp_draft *d, enum dp_store_outcome want)
{
	for (size_t i = 0; i < EACH; i++)
		assert_int_equal(dp_draft_outcome(d, i), want);
}

/* Sends the first, and the second ahead. */
static void send_both(struct pair *p)
{
	make_drafts(p);
	assert_ok(p->d->store, dp_store_send(p->d->store, p->drafts[0], 0));
	assert_int_equal(dp_draft_last(p->drafts[0]), EACH);
	assert_ok(p->twin, dp_store_send(p->twin, p->drafts[1], EACH));
}

static void assert_stored(const struct pair *p, const char *order)
{
	struct told t = {0};

	assert_ok(p->d->store, dp_store_after(p->d->store, &everything, 0, 100, tell_event, &t));
	assert_false(t.order_broken);
	assert_told(&t, order);
	assert_string_equal(sql(p->d, "SELECT sum(events) FROM traces"), "10");
	assert_string_equal(sql(p->d, "SELECT sum(events) FROM error_groups"), "10");
	assert_string_equal(sql(p->d, "SELECT sum(events) FROM minute_counts"), "10");
	assert_string_equal(sql(p->d, "SELECT count(*) FROM traces"), "2");
}

#define IN_ORDER "1 2 3 4 5 6 7 8 9 10"

static void a_draft_is_put(void **state)
{
	struct pair p;

	make_pair(&p, *state);
	make_drafts(&p);
	assert_ok(p.d->store, dp_store_put_draft(p.d->store, p.drafts[0], NULL));
	assert_outcomes(p.drafts[0], DP_STORE_NEW);
	assert_ok(p.d->store, dp_store_put_draft(p.d->store, p.drafts[0], NULL));
	assert_outcomes(p.drafts[0], DP_STORE_OLD);
	assert_ok(p.d->store, dp_store_put_draft(p.d->store, p.drafts[1], NULL));
	assert_stored(&p, IN_ORDER);
	release_pair(&p);
}

static void sqlite_has_no_twin(void **state)
{
	const struct database *d = *state;

	assert_null(dp_store_twin(d->store));
}

static void what_is_sent_ahead_is_there_in_its_turn(void **state)
{
	const struct dp_store_step steps[] = {
	    {"018bcfe5-6800-7000-8000-000000000000", 0, 100},
	    {"018bcfe5-6800-7000-8000-000000000000", 100, 200},
	};
	struct pair p;

	make_pair(&p, *state);
	send_both(&p);
	assert_string_equal(sql(p.d, "SELECT count(*) FROM events"), "0");
	assert_ok(p.d->store, dp_store_finish(p.d->store, p.drafts[0], &steps[0]));
	assert_string_equal(sql(p.d, "SELECT count(*) FROM events"), "5");
	assert_ok(p.twin, dp_store_finish(p.twin, p.drafts[1], &steps[1]));
	assert_outcomes(p.drafts[0], DP_STORE_NEW);
	assert_outcomes(p.drafts[1], DP_STORE_NEW);
	assert_stored(&p, IN_ORDER);
	assert_string_equal(sql(p.d, "SELECT pos FROM positions"), "200");
	assert_string_equal(sql(p.d, "SELECT n FROM event_counter"), "10");
	release_pair(&p);
}

/* Their numbers tell the order, not which of them is sent first. */
static void many_are_ahead(void **state)
{
	struct dp_store *other;
	struct pair p;

	make_pair(&p, *state);
	other = dp_store_twin(p.d->store);
	make_drafts(&p);
	assert_ok(p.d->store, dp_store_send(p.d->store, p.drafts[0], 0));
	assert_ok(other, dp_store_send(other, p.drafts[2], 2 * EACH));
	assert_ok(p.twin, dp_store_send(p.twin, p.drafts[1], EACH));
	assert_ok(p.d->store, dp_store_finish(p.d->store, p.drafts[0], NULL));
	assert_ok(p.twin, dp_store_finish(p.twin, p.drafts[1], NULL));
	assert_stored(&p, IN_ORDER);
	assert_ok(other, dp_store_finish(other, p.drafts[2], NULL));
	assert_string_equal(sql(p.d, "SELECT n FROM event_counter"), "15");
	assert_string_equal(sql(p.d, "SELECT max(seq) FROM events"), "15");
	dp_store_close(&other);
	release_pair(&p);
}

/* Whose numbers another writer took. */
static void what_was_sent_ahead_in_vain_is_put(void **state)
{
	struct pair p;

	make_pair(&p, *state);
	send_both(&p);
	assert_ok(p.d->store, dp_store_finish(p.d->store, p.drafts[0], NULL));
	sql(p.d, "UPDATE event_counter SET n = n + 7");
	assert_int_equal(dp_store_finish(p.twin, p.drafts[1], NULL), 1);
	assert_string_equal(sql(p.d, "SELECT count(*) FROM events"), "5");
	assert_ok(p.d->store, dp_store_put_draft(p.d->store, p.drafts[1], NULL));
	assert_outcomes(p.drafts[1], DP_STORE_NEW);
	assert_stored(&p, IN_ORDER);
	assert_string_equal(sql(p.d, "SELECT max(seq) FROM events"), "17");
	release_pair(&p);
}

static void what_is_dropped_leaves_nothing(void **state)
{
	struct pair p;

	make_pair(&p, *state);
	send_both(&p);
	dp_store_drop(p.twin, p.drafts[1]);
	dp_store_drop(p.d->store, p.drafts[0]);
	assert_string_equal(sql(p.d, "SELECT count(*) FROM events"), "0");
	assert_string_equal(sql(p.d, "SELECT n FROM event_counter"), "0");
	assert_ok(p.twin, dp_store_put_draft(p.twin, p.drafts[1], NULL));
	assert_ok(p.d->store, dp_store_put_draft(p.d->store, p.drafts[0], NULL));
	assert_stored(&p, "6 7 8 9 10 1 2 3 4 5");
	release_pair(&p);
}

static void *send_second(void *arg)
{
	struct pair *p = arg;

	return dp_store_send(p->twin, p->drafts[1], EACH) == 0 ? p : NULL;
}

/* The database has it wait for the batch before. */
static void what_the_batch_before_has_is_old(void **state)
{
	pthread_t thread;
	struct pair p;
	void *sent;

	make_pair(&p, *state);
	free(p.events[7]);
	p.events[7] = event(3, "a", 2, DP_ERROR, "web");
	make_drafts(&p);
	assert_ok(p.d->store, dp_store_send(p.d->store, p.drafts[0], 0));
	assert_int_equal(pthread_create(&thread, NULL, send_second, &p), 0);
	await_waiting(p.d);
	assert_ok(p.d->store, dp_store_finish(p.d->store, p.drafts[0], NULL));
	pthread_join(thread, &sent);
	assert_non_null(sent);
	assert_ok(p.twin, dp_store_finish(p.twin, p.drafts[1], NULL));
	for (size_t i = 0; i < EACH; i++)
		assert_int_equal(
		    dp_draft_outcome(p.drafts[1], i), i == 2 ? DP_STORE_OLD : DP_STORE_NEW);
	assert_string_equal(sql(p.d, "SELECT sum(events) FROM traces"), "9");
	assert_string_equal(sql(p.d, "SELECT sum(events) FROM minute_counts"), "9");
	release_pair(&p);
}

/* Its key holds another time when it comes again: only a look at what is stored tells. */
static void what_has_the_time_of_receipt_waits_for_its_turn(void **state)
{
	struct pair p;

	make_pair(&p, *state);
	p.events[8]->ts_received = true;
	make_drafts(&p);
	assert_ok(p.d->store, dp_store_send(p.d->store, p.drafts[0], 0));
	assert_true(dp_draft_needs_turn(p.drafts[1]));
	assert_false(dp_draft_needs_turn(p.drafts[0]));
	assert_int_equal(dp_store_send(p.twin, p.drafts[1], EACH), 1);
	assert_ok(p.d->store, dp_store_finish(p.d->store, p.drafts[0], NULL));
	assert_ok(p.twin, dp_store_send(p.twin, p.drafts[1], 0));
	assert_ok(p.twin, dp_store_finish(p.twin, p.drafts[1], NULL));
	assert_stored(&p, IN_ORDER);
	release_pair(&p);
}

static void what_is_rejected_is_not_sent(void **state)
{
	struct pair p;

	make_pair(&p, *state);
	assert_ok(p.d->store, dp_store_connect(p.d->store));
	sql(p.d, "ALTER TABLE events ADD CONSTRAINT good CHECK (event_id::text NOT LIKE '%8')");
	make_drafts(&p);
	assert_ok(p.d->store, dp_store_send(p.d->store, p.drafts[0], 0));
	assert_int_equal(dp_store_send(p.twin, p.drafts[1], EACH), 1);
	assert_ok(p.d->store, dp_store_finish(p.d->store, p.drafts[0], NULL));
	assert_ok(p.d->store, dp_store_put_draft(p.d->store, p.drafts[1], NULL));
	assert_int_equal(dp_draft_outcome(p.drafts[1], 2), DP_STORE_DEAD);
	assert_string_equal(sql(p.d, "SELECT count(*) FROM events"), "9");
	release_pair(&p);
}

#define OF_TWINS(X)                                                                       \
	X(a_draft_is_put), X(what_is_sent_ahead_is_there_in_its_turn), X(many_are_ahead), \
	    X(what_was_sent_ahead_in_vain_is_put), X(what_is_dropped_leaves_nothing),     \
	    X(what_the_batch_before_has_is_old),                                          \
	    X(what_has_the_time_of_receipt_waits_for_its_turn), X(what_is_rejected_is_not_sent)

int main(void)
{
	const struct CMUnitTest of_sqlite[] = {
	    IN_SQLITE(a_draft_is_put), IN_SQLITE(sqlite_has_no_twin)};
	const struct CMUnitTest of_pg[] = {OF_TWINS(IN_PG)};
	const struct CMUnitTest of_hashed_pg[] = {OF_TWINS(IN_HASHED_PG)};
	int failed = cmocka_run_group_tests_name("store, drafts: sqlite", of_sqlite, NULL, NULL);

	if (has_pg("store, drafts: postgresql")) {
		failed +=
		    cmocka_run_group_tests_name("store, drafts: postgresql", of_pg, NULL, NULL);
		failed += cmocka_run_group_tests_name(
		    "store, drafts: postgresql by hash", of_hashed_pg, NULL, NULL);
	}
	return failed;
}
