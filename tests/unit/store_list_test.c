/* The lists of traces and of groups: every page of every order, filter and direction is what a
 * plain sort of everything says it is. Random events, of few times and names so that many are
 * equal; of a failure the seed is told: DEVPULSE_TEST_SEED repeats it. */
#include "store_fixture.h"

#include "clock.h"
#include "fingerprint.h"
#include "json_random.h"

#include <inttypes.h>
#include <time.h>

enum { EVENTS = 900, TRACES = 260, MANY_SYSTEMS = 110 };

static const int64_t now_us = INT64_C(1767323045000000);

/* What the store shall say, found out without it. */
struct item {
	char id[DP_EVENT_TRACE_ID_MAX + 1];
	char title[100];
	int64_t first_us;
	int64_t last_us;
	int64_t title_us;
	int64_t errors;
	int64_t warnings;
	int64_t events;
	bool is_wanted;
};

static struct {
	struct dp_event *events[EVENTS + MANY_SYSTEMS];
	size_t n;
	struct item traces[TRACES];
	size_t trace_count;
	struct item groups[TRACES];
	size_t group_count;
} all;

static struct item *take(struct item *items, size_t *n, const char *id)
{
	size_t i = 0;

	while (i < *n && strcmp(items[i].id, id) != 0)
		i++;
	if (i < *n)
		return &items[i];
	assert_true(*n < TRACES);
	items[i] = (struct item){.first_us = INT64_MAX, .last_us = INT64_MIN};
	snprintf(items[i].id, sizeof items[i].id, "%s", id);
	++*n;
	return &items[i];
}

static void see(struct item *it, const struct dp_event *ev)
{
	it->first_us = ev->ts_us < it->first_us ? ev->ts_us : it->first_us;
	it->last_us = ev->ts_us > it->last_us ? ev->ts_us : it->last_us;
	it->events++;
	it->errors += ev->severity == DP_ERROR;
	it->warnings += ev->severity == DP_WARNING;
}

static struct item *trace_of(const struct dp_event *ev)
{
	char id[DP_EVENT_TRACE_ID_MAX + 1];

	snprintf(id, sizeof id, "%.*s", (int)ev->trace_id.n, ev->trace_id.p);
	return take(all.traces, &all.trace_count, id);
}

static struct item *group_of(const struct dp_event *ev)
{
	struct dp_fingerprint f;

	if (ev->severity != DP_ERROR)
		return NULL;
	dp_fingerprint_read(ev, &f);
	return take(all.groups, &all.group_count, f.id);
}

static void write_event(uint64_t *seed, int number, struct dp_buf *out)
{
	static const char *const systems[] = {
	    "api", "API", "a_b", "100%", "back\\\\slash", "say \\\"hi\\\"", "\xc3\xa9t\xc3\xa9"};
	static const char *const severities[] = {"error", "warning", "info", "info", "debug"};
	static const char *const details[] = {"no order", "Timeout", "a", "b", "c", "d", "e"};
	static const char *const times[] = {"2026-01-02T03:04:05Z", "2026-01-02T03:04:04.5Z",
	    "2026-01-02T02:50:00Z", "2026-01-02T02:50:00.000001Z", "0001-01-01T00:00:00Z",
	    "9999-12-31T23:59:59Z", "2026-01-01T00:00:00Z"};

	dp_buf_clear(out);
	dp_buf_addf(out,
	    "{\"eventId\":\"018bcfe5-6800-7000-8000-%012x\",\"traceId\":\"%s%u\",\"severity\":\"%"
	    "s\""
	    ",\"system\":\"%s\",\"details\":\"%s\",\"durationMs\":%u",
	    (unsigned)number, json_random(seed, 2) ? "t" : "\xc3\xa9", json_random(seed, 120),
	    JSON_PICK(seed, severities), JSON_PICK(seed, systems), JSON_PICK(seed, details),
	    json_random(seed, 1000));
	dp_buf_addf(out, ",\"timestamp\":\"%s\"}", JSON_PICK(seed, times));
}

static void add(struct dp_event_reader *reader, struct dp_buf *text)
{
	struct dp_refusal why;
	struct dp_event ev;

	if (dp_event_read(reader, dp_buf_str(text), now_us, &ev, &why) < 0)
		fail_msg("%s: %s", dp_buf_text(text), why.why);
	all.events[all.n++] = dp_event_copy(&ev);
}

/* One trace has more systems than its row keeps. */
static void make_events(uint64_t seed)
{
	struct dp_event_reader *reader = dp_event_reader_new();
	struct dp_buf text = {0};

	memset(&all, 0, sizeof all);
	for (int i = 0; i < EVENTS; i++) {
		write_event(&seed, i, &text);
		add(reader, &text);
	}
	for (int i = 0; i < MANY_SYSTEMS; i++) {
		dp_buf_clear(&text);
		dp_buf_addf(&text, "{\"eventId\":\"018bcfe5-6800-7000-8000-%012x\",", EVENTS + i);
		dp_buf_addf(
		    &text, "\"traceId\":\"many\",\"severity\":\"error\",\"system\":\"s%d\",", i);
		dp_buf_add_text(&text, "\"details\":\"no order\","
				       "\"timestamp\":\"2026-01-02T03:00:00Z\"}");
		add(reader, &text);
	}
	dp_buf_release(&text);
	dp_event_reader_free(&reader);
	for (size_t i = 0; i < all.n; i++) {
		struct item *group = group_of(all.events[i]);

		see(trace_of(all.events[i]), all.events[i]);
		if (group)
			see(group, all.events[i]);
	}
}

static void free_events(void)
{
	for (size_t i = 0; i < all.n; i++)
		free(all.events[i]);
}

static const char *const filters[] = {"", "severity=error", "severity!=error", "severity>=warning",
    "severity=warning severity=error", "severity=info", "severity=debug", "system=api",
    "system=a_b,API", "system=100%", "system=\"back\\\\slash\"", "system=\"say \\\"hi\\\"\"",
    "system=\xc3\xa9t\xc3\xa9", "system=s109", "system=s109 severity=info", "system=nobody",
    "system!=api", "system~a", "timeout severity=error", "Timeout duration>900", "trace=t7,t8",
    "trace=many system=s5", "trace!=t7", "trace~9 severity=error", "since=10m",
    "until=2026-01-02T02:50Z severity=error", "timestamp=2026-01-02T03:04:05Z",
    "timestamp>2026-01-02T03:04:05Z", "since=2026-01-02T02:50Z until=2026-01-02T03:00Z system=api",
    "error=0000000000000000", "error~a", "details=a severity=error",
    "timestamp!=2026-01-02T03:04:05Z"};

static const char *const titles[] = {NULL, NULL, NULL, "Timeout", "none has it"};

/* What is asked for now. */
static struct {
	struct dp_filter filter;
	struct dp_store_list list;
	bool of_groups;
	char text[300]; /* of it, for messages */
	struct item *want[TRACES];
	size_t n;
	size_t at; /* the next one to come */
} asked;

static int64_t rank_of(const struct item *it)
{
	return asked.list.order == DP_STORE_BY_DURATION ? it->last_us - it->first_us
	       : asked.list.order == DP_STORE_BY_ERRORS ? it->errors
							: 0;
}

static int compare_numbers(int64_t a, int64_t b)
{
	return (a < b) - (a > b); /* descending */
}

static int compare(const void *pa, const void *pb)
{
	const struct item *a = *(struct item *const *)pa;
	const struct item *b = *(struct item *const *)pb;
	int order = compare_numbers(rank_of(a), rank_of(b));

	if (order == 0 && asked.list.order != DP_STORE_BY_DURATION)
		order = compare_numbers(a->last_us, b->last_us);
	return order != 0 ? order : strcmp(b->id, a->id);
}

static bool has_status(const struct item *it)
{
	switch (asked.list.status) {
	case DP_STORE_SUCCESS:
		return it->errors == 0 && it->warnings == 0;
	case DP_STORE_WARNING:
		return it->errors == 0 && it->warnings > 0;
	case DP_STORE_ERROR:
		return it->errors > 0;
	default:
		return true;
	}
}

static void find_wanted(void)
{
	struct item *items = asked.of_groups ? all.groups : all.traces;
	size_t n = asked.of_groups ? all.group_count : all.trace_count;

	for (size_t i = 0; i < n; i++)
		items[i].is_wanted = false;
	for (size_t i = 0; i < all.n; i++) {
		struct item *it =
		    asked.of_groups ? group_of(all.events[i]) : trace_of(all.events[i]);

		if (it && dp_filter_match(&asked.filter, all.events[i]))
			it->is_wanted = true;
	}
	asked.n = 0;
	for (size_t i = 0; i < n; i++)
		if (items[i].is_wanted && (asked.of_groups || has_status(&items[i])) &&
		    (!asked.list.title || strcmp(items[i].title, asked.list.title) == 0))
			asked.want[asked.n++] = &items[i];
	qsort(asked.want, asked.n, sizeof *asked.want, compare);
}

static struct dp_store_place last;

static int take_row(struct dp_str id, const struct dp_store_place *at)
{
	const struct item *it = asked.at < asked.n ? asked.want[asked.at] : NULL;

	if (!it || !dp_str_is(id, it->id) || strcmp(at->id, it->id) != 0 ||
	    at->rank != rank_of(it) || at->us != it->last_us)
		fail_msg("%s: %.*s instead of %s, the %zuth of %zu", asked.text, (int)id.n, id.p,
		    it ? it->id : "none", asked.at, asked.n);
	asked.at += asked.list.is_backwards ? (size_t)-1 : 1;
	last = *at;
	return 0;
}

static int take_trace(void *arg, const struct dp_store_trace_row *row)
{
	(void)arg;
	return take_row(row->trace_id, row->at);
}

static int take_group(void *arg, const struct dp_store_group_row *row)
{
	(void)arg;
	return take_row(row->fingerprint, row->at);
}

/* Reads the next page, and from where it ends where the time was over. */
static void read_page(struct dp_store *s)
{
	struct dp_store_list *l = &asked.list;
	struct dp_store_place reached;
	int rc = asked.of_groups ? dp_store_groups(s, l, take_group, NULL, &reached)
				 : dp_store_traces(s, l, take_trace, NULL, &reached);

	if (rc < 0)
		fail_msg("%s: %s", asked.text, dp_store_error(s));
	if (rc == 1)
		last = reached;
	else if (l->end_ms < INT64_MAX)
		l->limit = 0; /* over */
}

/* All pages to one end of the list, and half of the way back: those that are there. */
static void check_pages(struct dp_store *s, size_t limit)
{
	struct dp_store_list *l = &asked.list;
	size_t end;

	l->is_backwards = l->is_inclusive = false;
	l->limit = limit;
	l->from = NULL;
	for (asked.at = 0; asked.at < asked.n; l->from = &last) {
		end = asked.at + limit < asked.n ? asked.at + limit : asked.n;
		read_page(s);
		assert_int_equal(asked.at, end);
	}
	read_page(s); /* there are no more */
	assert_int_equal(asked.at, asked.n);
	if (asked.n == 0)
		return;
	l->is_backwards = l->is_inclusive = true;
	for (asked.at = asked.n - 1; asked.at < asked.n; l->is_inclusive = false) {
		end = asked.at >= limit ? asked.at - limit : (size_t)-1;
		read_page(s);
		assert_int_equal(asked.at, end);
	}
	read_page(s);
	l->from = NULL; /* from the end */
	asked.at = asked.n - 1;
	read_page(s);
}

/* Without any time each call gets one row further, whether that is wanted or not: by errors, at
 * most twice. */
static void check_in_no_time(struct dp_store *s)
{
	struct dp_store_list *l = &asked.list;
	size_t calls = 0;

	l->is_backwards = l->is_inclusive = false;
	l->from = NULL;
	l->end_ms = 0;
	l->limit = 1000;
	for (asked.at = 0; l->limit > 0; l->from = &last)
		if (read_page(s), ++calls > 2 * TRACES)
			fail_msg("%s: does not end", asked.text);
	assert_int_equal(asked.at, asked.n);
	l->end_ms = INT64_MAX;
}

static void ask(struct dp_store *s, const char *filter, const char *title, uint64_t *seed)
{
	struct dp_filter_error error;

	asked.list.filter = &asked.filter;
	asked.list.title = title;
	asked.list.end_ms = INT64_MAX;
	if (dp_filter_parse(&asked.filter, dp_str_from(filter), now_us, &error) < 0)
		fail_msg("%s: %s at %zu", filter, error.why, error.column);
	snprintf(asked.text, sizeof asked.text, "%s '%s', order %d, status %d, title %s",
	    asked.of_groups ? "groups" : "traces", filter, asked.list.order, asked.list.status,
	    title ? title : "any");
	find_wanted();
	check_pages(s, 15 + json_random(seed, 70));
	if (json_random(seed, 24) == 0)
		check_in_no_time(s);
	dp_filter_release(&asked.filter);
}

static int learn_title(void *arg, const struct dp_store_trace_row *row)
{
	struct item *it = NULL;

	(void)arg;
	for (size_t i = 0; i < all.trace_count; i++)
		if (dp_str_is(row->trace_id, all.traces[i].id))
			it = &all.traces[i];
	assert_non_null(it);
	snprintf(it->title, sizeof it->title, "%.*s", (int)row->title.n, row->title.p);
	return 0;
}

static uint64_t seed_of_test(void)
{
	const char *text = getenv("DEVPULSE_TEST_SEED");

	return text ? strtoull(text, NULL, 10) : (uint64_t)time(NULL);
}

static void every_page_is_that_of_a_plain_sort(void **state)
{
	const struct database *d = *state;
	uint64_t seed = seed_of_test();

	print_message("DEVPULSE_TEST_SEED=%" PRIu64 "\n", seed);
	make_events(seed);
	assert_ok(d->store,
	    dp_store_put(d->store, (const struct dp_event *const *)all.events, all.n, NULL, NULL));
	assert_ok(d->store, list_traces(d->store, 0, NULL, 1000, learn_title, NULL));
	for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
		asked.of_groups = false;
		for (asked.list.order = DP_STORE_BY_TIME; asked.list.order <= DP_STORE_BY_ERRORS;
		     asked.list.order++) {
			asked.list.status =
			    json_random(&seed, 2) ? DP_STORE_ANY_STATUS : json_random(&seed, 4);
			ask(d->store, filters[i], JSON_PICK(&seed, titles), &seed);
		}
		asked.of_groups = true;
		asked.list.order = DP_STORE_BY_TIME;
		ask(d->store, filters[i], NULL, &seed);
	}
	free_events();
}

int main(void)
{
	const struct CMUnitTest of_sqlite[] = {IN_SQLITE(every_page_is_that_of_a_plain_sort)};
	const struct CMUnitTest of_pg[] = {IN_PG(every_page_is_that_of_a_plain_sort)};
	const struct CMUnitTest of_hashed_pg[] = {IN_HASHED_PG(every_page_is_that_of_a_plain_sort)};
	int failed = cmocka_run_group_tests_name("store, lists: sqlite", of_sqlite, NULL, NULL);

	if (has_pg("store, lists: postgresql")) {
		failed +=
		    cmocka_run_group_tests_name("store, lists: postgresql", of_pg, NULL, NULL);
		failed += cmocka_run_group_tests_name(
		    "store, lists: postgresql by hash", of_hashed_pg, NULL, NULL);
	}
	return failed;
}
