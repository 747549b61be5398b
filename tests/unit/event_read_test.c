#include "event.h"

#include "clock.h"
#include "json_random.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW_US INT64_C(1767323045678901)
#define NOW    "2026-01-02T03:04:05.678901Z"
#define ID     "019b7c4e-3c5e-7000-8000-000000000001"
#define SENT   "\"traceId\":\"abc123\",\"eventId\":\"" ID "\""
#define TIMED  "\"timestamp\":\"2026-01-02T03:04:05Z\""
/* What stands at the beginning and at the end of events that leave it to the defaults. */
#define HEAD "{" SENT "," TIMED ",\"severity\":\"info\",\"system\":\"unknown\",\"type\":\"log\""
#define TAIL ",\"receivedAt\":\"" NOW "\"}"

#define REPLACEMENT "\xef\xbf\xbd"
#define TEN(text)   text text text text text text text text text text

static const struct normal_case {
	const char *name;
	const char *input;
	const char *want;
} normal_cases[] = {
    {"the least", "{" SENT "," TIMED "}", HEAD TAIL},
    {"white space and order",
	" { \"type\" : \"task\",\n \"b\": [1, 2], " TIMED
	", \"severity\":\"debug\", \"system\":\"web\", \"a\":{}, " SENT "}\r\n",
	"{" SENT "," TIMED ",\"severity\":\"debug\",\"system\":\"web\",\"type\":\"task\","
	"\"b\":[1,2],\"a\":{}" TAIL},
    {"every field",
	"{" SENT "," TIMED
	",\"spanId\":\"s\",\"parentSpanId\":\"p\",\"name\":\"n\",\"durationMs\":1.50,"
	"\"file\":\"f.py\",\"line\":42,\"source\":\"x = 1\",\"locals\":{\"x\":1},"
	"\"stacktrace\":[{}],\"response\":\"fail\",\"details\":[null],\"environment\":\"dev\"}",
	HEAD ",\"spanId\":\"s\",\"parentSpanId\":\"p\",\"name\":\"n\",\"durationMs\":1.50,"
	     "\"file\":\"f.py\",\"line\":42,\"source\":\"x = 1\",\"locals\":{\"x\":1},"
	     "\"stacktrace\":[{}],\"response\":\"fail\",\"details\":[null],\"environment\":"
	     "\"dev\"" TAIL},
    {"unknown fields are kept",
	"{" SENT "," TIMED ",\"\":1,\"my field\":{\"n\":1e2},\"TraceId\":2}",
	HEAD ",\"\":1,\"my field\":{\"n\":1e2},\"TraceId\":2" TAIL},
    {"numbers keep their digits",
	"{" SENT "," TIMED ",\"locals\":{\"n\":123456789012345678901.50}}",
	HEAD ",\"locals\":{\"n\":123456789012345678901.50}" TAIL},
    {"transport members are removed",
	"{\"_pos\":\"u:1\"," SENT ",\"_\":0,\"x\":{\"_pos\":1},\"\\u005fcursor\":[]," TIMED "}",
	HEAD ",\"x\":{\"_pos\":1}" TAIL},
    {"kept on both sides of what is not",
	"{\"a\":1,\"b\":2," SENT ",\"c\":3,\"_d\":4,\"e\":5," TIMED "}",
	HEAD ",\"a\":1,\"b\":2,\"c\":3,\"e\":5" TAIL},
    {"null is missing where we have a default",
	"{" SENT "," TIMED ",\"severity\":null,\"system\":null,\"type\":null,\"receivedAt\":null,"
	"\"timestampRaw\":null,\"severityRaw\":null,\"repairs\":null}",
	HEAD TAIL},
    {"null is kept elsewhere",
	"{" SENT "," TIMED
	",\"name\":null,\"details\":null,\"file\":null,\"line\":null,\"source\":null,"
	"\"locals\":null,\"stacktrace\":null,\"response\":null,\"environment\":null,"
	"\"spanId\":null,\"parentSpanId\":null,\"durationMs\":null,\"x\":null}",
	HEAD ",\"name\":null,\"details\":null,\"file\":null,\"line\":null,\"source\":null,"
	     "\"locals\":null,\"stacktrace\":null,\"response\":null,\"environment\":null,"
	     "\"spanId\":null,\"parentSpanId\":null,\"durationMs\":null,\"x\":null" TAIL},
    {"a stack trace as text", "{" SENT "," TIMED ",\"stacktrace\":\"at x\\nat y\"}",
	HEAD ",\"stacktrace\":\"at x\\nat y\"" TAIL},
    {"a negative line", "{" SENT "," TIMED ",\"line\":-1}", HEAD ",\"line\":-1" TAIL},

    {"event id in lower case",
	"{\"traceId\":\"abc123\",\"eventId\":\"019B7C4E-3C5E-7000-8000-000000000001\"," TIMED "}",
	HEAD TAIL},
    {"event id written with escapes",
	"{\"traceId\":\"abc123\",\"eventId\":\"\\u003019b7c4e-3c5e-7000-8000-000000000001\"," TIMED
	"}",
	HEAD TAIL},
    {"trace id with quotes", "{\"traceId\":\"a\\\"\\u00e9\\\\\",\"eventId\":\"" ID "\"," TIMED "}",
	"{\"traceId\":\"a\\\"\xc3\xa9\\\\\",\"eventId\":\"" ID "\"," TIMED
	",\"severity\":\"info\",\"system\":\"unknown\",\"type\":\"log\"" TAIL},
    {"empty system and type", "{" SENT "," TIMED ",\"system\":\"\",\"type\":\"\"}", HEAD TAIL},
    {"empty type of an error", "{" SENT "," TIMED ",\"severity\":\"error\",\"type\":\"\"}",
	"{" SENT "," TIMED
	",\"severity\":\"error\",\"system\":\"unknown\",\"type\":\"error\"" TAIL},
    {"type of an error that is given",
	"{" SENT "," TIMED ",\"severity\":\"error\",\"type\":\"response\"}",
	"{" SENT "," TIMED
	",\"severity\":\"error\",\"system\":\"unknown\",\"type\":\"response\"" TAIL},
    {"severity in another case", "{" SENT "," TIMED ",\"severity\":\"Warning\"}",
	"{" SENT "," TIMED
	",\"severity\":\"warning\",\"system\":\"unknown\",\"type\":\"log\"" TAIL},
    {"severity by another name", "{" SENT "," TIMED ",\"severity\":\"FATAL\"}",
	"{" SENT "," TIMED ",\"severity\":\"error\",\"system\":\"unknown\",\"type\":\"error\","
	"\"receivedAt\":\"" NOW "\",\"severityRaw\":\"FATAL\"}"},
    {"severity that nobody knows", "{" SENT "," TIMED ",\"severity\":\"so \\\"so\\\"\"}",
	HEAD ",\"receivedAt\":\"" NOW "\",\"severityRaw\":\"so \\\"so\\\"\"}"},
    {"severity that is empty", "{" SENT "," TIMED ",\"severity\":\"\"}",
	HEAD ",\"receivedAt\":\"" NOW "\",\"severityRaw\":\"\"}"},

    {"timestamp in UTC, with its digits", "{" SENT ",\"timestamp\":\"2026-01-02t04:04:05+01:00\"}",
	HEAD TAIL},
    {"timestamp missing", "{" SENT "}",
	"{" SENT ",\"timestamp\":\"" NOW
	"\",\"severity\":\"info\",\"system\":\"unknown\",\"type\":\"log\"" TAIL},
    {"timestamp null", "{" SENT ",\"timestamp\":null}",
	"{" SENT ",\"timestamp\":\"" NOW
	"\",\"severity\":\"info\",\"system\":\"unknown\",\"type\":\"log\"" TAIL},
    {"timestamp unreadable", "{" SENT ",\"timestamp\":\"yester\\u0064ay\\n\"}",
	"{" SENT ",\"timestamp\":\"" NOW
	"\",\"severity\":\"info\",\"system\":\"unknown\",\"type\":\"log\","
	"\"receivedAt\":\"" NOW "\",\"timestampRaw\":\"yesterday\\n\"}"},
    {"timestamp a number", "{" SENT ",\"timestamp\":1767323045.50}",
	"{" SENT ",\"timestamp\":\"" NOW
	"\",\"severity\":\"info\",\"system\":\"unknown\",\"type\":\"log\","
	"\"receivedAt\":\"" NOW "\",\"timestampRaw\":1767323045.50}"},
    {"timestamp an object, with a raw one",
	"{" SENT ",\"timestampRaw\":1,\"timestamp\":{\"a\":[]}}",
	"{" SENT ",\"timestamp\":\"" NOW
	"\",\"severity\":\"info\",\"system\":\"unknown\",\"type\":\"log\","
	"\"receivedAt\":\"" NOW "\",\"timestampRaw\":{\"a\":[]}}"},
    {"time of receipt is kept",
	"{" SENT "," TIMED ",\"receivedAt\":\"2026-01-02T03:04:06.5Z\",\"a\":1}",
	HEAD ",\"a\":1,\"receivedAt\":\"2026-01-02T03:04:06.5Z\"}"},
    {"time of receipt unreadable", "{" SENT "," TIMED ",\"receivedAt\":\"now\"}", HEAD TAIL},
    {"what we added goes to the end, in order",
	"{\"repairs\":[\"nul\"],\"severityRaw\":\"WARN\",\"timestampRaw\":\"x\"," SENT "," TIMED
	",\"z\":1,\"receivedAt\":\"" NOW "\"}",
	HEAD ",\"z\":1,\"receivedAt\":\"" NOW
	     "\",\"timestampRaw\":\"x\",\"severityRaw\":\"WARN\",\"repairs\":[\"nul\"]}"},

    {"repair: nul", "{" SENT "," TIMED ",\"a\":\"\\u0000\"}",
	HEAD ",\"a\":\"" REPLACEMENT "\",\"receivedAt\":\"" NOW "\",\"repairs\":[\"nul\"]}"},
    {"repair: surrogate", "{" SENT "," TIMED ",\"a\":\"\\ud800\"}",
	HEAD ",\"a\":\"" REPLACEMENT "\",\"receivedAt\":\"" NOW "\",\"repairs\":[\"surrogate\"]}"},
    {"repair: duplicate", "{" SENT "," TIMED ",\"a\":1,\"a\":2}",
	HEAD ",\"a\":2,\"receivedAt\":\"" NOW "\",\"repairs\":[\"duplicate\"]}"},
    {"repair: all", "{" SENT "," TIMED ",\"a\":1,\"a\":\"\\ud800\\u0000\"}",
	HEAD ",\"a\":\"" REPLACEMENT REPLACEMENT "\",\"receivedAt\":\"" NOW
	     "\",\"repairs\":[\"nul\",\"surrogate\",\"duplicate\"]}"},
    {"repairs are added to earlier ones",
	"{" SENT "," TIMED ",\"a\":\"\\u0000\",\"repairs\":[\"x\",\"duplicate\",1,\"\\n\"]}",
	HEAD ",\"a\":\"" REPLACEMENT "\",\"receivedAt\":\"" NOW
	     "\",\"repairs\":[\"nul\",\"duplicate\"]}"},
    {"repairs take the place of what is no list",
	"{" SENT "," TIMED ",\"a\":\"\\u0000\",\"repairs\":{\"x\":\"surrogate\"}}",
	HEAD ",\"a\":\"" REPLACEMENT "\",\"receivedAt\":\"" NOW "\",\"repairs\":[\"nul\"]}"},
    {"without repairs what is there stays", "{" SENT "," TIMED ",\"repairs\":{\"engine\":\"new\"}}",
	HEAD ",\"receivedAt\":\"" NOW "\",\"repairs\":{\"engine\":\"new\"}}"},
    {"the last of two trace ids", "{\"traceId\":\"\"," SENT "," TIMED "}",
	HEAD ",\"receivedAt\":\"" NOW "\",\"repairs\":[\"duplicate\"]}"},
};

static const struct refused_case {
	const char *name;
	const char *input;
	const char *code;
	const char *why;
	const char *event_id;
} refused_cases[] = {
    {"empty", "", "not-json", "byte 0: empty: no value at all", ""},
    {"not JSON", "hello", "not-json", "byte 0: expected a value, found 'h'", ""},
    {"not UTF-8", "{" SENT ",\"name\":\"\xff\"}", "bad-utf8", "byte 77: not UTF-8", ""},
    {"a number that no one can hold", "{" SENT ",\"n\":1e400}", "bad-number",
	"byte 73: an exponent beyond 308", ""},
    {"an array", "[{" SENT "}]", "not-object", "an event is a JSON object, not an array", ""},
    {"a string", "\"traceId\"", "not-object", "an event is a JSON object, not a string", ""},
    {"a number", "1", "not-object", "an event is a JSON object, not a number", ""},
    {"true", "true", "not-object", "an event is a JSON object, not a boolean", ""},
    {"false", "false", "not-object", "an event is a JSON object, not a boolean", ""},
    {"null", "null", "not-object", "an event is a JSON object, not null", ""},
    {"an empty object", "{}", "no-known-field",
	"none of the fields of an event is there (traceId, severity, details, \xe2\x80\xa6)", ""},
    {"unknown fields", "{\"message\":\"x\",\"TraceId\":\"y\",\"\":1}", "no-known-field",
	"none of the fields of an event is there (traceId, severity, details, \xe2\x80\xa6)", ""},
    {"only what we add", "{\"receivedAt\":\"" NOW "\",\"repairs\":[],\"timestampRaw\":1}",
	"no-known-field",
	"none of the fields of an event is there (traceId, severity, details, \xe2\x80\xa6)", ""},
    {"null is none", "{\"traceId\":null,\"details\":null}", "no-known-field",
	"none of the fields of an event is there (traceId, severity, details, \xe2\x80\xa6)", ""},

    {"traceId", "{\"traceId\":5}", "wrong-type", "traceId: a string is wanted, not a number", ""},
    {"eventId", "{\"eventId\":5}", "wrong-type", "eventId: a string is wanted, not a number", ""},
    {"severity", "{" SENT ",\"severity\":3}", "wrong-type",
	"severity: a string is wanted, not a number", ID},
    {"system", "{" SENT ",\"system\":{}}", "wrong-type",
	"system: a string is wanted, not an object", ID},
    {"type", "{" SENT ",\"type\":[]}", "wrong-type", "type: a string is wanted, not an array", ID},
    {"spanId", "{" SENT ",\"spanId\":1}", "wrong-type", "spanId: a string is wanted, not a number",
	ID},
    {"parentSpanId", "{" SENT ",\"parentSpanId\":true}", "wrong-type",
	"parentSpanId: a string is wanted, not a boolean", ID},
    {"name", "{" SENT ",\"name\":false}", "wrong-type", "name: a string is wanted, not a boolean",
	ID},
    {"durationMs", "{" SENT ",\"durationMs\":\"5\"}", "wrong-type",
	"durationMs: a number is wanted, not a string", ID},
    {"file", "{" SENT ",\"file\":1}", "wrong-type", "file: a string is wanted, not a number", ID},
    {"line", "{" SENT ",\"line\":\"5\"}", "wrong-type",
	"line: a whole number is wanted, not a string", ID},
    {"line with a fraction", "{" SENT ",\"line\":5.0}", "wrong-type",
	"line: a whole number is wanted", ID},
    {"line with an exponent", "{" SENT ",\"line\":5e1}", "wrong-type",
	"line: a whole number is wanted", ID},
    {"line with a great exponent", "{" SENT ",\"line\":5E1}", "wrong-type",
	"line: a whole number is wanted", ID},
    {"source", "{" SENT ",\"source\":[]}", "wrong-type", "source: a string is wanted, not an array",
	ID},
    {"locals", "{" SENT ",\"locals\":\"x=1\"}", "wrong-type",
	"locals: an object is wanted, not a string", ID},
    {"stacktrace", "{" SENT ",\"stacktrace\":{}}", "wrong-type",
	"stacktrace: an array or a string is wanted, not an object", ID},
    {"response", "{" SENT ",\"response\":200}", "wrong-type",
	"response: a string is wanted, not a number", ID},
    {"environment", "{" SENT ",\"environment\":1}", "wrong-type",
	"environment: a string is wanted, not a number", ID},
    {"receivedAt", "{" SENT ",\"receivedAt\":1}", "wrong-type",
	"receivedAt: a string is wanted, not a number", ID},

    {"empty trace id", "{\"traceId\":\"\",\"eventId\":\"" ID "\"}", "bad-trace-id",
	"traceId: 1 to 128 bytes are wanted, not 0", ID},
    {"trace id with a newline", "{\"traceId\":\"a\\n\"}", "bad-trace-id",
	"traceId: holds a control character", ""},
    {"trace id with DEL", "{\"traceId\":\"a\x7f\"}", "bad-trace-id",
	"traceId: holds a control character", ""},
    {"event id no UUID", "{\"traceId\":\"a\",\"eventId\":\"17\"}", "bad-event-id",
	"eventId: a UUID is wanted (RFC 9562)", ""},
    {"event id empty", "{\"traceId\":\"a\",\"eventId\":\"\"}", "bad-event-id",
	"eventId: a UUID is wanted (RFC 9562)", ""},
};

static int set_up(void **state)
{
	*state = dp_event_reader_new();
	return 0;
}

static int tear_down(void **state)
{
	struct dp_event_reader *r = *state;

	dp_event_reader_free(&r);
	assert_null(r);
	dp_event_reader_free(&r);
	return 0;
}

/* Reads a copy whose end the sanitizer guards, and which is gone when the event is looked at. */
static int read_event(struct dp_event_reader *r, struct dp_str text, int64_t now_us,
    struct dp_event *ev, struct dp_refusal *why)
{
	char *copy = malloc(text.n ? text.n : 1);
	int rc;

	assert_non_null(copy);
	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	memset(why, 0, sizeof *why);
	rc = dp_event_read(r, (struct dp_str){copy, text.n}, now_us, ev, why);
	free(copy);
	return rc;
}

/* An event that must be taken. */
static struct dp_event good_event(struct dp_event_reader *r, const char *text)
{
	struct dp_refusal why;
	struct dp_event ev;

	if (read_event(r, dp_str_from(text), NOW_US, &ev, &why) < 0)
		fail_msg("%s: %s", text, why.why);
	return ev;
}

/* Fails where reading a normalised event another day gives anything else. */
static void check_stable(const char *name, const struct dp_event *ev)
{
	struct dp_event_reader *r = dp_event_reader_new();
	struct dp_event again;
	struct dp_refusal why;

	if (read_event(r, ev->json, NOW_US + INT64_C(86400000000), &again, &why) < 0)
		fail_msg("%s: refused the second time: %s", name, why.why);
	if (!dp_str_equal(ev->json, again.json))
		fail_msg("%s: %.*s, then %.*s", name, (int)ev->json.n, ev->json.p,
		    (int)again.json.n, again.json.p);
	assert_true(dp_str_equal(ev->trace_id, again.trace_id));
	assert_true(dp_str_equal(ev->system, again.system));
	assert_true(dp_str_equal(ev->type, again.type));
	assert_true(dp_str_equal(ev->title, again.title));
	assert_string_equal(ev->event_id, again.event_id);
	assert_int_equal(ev->severity, again.severity);
	assert_int_equal(ev->ts_us, again.ts_us);
	assert_int_equal(ev->has_duration, again.has_duration);
	assert_null(memchr(ev->json.p, '\n', ev->json.n));
	dp_event_reader_free(&r);
}

static void normalises(void **state)
{
	for (size_t i = 0; i < sizeof normal_cases / sizeof *normal_cases; i++) {
		const struct normal_case *c = &normal_cases[i];
		struct dp_event ev;
		struct dp_refusal why;

		if (read_event(*state, dp_str_from(c->input), NOW_US, &ev, &why) < 0)
			fail_msg("%s: refused: %s", c->name, why.why);
		if (!dp_str_is(ev.json, c->want))
			fail_msg("%s:\n%.*s instead of\n%s", c->name, (int)ev.json.n, ev.json.p,
			    c->want);
		check_stable(c->name, &ev);
	}
}

static void refuses_with_code_and_reason(void **state)
{
	for (size_t i = 0; i < sizeof refused_cases / sizeof *refused_cases; i++) {
		const struct refused_case *c = &refused_cases[i];
		struct dp_event ev;
		struct dp_refusal why;

		if (read_event(*state, dp_str_from(c->input), NOW_US, &ev, &why) != -1)
			fail_msg("%s: taken", c->name);
		if (strcmp(why.code, c->code) != 0 || strcmp(why.why, c->why) != 0)
			fail_msg("%s: %s: %s", c->name, why.code, why.why);
		assert_string_equal(ev.event_id, c->event_id);
	}
}

static void gives_the_fields(void **state)
{
	const struct dp_event ev =
	    good_event(*state, "{\"traceId\":\"a\\\"b\",\"eventId\":\"" ID
			       "\",\"timestamp\":\"2026-01-02T03:04:05.678901234Z\","
			       "\"severity\":\"critical\",\"system\":\"caf\\u00e9\\t\",\"type\":"
			       "\"task\",\"name\":\"the \\\"n\\\"\","
			       "\"durationMs\":12.5e-1}");

	assert_true(dp_str_is(ev.trace_id, "a\"b"));
	assert_true(dp_str_is(ev.system, "caf\xc3\xa9\t"));
	assert_true(dp_str_is(ev.type, "task"));
	assert_true(dp_str_is(ev.title, "the \"n\""));
	assert_string_equal(ev.event_id, ID);
	assert_int_equal(ev.severity, DP_ERROR);
	assert_int_equal(ev.ts_us, NOW_US);
	assert_true(ev.has_duration);
	assert_true(fabs(ev.duration_ms - 1.25) < 1e-12);
	check_stable("fields", &ev);
}

#define SPOOL "019b7c4e-0000-7000-8000-00000000000a"

static void the_position_stands_beside_the_event(void **state)
{
	static const struct {
		const char *members;
		const char *spool; /* "": none */
		uint64_t offset;
		bool is_refused;
		bool is_bare;
	} rows[] = {
	    {"\"_pos\":\"" SPOOL ":0\",\"type\":\"x\"", SPOOL, 0, false, false},
	    {"\"type\":\"x\",\"_pos\":\"" SPOOL ":9223372036854775807\"", SPOOL, INT64_MAX, false,
		false},
	    {"\"_pos\":\"019B7C4E-0000-7000-8000-00000000000\\u0061:12\",\"type\":\"x\"", SPOOL, 12,
		false, false},
	    {"\"_pos\":\"" SPOOL ":12\",\"traceId\":\"\"", SPOOL, 12, true, false},
	    {"\"_pos\":\"" SPOOL ":12\"", SPOOL, 12, true, true},
	    {"\"_pos\":\"" SPOOL ":12\",\"_cursor\":1", SPOOL, 12, true, false},
	    {"\"_pos\":\"" SPOOL ":12\",\"other\":1", SPOOL, 12, true, false},
	    {"\"_pos\":\"" SPOOL "\"", "", 0, true, false}, {"", "", 0, true, false},
	    {"\"_pos\":\"" SPOOL ":9223372036854775808\",\"type\":\"x\"", "", 0, false, false},
	    {"\"_pos\":\"" SPOOL "\",\"type\":\"x\"", "", 0, false, false},
	    {"\"_pos\":12,\"type\":\"x\"", "", 0, false, false},
	    {"\"_position\":\"" SPOOL ":1\",\"type\":\"x\"", "", 0, false, false},
	    {"\"type\":\"x\"", "", 0, false, false},
	    {"\"_pos\":\"" SPOOL ":12\",,", "", 0, true, false}, /* no JSON, so no member of it */
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[200];
		struct dp_event ev;
		struct dp_refusal why;
		int rc;

		snprintf(text, sizeof text, "{%s}", rows[i].members);
		rc = read_event(*state, dp_str_from(text), NOW_US, &ev, &why);
		if ((rc < 0) != rows[i].is_refused || strcmp(ev.pos.spool, rows[i].spool) != 0 ||
		    ev.pos.offset != rows[i].offset || ev.is_bare != rows[i].is_bare)
			fail_msg("%s: %d %s:%" PRIu64, text, rc, ev.pos.spool, ev.pos.offset);
	}
}

/* With a reader that is new: the strings grow where nothing was before. */
static void strings_do_not_move_while_others_are_read(void **state)
{
	struct dp_event_reader *r = dp_event_reader_new();
	const struct dp_event ev = good_event(r,
	    "{\"traceId\":\"\\\"t\",\"system\":\"\\\"s\",\"name\":\"\\\"" TEN(TEN("title")) "\"}");

	(void)state;
	assert_true(dp_str_is(ev.trace_id, "\"t"));
	assert_true(dp_str_is(ev.system, "\"s"));
	assert_int_equal(ev.title.n, 200);
	dp_event_reader_free(&r);
}

static void makes_the_ids_that_are_missing(void **state)
{
	const struct dp_event ev = good_event(*state, "{\"details\":1,\"traceId\":null}");
	char uuid[DP_UUID_TEXT + 1];
	char first[DP_HEX_ID_TEXT + 1] = "";

	assert_int_equal(ev.trace_id.n, DP_HEX_ID_TEXT);
	assert_int_equal(ev.ts_us, NOW_US);
	assert_false(ev.has_duration);
	assert_true(dp_str_is(ev.system, "unknown"));
	assert_true(dp_str_is(ev.type, "log"));
	assert_int_equal(dp_uuid_parse(dp_str_from(ev.event_id), uuid), 0);
	assert_memory_equal(ev.event_id, "019b7ca9-8f2e-7", 15);
	check_stable("ids", &ev);
	memcpy(first, ev.trace_id.p, DP_HEX_ID_TEXT);
	assert_false(dp_str_is(good_event(*state, "{\"details\":1}").trace_id, first));
}

static void titles(void **state)
{
	static const struct {
		const char *members;
		const char *want;
	} rows[] = {
	    {"\"name\":\"n\",\"details\":\"d\"", "n"},
	    {"\"details\":\"d\\n\"", "d\n"},
	    {"\"name\":\"\",\"details\":\"d\"", "d"},
	    {"\"name\":null,\"details\":\"d\"", "d"},
	    {"\"details\":{\"a\":1}", ""},
	    {"\"details\":7", ""},
	    {"\"name\":\"\"", ""},
	    {"\"type\":\"x\"", ""},
	    {"\"name\":\"" TEN(TEN("xy")) "\"", TEN(TEN("xy"))},
	    {"\"name\":\"" TEN(TEN("xy")) "z\"", TEN(TEN("xy"))},
	    {"\"details\":\"" TEN(TEN("xy")) "z\"", TEN(TEN("xy"))},
	    {"\"name\":\"" TEN(TEN("\xc3\xa9")) "\xc3\xa9\"", TEN(TEN("\xc3\xa9"))},
	    {"\"name\":\"x" TEN(TEN("\\u00e9")) "\"", "x" TEN(TEN("\xc3\xa9")) "!"},
	    {"\"name\":\"abc" TEN(TEN("\xf0\x9f\x98\x80")) "\"",
		"abc" TEN(TEN("\xf0\x9f\x98\x80")) "!"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dp_str want = dp_str_from(rows[i].want);
		char text[1000];
		struct dp_event ev;

		/* A '!' stands for a cut inside of a character: 199 bytes are left of 201. */
		if (want.n > 0 && want.p[want.n - 1] == '!')
			want.n = 199;
		snprintf(text, sizeof text, "{" SENT ",%s}", rows[i].members);
		ev = good_event(*state, text);
		if (!dp_str_equal(ev.title, want))
			fail_msg("%s: %.*s", text, (int)ev.title.n, ev.title.p);
	}
}

/* Appends {SENT,"field":"xxx…"} with n characters, and `more`. */
static void add_event_with(struct dp_buf *b, const char *field, size_t n, const char *more)
{
	dp_buf_clear(b);
	dp_buf_addf(b, "{\"%s\":\"", field);
	for (size_t i = 0; i < n; i++)
		dp_buf_add_char(b, 'x');
	dp_buf_addf(b, "\"%s}", more);
}

static void names_have_limits(void **state)
{
	static const struct {
		const char *field;
		size_t most;
		const char *code;
		const char *why;
	} rows[] = {
	    {"traceId", 128, "bad-trace-id", "traceId: 1 to 128 bytes are wanted, not 129"},
	    {"system", 512, "too-long", "system: at most 512 bytes are wanted, not 513"},
	    {"type", 512, "too-long", "type: at most 512 bytes are wanted, not 513"},
	    {"environment", 512, "too-long", "environment: at most 512 bytes are wanted, not 513"},
	};
	struct dp_buf text = {0};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dp_event ev;
		struct dp_refusal why;

		add_event_with(&text, rows[i].field, rows[i].most, "");
		assert_int_equal(read_event(*state, dp_buf_str(&text), NOW_US, &ev, &why), 0);
		check_stable(rows[i].field, &ev);
		add_event_with(&text, rows[i].field, rows[i].most + 1, "");
		assert_int_equal(read_event(*state, dp_buf_str(&text), NOW_US, &ev, &why), -1);
		assert_string_equal(why.code, rows[i].code);
		assert_string_equal(why.why, rows[i].why);
	}
	dp_buf_release(&text);
}

/* The limit is one of decoded bytes: 128 characters that were sent as escapes are 256 of them. */
static void limits_count_decoded_bytes(void **state)
{
	struct dp_event ev;
	struct dp_refusal why;
	struct dp_buf text = {0};

	for (int count = 64; count <= 65; count++) {
		dp_buf_clear(&text);
		dp_buf_add_text(&text, "{\"traceId\":\"");
		for (int i = 0; i < count; i++)
			dp_buf_add_text(&text, "\\u00e9");
		dp_buf_add_text(&text, "\"}");
		assert_int_equal(
		    read_event(*state, dp_buf_str(&text), NOW_US, &ev, &why), count == 64 ? 0 : -1);
	}
	assert_string_equal(why.code, "bad-trace-id");
	dp_buf_release(&text);
}

static void the_size_has_a_limit(void **state)
{
	static const char received[] = ",\"receivedAt\":\"" NOW "\"";
	const size_t around = sizeof "{\"details\":\"\"}" - 1;
	const size_t with_received = around + sizeof received - 1;
	struct dp_event ev;
	struct dp_refusal why;
	struct dp_buf text = {0};

	add_event_with(&text, "details", DP_EVENT_BYTES_MAX - around, "");
	assert_int_equal(text.len, DP_EVENT_BYTES_MAX);
	assert_int_equal(read_event(*state, dp_buf_str(&text), NOW_US, &ev, &why), 0);
	assert_true(ev.json.n > DP_EVENT_BYTES_MAX);
	check_stable("the greatest", &ev);

	add_event_with(&text, "details", DP_EVENT_BYTES_MAX + 1 - around, "");
	assert_int_equal(read_event(*state, dp_buf_str(&text), NOW_US, &ev, &why), -1);
	assert_string_equal(why.code, "too-large");
	assert_string_equal(why.why, "an event of 1048577 bytes; at most 1048576 are taken");

	/* What was normalised may be longer, up to a limit that leaves room for what is added. */
	add_event_with(&text, "details", DP_EVENT_BYTES_MAX + 1 - around, received);
	assert_int_equal(read_event(*state, dp_buf_str(&text), NOW_US, &ev, &why), 0);
	check_stable("normalised before", &ev);
	add_event_with(&text, "details", DP_EVENT_LINE_MAX - with_received, received);
	assert_int_equal(text.len, DP_EVENT_LINE_MAX);
	assert_int_equal(read_event(*state, dp_buf_str(&text), NOW_US, &ev, &why), -1);
	assert_string_equal(why.code, "too-large");
	add_event_with(&text, "_pos", DP_EVENT_LINE_MAX + 1, received);
	assert_int_equal(read_event(*state, dp_buf_str(&text), NOW_US, &ev, &why), -1);
	assert_string_equal(why.code, "too-large");
	dp_buf_release(&text);
}

/* Appends an event of random members, some of which we know, with values that may not fit. */
static void add_random_event(uint64_t *seed, struct dp_buf *text)
{
	static const char *const members[] = {"\"traceId\":\"t\\u00e9\\\\\"",
	    "\"eventId\":\"" ID "\"", TIMED,
	    "\"timestamp\":\"2026-01-02 03:04:05.1234567891+23:59\"", "\"timestamp\":5",
	    "\"severity\":\"WARN\"", "\"severity\":\"odd\"", "\"severity\":\"error\"",
	    "\"system\":\"web\"", "\"type\":\"\"", "\"receivedAt\":\"2026-01-02T03:04:06Z\"",
	    "\"timestampRaw\":[1 ]", "\"severityRaw\":\"x\"", "\"repairs\":[\"surrogate\"]",
	    "\"repairs\":7", "\"_pos\":\"p\"", "\"a\":\"\\u0000\"", "\"b\":\"\\udfff\"",
	    "\"durationMs\":1e-5", "\"locals\":{\"a\":1,\"a\":2}", "\"name\":\"\xf0\x9f\x98\x80\""};
	static const char *const keys[] = {"details", "stacktrace", "locals", "name", "x",
	    "\\u0061", "line", "timestamp", "severity", "repairs"};

	dp_buf_add_char(text, '{');
	for (uint32_t n = json_random(seed, 9); n > 0; n--) {
		if (json_random(seed, 4) == 0) {
			dp_buf_addf(text, "\"%s\":", JSON_PICK(seed, keys));
			json_random_value(seed, 3, text);
		} else {
			dp_buf_add_text(text, JSON_PICK(seed, members));
		}
		if (n > 1)
			dp_buf_add_char(text, ',');
	}
	dp_buf_add_char(text, '}');
}

static void a_normalised_event_is_never_changed(void **state)
{
	uint64_t seed = 1;
	int taken = 0;

	for (int i = 0; i < 20000; i++) {
		struct dp_buf text = {0};
		struct dp_event ev;
		struct dp_refusal why;

		add_random_event(&seed, &text);
		if (read_event(*state, dp_buf_str(&text), NOW_US, &ev, &why) == 0) {
			check_stable("random", &ev);
			taken++;
		}
		dp_buf_release(&text);
	}
	assert_in_range(taken, 5000, 19000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(normalises),
	    cmocka_unit_test(refuses_with_code_and_reason),
	    cmocka_unit_test(gives_the_fields),
	    cmocka_unit_test(the_position_stands_beside_the_event),
	    cmocka_unit_test(strings_do_not_move_while_others_are_read),
	    cmocka_unit_test(makes_the_ids_that_are_missing),
	    cmocka_unit_test(titles),
	    cmocka_unit_test(names_have_limits),
	    cmocka_unit_test(limits_count_decoded_bytes),
	    cmocka_unit_test(the_size_has_a_limit),
	    cmocka_unit_test(a_normalised_event_is_never_changed),
	};

	return cmocka_run_group_tests_name("event_read", tests, set_up, tear_down);
}
