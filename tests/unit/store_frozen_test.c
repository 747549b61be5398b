/* A PostgreSQL that stands still while its sockets live. */
#include "store_fixture.h"

#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

enum { EVENTS = 20000, STOP_MS = 100, LONG_MS = 20000 };

/* The process that serves the only other session of the database. */
static pid_t server_of_session(const struct database *d)
{
	return (pid_t)strtol(sql(d, "SELECT pid FROM pg_stat_activity WHERE datname ="
				    " current_database() AND pid <> pg_backend_pid()"),
	    NULL, 10);
}

/* What stands still, if anything. */
static pid_t frozen;

static void freeze(pid_t pid)
{
	assert_true(pid > 0);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	frozen = pid;
}

/* It goes on, finds its connection given up, and ends. */
static void thaw_to_end(pid_t pid)
{
	int64_t end_ms = dp_clock_monotonic_ms() + LONG_MS;

	assert_int_equal(kill(pid, SIGCONT), 0);
	frozen = 0;
	while (kill(pid, 0) == 0 && dp_clock_monotonic_ms() < end_ms)
		poll(NULL, 0, 10);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
}

/* Also where a test failed: a process that stands still keeps any database from being dropped. */
static int thaw_and_teardown(void **state)
{
	if (frozen > 0)
		kill(frozen, SIGCONT);
	frozen = 0;
	return teardown(state);
}

static void a_reader_that_is_to_stop_does(void **state)
{
	const struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	int stop_fd = eventfd(1, EFD_CLOEXEC);
	int64_t begin_ms;
	int64_t head;
	pid_t pid;

	put_one(d->store, event(1, "a", 0, DP_INFO, "web"));
	dp_store_disconnect(d->store);
	assert_ok(reader, dp_store_head(reader, &head));
	dp_store_set_patience(reader,
	    &(struct dp_store_patience){.stop_fd = stop_fd, .end_fd = -1, .stop_ms = STOP_MS});
	freeze(pid = server_of_session(d));
	begin_ms = dp_clock_monotonic_ms();
	assert_fault(reader, dp_store_head(reader, &head), DP_STORE_AWAY, "no answer for ");
	assert_true(dp_clock_monotonic_ms() - begin_ms >= STOP_MS);
	assert_true(dp_clock_monotonic_ms() - begin_ms < LONG_MS);
	thaw_to_end(pid);
	dp_store_set_patience(reader, &(struct dp_store_patience){.stop_fd = -1, .end_fd = -1});
	assert_ok(reader, dp_store_head(reader, &head));
	assert_int_equal(head, 1);
	dp_store_close(&reader);
	close(stop_fd);
}

/* A reader's, which ends at the third row. */
struct ended {
	pid_t pid;
	int rows;
	int64_t end_ms;
};

static int freeze_at_third_row(void *arg, const struct dp_store_row *row)
{
	struct ended *e = arg;

	(void)row;
	if (++e->rows < 3)
		return 0;
	freeze(e->pid);
	e->end_ms = dp_clock_monotonic_ms();
	return 1;
}

static void a_reader_that_has_enough_waits_for_nothing(void **state)
{
	const struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	struct ended e = {0};
	int64_t head;

	put_one(d->store, event(1, "a", 0, DP_INFO, "web"));
	sql(d, "ALTER TABLE events RENAME TO gone");
	sql(d,
	    "CREATE VIEW events AS SELECT n::bigint AS seq, 't' AS trace_id,"
	    " gen_random_uuid() AS event_id, now() AS ts, 'info' AS severity,"
	    " 'web' AS system, 'log' AS type, json_build_object('n', repeat('x', 100000)) AS body"
	    " FROM generate_series(1, 1000) n ORDER BY 1");
	dp_store_disconnect(d->store);
	assert_ok(reader, dp_store_head(reader, &head));
	e.pid = server_of_session(d);
	assert_ok(reader, dp_store_after(reader, &everything, 0, 1000, freeze_at_third_row, &e));
	assert_true(dp_clock_monotonic_ms() - e.end_ms < LONG_MS);
	thaw_to_end(e.pid);
	assert_ok(reader, dp_store_head(reader, &head));
	dp_store_close(&reader);
}

static void nothing_of_a_writer_that_stopped_is_stored(void **state)
{
	const struct database *d = *state;
	struct dp_event *ev = event(2, "a", 0, DP_INFO, "web");
	const struct dp_event *one = ev;
	int stop_fd = eventfd(1, EFD_CLOEXEC);
	pid_t pid;

	put_one(d->store, event(1, "a", 0, DP_INFO, "web"));
	dp_store_set_patience(d->store,
	    &(struct dp_store_patience){.stop_fd = stop_fd, .end_fd = -1, .stop_ms = STOP_MS});
	freeze(pid = server_of_session(d));
	assert_fault(
	    d->store, dp_store_put(d->store, &one, 1, NULL, NULL), DP_STORE_AWAY, "no answer for ");
	thaw_to_end(pid);
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "1");
	dp_store_set_patience(d->store, &(struct dp_store_patience){.stop_fd = -1, .end_fd = -1});
	put_one(d->store, ev);
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "2");
	close(stop_fd);
}

/* A batch larger than what the buffers between take, which the server doesn't read on, for it waits
 * for a lock. */
struct stuck {
	struct dp_store *store;
	struct dp_event *events[EVENTS];
	PGconn *holder;
	pthread_t thread;
	int rc;
	int slow_fd; /* counts the calls of note_slow */
	int stop_fd;
	bool is_early; /* one of them was */
};

static void note_slow(void *arg, const struct dp_store *s, int64_t waited_ms)
{
	struct stuck *b = arg;

	(void)s;
	b->is_early = b->is_early || waited_ms < 5000;
	eventfd_write(b->slow_fd, 1);
}

static void *put_batch(void *arg)
{
	struct stuck *b = arg;

	b->rc =
	    dp_store_put(b->store, (const struct dp_event *const *)b->events, EVENTS, NULL, NULL);
	return NULL;
}

static void make_batch(struct stuck *b)
{
	char json[1000];

	snprintf(json, sizeof json, "{\"n\":1,\"x\":\"%0*d\"}", 900, 1);
	for (int i = 0; i < EVENTS; i++) {
		struct dp_event *ev = event(i, "a", i, DP_INFO, "web");

		ev->json = dp_str_from(json);
		b->events[i] = dp_event_copy(ev);
		free(ev);
	}
}

static struct stuck *get_stuck(const struct database *d)
{
	struct stuck *b = dp_mem_new(sizeof *b);
	eventfd_t calls;

	put_one(d->store, event(EVENTS, "a", 0, DP_INFO, "web"));
	sql(d, "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS"
	       " 'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END'");
	sql(d, "CREATE TRIGGER stop BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION stop()");
	b->holder = PQconnectdb(d->url);
	PQclear(PQexec(b->holder, "SELECT pg_advisory_lock(1)"));
	make_batch(b);
	b->store = d->store;
	b->slow_fd = eventfd(0, EFD_CLOEXEC);
	b->stop_fd = eventfd(0, EFD_CLOEXEC);
	dp_store_set_patience(b->store, &(struct dp_store_patience){.stop_fd = b->stop_fd,
					    .end_fd = -1,
					    .stop_ms = STOP_MS,
					    .on_slow = note_slow,
					    .arg = b});
	assert_int_equal(pthread_create(&b->thread, NULL, put_batch, b), 0);
	assert_int_equal(eventfd_read(b->slow_fd, &calls), 0);
	assert_false(b->is_early);
	return b;
}

static void free_stuck(struct stuck **b)
{
	dp_store_set_patience(
	    (*b)->store, &(struct dp_store_patience){.stop_fd = -1, .end_fd = -1});
	for (int i = 0; i < EVENTS; i++)
		free((*b)->events[i]);
	close((*b)->slow_fd);
	close((*b)->stop_fd);
	free(*b);
	*b = NULL;
}

static void rows_wait_for_the_server(void **state)
{
	const struct database *d = *state;
	struct stuck *b = get_stuck(d);

	PQfinish(b->holder); /* whose lock goes with it */
	pthread_join(b->thread, NULL);
	assert_ok(d->store, b->rc);
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "20001");
	free_stuck(&b);
}

static void rows_are_given_up(void **state)
{
	const struct database *d = *state;
	struct stuck *b = get_stuck(d);

	assert_int_equal(eventfd_write(b->stop_fd, 1), 0);
	pthread_join(b->thread, NULL);
	assert_fault(d->store, b->rc, DP_STORE_AWAY, "no answer for ");
	PQfinish(b->holder);
	dp_store_set_patience(d->store, &(struct dp_store_patience){.stop_fd = -1, .end_fd = -1});
	put_batch(b);
	assert_ok(d->store, b->rc);
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "20001");
	free_stuck(&b);
}

#define IN_FROZEN_PG(test) cmocka_unit_test_setup_teardown(test, setup_pg, thaw_and_teardown)

int main(void)
{
	const struct CMUnitTest of_pg[] = {
	    IN_FROZEN_PG(a_reader_that_is_to_stop_does),
	    IN_FROZEN_PG(a_reader_that_has_enough_waits_for_nothing),
	    IN_FROZEN_PG(nothing_of_a_writer_that_stopped_is_stored),
	    IN_FROZEN_PG(rows_wait_for_the_server),
	    IN_FROZEN_PG(rows_are_given_up),
	};

	if (!has_pg("store, frozen: postgresql"))
		return 0;
	return cmocka_run_group_tests_name("store, frozen: postgresql", of_pg, NULL, NULL);
}
