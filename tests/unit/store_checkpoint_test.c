/* SQLite's log does not grow beyond its limit while events are stored without a pause, but where a
 * reader is in the way. */
#include "store_fixture.h"

#include "clock.h"
#include "store_sqlite_checkpoint.h"

#include <poll.h>

enum { MIB = 1024 * 1024, EVENT_BYTES = MIB / 8, EVENTS_MIB = 8, MIB_MAX = 12 };

static off_t size_of(const struct database *d, const char *file)
{
	struct stat st;
	char path[200];

	snprintf(path, sizeof path, "%s/%s", d->folder, file);
	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

/* Stores n MiB in one batch. */
static void put_at_once(const struct database *d, int n)
{
	static char body[EVENT_BYTES];
	static int number;
	struct dp_event *events[MIB_MAX * EVENTS_MIB];

	memset(body, ' ', sizeof body);
	memcpy(body, "{}", 2);
	for (int i = 0; i < n * EVENTS_MIB; i++) {
		struct dp_event *ev = event(number, "a", number, DP_INFO, "s");

		ev->json = (struct dp_str){body, sizeof body};
		events[i] = dp_event_copy(ev);
		number++;
		free(ev);
	}
	put(d->store, events, (size_t)n * EVENTS_MIB, NULL);
}

/* Stores n MiB, one in a batch. Returns the greatest size of the log. */
static off_t put_mib(const struct database *d, int n)
{
	off_t greatest = 0;

	for (int i = 0; i < n; i++) {
		put_at_once(d, 1);
		if (size_of(d, "events.db-wal") > greatest)
			greatest = size_of(d, "events.db-wal");
	}
	return greatest;
}

/* A page of the log is one of the database and 24 bytes. */
static const off_t limit = (off_t)DP_CHECKPOINT_PAGES_MAX * (4096 + 24) + 2 * MIB;

/* In one batch: of several the last ones may be too little for it to begin again. */
static void a_thread_empties_the_log(void **state)
{
	const struct database *d = *state;
	const int64_t end_ms = dp_clock_monotonic_ms() + 10000;

	put_at_once(d, MIB_MAX);
	while (size_of(d, "events.db") < MIB_MAX * MIB && dp_clock_monotonic_ms() < end_ms)
		poll(NULL, 0, 10);
	assert_true(size_of(d, "events.db") >= MIB_MAX * MIB);
}

static void the_log_is_bounded(void **state)
{
	assert_in_range(put_mib(*state, 48), MIB, limit);
}

static void a_reader_lets_the_log_grow(void **state)
{
	const struct database *d = *state;
	sqlite3 *reader = NULL;
	off_t size;

	put_mib(d, 1);
	assert_int_equal(sqlite3_open(d->url + strlen("sqlite:///"), &reader), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM events", NULL, NULL, NULL),
	    SQLITE_OK);
	size = put_mib(d, 36);
	assert_true(size > limit);
	sqlite3_close(reader);
	assert_in_range(put_mib(d, 8), size, size + 2 * MIB);
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "360");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_SQLITE(a_thread_empties_the_log),
	    IN_SQLITE(the_log_is_bounded),
	    IN_SQLITE(a_reader_lets_the_log_grow),
	};

	return cmocka_run_group_tests_name("store, checkpoints", tests, NULL, NULL);
}
