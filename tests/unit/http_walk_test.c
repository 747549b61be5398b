/* The keys of a trace in the order of its document (trace_walk.h), the same from each database and
 * in parts of any size. */
#include "store_fixture.h"

#include "../../cmd/dp-http/trace_walk.h"

enum { EVENTS = 11 };

/* The numbers are the ids, too. */
static void put_trace(struct dp_store *s)
{
	struct dp_event *events[EVENTS] = {
	    event(1, "t", 30, DP_INFO, "api"),
	    event(2, "t", 10, DP_WARNING, "web"),
	    event(4, "t", 10, DP_DEBUG, "web"),
	    event(3, "t", 12, DP_INFO, "web"),
	    event(5, "t", 10, DP_INFO, "Zed"),
	    event(6, "t", 90, DP_ERROR, "web"),
	    event(7, "t", 20, DP_DEBUG, "a \"p\" \\ ö"),
	    event(8, "t", -50, DP_DEBUG, "Zed"),
	    event(9, "other", 0, DP_ERROR, "web"),
	    event(10, "t", 99, DP_ERROR, "api"),
	    event(11, "t", 95, DP_ERROR, "web"),
	};

	put(s, events, EVENTS, NULL);
}

static const char by_time[] = "(10) 8 2 4 5 3 7 1 6 11 10";
static const char by_stage[] = "Zed(2) 8 5 web(5) 2 4 3 6 11 a \"p\" \\ ö(1) 7 api(2) 1 10";

/* Reads on until an end, or until `most` keys were read. */
static enum body_step walk(
    struct trace_walk *w, struct dp_store *s, size_t most, struct dp_buf *text)
{
	enum body_step step;

	while ((step = trace_walk_read(w, s)) == BODY_MORE) {
		uint64_t id = 0;
		const struct walk_stage *stage;

		assert_true(w->key_count <= w->keys_max);
		assert_true(w->stage_count <= w->stages_max);
		for (size_t i = 10; i < 16; i++)
			id = id << 8 | w->keys[w->taken][i];
		stage = trace_walk_take(w);
		if (stage)
			dp_buf_addf(text, "%s%.*s(%lld)", text->len > 0 ? " " : "",
			    (int)stage->system.n, stage->system.p ? stage->system.p : "",
			    (long long)stage->events);
		dp_buf_addf(text, " %lld", (long long)id);
		if (--most == 0)
			break;
	}
	return step;
}

static void check(struct dp_store *s, const struct trace_walk *from, bool staged, const char *want)
{
	struct trace_walk w = *from;
	struct dp_buf text = {0};

	assert_ok(s, trace_walk_begin(&w, s, "t", staged));
	assert_int_equal(w.extent.events, EVENTS - 1);
	assert_int_equal(walk(&w, s, SIZE_MAX, &text), BODY_END);
	assert_string_equal(dp_buf_text(&text), want);
	dp_buf_release(&text);
	trace_walk_release(&w);
}

static void parts_of_any_size_make_the_whole(void **state)
{
	const struct database *d = *state;

	put_trace(d->store);
	for (size_t keys = 0; keys <= EVENTS; keys++) {
		for (size_t stages = 0; stages <= 5; stages++) {
			const struct trace_walk from = {.keys_max = keys, .stages_max = stages};

			check(d->store, &from, true, by_stage);
			check(d->store, &from, false, by_time);
		}
	}
}

static void what_comes_later_is_left_out(void **state)
{
	const struct database *d = *state;

	for (int staged = 0; staged <= 1; staged++) {
		struct trace_walk w = {.keys_max = 3, .stages_max = 2};
		struct dp_buf text = {0};

		if (staged == 0)
			put_trace(d->store);
		assert_ok(d->store, trace_walk_begin(&w, d->store, "t", staged != 0));
		assert_int_equal(walk(&w, d->store, 2, &text), BODY_MORE);
		put_one(d->store, event(20 + staged, "t", 15, DP_INFO, "web"));
		put_one(d->store, event(30 + staged, "t", 16, DP_INFO, "new"));
		assert_int_equal(walk(&w, d->store, SIZE_MAX, &text), BODY_END);
		if (staged == 0)
			assert_string_equal(dp_buf_text(&text), by_time);
		dp_buf_release(&text);
		trace_walk_release(&w);
	}
}

static void what_is_removed_meanwhile_is_noticed(void **state)
{
	const struct database *d = *state;

	for (int staged = 0; staged <= 1; staged++) {
		struct trace_walk w = {.keys_max = 3, .stages_max = 1};
		struct dp_buf text = {0};
		char statement[200];

		if (staged == 0)
			put_trace(d->store);
		assert_ok(d->store, trace_walk_begin(&w, d->store, "t", staged != 0));
		assert_int_equal(walk(&w, d->store, 2, &text), BODY_MORE);
		snprintf(statement, sizeof statement,
		    "DELETE FROM events WHERE event_id = '018bcfe5-6800-7000-8000-%012x'",
		    staged ? 6U : 11U);
		sql(d, statement);
		assert_int_equal(walk(&w, d->store, SIZE_MAX, &text), BODY_GONE);
		dp_buf_release(&text);
		trace_walk_release(&w);
	}
}

static void no_trace_has_no_events(void **state)
{
	const struct database *d = *state;

	for (int staged = 0; staged <= 1; staged++) {
		struct trace_walk w = {0};

		assert_ok(d->store, trace_walk_begin(&w, d->store, "nobody's", staged != 0));
		assert_int_equal(w.extent.events, 0);
		trace_walk_release(&w);
	}
}

#define TESTS(X)                                                              \
	X(parts_of_any_size_make_the_whole), X(what_comes_later_is_left_out), \
	    X(what_is_removed_meanwhile_is_noticed), X(no_trace_has_no_events)

int main(void)
{
	const struct CMUnitTest of_sqlite[] = {TESTS(IN_SQLITE)};
	const struct CMUnitTest of_pg[] = {TESTS(IN_PG)};
	int failed = cmocka_run_group_tests_name("walk: sqlite", of_sqlite, NULL, NULL);

	if (has_pg("walk: postgresql"))
		failed += cmocka_run_group_tests_name("walk: postgresql", of_pg, NULL, NULL);
	return failed;
}
