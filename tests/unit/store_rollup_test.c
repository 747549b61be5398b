/* What the tables that are lists say of events, in whatever order and batches these come. Tested in
 * both databases: what is there is added by the program, so the tables hold what the whole says. */
#include "store_fixture.h"

#include "clock.h"
#include "store_rollup.h"

enum { MINUTE = 60 * 1000 * 1000 };

/* An event that is told in a line. */
struct given {
	const char *trace_id;
	int64_t ts_us;
	enum dp_severity severity;
	const char *system;
	const char *type;
	const char *name;
	const char *environment;
};

static struct dp_event *made(int n, const struct given *g)
{
	struct dp_event ev = {
	    .trace_id = dp_str_from(g->trace_id),
	    .system = dp_str_from(g->system),
	    .type = dp_str_from(g->type),
	    .title = dp_str_from(g->name),
	    .environment = dp_str_from(g->environment),
	    .severity = g->severity,
	    .ts_us = g->ts_us,
	};
	char json[200];

	snprintf(ev.event_id, sizeof ev.event_id, "018bcfe5-6800-7000-8000-%012x", (unsigned)n);
	snprintf(json, sizeof json, "{\"n\":%d,\"details\":\"%s\"}", n, g->name);
	ev.json = dp_str_from(json);
	return dp_event_copy(&ev);
}

/* Stores events, `each` in a batch, in the order that `order` gives their places. */
static void store_them(
    struct dp_store *s, const struct given *given, const size_t *order, size_t n, size_t each)
{
	for (size_t at = 0; at < n; at += each) {
		const size_t count = n - at < each ? n - at : each;
		struct dp_event *batch[16];

		for (size_t i = 0; i < count; i++)
			batch[i] = made((int)order[at + i], &given[order[at + i]]);
		put(s, batch, count, NULL);
	}
}

static const struct given some[] = {
    {"a", 5 * MINUTE, DP_INFO, "web", "log", "starting", ""},
    {"a", 6 * MINUTE, DP_INFO, "web", "request", "GET /pay", "prod"},
    {"a", 7 * MINUTE, DP_WARNING, "db", "query", "slow", "prod"},
    {"a", 9 * MINUTE, DP_ERROR, "worker", "error", "no such order 17", "prod"},
    {"a", 8 * MINUTE, DP_ERROR, "web", "error", "no such order 18", "prod"},
    {"a", 4 * MINUTE, DP_DEBUG, "cron", "task", "tick", "prod"},
    {"b", -MINUTE / 2, DP_INFO, "web", "log", "", "dev"},
    {"b", INT64_C(4102444800000000), DP_ERROR, "web", "error", "no such order 19", "dev"},
};

enum { SOME = sizeof some / sizeof *some };

static const char a_row[] = "240000000|540000000|6|2|1|1|GET /pay|prod|no such order 17|"
			    "[\"cron\",\"web\",\"db\",\"worker\"]";
static const char b_row[] = "-30000000|4102444800000000|2|1|0|0|no such order 19|dev|"
			    "no such order 19|[\"web\"]";

static const char *trace_row(const struct database *d, const char *trace_id)
{
	char text[600];

	snprintf(text, sizeof text,
	    "SELECT %s || '|' || %s || '|' || events || '|' || errors || '|' || warnings || '|' || "
	    "debugs || '|' || title || '|' || environment || '|' || last_error || '|' || systems "
	    "FROM traces WHERE trace_id = '%s'",
	    d->is_pg ? "(extract(epoch FROM first_ts) * 1000000)::bigint" : "first_ts",
	    d->is_pg ? "(extract(epoch FROM last_ts) * 1000000)::bigint" : "last_ts", trace_id);
	return sql(d, text);
}

static void check_tables(const struct database *d)
{
	assert_string_equal(trace_row(d, "a"), a_row);
	assert_string_equal(trace_row(d, "b"), b_row);
	assert_string_equal(sql(d, "SELECT count(*) FROM error_groups"), "1");
	assert_string_equal(
	    sql(d, "SELECT message || '|' || title || '|' || events || '|' || systems || "
		   "environments || traces FROM error_groups"),
	    "no such order *|no such order 19|3|[\"web\",\"worker\"][\"prod\",\"dev\"]"
	    "[\"a\",\"b\"]");
	assert_string_equal(
	    sql(d, "SELECT count(*) || ' ' || sum(events) FROM minute_counts"), "8 8");
	assert_string_equal(
	    sql(d, "SELECT count(DISTINCT e.fingerprint) || ' ' || count(*) FROM events e JOIN"
		   " error_groups g ON g.fingerprint = e.fingerprint WHERE severity = 'error'"),
	    "1 3");
	assert_string_equal(
	    sql(d, "SELECT count(*) FROM events WHERE severity <> 'error' AND fingerprint IS NOT"
		   " NULL"),
	    "0");
}

static void the_order_of_arrival_does_not_matter(void **state)
{
	static const size_t orders[][SOME] = {{0, 1, 2, 3, 4, 5, 6, 7}, {7, 6, 5, 4, 3, 2, 1, 0},
	    {3, 7, 1, 5, 0, 2, 4, 6}, {4, 3, 2, 6, 5, 7, 1, 0}};
	struct database *d = *state;

	assert_ok(d->store, dp_store_connect(d->store));
	for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
		for (size_t each = 1; each <= SOME; each += each == 1 ? 2 : 5) {
			store_them(d->store, some, orders[i], SOME, each);
			check_tables(d);
			store_them(d->store, some, orders[i], SOME, each); /* adds nothing */
			check_tables(d);
			sql(d, "DELETE FROM events");
			sql(d, "DELETE FROM traces");
			sql(d, "DELETE FROM error_groups");
			sql(d, "DELETE FROM minute_counts");
		}
}

static void a_title_is_of_the_first_request(void **state)
{
	static const struct given given[] = {
	    {"t", 50, DP_INFO, "s", "log", "", ""},
	    {"t", 60, DP_INFO, "s", "log", "later", ""},
	    {"t", 40, DP_INFO, "s", "log", "early", ""},
	    {"t", 90, DP_INFO, "s", "request", "second", ""},
	    {"t", 80, DP_INFO, "s", "request", "first", ""},
	    {"t", 10, DP_INFO, "s", "request", "", ""},
	    {"t", 20, DP_INFO, "s", "log", "earliest", ""},
	};
	static const char *const titles[] = {
	    "", "later", "early", "second", "first", "first", "first"};
	const struct database *d = *state;

	for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
		put_one(d->store, made((int)i, &given[i]));
		assert_string_equal(sql(d, "SELECT title FROM traces"), titles[i]);
	}
}

static void errors_are_told_with_their_name(void **state)
{
	const struct database *d = *state;
	struct given g = {"t", 1, DP_ERROR, "s", "error", "ValueError", ""};
	struct dp_event *ev = made(1, &g);

	ev->details = DP_STR("bad id");
	put_one(d->store, ev);
	assert_string_equal(sql(d, "SELECT last_error FROM traces"), "ValueError: bad id");
	assert_string_equal(sql(d, "SELECT title FROM error_groups"), "ValueError: bad id");
}

static void a_minute_has_room_for_so_many_systems(void **state)
{
	enum { EXTRA = 50, BATCH = 150 };
	struct database *d = *state;
	char name[20];
	int n = 0;

	while (n < DP_ROLLUP_SYSTEMS + EXTRA) {
		struct dp_event *batch[BATCH];

		for (int i = 0; i < BATCH; i++, n++) {
			snprintf(name, sizeof name, "s%d", n);
			batch[i] = event(n, "t", dp_clock_now_us(), DP_INFO, name);
		}
		put(d->store, batch, BATCH, NULL);
	}
	assert_string_equal(
	    sql(d, "SELECT count(DISTINCT system) || ' ' || sum(events) FROM minute_counts"),
	    "1001 1050");
	assert_string_equal(
	    sql(d, "SELECT sum(events) FROM minute_counts WHERE system = ''"), "50");

	/* Another writer counts those apart that are there, and no more. */
	dp_store_close(&d->store);
	d->store = open_store(d, DP_STORE_WRITE);
	put_one(d->store, event(n + 1, "t", dp_clock_now_us(), DP_INFO, "s1"));
	put_one(d->store, event(n + 2, "t", dp_clock_now_us(), DP_INFO, "quite new"));
	assert_string_equal(
	    sql(d, "SELECT sum(events) FROM minute_counts WHERE system = ''"), "51");
	assert_string_equal(
	    sql(d, "SELECT sum(events) FROM minute_counts WHERE system = 's1'"), "2");
}

static void what_is_queried_stands_in_columns(void **state)
{
	const struct database *d = *state;
	struct given g = {"t", 1, DP_INFO, "s", "request", "GET /", "prod"};
	struct dp_event *ev = made(1, &g);

	ev->has_duration = true;
	ev->duration_ms = 12.25;
	put_one(d->store, ev);
	g.environment = "";
	put_one(d->store, made(2, &g));
	assert_string_equal(sql(d, "SELECT environment || ' ' || duration_ms FROM events WHERE"
				   " environment IS NOT NULL"),
	    "prod 12.25");
	assert_string_equal(sql(d, "SELECT count(*) FROM events WHERE environment IS NULL AND"
				   " duration_ms IS NULL AND fingerprint IS NULL"),
	    "1");
}

#define TESTS(X)                                                                          \
	X(the_order_of_arrival_does_not_matter), X(a_title_is_of_the_first_request),      \
	    X(errors_are_told_with_their_name), X(a_minute_has_room_for_so_many_systems), \
	    X(what_is_queried_stands_in_columns)

int main(void)
{
	const struct CMUnitTest of_sqlite[] = {TESTS(IN_SQLITE)};
	const struct CMUnitTest of_pg[] = {TESTS(IN_PG)};
	const struct CMUnitTest of_hashed_pg[] = {TESTS(IN_HASHED_PG)};
	int failed = cmocka_run_group_tests_name("roll-ups: sqlite", of_sqlite, NULL, NULL);

	if (has_pg("roll-ups: postgresql")) {
		failed += cmocka_run_group_tests_name("roll-ups: postgresql", of_pg, NULL, NULL);
		failed += cmocka_run_group_tests_name(
		    "roll-ups: postgresql by hash", of_hashed_pg, NULL, NULL);
	}
	return failed;
}
