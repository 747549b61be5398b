/* Reading what was stored in the order of its storing, tested alike against both databases. */
#include "store_fixture.h"

#include "clock.h"

#include <pthread.h>

static void put_assortment(struct dp_store *s)
{
	struct dp_event *events[] = {event(1, "a", 90, DP_ERROR, "web"),
	    event(2, "a", 80, DP_INFO, "db"), event(3, "b", 70, DP_WARNING, "web"),
	    event(4, "b", 60, DP_ERROR, "db"), event(5, "c'", 50, DP_DEBUG, "web"),
	    event(6, "a", 40, DP_INFO, "100%")};

	put(s, events, 6, NULL);
}

/* Other numbers: what matches is looked for in 10,000 of them at a time (store_read.c), from the
 * first or the last one. So two of these neighbours fall into different windows, then most of them
 * do. */
static const char *const spread[] = {NULL, "UPDATE events SET seq = 10003 WHERE seq = 6",
    "UPDATE events SET seq = seq + 9997", "UPDATE events SET seq = (seq - 9997) * 4999",
    "UPDATE events SET seq = seq * 30"};

enum { SPREADS = sizeof spread / sizeof *spread };

static void check_filters(struct dp_store *s)
{
	static const struct {
		const char *terms[3][2];
		const char *want;
	} cases[] = {
	    {{{NULL, NULL}}, "1 2 3 4 5 6"},
	    {{{"trace", "a"}}, "1 2 6"},
	    {{{"trace", "a,b"}}, "1 2 3 4 6"},
	    {{{"trace", "c'"}}, "5"},
	    {{{"trace", "%"}}, ""},
	    {{{"severity", "error,warning"}}, "1 3 4"},
	    {{{"severity", "WARN"}}, "3"},
	    {{{"system", "100%"}}, "6"},
	    {{{"type", "error"}, {"system", "db"}}, "4"},
	    {{{"trace", "a,b"}, {"system", "web,db"}, {"severity", "error"}}, "1 4"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct dp_filter f = {0};
		struct told t = {0};
		const char *why;

		for (size_t k = 0; k < 3 && cases[i].terms[k][0]; k++)
			assert_int_equal(dp_filter_add(&f, cases[i].terms[k][0],
					     dp_str_from(cases[i].terms[k][1]), &why),
			    0);
		assert_ok(s, dp_store_after(s, &f, 0, 100, tell_event, &t));
		assert_false(t.order_broken);
		assert_told(&t, cases[i].want);
		assert_ok(s, dp_store_after(s, &f, 0, 1, tell_event, &t));
		assert_int_equal(t.rows, cases[i].want[0] != '\0');
		t.stop_after = t.rows + 1;
		assert_ok(s, dp_store_after(s, &f, 0, 100, tell_event, &t));
		assert_true(t.rows <= t.stop_after);
		dp_buf_release(&t.text);
		dp_filter_release(&f);
	}
}

static void filters_choose(void **state)
{
	const struct database *d = *state;

	put_assortment(d->store);
	for (int i = 0; i < SPREADS; i++) {
		if (spread[i])
			sql(d, spread[i]);
		check_filters(d->store);
	}
}

static void a_follower_goes_on_behind_a_number(void **state)
{
	const struct database *d = *state;
	struct told t = {0};
	int64_t head = -1;
	int64_t seq;

	assert_ok(d->store, dp_store_head(d->store, &head));
	assert_int_equal(head, 0);
	put_assortment(d->store);
	assert_ok(d->store, dp_store_after(d->store, &everything, 0, 4, tell_event, &t));
	assert_false(t.order_broken);
	seq = t.last_seq;
	assert_told(&t, "1 2 3 4");
	assert_ok(d->store, dp_store_after(d->store, &everything, seq, 4, tell_event, &t));
	seq = t.last_seq;
	assert_told(&t, "5 6");
	assert_ok(d->store, dp_store_head(d->store, &head));
	assert_int_equal(head, seq);
	t.stop_after = 3;
	assert_ok(d->store, dp_store_after(d->store, &everything, 0, 100, tell_event, &t));
	assert_told(&t, "1 2 3");
}

static void check_tails(struct dp_store *s)
{
	static const struct {
		const char *trace;
		size_t n;
		const char *want;
	} cases[] = {{NULL, 2, "5 6"}, {NULL, 6, "1 2 3 4 5 6"}, {NULL, 7, "1 2 3 4 5 6"},
	    {NULL, 0, ""}, {"b", 1, "4"}, {"a", 2, "2 6"}, {"a", 3, "1 2 6"},
	    {"b", SIZE_MAX, "3 4"}, {"none", 5, ""}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct dp_filter f = {0};
		struct told t = {0};
		int64_t after = -1;
		const char *why;

		if (cases[i].trace)
			dp_filter_add(&f, "trace", dp_str_from(cases[i].trace), &why);
		assert_ok(s, dp_store_tail(s, &f, cases[i].n, &after));
		assert_ok(s, dp_store_after(s, &f, after, 100, tell_event, &t));
		assert_told(&t, cases[i].want);
		dp_filter_release(&f);
	}
}

static void a_tail_is_the_last_n(void **state)
{
	const struct database *d = *state;

	put_assortment(d->store);
	for (int i = 0; i < SPREADS; i++) {
		if (spread[i])
			sql(d, spread[i]);
		check_tails(d->store);
	}
}

/* Two writers and a follower that polls all the time. */
enum { WRITERS = 2, BATCHES = 60, PER_BATCH = 7 };

struct writing {
	const struct database *d;
	int number;
	int failures; /* after which the same was put again */
};

static void *write_batches(void *arg)
{
	struct writing *w = arg;
	struct dp_store *s = open_store(w->d, DP_STORE_WRITE);

	for (int b = 0; b < BATCHES; b++) {
		struct dp_event *events[PER_BATCH];

		for (int i = 0; i < PER_BATCH; i++) {
			int n = (w->number * BATCHES + b) * PER_BATCH + i;

			events[i] = event(n, "t", n, DP_INFO, "s");
		}
		while (dp_store_put(
			   s, (const struct dp_event *const *)events, PER_BATCH, NULL, NULL) < 0 &&
		       dp_store_fault(s) == DP_STORE_AWAY)
			w->failures++;
		for (int i = 0; i < PER_BATCH; i++)
			free(events[i]);
	}
	dp_store_close(&s);
	return NULL;
}

static void a_follower_misses_nothing_of_several_writers(void **state)
{
	const struct database *d = *state;
	struct writing writings[WRITERS];
	pthread_t threads[WRITERS];
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	struct told t = {0};
	int64_t end_ms = dp_clock_monotonic_ms() + 60000;

	assert_ok(d->store, dp_store_connect(d->store));
	for (int i = 0; i < WRITERS; i++) {
		writings[i] = (struct writing){d, i, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, write_batches, &writings[i]), 0);
	}
	while (t.rows < WRITERS * BATCHES * PER_BATCH && dp_clock_monotonic_ms() < end_ms)
		assert_ok(
		    reader, dp_store_after(reader, &everything, t.last_seq, 10, tell_event, &t));
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
		assert_true(writings[i].failures == 0 || !d->is_pg);
	}
	assert_int_equal(t.rows, WRITERS * BATCHES * PER_BATCH);
	assert_false(t.order_broken);
	assert_string_equal(sql(d, "SELECT infos + errors + warnings FROM traces"), "840");
	dp_buf_release(&t.text);
	dp_store_close(&reader);
}

static void nor_where_transactions_are_serializable(void **state)
{
	const struct database *d = *state;
	char text[200];

	snprintf(text, sizeof text,
	    "ALTER DATABASE %s SET default_transaction_isolation = 'serializable'", d->name);
	sql(d, text);
	a_follower_misses_nothing_of_several_writers(state);
}

#define TESTS(X)                                                                           \
	X(filters_choose), X(a_follower_goes_on_behind_a_number), X(a_tail_is_the_last_n), \
	    X(a_follower_misses_nothing_of_several_writers)

int main(void)
{
	const struct CMUnitTest of_sqlite[] = {TESTS(IN_SQLITE)};
	const struct CMUnitTest of_pg[] = {
	    TESTS(IN_PG), IN_PG(nor_where_transactions_are_serializable)};
	const struct CMUnitTest of_hashed_pg[] = {TESTS(IN_HASHED_PG)};
	int failed = cmocka_run_group_tests_name("store, following: sqlite", of_sqlite, NULL, NULL);

	if (has_pg("store, following: postgresql")) {
		failed +=
		    cmocka_run_group_tests_name("store, following: postgresql", of_pg, NULL, NULL);
		failed += cmocka_run_group_tests_name(
		    "store, following: postgresql by hash", of_hashed_pg, NULL, NULL);
	}
	return failed;
}
