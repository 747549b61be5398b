/* Many events of a batch that the database rejects cost it little. What is asked of PostgreSQL is
 * counted on its way. */
#include "store_fixture.h"

enum { MANY = 2000, EACH = 50, BAD = MANY / EACH, CALLS_A_FAULT = 8, CALLS_A_BATCH = 60 };

static int calls;

int __real_PQsendQuery(PGconn *conn, const char *query);
int __wrap_PQsendQuery(PGconn *conn, const char *query);

int __wrap_PQsendQuery(PGconn *conn, const char *query)
{
	calls++;
	return __real_PQsendQuery(conn, query);
}

int __real_PQsendQueryParams(PGconn *conn, const char *command, int n, const Oid *types,
    const char *const *values, const int *lengths, const int *formats, int format);
int __wrap_PQsendQueryParams(PGconn *conn, const char *command, int n, const Oid *types,
    const char *const *values, const int *lengths, const int *formats, int format);

int __wrap_PQsendQueryParams(PGconn *conn, const char *command, int n, const Oid *types,
    const char *const *values, const int *lengths, const int *formats, int format)
{
	calls++;
	return __real_PQsendQueryParams(conn, command, n, types, values, lengths, formats, format);
}

static bool is_bad(int n)
{
	return n % EACH == 7;
}

static void make_events(struct dp_event *events[MANY])
{
	for (int i = 0; i < MANY; i++)
		events[i] = event(i, i % 3 == 0 ? "a" : "b", i, DP_INFO, is_bad(i) ? "bad" : "web");
}

static void reject_bad(const struct database *d)
{
	assert_ok(d->store, dp_store_connect(d->store));
	sql(d, d->is_pg ? "ALTER TABLE events ADD CONSTRAINT good CHECK (system <> 'bad')"
			: "CREATE TRIGGER good BEFORE INSERT ON events WHEN NEW.system = 'bad'"
			  " BEGIN SELECT RAISE(FAIL, 'it is bad'); END");
}

static void many_that_are_rejected_are_found_soon(void **state)
{
	static struct dp_event *events[MANY];
	static enum dp_store_outcome outcomes[MANY];
	const struct database *d = *state;

	reject_bad(d);
	make_events(events);
	calls = 0;
	put(d->store, events, MANY, outcomes);
	assert_in_range(calls, 0, BAD * CALLS_A_FAULT + CALLS_A_BATCH);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(outcomes[i], is_bad(i) ? DP_STORE_DEAD : DP_STORE_NEW);
	assert_string_equal(sql(d, "SELECT count(*) FROM dead_letters"), "40");
	assert_string_equal(
	    sql(d, "SELECT count(*) FROM dead_letters WHERE why LIKE '%good%' OR why LIKE '%bad%'"),
	    "40");
	assert_string_equal(sql(d, "SELECT sum(events) FROM traces"), "1960");
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "1960");
	assert_string_equal(sql(d, "SELECT sum(events) FROM minute_counts"), "1960");
}

static bool is_twin(int n)
{
	return n % EACH == 20;
}

static enum dp_store_outcome outcome_of(int n)
{
	if (is_bad(n))
		return DP_STORE_DEAD;
	return is_twin(n) || n % EACH == 0 ? DP_STORE_OLD : DP_STORE_NEW;
}

/* Those that are there already stop a COPY, too; and those that come twice. */
static void what_is_there_is_told_from_what_is_rejected(void **state)
{
	static struct dp_event *events[MANY];
	static enum dp_store_outcome outcomes[MANY];
	const struct database *d = *state;

	reject_bad(d);
	for (int i = 0; i < MANY; i += EACH)
		put_one(d->store, event(i, i % 3 == 0 ? "a" : "b", i, DP_INFO, "web"));
	make_events(events);
	for (int i = 0; i < MANY; i++)
		if (is_twin(i)) {
			free(events[i]);
			events[i] = dp_event_copy(events[i - 1]);
		}
	put(d->store, events, MANY, outcomes);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(outcomes[i], outcome_of(i));
	assert_string_equal(sql(d, "SELECT sum(events) FROM traces"), "1920");
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "1920");
}

/* And is not given again, though nothing was stored behind the event that was rejected. */
static void the_last_number_is_known(void **state)
{
	enum { N = 16 };
	struct dp_event *events[N];
	const struct database *d = *state;
	int64_t head;

	reject_bad(d);
	for (int i = 0; i < N; i++)
		events[i] = event(i, "a", i, DP_INFO, i == N - 1 ? "bad" : "web");
	put(d->store, events, N, NULL);
	assert_ok(d->store, dp_store_head(d->store, &head));
	assert_true(head >= strtoll(sql(d, "SELECT max(seq) FROM events"), NULL, 10));
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "15");
}

#define TESTS(X)                                                                                  \
	X(many_that_are_rejected_are_found_soon), X(what_is_there_is_told_from_what_is_rejected), \
	    X(the_last_number_is_known)

int main(void)
{
	const struct CMUnitTest of_sqlite[] = {TESTS(IN_SQLITE)};
	const struct CMUnitTest of_pg[] = {TESTS(IN_PG)};
	const struct CMUnitTest of_hashed_pg[] = {TESTS(IN_HASHED_PG)};
	int failed = cmocka_run_group_tests_name("store, sieve: sqlite", of_sqlite, NULL, NULL);

	if (has_pg("store, sieve: postgresql")) {
		failed +=
		    cmocka_run_group_tests_name("store, sieve: postgresql", of_pg, NULL, NULL);
		failed += cmocka_run_group_tests_name(
		    "store, sieve: postgresql by hash", of_hashed_pg, NULL, NULL);
	}
	return failed;
}
