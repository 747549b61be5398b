/* What the store promises, tested alike against SQLite and, where DEVPULSE_TEST_PG names a server,
 * PostgreSQL. Following is in store_follow_test.c, what is each database's own in
 * store_open_test.c. */
#include "store_fixture.h"

#include "clock.h"
#include "store_rollup.h"

#include <pthread.h>

#define LONG_ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

enum { BIG = 1024 * 1024 };

static int check_row(void *arg, const struct dp_store_row *row)
{
	const struct dp_event **want = arg;
	const struct dp_event *ev = *want;

	assert_true(dp_str_equal(row->json, ev->json));
	assert_true(dp_str_equal(row->trace_id, ev->trace_id));
	assert_true(dp_str_equal(row->system, ev->system));
	assert_true(dp_str_equal(row->type, ev->type));
	assert_string_equal(row->event_id, ev->event_id);
	assert_int_equal(row->severity, ev->severity);
	assert_int_equal(row->ts_us, ev->ts_us);
	*want = NULL;
	return 0;
}

static void events_come_back_to_the_letter(void **state)
{
	const struct database *d = *state;
	static const struct {
		const char *trace_id;
		const char *system;
		const char *json;
		const char *time;
		enum dp_severity severity;
	} cases[] = {
	    {"plain", "web", "{\"a\":1}", "2026-01-02T03:04:05.678901Z", DP_INFO},
	    {"numbers", "web", "{\"b\":12345678901234567890.10,\"a\":1e-300,\"c\":-0.0}",
		"1970-01-01T00:00:00Z", DP_DEBUG},
	    {"'; DROP TABLE events; --", "\"x\" $1 ?1 %s", "{\"sql\":\"'; \\\\ $1\"}",
		"1969-12-31T23:59:59.999999Z", DP_ERROR},
	    {"a%_b\\", "%", "{\"like\":\"%_\"}", "1999-12-31T23:59:59.999999Z", DP_WARNING},
	    {"\xf0\x9f\x90\x98", "\xe2\x98\x83", "{\"e\":\"\xf0\x9f\x90\x98 \\u0001\"}",
		"2000-01-01T00:00:00Z", DP_INFO},
	    {LONG_ID LONG_ID, "", "{}", "9999-12-31T23:59:59.999999Z", DP_INFO},
	    {"first year", "web", "{\"t\":\"\"}", "0001-01-01T00:00:00Z", DP_INFO},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct dp_event *ev = event((int)i, cases[i].trace_id, 0, cases[i].severity, "");
		const struct dp_event *one = ev;
		struct dp_time t;

		assert_int_equal(dp_clock_parse(cases[i].time, strlen(cases[i].time), &t), 0);
		ev->ts_us = t.us;
		ev->json = dp_str_from(cases[i].json);
		ev->system = dp_str_from(cases[i].system);
		assert_ok(d->store, dp_store_put(d->store, &one, 1, NULL, NULL));
		assert_ok(d->store,
		    dp_store_trace(d->store, cases[i].trace_id, SIZE_MAX, check_row, &one));
		if (one)
			fail_msg("%s: not found", cases[i].trace_id);
		free(ev);
	}
}

static void a_body_may_be_large(void **state)
{
	const struct database *d = *state;
	struct dp_event *ev = event(1, "big", 0, DP_INFO, "web");
	const struct dp_event *one = ev;
	char *body = dp_mem_new(BIG);

	memset(body, 'x', BIG);
	memcpy(body, "{\"x\":\"", 6);
	memcpy(body + BIG - 2, "\"}", 2);
	ev->json = (struct dp_str){body, BIG};
	assert_ok(d->store, dp_store_put(d->store, &one, 1, NULL, NULL));
	assert_ok(d->store, dp_store_trace(d->store, "big", SIZE_MAX, check_row, &one));
	assert_null(one);
	free(body);
	free(ev);
}

static void a_text_that_no_event_has_is_not_found(void **state)
{
	const struct database *d = *state;
	struct told t = {0};

	put_one(d->store, event(1, "a", 0, DP_INFO, "web"));
	assert_ok(d->store, dp_store_trace(d->store, "b", SIZE_MAX, tell_event, &t));
	assert_ok(d->store, dp_store_trace(d->store, "", SIZE_MAX, tell_event, &t));
	assert_ok(d->store, dp_store_trace(d->store, "\xff\xfe", SIZE_MAX, tell_event, &t));
	assert_told(&t, "");
}

static void the_first_of_equal_ids_stays(void **state)
{
	const struct database *d = *state;
	struct dp_event *twins[] = {event(1, "a", 10, DP_INFO, "web"),
	    event(2, "a", 20, DP_INFO, "web"), event(3, "a", 5, DP_ERROR, "db")};
	struct dp_event *later[] = {event(4, "a", 1, DP_INFO, "web"),
	    event(5, "a", 30, DP_INFO, "web"), event(1, "other", 0, DP_INFO, "web")};
	struct told t = {0};
	enum dp_store_outcome got[3] = {DP_STORE_DEAD, DP_STORE_DEAD, DP_STORE_DEAD};

	memcpy(twins[2]->event_id, twins[0]->event_id, sizeof twins[0]->event_id);
	twins[0]->ts_received = twins[2]->ts_received = true; /* and so the time doesn't count */
	put(d->store, twins, 3, got);
	assert_true(got[0] == DP_STORE_NEW && got[1] == DP_STORE_NEW && got[2] == DP_STORE_OLD);

	memcpy(later[0]->event_id, "018bcfe5-6800-7000-8000-000000000002", DP_UUID_TEXT);
	later[0]->ts_us = 20;
	put(d->store, later, 3, got);
	assert_true(got[0] == DP_STORE_OLD && got[1] == DP_STORE_NEW &&
		    got[2] == DP_STORE_NEW); /* the id alone is no duplicate */

	assert_ok(d->store, dp_store_after(d->store, &everything, 0, 10, tell_event, &t));
	assert_false(t.order_broken);
	assert_told(&t, "1 2 5 1");
	assert_string_equal(
	    sql(d, "SELECT events || ' ' || errors FROM traces WHERE trace_id = 'a'"), "3 0");
}

static void an_empty_batch_is_nothing(void **state)
{
	const struct database *d = *state;

	assert_ok(d->store, dp_store_put(d->store, NULL, 0, NULL, NULL));
}

/* Tells all of a trace's row. */
static int tell_whole_trace(void *arg, const struct dp_store_trace_row *row)
{
	struct told *t = arg;

	dp_buf_addf(&t->text, "%.*s %.*s %.*s %lld..%lld %lld/%lld/%lld;", (int)row->trace_id.n,
	    row->trace_id.p, (int)row->title.n, row->title.p, (int)row->systems.n, row->systems.p,
	    (long long)row->first_us, (long long)row->last_us, (long long)row->events,
	    (long long)row->errors, (long long)row->warnings);
	return 0;
}

static void late_events_keep_traces_right(void **state)
{
	const struct database *d = *state;
	struct dp_event *first[] = {event(1, "b", 50, DP_INFO, "web"),
	    event(2, "a", 300, DP_ERROR, "db"), event(3, "a", 200, DP_WARNING, "a \"q\""),
	    event(4, "a", 200, DP_INFO, "web")};
	struct told t = {0};

	put(d->store, first, 4, NULL);
	assert_ok(d->store, list_traces(d->store, 0, NULL, 10, tell_whole_trace, &t));
	assert_told(&t, "a title 3 [\"a \\\"q\\\"\",\"web\",\"db\"] 200..300 3/1/1;"
			"b title 1 [\"web\"] 50..50 1/0/0;");

	put_one(d->store, event(5, "a", 100, DP_ERROR, "db"));
	put_one(d->store, event(6, "b", 400, DP_WARNING, "web"));
	put_one(d->store, event(7, "b", 50, DP_INFO, "web")); /* at the same instant, but later */
	put_one(d->store, event(8, "b", 60, DP_INFO, "web"));
	assert_ok(d->store, list_traces(d->store, 0, NULL, 10, tell_whole_trace, &t));
	assert_told(&t, "b title 1 [\"web\"] 50..400 4/0/1;"
			"a title 5 [\"db\",\"a \\\"q\\\"\",\"web\"] 100..300 4/2/1;");
}

static void a_trace_is_read_in_order_of_time(void **state)
{
	const struct database *d = *state;
	struct dp_event *events[] = {event(9, "a", 20, DP_INFO, "web"),
	    event(2, "a", 20, DP_INFO, "web"), event(3, "a", -5, DP_INFO, "web"),
	    event(4, "b", 0, DP_INFO, "web"), event(5, "a", 30, DP_INFO, "web")};
	struct told t = {0};

	put(d->store, events, 5, NULL);
	assert_ok(d->store, dp_store_trace(d->store, "a", SIZE_MAX, tell_event, &t));
	assert_told(&t, "3 2 9 5");
	t.stop_after = 2;
	assert_ok(d->store, dp_store_trace(d->store, "a", SIZE_MAX, tell_event, &t));
	assert_told(&t, "3 2");
	assert_ok(d->store, dp_store_trace(d->store, "b", SIZE_MAX, tell_event, &t));
	assert_told(&t, "4"); /* the handle works on after a reading that was ended */
}

static void traces_come_in_pages(void **state)
{
	const struct database *d = *state;
	struct told t = {0};

	put_one(d->store, event(1, "a", 10, DP_INFO, "web"));
	put_one(d->store, event(2, "b", 30, DP_INFO, "web"));
	put_one(d->store, event(3, "B", 20, DP_INFO, "web"));
	put_one(d->store, event(4, "c", 20, DP_INFO, "web"));
	put_one(d->store, event(5, "\xc3\xa4", 20, DP_INFO, "web"));
	assert_ok(d->store, list_traces(d->store, 0, NULL, 2, tell_trace, &t));
	assert_told(&t, "b \xc3\xa4");
	assert_ok(d->store, list_traces(d->store, 20, "\xc3\xa4", 2, tell_trace, &t));
	assert_told(&t, "c B");
	assert_ok(d->store, list_traces(d->store, 20, "B", 2, tell_trace, &t));
	assert_told(&t, "a");
	assert_ok(d->store, list_traces(d->store, 10, "a", 2, tell_trace, &t));
	assert_told(&t, "");
	t.stop_after = 1;
	assert_ok(d->store, list_traces(d->store, 0, NULL, 9, tell_trace, &t));
	assert_told(&t, "b");
}

static void a_cursor_from_nowhere_is_no_error(void **state)
{
	const struct database *d = *state;
	struct told t = {0};

	put_one(d->store, event(1, "a", 10, DP_INFO, "web"));
	assert_ok(d->store, list_traces(d->store, INT64_MAX, "\xff", 9, tell_trace, &t));
	assert_told(&t, "a");
	assert_ok(d->store, list_traces(d->store, INT64_MIN, "z", SIZE_MAX, tell_trace, &t));
	assert_told(&t, "");
	assert_ok(d->store, dp_store_after(d->store, &everything, INT64_MAX, 9, tell_event, &t));
	assert_told(&t, "");
	assert_ok(
	    d->store, dp_store_after(d->store, &everything, INT64_MIN, SIZE_MAX, tell_event, &t));
	assert_told(&t, "1");
}

static void the_list_of_systems_is_bounded(void **state)
{
	const struct database *d = *state;
	enum { SYSTEMS = DP_ROLLUP_TRACE_SYSTEMS + 10 };
	struct dp_event *events[SYSTEMS];
	struct told t = {0};
	char name[20];
	size_t commas = 0;

	for (int i = 0; i < SYSTEMS; i++) {
		snprintf(name, sizeof name, "s%d", i);
		events[i] = event(i, "a", i, DP_INFO, name);
	}
	put(d->store, events, SYSTEMS, NULL);
	assert_ok(d->store, list_traces(d->store, 0, NULL, 9, tell_whole_trace, &t));
	for (size_t i = 0; i < t.text.len; i++)
		commas += t.text.data[i] == ',';
	assert_int_equal(commas, DP_ROLLUP_TRACE_SYSTEMS - 1);
	dp_buf_release(&t.text);
}

static void what_is_stored_is_there_when_opened_again(void **state)
{
	struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	char id[DP_UUID_TEXT + 1];
	struct told t = {0};

	assert_null(dp_store_id(d->store));
	put_one(d->store, event(1, "a", 10, DP_INFO, "web"));
	snprintf(id, sizeof id, "%s", dp_store_id(d->store));
	assert_int_equal(strlen(id), DP_UUID_TEXT);
	dp_store_close(&d->store);

	d->store = open_store(d, DP_STORE_WRITE);
	put_one(d->store, event(2, "a", 10, DP_INFO, "web"));
	assert_string_equal(dp_store_id(d->store), id);
	assert_ok(reader, dp_store_after(reader, &everything, 0, 10, tell_event, &t));
	assert_string_equal(dp_store_id(reader), id);
	assert_told(&t, "1 2");
	dp_store_close(&reader);
	dp_store_close(&reader);
}

static void a_reader_waits_for_the_first_writer(void **state)
{
	const struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	int64_t head = -1;

	assert_fault(reader, dp_store_head(reader, &head), DP_STORE_AWAY, "dp-store");
	assert_int_equal(head, -1);
	put_one(d->store, event(1, "a", 10, DP_INFO, "web"));
	assert_ok(reader, dp_store_head(reader, &head));
	assert_true(head > 0);
	dp_store_close(&reader);
}

static void a_reader_cannot_write(void **state)
{
	const struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);
	struct dp_event *ev = event(1, "a", 10, DP_INFO, "web");
	const struct dp_event *one = ev;

	assert_ok(d->store, dp_store_connect(d->store));
	assert_fault(reader, dp_store_put(reader, &one, 1, NULL, NULL), DP_STORE_BROKEN,
	    dp_store_name(reader));
	assert_string_equal(sql(d, "SELECT count(*) FROM events"), "0");
	dp_store_close(&reader);
	free(ev);
}

static void a_newer_schema_is_refused(void **state)
{
	struct database *d = *state;
	struct dp_store *reader = open_store(d, DP_STORE_READ);

	assert_ok(d->store, dp_store_connect(d->store));
	sql(d, "UPDATE schema_version SET version = 8");
	dp_store_close(&d->store);
	d->store = open_store(d, DP_STORE_WRITE);
	assert_fault(d->store, dp_store_connect(d->store), DP_STORE_BROKEN,
	    "schema version 8, this program knows up to 7: upgrade DevPulse");
	assert_fault(reader, dp_store_connect(reader), DP_STORE_BROKEN, "schema version 8");
	sql(d, "UPDATE schema_version SET version = 5");
	assert_ok(d->store, dp_store_connect(d->store));
	dp_store_close(&reader);
}

/* A database that is somebody else's is not written to. */
static void a_foreign_table_is_not_taken_for_ours(void **state)
{
	const struct database *d = *state;

	if (!d->is_pg)
		assert_int_equal(mknod(d->url + strlen("sqlite:///"), S_IFREG | 0600, 0), 0);
	sql(d, "CREATE TABLE traces (x int)");
	assert_fault(d->store, dp_store_connect(d->store), DP_STORE_BROKEN, "traces");
	assert_fault(d->store, dp_store_connect(d->store), DP_STORE_BROKEN, "traces");
}

static void *connect_writer(void *arg)
{
	const struct database *d = arg;
	struct dp_store *s = open_store(d, DP_STORE_WRITE);
	struct dp_event *ev = event(1, "t", 0, DP_INFO, "s");
	const struct dp_event *one = ev;
	long rc = dp_store_put(s, &one, 1, NULL, NULL);

	if (rc < 0)
		print_error("%s\n", dp_store_error(s));
	dp_store_close(&s);
	free(ev);
	return rc == 0 ? arg : NULL;
}

static void several_writers_may_make_the_schema(void **state)
{
	const struct database *d = *state;
	pthread_t threads[8];
	void *result;

	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, connect_writer, *state), 0);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &result);
		assert_non_null(result);
	}
	assert_string_equal(sql(d, "SELECT count(*) FROM schema_version"), "1");
	assert_string_equal(sql(d, "SELECT events FROM traces"), "1");
}

static void a_missing_table_is_no_fault_of_an_event(void **state)
{
	const struct database *d = *state;
	struct dp_event *ev = event(1, "a", 0, DP_INFO, "web");
	const struct dp_event *one = ev;
	struct told t = {0};

	assert_ok(d->store, dp_store_connect(d->store));
	sql(d, "ALTER TABLE events RENAME TO gone");
	assert_fault(
	    d->store, dp_store_put(d->store, &one, 1, NULL, NULL), DP_STORE_BROKEN, "events");
	assert_fault(d->store, dp_store_trace(d->store, "a", SIZE_MAX, tell_event, &t),
	    DP_STORE_BROKEN, "events");
	sql(d, "ALTER TABLE gone RENAME TO events");
	assert_ok(d->store, dp_store_put(d->store, &one, 1, NULL, NULL));
	free(ev);
}

#define TESTS(X)                                                                       \
	X(events_come_back_to_the_letter), X(a_body_may_be_large),                     \
	    X(a_text_that_no_event_has_is_not_found), X(the_first_of_equal_ids_stays), \
	    X(an_empty_batch_is_nothing), X(late_events_keep_traces_right),            \
	    X(a_trace_is_read_in_order_of_time), X(traces_come_in_pages),              \
	    X(a_cursor_from_nowhere_is_no_error), X(the_list_of_systems_is_bounded),   \
	    X(a_reader_cannot_write), X(a_newer_schema_is_refused),                    \
	    X(a_missing_table_is_no_fault_of_an_event)

/* Of a database that nobody has opened. */
#define FIRST_TESTS(X)                                                                        \
	X(what_is_stored_is_there_when_opened_again), X(a_reader_waits_for_the_first_writer), \
	    X(a_foreign_table_is_not_taken_for_ours), X(several_writers_may_make_the_schema)

int main(void)
{
	const struct CMUnitTest of_sqlite[] = {TESTS(IN_SQLITE), FIRST_TESTS(IN_SQLITE)};
	const struct CMUnitTest of_pg[] = {TESTS(IN_PG), FIRST_TESTS(IN_PG)};
	const struct CMUnitTest of_hashed_pg[] = {TESTS(IN_HASHED_PG)};
	int failed = cmocka_run_group_tests_name("store: sqlite", of_sqlite, NULL, NULL);

	if (has_pg("store: postgresql")) {
		failed += cmocka_run_group_tests_name("store: postgresql", of_pg, NULL, NULL);
		failed += cmocka_run_group_tests_name(
		    "store: postgresql by hash", of_hashed_pg, NULL, NULL);
	}
	return failed;
}
