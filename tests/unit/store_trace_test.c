/* A trace read in parts (store_trace.h), the same from each database. */
#include "store_fixture.h"

#include "store_trace.h"

enum { EVENTS = 9 };

/* The numbers are the ids, too. */
static void put_trace(struct dp_store *s)
{
	struct dp_event *events[EVENTS] = {
	    event(1, "t", 30, DP_INFO, "api"),
	    event(2, "t", 10, DP_WARNING, "web"),
	    event(4, "t", 10, DP_DEBUG, "web"),
	    event(3, "t", 10, DP_INFO, "web"),
	    event(5, "t", 10, DP_INFO, "Zed"), /* begins with web: by name, in order of bytes */
	    event(6, "t", 90, DP_ERROR, "web"),
	    event(7, "t", 20, DP_DEBUG, "ap"),
	    event(8, "t", -50, DP_DEBUG, ""),
	    event(9, "other", 0, DP_ERROR, "web"),
	};

	put(s, events, EVENTS, NULL);
}

static const char by_time[] = "8 2 3 4 5 7 1 6";
static const char web_and_ap[] = "2 3 4 7 6";
static const char stages[] =
    "(-50..-50 1 1) Zed(10..10 1 1) web(10..90 4 3) ap(20..20 1 1) api(30..30 1 1)";

/* What was read of the trace, as above; and where to go on. */
struct parts {
	struct dp_buf text;
	struct dp_buf system;
	struct dp_store_key last;
	struct dp_store_stage last_stage;
	int64_t seq;
	size_t count; /* of the present part */
	size_t stop_after;
};

static void release_parts(struct parts *p)
{
	dp_buf_release(&p->text);
	dp_buf_release(&p->system);
}

static int on_key(void *arg, const struct dp_store_key *key)
{
	struct parts *p = arg;

	dp_buf_addf(&p->text, "%s%ld", p->text.len > 0 ? " " : "",
	    strtol(key->event_id + DP_UUID_TEXT - 12, NULL, 16));
	p->last = *key;
	dp_buf_clear(&p->system);
	dp_buf_add_str(&p->system, key->system);
	return ++p->count == p->stop_after;
}

static int on_stage(void *arg, const struct dp_store_stage *stage)
{
	struct parts *p = arg;

	dp_buf_addf(&p->text, "%s%.*s(%lld..%lld %lld %d)", p->text.len > 0 ? " " : "",
	    (int)stage->system.n, stage->system.p, (long long)stage->first_us,
	    (long long)stage->last_us, (long long)stage->events, (int)stage->worst);
	p->seq = stage->seq > p->seq ? stage->seq : p->seq;
	p->last_stage = *stage;
	dp_buf_clear(&p->system);
	dp_buf_add_str(&p->system, stage->system);
	return ++p->count == p->stop_after;
}

static void assert_keys(
    struct dp_store *s, int64_t seq, const char *systems, size_t limit, const char *want)
{
	const struct dp_store_key *after = NULL;
	struct parts p = {.count = 0};

	do {
		p.count = 0;
		assert_ok(s, dp_store_trace_keys(s, "t", seq, systems, after, limit, on_key, &p));
		assert_true(p.count <= limit);
		after = &p.last;
	} while (p.count == limit);
	assert_string_equal(dp_buf_text(&p.text), want);
	release_parts(&p);
}

/* Returns the greatest number of the stages. */
static int64_t assert_stages(struct dp_store *s, int64_t seq, size_t limit, const char *want)
{
	const struct dp_store_stage *after = NULL;
	struct parts p = {.count = 0};

	do {
		p.count = 0;
		assert_ok(s, dp_store_trace_stages(s, "t", seq, after, limit, on_stage, &p));
		assert_true(p.count <= limit);
		p.last_stage.system = (struct dp_str){dp_buf_text(&p.system), p.system.len};
		after = &p.last_stage;
	} while (p.count == limit);
	assert_string_equal(dp_buf_text(&p.text), want);
	release_parts(&p);
	return p.seq;
}

static void parts_of_any_size_make_the_whole(void **state)
{
	const struct database *d = *state;
	struct dp_store_extent extent;

	put_trace(d->store);
	assert_ok(d->store, dp_store_trace_extent(d->store, "t", &extent));
	assert_int_equal(extent.events, EVENTS - 1);
	for (size_t limit = 1; limit <= EVENTS; limit++) {
		assert_keys(d->store, extent.seq, NULL, limit, by_time);
		assert_keys(d->store, extent.seq, "[\"ap\",\"web\"]", limit, web_and_ap);
		assert_keys(d->store, extent.seq, "[\"\"]", limit, "8");
		assert_int_equal(assert_stages(d->store, INT64_MAX, limit, stages), extent.seq);
	}
}

static void what_comes_later_is_left_out(void **state)
{
	const struct database *d = *state;
	struct dp_store_extent before;
	struct dp_store_extent after;

	put_trace(d->store);
	assert_ok(d->store, dp_store_trace_extent(d->store, "t", &before));
	put_one(d->store, event(20, "other", 0, DP_ERROR, "web"));
	assert_ok(d->store, dp_store_trace_extent(d->store, "t", &after));
	assert_memory_equal(&before, &after, sizeof before);
	put_one(d->store, event(21, "t", -99, DP_ERROR, "web"));
	assert_ok(d->store, dp_store_trace_extent(d->store, "t", &after));
	assert_int_equal(after.events, before.events + 1);
	assert_true(after.seq > before.seq);
	assert_keys(d->store, before.seq, NULL, 3, by_time);
	assert_int_equal(assert_stages(d->store, before.seq, 3, stages), before.seq);
}

static void no_trace_has_no_parts(void **state)
{
	static const char *const ids[] = {"nobody's", "", "\xff\xfe"};
	const struct database *d = *state;
	struct dp_store_extent extent;

	put_trace(d->store);
	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		assert_ok(d->store, dp_store_trace_extent(d->store, ids[i], &extent));
		assert_int_equal(extent.events, 0);
	}
}

static void a_reading_ends_when_it_is_told_to(void **state)
{
	const struct database *d = *state;
	struct parts p = {.stop_after = 2};

	put_trace(d->store);
	assert_ok(d->store, dp_store_trace_keys(d->store, "t", 1000, NULL, NULL, 100, on_key, &p));
	assert_string_equal(dp_buf_text(&p.text), "8 2");
	dp_buf_clear(&p.text);
	p.count = 0;
	assert_ok(d->store, dp_store_trace_stages(d->store, "t", 1000, NULL, 100, on_stage, &p));
	assert_string_equal(dp_buf_text(&p.text), "(-50..-50 1 1) Zed(10..10 1 1)");
	release_parts(&p);
}

static int sum(void *arg, const struct dp_store_row *row)
{
	long *total = arg;

	assert_true(dp_str_is(row->trace_id, "t"));
	*total += strtol(row->json.p + strlen("{\"n\":"), NULL, 10);
	return 0;
}

static void events_are_found_by_their_ids(void **state)
{
	/* Of another trace, and of none. */
	static const int numbers[] = {6, 1, 9, 8, 77};
	const struct database *d = *state;
	char ids[5][DP_UUID_TEXT + 1];
	long total = 0;

	put_trace(d->store);
	for (size_t i = 0; i < 5; i++)
		snprintf(
		    ids[i], sizeof ids[i], "018bcfe5-6800-7000-8000-%012x", (unsigned)numbers[i]);
	assert_ok(d->store, dp_store_trace_events(d->store, "t", ids, 5, sum, &total));
	assert_int_equal(total, 6 + 1 + 8);
}

#define TESTS(X)                                                              \
	X(parts_of_any_size_make_the_whole), X(what_comes_later_is_left_out), \
	    X(no_trace_has_no_parts), X(a_reading_ends_when_it_is_told_to),   \
	    X(events_are_found_by_their_ids)

int main(void)
{
	const struct CMUnitTest of_sqlite[] = {TESTS(IN_SQLITE)};
	const struct CMUnitTest of_pg[] = {TESTS(IN_PG)};
	const struct CMUnitTest of_hashed_pg[] = {TESTS(IN_HASHED_PG)};
	int failed = cmocka_run_group_tests_name("store trace: sqlite", of_sqlite, NULL, NULL);

	if (has_pg("store trace: postgresql")) {
		failed += cmocka_run_group_tests_name("store trace: postgresql", of_pg, NULL, NULL);
		failed += cmocka_run_group_tests_name(
		    "store trace: postgresql by hash", of_hashed_pg, NULL, NULL);
	}
	return failed;
}
