#include "event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void severities(void **state)
{
	static const struct {
		const char *name;
		int rc;
		enum dp_severity want;
	} rows[] = {
	    {"debug", 0, DP_DEBUG},
	    {"info", 0, DP_INFO},
	    {"warning", 0, DP_WARNING},
	    {"error", 0, DP_ERROR},
	    {"INFO", 0, DP_INFO},
	    {"eRRoR", 0, DP_ERROR},
	    {"warn", 1, DP_WARNING},
	    {"err", 1, DP_ERROR},
	    {"Fatal", 1, DP_ERROR},
	    {"critical", 1, DP_ERROR},
	    {"crit", 1, DP_ERROR},
	    {"alert", 1, DP_ERROR},
	    {"emerg", 1, DP_ERROR},
	    {"panic", 1, DP_ERROR},
	    {"NOTICE", 1, DP_INFO},
	    {"information", 1, DP_INFO},
	    {"informational", 1, DP_INFO},
	    {"success", 1, DP_INFO},
	    {"TRACE", 1, DP_DEBUG},
	    {"verbose", 1, DP_DEBUG},
	    {"fine", 1, DP_DEBUG},
	    {"", -1, DP_INFO},
	    {"erro", -1, DP_INFO},
	    {"errors", -1, DP_INFO},
	    {"3", -1, DP_INFO},
	    {"[nfo", -1, DP_INFO},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		enum dp_severity got = DP_INFO;

		if (dp_severity_parse(dp_str_from(rows[i].name), &got) != rows[i].rc ||
		    got != rows[i].want)
			fail_msg("%s: %d", rows[i].name, (int)got);
	}
	assert_string_equal(dp_severity_name(DP_DEBUG), "debug");
	assert_string_equal(dp_severity_name(DP_INFO), "info");
	assert_string_equal(dp_severity_name(DP_WARNING), "warning");
	assert_string_equal(dp_severity_name(DP_ERROR), "error");
}

static void knows_its_fields(void **state)
{
	static const char *const fields[] = {"traceId", "timestamp", "durationMs", "repairs"};
	static const char *const others[] = {"", "traceI", "traceIds", "traceid", "userId", "_pos"};

	(void)state;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		assert_true(dp_event_is_field(dp_str_from(fields[i])));
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_false(dp_event_is_field(dp_str_from(others[i])));
}

/* Clients may have kept them. */
static void numbers_stay_as_they_are(void **state)
{
	(void)state;
	assert_int_equal(
	    dp_event_number("00000000-0000-0000-0000-000000000000"), INT64_C(4789489682358252));
	assert_int_equal(
	    dp_event_number("019b7c4e-3c5e-7000-8000-000000000001"), INT64_C(3396044422372967));
	assert_in_range(
	    dp_event_number("ffffffff-ffff-ffff-ffff-ffffffffffff"), 0, (INT64_C(1) << 53) - 1);
}

static void writes_data(void **state)
{
	static const struct {
		const char *json;
		const char *want;
	} rows[] = {
	    {"{\"traceId\":\"a\",\"eventId\":\"b\",\"timestamp\":\"c\",\"severity\":\"d\","
	     "\"system\":\"e\",\"type\":\"f\",\"x\":{\"type\":1},\"receivedAt\":\"g\"}",
		"{\"eventId\":\"b\",\"severity\":\"d\",\"x\":{\"type\":1},\"receivedAt\":\"g\"}"},
	    {"{\"traceId\":\"a\"}", "{}"},
	    {"{}", "{}"},
	    {"{\"\":1,\"\\\\type\":2}", "{\"\":1,\"\\\\type\":2}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dp_buf out = {0};

		dp_event_write_data(&out, dp_str_from(rows[i].json));
		assert_string_equal(dp_buf_text(&out), rows[i].want);
		dp_buf_release(&out);
	}
}

static struct dp_event read_event(struct dp_event_reader *r, const char *text)
{
	struct dp_event ev;
	struct dp_refusal why;

	assert_int_equal(
	    dp_event_read(r, dp_str_from(text), INT64_C(1767323045678901), &ev, &why), 0);
	return ev;
}

static void copies(void **state)
{
	static const char given[] =
	    "{\"traceId\":\"abc123\",\"eventId\":\"019b7c4e-3c5e-7000-8000-000000000001\","
	    "\"timestamp\":\"2026-01-02T03:04:05Z\",\"severity\":\"info\",\"system\":\"web\","
	    "\"type\":\"log\",\"name\":\"n\",\"durationMs\":2,"
	    "\"receivedAt\":\"2026-01-02T03:04:06Z\"}";
	struct dp_event_reader *r = dp_event_reader_new();
	struct dp_event ev = read_event(r, given);
	struct dp_event *copy = dp_event_copy(&ev);

	(void)state;
	read_event(
	    r, "{\"traceId\":\"another\",\"details\":\"long enough to overwrite the first\"}");
	dp_event_reader_free(&r);
	assert_true(dp_str_is(copy->json, given));
	assert_true(dp_str_is(copy->trace_id, "abc123"));
	assert_true(dp_str_is(copy->system, "web"));
	assert_true(dp_str_is(copy->type, "log"));
	assert_true(dp_str_is(copy->title, "n"));
	assert_string_equal(copy->event_id, "019b7c4e-3c5e-7000-8000-000000000001");
	assert_int_equal(copy->severity, DP_INFO);
	assert_int_equal(copy->ts_us, INT64_C(1767323045000000));
	assert_true(copy->has_duration);
	free(copy);
}

static void copies_an_event_without_title(void **state)
{
	struct dp_event_reader *r = dp_event_reader_new();
	const struct dp_event ev = read_event(r, "{\"traceId\":\"abc123\"}");
	struct dp_event *copy = dp_event_copy(&ev);

	(void)state;
	dp_event_reader_free(&r);
	assert_int_equal(copy->title.n, 0);
	assert_true(dp_str_is(copy->trace_id, "abc123"));
	free(copy);
}

static void reads_spans(void **state)
{
	static const struct {
		const char *json;
		const char *id;
		const char *parent;
		bool has_duration;
		double duration_ms;
	} rows[] = {
	    {"{}", "", "", false, 0},
	    {"{\"name\":\"spanId\",\"locals\":{\"spanId\":\"x\"}}", "", "", false, 0},
	    {"{\"parentSpanId\":\"p\",\"spanId\":\"a\\\"b\",\"durationMs\":-1.5e2}", "\"a\\\"b\"",
		"\"p\"", true, -150},
	    {"{\"durationMs\":0.1000000000000000055511151231257827}", "", "", true, 0.1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dp_event_span span;

		dp_event_read_span(dp_str_from(rows[i].json), &span);
		assert_true(dp_str_is(span.id, rows[i].id));
		assert_true(dp_str_is(span.parent, rows[i].parent));
		assert_int_equal(span.has_duration, rows[i].has_duration);
		assert_true(span.duration_ms == rows[i].duration_ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(severities),
	    cmocka_unit_test(knows_its_fields),
	    cmocka_unit_test(numbers_stay_as_they_are),
	    cmocka_unit_test(writes_data),
	    cmocka_unit_test(copies),
	    cmocka_unit_test(reads_spans),
	    cmocka_unit_test(copies_an_event_without_title),
	};

	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
