/* A filter means the same wherever it runs: random events and random filters, in memory, in SQLite
 * and in PostgreSQL. Of a failure the seed is told: DEVPULSE_TEST_SEED repeats it. */
#include "store_fixture.h"

#include "clock.h"
#include "filter.h"
#include "json_random.h"

#include <inttypes.h>
#include <time.h>

enum { EVENTS = 300, FILTERS = 500 };

static const int64_t now_us = INT64_C(1767323045678901);

static const char *const keys[] = {"a", "b", "n", "user_id", "\"a b\"", "\"a.b\"", "\"0\"", "0",
    "\"\xc3\xa9\"", "\"-1\"", "\"$\"", "\"'\"", "\"[1]\"", "'"};
static const char *const scalars[] = {"null", "true", "false", "42", "42.0", "\"42\"", "-0", "0",
    "1e5", "1E5", "100000", "100000.0", "0.1", "0.10", "0.1000000000000000055511151231257827",
    "0.30000000000000004", "9007199254740993", "9007199254740993.00000000000000000001",
    "9007199254740992", "9223372036854775808", "123456789012345678901234567890", "123456.789012",
    "123456.78901200001", "8.41e21", "1e-308", "2.2250738585072011e-308", "1.7976931348623157e308",
    "-17", "\"true\"", "\"null\"", "\"\"", "\"timeout\"", "\"TimeOut after 5s\"", "\"a\\nb\"",
    "\"say \\\"hi\\\"\"", "\"back\\\\slash\"", "\"\\u0001\"", "\"\\u007f\"", "\"caf\xc3\xa9\"",
    "\"CAF\xc3\x89\"", "\"\xe2\x84\xaa\"", "\"\xc4\xb0\"", "\"100%\"", "\"a_b\"",
    "\"\xf0\x9f\x98\x80\"", "\"1e5\"", "[]", "{}", "[1,2]", "[{\"a\":1},\"b\"]"};
static const char *const names[] = {
    "api", "API", "worker", "we\\\\b", "a,b", "\xc3\xa9t\xc3\xa9", "100%", "", "unknown"};
static const char *const times[] = {"2026-01-02T03:04:05.678901Z", "2026-01-02T03:04:05.6789Z",
    "2026-01-02T03:04:05Z", "2026-01-02T02:50:00+00:00", "2026-01-01T00:00:00Z",
    "2025-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.5Z", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z"};
static const char *const severities[] = {"error", "warning", "info", "debug", "WARN", "fatal"};
static const char *const durations[] = {
    "0", "0.5", "250", "500", "500.0", "1500", "1e3", "0.1", "123456.789012", "-1"};

static bool one_in(uint64_t *seed, uint32_t n)
{
	return json_random(seed, n) == 0;
}

static void add_member(struct dp_buf *out, const char *key, const char *value)
{
	dp_buf_addf(
	    out, ",%s%s%s:%s", *key == '"' ? "" : "\"", key, *key == '"' ? "" : "\"", value);
}

static void add_string(struct dp_buf *out, const char *key, const char *text)
{
	dp_buf_addf(out, ",\"%s\":\"%s\"", key, text);
}

static void add_object(uint64_t *seed, struct dp_buf *out, const char *name, int depth)
{
	dp_buf_addf(
	    out, "%s%s%s:{\"z\":0", *name == '"' ? "" : "\"", name, *name == '"' ? "" : "\"");
	for (uint32_t i = json_random(seed, 6); i > 0; i--) {
		if (depth > 0 && one_in(seed, 3)) {
			dp_buf_add_char(out, ',');
			add_object(seed, out, JSON_PICK(seed, keys), depth - 1);
		} else {
			add_member(out, JSON_PICK(seed, keys), JSON_PICK(seed, scalars));
		}
	}
	dp_buf_add_char(out, '}');
}

static void write_event(uint64_t *seed, int number, struct dp_buf *out)
{
	static const char *const details[] = {"\"Timeout of the DB\"",
	    "{\"message\":\"boom\",\"n\":7}", "17", "null", "[\"x\",\"y\"]", "\"a\\nb\\tc\"",
	    "\"say \\\"hi\\\"\""};

	dp_buf_clear(out);
	dp_buf_addf(out, "{\"eventId\":\"018bcfe5-6800-7000-8000-%012x\",\"traceId\":\"t%u\"",
	    (unsigned)number, json_random(seed, 8));
	add_string(out, "severity", JSON_PICK(seed, severities));
	add_string(out, "timestamp", JSON_PICK(seed, times));
	if (!one_in(seed, 4))
		add_string(out, "system", JSON_PICK(seed, names));
	if (!one_in(seed, 3))
		add_string(out, "type", JSON_PICK(seed, names));
	if (!one_in(seed, 3))
		add_string(out, "environment", JSON_PICK(seed, names));
	if (one_in(seed, 2))
		add_member(out, "durationMs", JSON_PICK(seed, durations));
	if (one_in(seed, 2))
		add_string(out, "name", JSON_PICK(seed, names));
	if (!one_in(seed, 3))
		add_member(out, "details", JSON_PICK(seed, details));
	if (one_in(seed, 3))
		add_string(out, "spanId", JSON_PICK(seed, names));
	if (one_in(seed, 3))
		dp_buf_addf(out, ",\"line\":%u", json_random(seed, 50));
	if (!one_in(seed, 3)) {
		dp_buf_add_char(out, ',');
		add_object(seed, out, "locals", 3);
	}
	for (uint32_t i = json_random(seed, 4); i > 0; i--)
		add_member(out, JSON_PICK(seed, keys), JSON_PICK(seed, scalars));
	dp_buf_add_char(out, '}');
}

/* A value that an event may well have, for a filter. */
static void add_filter_value(uint64_t *seed, struct dp_buf *out)
{
	static const char *const values[] = {"t", "out", "TIMEOUT", "e", "\"\\\"hi\"", "\"\\n\"",
	    "\\\\", "api", "a\\,b", "\xc3\xa9", "\xc3\x89", "k", "i", "%", "_", "z", "1", "42",
	    "null", "[1\\,2]", "{}", "\"\\u0001\"", "\"\\ud83d\\ude00\"", "\"\xc3\xa9\"", "0001",
	    "018bcfe5"};
	const char *scalar = JSON_PICK(seed, scalars);

	if (one_in(seed, 2) || strpbrk(scalar, ",") || strcmp(scalar, "\"\"") == 0)
		dp_buf_add_text(out, JSON_PICK(seed, values));
	else
		dp_buf_add_text(out, scalar);
}

static void add_path(uint64_t *seed, struct dp_buf *out)
{
	static const char *const tops[] = {"locals", "details", "name", "span", "line", "nothing",
	    "\"error\"", "\"severity\"", "receivedAt", "repairs"};
	const bool is_top = one_in(seed, 3);

	if (is_top)
		dp_buf_add_text(out, JSON_PICK(seed, tops));
	else
		dp_buf_add_text(out, one_in(seed, 4) ? JSON_PICK(seed, keys) : "locals");
	for (uint32_t i = json_random(seed, is_top ? 2 : 4); i > 0; i--)
		dp_buf_addf(out, ".%s", JSON_PICK(seed, keys));
}

static void add_list(uint64_t *seed, struct dp_buf *out, const char *const *table, uint32_t size)
{
	for (uint32_t i = 0, n = 1 + json_random(seed, 3); i < n; i++)
		dp_buf_addf(out, "%s\"%s\"", i > 0 ? "," : "", table[json_random(seed, size)]);
}

#define ADD_LIST(seed, out, table) add_list(seed, out, table, sizeof(table) / sizeof *(table))

static void add_member_term(uint64_t *seed, struct dp_buf *out)
{
	static const char *const tests[] = {"=", "!=", "~", "!~"};
	static const char *const orders[] = {">", ">=", "<", "<="};
	static const char *const numbers[] = {"42", "0", "0.1", "1e5", "9007199254740992",
	    "9223372036854775808", "123456.789012", "8.41e21", "1e-308", "-17", "1e400",
	    "2.2250738585072011e-308", "0.30000000000000004", "7", "25"};
	const char *number = JSON_PICK(seed, numbers);

	add_path(seed, out);
	if (one_in(seed, 2) && strcmp(number, "1e400") != 0) {
		dp_buf_addf(out, "%s%s", JSON_PICK(seed, orders), number);
		return;
	}
	if (one_in(seed, 10)) {
		dp_buf_add_text(out, "=\"\"");
		return;
	}
	dp_buf_add_text(out, JSON_PICK(seed, tests));
	for (uint32_t i = 0, n = 1 + json_random(seed, 2); i < n; i++) {
		if (i > 0)
			dp_buf_add_char(out, ',');
		add_filter_value(seed, out);
	}
}

static void add_term(uint64_t *seed, struct dp_buf *out)
{
	static const char *const text_fields[] = {"system", "type", "env", "environment", "trace"};
	static const char *const values[] = {"api", "API", "worker", "we\\\\b", "a,b",
	    "\xc3\xa9t\xc3\xa9", "100%", "unknown", "t1", "t2", "t3", "log", "error", "null"};
	static const char *const tests[] = {"=", "!=", "~", "!~"};
	static const char *const orders[] = {"=", "!=", ">", ">=", "<", "<="};
	static const char *const instants[] = {"15m", "1d", "2026-01-02", "2026-01-02T03:04",
	    "2026-01-02T03:04:05.6789Z", "1970-01-01T00:00Z", "9999-12-31T23:59:59Z", "999999999s"};
	static const char *const lengths[] = {
	    "500", "500ms", "0.5s", "250ms", "100us", "1m", "123456.789012", "0.1", "-1ms"};
	static const char *const ids[] = {"id~18b", "id!~0000001", "eventId~CFE5",
	    "id=018BCFE5-6800-7000-8000-000000000007",
	    "id!=018bcfe5-6800-7000-8000-000000000007,018bcfe5-6800-7000-8000-000000000008"};
	static const char *const groups[] = {
	    "error~a", "error!~a", "fingerprint~0,1,2", "fingerprint!=0", "error=0123456789abcdef"};

	switch (json_random(seed, 12)) {
	case 0:
		dp_buf_addf(out, "%s%s", JSON_PICK(seed, text_fields), JSON_PICK(seed, tests));
		ADD_LIST(seed, out, values);
		break;
	case 1:
		dp_buf_addf(
		    out, "severity%s%s", JSON_PICK(seed, orders), JSON_PICK(seed, severities));
		break;
	case 2:
		dp_buf_addf(
		    out, "%s=%s", one_in(seed, 2) ? "since" : "until", JSON_PICK(seed, instants));
		break;
	case 3:
		dp_buf_addf(
		    out, "timestamp%s%s", JSON_PICK(seed, orders), JSON_PICK(seed, instants));
		break;
	case 4:
		dp_buf_addf(out, "duration%s%s", JSON_PICK(seed, orders), JSON_PICK(seed, lengths));
		break;
	case 5:
		dp_buf_add_text(out, JSON_PICK(seed, ids));
		break;
	case 6:
		dp_buf_add_text(out, JSON_PICK(seed, groups));
		break;
	case 7:
		dp_buf_add_text(out, one_in(seed, 2) ? "" : one_in(seed, 2) ? "-" : "!");
		add_filter_value(seed, out);
		break;
	default:
		add_member_term(seed, out);
	}
}

static void write_filter(uint64_t *seed, struct dp_buf *out)
{
	dp_buf_clear(out);
	for (uint32_t i = 0, n = 1 + json_random(seed, 3); i < n; i++) {
		dp_buf_add_text(out, i > 0 ? " " : "");
		add_term(seed, out);
	}
}

static struct dp_event *events[EVENTS];
static int event_count;

static void add_event(struct dp_buf *text)
{
	struct dp_event_reader *r = dp_event_reader_new();
	struct dp_refusal why;
	struct dp_event ev;

	assert_true(event_count < EVENTS);
	if (dp_event_read(r, dp_buf_str(text), now_us, &ev, &why) < 0)
		fail_msg("%s: %s", dp_buf_text(text), why.why);
	events[event_count++] = dp_event_copy(&ev);
	dp_event_reader_free(&r);
}

static void store_events(struct dp_store *s)
{
	assert_ok(s, dp_store_put(s, (const struct dp_event *const *)events, (size_t)event_count,
			 NULL, NULL));
}

static void free_events(void)
{
	while (event_count > 0)
		free(events[--event_count]);
}

static int note_row(void *arg, const struct dp_store_row *row)
{
	bool *found = arg;
	char number[13] = {0};

	memcpy(number, row->event_id + DP_UUID_TEXT - 12, 12);
	found[strtol(number, NULL, 16)] = true;
	return 0;
}

/* Asserts that the database finds what matches in memory; returns how many do. */
static int compare(const struct database *d, const struct dp_filter *f, const char *text)
{
	bool found[EVENTS] = {false};
	int matches = 0;

	if (dp_store_after(d->store, f, 0, EVENTS + 1, note_row, found) != 0)
		fail_msg("%s: %s", text, dp_store_error(d->store));
	for (int i = 0; i < event_count; i++) {
		const bool want = dp_filter_match(f, events[i]);

		matches += want;
		if (found[i] != want)
			fail_msg("%s: in memory it is %s for\n%.*s", text, want ? "true" : "false",
			    (int)events[i]->json.n, events[i]->json.p);
	}
	return matches;
}

/* How many of the events a filter finds, here and there. */
static int try_filter(const struct database *d, struct dp_buf *text)
{
	struct dp_filter f = {0};
	struct dp_filter_error error;
	int matches;

	if (dp_filter_parse(&f, dp_buf_str(text), now_us, &error) < 0)
		fail_msg("%s: at %zu: %s", dp_buf_text(text), error.offset, error.why);
	matches = compare(d, &f, dp_buf_text(text));
	dp_filter_release(&f);
	return matches;
}

static void random_filters(void **state)
{
	const struct database *d = *state;
	const char *given = getenv("DEVPULSE_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	struct dp_buf text = {0};
	int some = 0;

	free_events(); /* that a failure left */
	print_message("# seed %" PRIu64 "\n", seed);
	for (int i = 0; i < EVENTS; i++) {
		write_event(&seed, i, &text);
		add_event(&text);
	}
	store_events(d->store);
	for (int i = 0; i < FILTERS; i++) {
		int matches;

		write_filter(&seed, &text);
		matches = try_filter(d, &text);
		some += matches > 0 && matches < EVENTS;
	}
	/* else the pairs say little */
	if (some < FILTERS / 4)
		fail_msg("only %d of %d filters tell events apart", some, FILTERS);
	dp_buf_release(&text);
	free_events();
}

enum { SCALARS = sizeof scalars / sizeof *scalars };

/* Every value against every other, by every operator. */
static void all_pairs_of_values(void **state)
{
	static const char *const tests[] = {"=", "!=", "~", "!~", ">", ">=", "<", "<="};
	const struct database *d = *state;
	struct dp_buf text = {0};

	free_events();
	for (int i = 0; i < SCALARS; i++) {
		dp_buf_clear(&text);
		dp_buf_addf(&text,
		    "{\"eventId\":\"018bcfe5-6800-7000-8000-%012x\",\"locals\":{\"n\":%s}}",
		    (unsigned)i, scalars[i]);
		add_event(&text);
	}
	store_events(d->store);
	for (int i = 0; i < SCALARS; i++)
		for (size_t k = 0; k < sizeof tests / sizeof *tests; k++) {
			const bool is_number = strchr("-0123456789", scalars[i][0]) != NULL;

			if ((k >= 4 && !is_number) ||
			    ((k == 2 || k == 3) && strcmp(scalars[i], "\"\"") == 0))
				continue;
			dp_buf_clear(&text);
			dp_buf_addf(&text, "locals.n%s", tests[k]);
			if (is_number || scalars[i][0] == '"')
				dp_buf_add_text(&text, scalars[i]);
			else
				dp_json_write_string(&text, dp_str_from(scalars[i]));
			try_filter(d, &text);
		}
	dp_buf_release(&text);
	free_events();
}

/* As many terms, values and parts of names as there may be. */
static void the_largest_filter(void **state)
{
	static const char *const tests[] = {"=", "~", "!=", "!~"};
	const struct database *d = *state;
	struct dp_buf text = {0};
	int64_t after = -1;
	struct dp_filter f = {0};
	struct dp_filter_error error;

	free_events();
	dp_buf_add_text(&text,
	    "{\"eventId\":\"018bcfe5-6800-7000-8000-000000000000\",\"a\":{\"b\":{\"c\":{\"d\":"
	    "{\"e\":{\"f\":{\"g\":{\"h\":\"v31\"}}}}}}},\"details\":\"x\"}");
	add_event(&text);
	store_events(d->store);
	dp_buf_clear(&text);
	for (size_t i = 0; i < DP_FILTER_TERMS_MAX; i++) {
		const int most =
		    strchr(tests[i % 4], '~') ? DP_FILTER_SEARCHES_MAX : DP_FILTER_VALUES_MAX;

		dp_buf_addf(&text, " a.b.c.d.e.f.g.h%s", tests[i % 4]);
		for (int v = 0; v < most; v++)
			dp_buf_addf(&text, "%s%s%d", v > 0 ? "," : "", i % 4 < 2 ? "v" : "w", v);
	}
	assert_int_equal(try_filter(d, &text), 1);
	assert_int_equal(dp_filter_parse(&f, dp_buf_str(&text), now_us, &error), 0);
	assert_ok(d->store, dp_store_tail(d->store, &f, 0, INT64_MAX, &after));
	assert_int_not_equal(after, 0);
	dp_filter_release(&f);
	dp_buf_release(&text);
	free_events();
}

#define TESTS(X) X(random_filters), X(all_pairs_of_values), X(the_largest_filter)

int main(void)
{
	const struct CMUnitTest of_sqlite[] = {TESTS(IN_SQLITE)};
	const struct CMUnitTest of_pg[] = {TESTS(IN_PG)};
	int failed =
	    cmocka_run_group_tests_name("filter, properties: sqlite", of_sqlite, NULL, NULL);

	if (has_pg("filter, properties: postgresql"))
		failed += cmocka_run_group_tests_name(
		    "filter, properties: postgresql", of_pg, NULL, NULL);
	return failed;
}
