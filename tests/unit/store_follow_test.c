/* Reading what was stored in the order of its storing, tested alike against both databases. */
#include "store_fixture.h"

#include "clock.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

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
		assert_ok(s, dp_store_tail(s, &f, cases[i].n, INT64_MAX, &after));
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

static int64_t wait_ms(struct dp_store *s, int timeout_ms, int wake_fd)
{
	int64_t begin_ms = dp_clock_monotonic_ms();

	assert_ok(s, dp_store_wait(s, timeout_ms, wake_fd));
	return dp_clock_monotonic_ms() - begin_ms;
}

enum { LONG_MS = 60000, SHORT_MS = 50 };

/* What is stored while nobody waits, between two calls, ends the next one. */
static void add_word(struct dp_filter *f, const char *term)
{
	struct dp_filter_error error;

	assert_int_equal(dp_filter_parse(f, dp_str_from(term), 0, &error), 0);
}

/* Where there is never time for more than one window the answers together are what one gives. */
static void what_is_not_found_in_time_is_gone_on_with(void **state)
{
	const struct database *d = *state;
	struct dp_filter f = {0};
	int64_t reached = 0;
	int64_t before;
	struct told t = {0};
	int times = 0;
	int rc;

	put_assortment(d->store);
	sql(d, "UPDATE events SET seq = seq * 9999");
	add_word(&f, "severity>=warning");
	do {
		before = reached;
		rc = dp_store_after_in_time(d->store, &f, before, 100, 0, tell_event, &t, &reached);
		times++;
	} while (rc > 0 && reached > before && times < 10);
	assert_int_equal(rc, 0);
	assert_true(times > 3);
	assert_told(&t, "1 3 4");
	/* The newest: those that were found. */
	assert_int_equal(dp_store_tail(d->store, &f, 1, 0, &reached), 1);
	assert_ok(d->store, dp_store_after(d->store, &f, reached, 100, tell_event, &t));
	assert_told(&t, "");
	assert_ok(d->store, dp_store_tail(d->store, &f, 100, INT64_MAX, &reached));
	assert_int_equal(reached, 0);
	dp_filter_release(&f);
}

/* Where few events are of the time that is asked for, the windows of others are passed over: the
 * first one is read, and the one that they lie in. */
static void few_of_a_time_are_found_at_once(void **state)
{
	static const struct {
		const char *word;
		const char *told;
	} cases[] = {{"since=1970-01-01T00:00:08Z", "8 9"}, {"until=1970-01-01T00:00:03Z", "1 2"},
	    {"since=2030-01-01T00:00Z", ""}, {"until=1960-01-01T00:00Z", ""}};
	const struct database *d = *state;

	for (int i = 1; i < 10; i++)
		put_one(d->store, event(i, "t", i * INT64_C(1000000), DP_INFO, "web"));
	sql(d, "UPDATE events SET seq = CASE WHEN seq < 3 THEN seq WHEN seq < 8 THEN seq * 50000"
	       " ELSE seq + 1000000 END");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct dp_filter f = {0};
		struct told t = {0};
		int64_t after = 0;
		int rc;

		add_word(&f, cases[i].word);
		rc = dp_store_after_in_time(d->store, &f, 0, 100, 0, tell_event, &t, &after);
		if (rc > 0)
			rc = dp_store_after_in_time(
			    d->store, &f, after, 100, 0, tell_event, &t, &after);
		assert_int_equal(rc, 0);
		assert_told(&t, cases[i].told);
		rc = dp_store_tail(d->store, &f, 100, 0, &after);
		if (cases[i].told[0] != '1')
			assert_int_equal(rc, 0);
		assert_true(rc == 0 || after == 2);
		dp_filter_release(&f);
	}
}

static void a_wait_ends_by_news(void **state)
{
	const struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);

	put_one(d->store, event(1, "a", 0, DP_INFO, "web"));
	assert_true(wait_ms(reader, LONG_MS, -1) < LONG_MS); /* the first one */
	assert_true(wait_ms(reader, SHORT_MS, -1) >= SHORT_MS);
	for (int i = 2; i < 5; i++) {
		put_one(d->store, event(i, "a", 0, DP_INFO, "web"));
		assert_true(wait_ms(reader, LONG_MS, -1) < LONG_MS);
		assert_true(wait_ms(reader, SHORT_MS, -1) >= SHORT_MS);
	}
	dp_store_disconnect(reader);
	assert_true(wait_ms(reader, LONG_MS, -1) < LONG_MS);
	dp_store_close(&reader);
}

static void a_wait_ends_by_a_descriptor(void **state)
{
	const struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	int fd = eventfd(0, EFD_CLOEXEC);

	assert_ok(d->store, dp_store_connect(d->store));
	wait_ms(reader, LONG_MS, fd);
	assert_true(wait_ms(reader, SHORT_MS, fd) >= SHORT_MS);
	assert_int_equal(eventfd_write(fd, 1), 0);
	assert_true(wait_ms(reader, LONG_MS, fd) < LONG_MS);
	close(fd);
	dp_store_close(&reader);
}

struct late_writing {
	struct dp_store *store;
	int64_t begun_ms;
};

static void *write_late(void *arg)
{
	struct late_writing *w = arg;

	poll(NULL, 0, 200);
	w->begun_ms = dp_clock_monotonic_ms();
	put_one(w->store, event(1, "a", 0, DP_INFO, "web"));
	return NULL;
}

static void news_comes_while_it_is_waited_for(void **state)
{
	const struct database *d = *state;
	struct late_writing w = {.store = d->store};
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	pthread_t thread;
	int64_t head = 0;
	int64_t end_ms;

	assert_ok(d->store, dp_store_connect(d->store));
	wait_ms(reader, LONG_MS, -1);
	assert_int_equal(pthread_create(&thread, NULL, write_late, &w), 0);
	wait_ms(reader, LONG_MS, -1);
	end_ms = dp_clock_monotonic_ms();
	assert_ok(reader, dp_store_head(reader, &head));
	pthread_join(thread, NULL);
	assert_int_equal(head, 1);
	assert_true(end_ms - w.begun_ms < LONG_MS / 2);
	dp_store_close(&reader);
}

/* Two writers, and a follower that looks when there is news. */
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

/* Reads all that there is, in small pieces. */
static void read_on(struct dp_store *reader, struct told *t)
{
	int before;

	do {
		before = t->rows;
		assert_ok(
		    reader, dp_store_after(reader, &everything, t->last_seq, 10, tell_event, t));
	} while (t->rows == before + 10);
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
	while (t.rows < WRITERS * BATCHES * PER_BATCH && dp_clock_monotonic_ms() < end_ms) {
		wait_ms(reader, LONG_MS, -1);
		read_on(reader, &t);
	}
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
		assert_true(writings[i].failures == 0 || !d->is_pg);
	}
	assert_int_equal(t.rows, WRITERS * BATCHES * PER_BATCH);
	assert_false(t.order_broken);
	assert_string_equal(sql(d, "SELECT events FROM traces"), "840");
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

struct put_by_another {
	const struct database *d;
	struct dp_event *ev;
	pthread_t thread;
};

static void *put_it(void *arg)
{
	const struct put_by_another *p = arg;
	struct dp_store *s = open_store(p->d, DP_STORE_WRITE);

	put_one(s, p->ev);
	dp_store_close(&s);
	return NULL;
}

static void put_elsewhere(struct put_by_another *p)
{
	assert_int_equal(pthread_create(&p->thread, NULL, put_it, p), 0);
}

/* Until so many sessions of the database wait for locks. */
static void await_locks(const struct database *d, int n)
{
	int64_t end_ms = dp_clock_monotonic_ms() + LONG_MS;
	static const char count[] = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = "
				    "'Lock' AND datname = current_database()";

	while (strtol(sql(d, count), NULL, 10) != n && dp_clock_monotonic_ms() < end_ms)
		poll(NULL, 0, 10);
	assert_int_equal(strtol(sql(d, count), NULL, 10), n);
}

/* The one that came first is stopped in its transaction, behind the taking of its number: the other
 * one gets none before that ends. */
static void a_smaller_number_is_never_seen_later(void **state)
{
	const struct database *d = *state;
	struct put_by_another slow = {.d = d, .ev = event(1, "slow", 0, DP_INFO, "web")};
	struct put_by_another quick = {.d = d, .ev = event(2, "quick", 0, DP_INFO, "web")};
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	struct told t = {0};
	PGconn *holder = PQconnectdb(d->url);

	assert_ok(d->store, dp_store_connect(d->store));
	sql(d, "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS"
	       " 'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END'");
	sql(d, "CREATE TRIGGER stop BEFORE INSERT ON events FOR EACH ROW"
	       " WHEN (NEW.trace_id = 'slow') EXECUTE FUNCTION stop()");
	PQclear(PQexec(holder, "SELECT pg_advisory_lock(1)"));
	wait_ms(reader, LONG_MS, -1);
	put_elsewhere(&slow);
	await_locks(d, 1);
	put_elsewhere(&quick);
	await_locks(d, 2);
	assert_true(wait_ms(reader, SHORT_MS, -1) >= SHORT_MS);
	read_on(reader, &t);
	assert_int_equal(t.rows, 0);
	PQfinish(holder); /* whose lock goes with it */
	while (t.rows < 2) {
		wait_ms(reader, LONG_MS, -1);
		read_on(reader, &t);
	}
	assert_told(&t, "1 2");
	pthread_join(slow.thread, NULL);
	pthread_join(quick.thread, NULL);
	dp_store_close(&reader);
}

/* A commit fails as where the queue of NOTIFY is full; a sequence remembers that it did. */
static void events_are_stored_where_nobody_can_be_told(void **state)
{
	const struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	struct told t = {0};

	assert_ok(d->store, dp_store_connect(d->store));
	sql(d, "CREATE SEQUENCE commits");
	sql(d, "CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN"
	       " IF nextval(''commits'') = 1 THEN RAISE EXCEPTION"
	       " ''too many notifications in the NOTIFY queue'' USING ERRCODE = ''54000''; END IF;"
	       " RETURN NULL; END'");
	sql(d, "CREATE CONSTRAINT TRIGGER fail_once AFTER UPDATE ON event_counter"
	       " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail_once()");
	wait_ms(reader, LONG_MS, -1);
	put_one(d->store, event(1, "a", 0, DP_INFO, "web"));
	assert_string_equal(sql(d, "SELECT last_value FROM commits"), "2");
	assert_true(wait_ms(reader, SHORT_MS, -1) >= SHORT_MS);
	read_on(reader, &t);
	assert_told(&t, "1");
	/* With a new connection it is tried again. */
	dp_store_disconnect(d->store);
	put_one(d->store, event(2, "a", 0, DP_INFO, "web"));
	assert_true(wait_ms(reader, LONG_MS, -1) < LONG_MS);
	dp_store_close(&reader);
}

#define TESTS(X)                                                                              \
	X(filters_choose), X(a_follower_goes_on_behind_a_number), X(a_tail_is_the_last_n),    \
	    X(what_is_not_found_in_time_is_gone_on_with), X(few_of_a_time_are_found_at_once), \
	    X(a_wait_ends_by_news), X(a_wait_ends_by_a_descriptor),                           \
	    X(news_comes_while_it_is_waited_for), X(a_follower_misses_nothing_of_several_writers)

int main(void)
{
	const struct CMUnitTest of_sqlite[] = {TESTS(IN_SQLITE)};
	const struct CMUnitTest of_pg[] = {TESTS(IN_PG),
	    IN_PG(nor_where_transactions_are_serializable),
	    IN_PG(a_smaller_number_is_never_seen_later),
	    IN_PG(events_are_stored_where_nobody_can_be_told)};
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
