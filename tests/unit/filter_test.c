#include "filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct pair {
	const char *name;
	const char *values;
};

static const struct dp_event event = {
    .trace_id = {"t1", 2},
    .system = {"api,v2", 6},
    .type = {"request", 7},
    .severity = DP_WARNING,
};

static const char long_trace[] =
    "0123456789012345678901234567890123456789012345678901234567890123"
    "01234567890123456789012345678901234567890123456789012345678901234";

static const struct match_case {
	const char *name;
	struct pair terms[3];
	bool want;
} matches[] = {
    {"no term", {{0}}, true},
    {"the trace", {{"trace", "t1"}}, true},
    {"another trace", {{"trace", "t2"}}, false},
    {"a prefix is another", {{"trace", "t"}}, false},
    {"a longer one is another", {{"trace", "t11"}}, false},
    {"one of several", {{"trace", "t0,t1,t2"}}, true},
    {"upper case is another", {{"trace", "T1"}}, false},
    {"severity", {{"severity", "warning"}}, true},
    {"severity in another case", {{"severity", "WARNING"}}, true},
    {"severity by its synonym", {{"severity", "warn"}}, true},
    {"severity is no threshold", {{"severity", "info"}}, false},
    {"severities", {{"severity", "error,warning"}}, true},
    {"type", {{"type", "request"}}, true},
    {"another type", {{"type", "response"}}, false},
    {"escaped comma", {{"system", "api\\,v2"}}, true},
    {"bare comma separates", {{"system", "api,v2"}}, false},
    {"all terms hold", {{"trace", "t1"}, {"type", "request"}}, true},
    {"one term fails", {{"trace", "t1"}, {"type", "query"}}, false},
    {"a field twice: both", {{"type", "request,query"}, {"type", "query"}}, false},
};

static void test_match(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof matches / sizeof *matches; i++) {
		const struct match_case *c = &matches[i];
		struct dp_filter f = {0};
		const char *why = NULL;

		for (const struct pair *p = c->terms; p->name; p++)
			assert_int_equal(
			    dp_filter_add(&f, p->name, dp_str_from(p->values), &why), 0);
		if (dp_filter_match(&f, &event) != c->want)
			fail_msg("%s: %s", c->name, c->want ? "does not match" : "matches");
		dp_filter_release(&f);
		assert_int_equal(f.count, 0);
	}
}

static const struct refusal_case {
	const char *name;
	const char *field;
	struct dp_str values;
	const char *want; /* part of the reason */
} refusals[] = {
    {"unknown field", "sistem", {"x", 1}, "no such field"},
    {"the name's case counts", "Trace", {"x", 1}, "no such field"},
    {"nothing", "trace", {"", 0}, "empty"},
    {"an empty value before", "type", {",a", 2}, "empty"},
    {"an empty value behind", "type", {"a,", 2}, "empty"},
    {"an empty value between", "type", {"a,,b", 4}, "empty"},
    {"no severity", "severity", {"error,loud", 10}, "severity"},
    {"long trace", "trace", {long_trace, 129}, "128"},
    {"no UTF-8", "system", {"\xff", 1}, "UTF-8"},
    {"cut UTF-8", "system", {"\xc3", 1}, "UTF-8"},
    {"a NUL", "system", {"a\0b", 3}, "UTF-8"},
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		const struct refusal_case *c = &refusals[i];
		struct dp_filter f = {0};
		const char *why = NULL;

		if (dp_filter_add(&f, c->field, c->values, &why) != -1)
			fail_msg("%s: was taken", c->name);
		if (!strstr(why, c->want))
			fail_msg("%s: '%s' does not say '%s'", c->name, why, c->want);
		assert_int_equal(f.count, 0);
		dp_filter_release(&f);
	}
}

static void test_limits(void **state)
{
	struct dp_filter f = {0};
	struct dp_buf values = {0};
	char name[513];
	const char *why = NULL;

	(void)state;
	assert_int_equal(dp_filter_add(&f, "trace", (struct dp_str){long_trace, 128}, &why), 0);
	memset(name, 's', sizeof name);
	assert_int_equal(dp_filter_add(&f, "system", (struct dp_str){name, 512}, &why), 0);
	assert_int_equal(dp_filter_add(&f, "system", (struct dp_str){name, 513}, &why), -1);
	assert_string_equal(why, "a value has at most 512 bytes here");
	for (int i = 0; i < DP_FILTER_VALUES_MAX; i++)
		dp_buf_addf(&values, "%sv%d", i ? "," : "", i);
	assert_int_equal(dp_filter_add(&f, "type", dp_buf_str(&values), &why), 0);
	assert_int_equal(f.terms[2].count, DP_FILTER_VALUES_MAX);
	dp_buf_add_text(&values, ",more");
	assert_int_equal(dp_filter_add(&f, "type", dp_buf_str(&values), &why), -1);
	assert_string_equal(why, "more than 32 values");
	while (f.count < DP_FILTER_TERMS_MAX)
		assert_int_equal(dp_filter_add(&f, "type", DP_STR("x"), &why), 0);
	assert_int_equal(dp_filter_add(&f, "type", DP_STR("x"), &why), -1);
	assert_string_equal(why, "more than 16 terms");
	dp_buf_release(&values);
	dp_filter_release(&f);
}

static void test_values_are_canonical(void **state)
{
	struct dp_filter f = {0};
	const char *why = NULL;

	(void)state;
	assert_int_equal(dp_filter_add(&f, "severity", DP_STR("FATAL,Info"), &why), 0);
	assert_int_equal(f.terms[0].severities, 1U << DP_ERROR | 1U << DP_INFO);
	assert_int_equal(dp_filter_add(&f, "type", DP_STR("a\\\\b\\,c,d\\"), &why), 0);
	assert_string_equal(f.terms[1].values[0].text, "a\\b,c");
	assert_string_equal(f.terms[1].values[1].text, "d\\");
	dp_filter_release(&f);
}

/* The event of the tests of parsed filters, at 2026-01-02T03:04:05.678901Z. */
static const char *const text_of_event =
    "{\"traceId\":\"t1\",\"eventId\":\"018bcfe5-6800-7000-8000-00000000000a\","
    "\"timestamp\":\"2026-01-02T03:00:00Z\",\"severity\":\"warn\",\"system\":\"api v2\","
    "\"type\":\"request\",\"name\":\"GET /cart\",\"details\":\"Upstream \\\"db\\\" TIMEOUT\\n"
    "caf\u00e9\",\"line\":74,\"durationMs\":1500.0,\"spanId\":\"s1\",\"locals\":{\"user_id\":42,"
    "\"price\":42.0,\"text\":\"42\",\"big\":123456789012345678901234567890,\"none\":null,"
    "\"empty\":\"\",\"a.b\":{\"c d\":true},\"list\":[1,{\"0\":2}],\"deep\":{\"1\":{\"2\":{\"3\":"
    "{\"4\":{\"5\":{\"6\":7}}}}}}},\"error\":\"mine\",\"na\u00efve\":\"=\"}";

static const int64_t now_us = INT64_C(1767323045678901);

static const struct parsed_case {
	const char *filter;
	bool want;
} parsed[] = {
    {"", true},
    {" \t\r\n ", true},
    {"severity=warning", true},
    {"severity=WARN system=\"api v2\"", true},
    {"severity=warning system=web", false},
    {" severity=warning \t type=request ", true},
    {"severity=error,warn", true},
    {"severity!=error", true},
    {"severity!=error,warning", false},
    {"severity>=info", true},
    {"severity>=warning", true},
    {"severity>warning", false},
    {"severity>error", false},
    {"severity<error", true},
    {"severity<=info", false},
    {"system=api\\ v2", true},
    {"system~\"PI V\"", true},
    {"system!~web,work", true},
    {"system!~web,api", false},
    {"trace=t1", true},
    {"traceId!=t1", false},
    /* what is missing */
    {"env=dev", false},
    {"env~e", false},
    {"env!=dev", true},
    {"env!~dev", true},
    {"nothing=null", false},
    {"nothing!=x", true},
    {"nothing>0", false},
    {"nothing<0", false},
    {"locals.user_id.x=42", false},
    {"locals.user_id.x!=42", true},
    /* text */
    {"name=\"GET /cart\"", true},
    {"name=\"get /cart\"", false},
    {"name~\"get /C\"", true},
    {"details~\"\\\"DB\\\"\"", true},
    {"details~\"timeout\\nCAF\"", true},
    {"details~timeoutncaf", false},
    {"details~caf\u00e9", true},
    {"details~caf\u00c9", false},
    {"details~\"caf\\u00e9\"", true},
    {"details~\"caf\\u00E9\"", true},
    {"na\u00efve=\"=\"", true},
    {"locals~user_id", true},
    {"locals~'user_id'", false},
    /* to the letter */
    {"locals.user_id=42", true},
    {"locals.text=42", true},
    {"locals.price=42", false},
    {"locals.price=42.0", true},
    {"locals.user_id=42.0", false},
    {"locals.big=123456789012345678901234567890", true},
    {"locals.big=123456789012345678901234567891", false},
    {"locals.none=null", true},
    {"locals.empty=\"\"", true},
    {"locals.none=\"\"", false},
    {"locals.empty!=\"\"", false},
    {"locals.list=\"[1,{\\\"0\\\":2}]\"", true},
    {"line=74", true},
    /* numbers */
    {"locals.user_id>41", true},
    {"locals.user_id>42", false},
    {"locals.user_id>=42", true},
    {"locals.user_id<=4.2e1", true},
    {"locals.user_id<42", false},
    {"locals.text>1", false},
    {"locals.text<1000", false},
    {"locals.none<1", false},
    {"locals.price>=42", true},
    {"line>=74", true},
    {"line<-1", false},
    /* durations */
    {"duration>500ms", true},
    {"duration>1.5s", false},
    {"duration>=1.5s", true},
    {"duration=1500", true},
    {"duration=1500000us,1", true},
    {"duration!=1500", false},
    {"durationMs<2m", true},
    {"duration<1h", true},
    /* paths */
    {"locals.\"a.b\".\"c d\"=true", true},
    {"locals.a.b=true", false},
    {"\"locals\".user_id=42", true},
    {"locals.list.0=1", false},
    {"locals.deep.1.2.3.4.5.6=7", true},
    {"error=mine", false},
    {"\"error\"=mine", true},
    {"span=s1", true},
    {"spanId=s1", true},
    {"id=018BCFE5-6800-7000-8000-00000000000A", true},
    {"eventId!=018bcfe5-6800-7000-8000-00000000000b", true},
    {"id~000A", true},
    {"fingerprint!=0", true},
    {"fingerprint~a,b,c,d,e,f,0,1,2,3,4,5,6,7,8,9", false},
    /* times */
    {"since=5m", true},
    {"since=4m", false},
    {"since=245s", false},
    {"since=246s", true},
    {"since=1h", true},
    {"since=1d since=1w", true},
    {"until=4m", true},
    {"until=5m", false},
    {"since=2026-01-02", true},
    {"since=2026-01-03", false},
    {"since=2026-01-02T03:00", true},
    {"since=2026-01-02T03:00Z", true},
    {"since=2026-01-02T03:00:00.000001Z", false},
    {"since=2026-01-02T03:00:01", false},
    {"since=2026-01-02T04:00+01:00", true},
    {"until=2026-01-02T03:00Z", false},
    {"until=2026-01-02T03:01Z", true},
    {"timestamp=2026-01-02T03:00:00Z", true},
    {"timestamp!=2026-01-02T03:00:00Z", false},
    {"timestamp<=2026-01-02T03:00", true},
    {"timestamp>2026-01-02T03:00", false},
    /* anywhere */
    {"TimeOut", true},
    {"timeouts", false},
    {"\"upstream \\\"DB\\\"\"", true},
    {"\"timeout\\ncaf\"", true},
    {"upstream cart", true},
    {"upstream carts", false},
    {"user_id", true},
    {"-timeout", false},
    {"!timeout", false},
    {"-\"no such\"", true},
    {"!nothing -nowhere cart", true},
    {"/cart", true},
    {"\"=\"", true},
    {"cart! -cart!", false},
    {"a,b", false},
    {"/ca\\rt", true},
    {"3.14", false},
};

static void read_event(struct dp_event_reader *r, struct dp_event *ev)
{
	struct dp_refusal why;

	if (dp_event_read(r, dp_str_from(text_of_event), now_us, ev, &why) < 0)
		fail_msg("%s", why.why);
}

static void test_parsed(void **state)
{
	struct dp_event_reader *r = dp_event_reader_new();
	struct dp_event ev;

	(void)state;
	read_event(r, &ev);
	for (size_t i = 0; i < sizeof parsed / sizeof *parsed; i++) {
		const struct parsed_case *c = &parsed[i];
		struct dp_filter f = {0};
		struct dp_filter_error error;

		if (dp_filter_parse(&f, dp_str_from(c->filter), now_us, &error) < 0)
			fail_msg("%s: at %zu: %s", c->filter, error.offset, error.why);
		if (dp_filter_match(&f, &ev) != c->want)
			fail_msg("%s: %s", c->filter, c->want ? "does not match" : "matches");
		dp_filter_release(&f);
	}
	dp_event_reader_free(&r);
}

static const struct error_case {
	const char *filter;
	size_t offset;
	size_t column;
	const char *want; /* part of the reason */
} errors[] = {
    {"severity=loud", 9, 10, "error, warning, info, debug"},
    {"severity=error,loud", 15, 16, "error, warning"},
    {"severity~err", 8, 9, "= != > >= < <="},
    {"severity>info,error", 13, 14, "one value"},
    {"system>x", 6, 7, "= != ~ !~"},
    {"\u00e9=1 system=", 12, 12, "a value is expected"},
    {"system=a,", 9, 10, "a value is expected"},
    {"system=,a", 7, 8, "a value is expected"},
    {"system=a, b", 9, 10, "a value is expected"},
    {"system = a", 7, 8, "a field's name is expected"},
    {"system==a", 7, 8, "a value is expected"},
    {"system=\"\"", 7, 8, "empty"},
    {"details~\"\"", 8, 9, "empty"},
    {"\"\"", 0, 1, "empty"},
    {"system=\"a", 7, 8, "a quote"},
    {"system=\"a\"b", 10, 11, "white space or a comma"},
    {"\"a\"b", 3, 4, "white space or an operator"},
    {"details~\"\\x\"", 9, 10, "escape"},
    {"details~\"\\u00\"", 9, 10, "U+0000"},
    {"details~\"\\u0000\"", 9, 10, "U+0000"},
    {"details~\"\\ud800\"", 9, 10, "U+0000"},
    {"details~\"\\ud800\\u0041\"", 9, 10, "U+0000"},
    {"details~\"\\udc00\"", 9, 10, "U+0000"},
    {"=a", 0, 1, "a field's name"},
    {"a b->c", 5, 6, "a number"},
    {"a,b=c", 3, 4, "a field's name"},
    {"a..b=c", 2, 3, "a member"},
    {"a.=c", 2, 3, "a member"},
    {".a=c", 2, 3, "a field's name"},
    {"\"\"=c", 0, 1, "a member"},
    {"\"a\\\"b\"=c", 0, 1, "a member"},
    {"a.\"b\\\\c\"=c", 2, 3, "a member"},
    {"a.\"b\\n\"=c", 2, 3, "a member"},
    {"1.2.3.4.5.6.7.8=x 1.2.3.4.5.6.7.8.9=x", 34, 35, "a member"},
    {"-severity=error", 9, 10, "severity!=error"},
    {"!=error", 1, 2, "text is expected"},
    {"a -", 3, 4, "text is expected"},
    {"- a", 1, 2, "text is expected"},
    {"since=yesterday", 6, 7, "a time"},
    {"since=15", 6, 7, "a time"},
    {"since=15x", 6, 7, "a time"},
    {"since=m", 6, 7, "a time"},
    {"since=1234567890s", 6, 7, "a time"},
    {"since=2026-02-30", 6, 7, "a time"},
    {"since=2026-01-02T03", 6, 7, "a time"},
    {"since>2026-01-02", 5, 6, "= is expected"},
    {"since!=15m", 5, 6, "= is expected"},
    {"since=1h,2h", 8, 9, "one value"},
    {"timestamp~2026", 9, 10, "= != > >= < <="},
    {"duration>fast", 9, 10, "a duration"},
    {"duration>5x", 9, 10, "a duration"},
    {"duration>ms", 9, 10, "a duration"},
    {"duration~5", 8, 9, "= != > >= < <="},
    {"line>x", 5, 6, "a number"},
    {"line>0x10", 5, 6, "a number"},
    {"line>1.", 5, 6, "a number"},
    {"line>1e", 5, 6, "a number"},
    {"line>.5", 5, 6, "a number"},
    {"line>1e999", 5, 6, "a number"},
    {"line>inf", 5, 6, "a number"},
    {"id=7", 3, 4, "a UUID"},
    {"system=\xff", 7, 8, "UTF-8"},
};

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		const struct error_case *c = &errors[i];
		struct dp_filter f = {0};
		struct dp_filter_error error = {0};

		if (dp_filter_parse(&f, dp_str_from(c->filter), now_us, &error) != -1)
			fail_msg("%s: was taken", c->filter);
		if (error.offset != c->offset || error.column != c->column ||
		    !strstr(error.why, c->want))
			fail_msg("%s: at %zu, column %zu: %s", c->filter, error.offset,
			    error.column, error.why);
		assert_int_equal(f.count, 0);
	}
}

/* "x x x …" of n terms, or with a comma between n values of one. */
static void repeat(struct dp_buf *out, const char *first, char between, int n)
{
	dp_buf_clear(out);
	dp_buf_add_text(out, first);
	for (int i = 0; i < n; i++) {
		if (i > 0)
			dp_buf_add_char(out, between);
		dp_buf_add_char(out, 'x');
	}
}

static int parse(struct dp_filter *f, const struct dp_buf *text, struct dp_filter_error *error)
{
	return dp_filter_parse(f, dp_buf_str(text), now_us, error);
}

static void test_parsed_limits(void **state)
{
	struct dp_filter f = {0};
	struct dp_filter_error error;
	struct dp_buf text = {0};

	(void)state;
	repeat(&text, "", ' ', DP_FILTER_TERMS_MAX + 1);
	assert_int_equal(parse(&f, &text, &error), -1);
	assert_int_equal(error.offset, 2 * DP_FILTER_TERMS_MAX);
	assert_int_equal(f.count, 0);
	text.len -= 2;
	assert_int_equal(parse(&f, &text, &error), 0);
	assert_int_equal(f.count, DP_FILTER_TERMS_MAX);
	repeat(&text, "", ' ', 1);
	assert_int_equal(parse(&f, &text, &error), -1);
	assert_int_equal(f.count, DP_FILTER_TERMS_MAX);
	dp_filter_release(&f);

	repeat(&text, "type~", ',', DP_FILTER_SEARCHES_MAX + 1);
	assert_int_equal(parse(&f, &text, &error), -1);
	assert_int_equal(error.offset, strlen("type~") + 2 * DP_FILTER_SEARCHES_MAX - 1);

	repeat(&text, "type=", ',', 33);
	assert_int_equal(parse(&f, &text, &error), -1);
	assert_int_equal(error.offset, strlen("type=") + 63);
	text.len -= 2;
	assert_int_equal(parse(&f, &text, &error), 0);
	assert_int_equal(f.terms[0].count, DP_FILTER_VALUES_MAX);
	dp_filter_release(&f);

	repeat(&text, "name=", 'x', 513);
	assert_int_equal(parse(&f, &text, &error), -1);
	assert_string_equal(error.why, "a value has at most 1024 bytes");
	text.len--;
	assert_int_equal(parse(&f, &text, &error), 0);
	dp_filter_release(&f);

	repeat(&text, "x", ' ', 8192);
	text.data[text.len - 1] = ' ';
	memset(text.data + 1, ' ', text.len - 1);
	assert_int_equal(text.len, DP_FILTER_TEXT_MAX);
	assert_int_equal(parse(&f, &text, &error), 0);
	dp_filter_release(&f);
	dp_buf_add_char(&text, ' ');
	assert_int_equal(parse(&f, &text, &error), -1);
	assert_int_equal(error.offset, DP_FILTER_TEXT_MAX);
	dp_buf_release(&text);
}

static void test_a_filter_grows(void **state)
{
	struct dp_filter f = {0};
	struct dp_filter_error error;
	const char *why;

	(void)state;
	assert_int_equal(dp_filter_parse(&f, DP_STR("foo locals.a=1 type=x"), now_us, &error), 0);
	assert_int_equal(dp_filter_add(&f, "trace", DP_STR("t1"), &why), 0);
	assert_int_equal(dp_filter_parse(&f, DP_STR("type=y trace>1"), now_us, &error), -1);
	assert_int_equal(f.count, 4);
	assert_int_equal(f.terms[0].field, DP_FILTER_TRACE);
	assert_int_equal(f.terms[1].field, DP_FILTER_TYPE);
	assert_int_equal(f.terms[2].field, DP_FILTER_MEMBER);
	assert_int_equal(f.terms[3].field, DP_FILTER_ANYWHERE);
	assert_string_equal(dp_filter_trace(&f), "t1");
	assert_true(dp_filter_names_traces(&f));
	dp_filter_release(&f);
	assert_int_equal(dp_filter_parse(&f, DP_STR("trace!=t1 trace~t1"), now_us, &error), 0);
	assert_null(dp_filter_trace(&f));
	assert_false(dp_filter_names_traces(&f));
	dp_filter_release(&f);
}

static const struct shown_case {
	const char *filter;
	const char *want;
} shown[] = {
    {"severity=loud", "  severity=loud\n"
		      "           ^\n"},
    {"caf\u00e9 \x1b[1m since=never", "  caf\u00e9 \\x1b[1m since=never\n"
				      "                     ^\n"},
    {"0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 a= 0123456789 0123456789 b",
	"  \u202689 0123456789 0123456789 0123456789 0123456789 a= 0123456789 01234567\u2026\n"
	"                                                    ^\n"},
    {"a=", "  a=\n    ^\n"},
};

static void test_shown(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
		const struct dp_str text = dp_str_from(shown[i].filter);
		struct dp_filter f = {0};
		struct dp_filter_error error;
		struct dp_buf out = {0};

		assert_int_equal(dp_filter_parse(&f, text, now_us, &error), -1);
		dp_filter_write_place(&out, text, &error);
		assert_string_equal(dp_buf_text(&out), shown[i].want);
		dp_buf_release(&out);
	}
}

/* Where the pieces meet in which a text is searched. */
static void test_search_in_long_text(void **state)
{
	struct dp_event ev = {.severity = DP_INFO};
	struct dp_filter f = {0};
	struct dp_filter_error error;
	struct dp_buf text = {0};

	(void)state;
	assert_int_equal(dp_filter_parse(&f, DP_STR("NEEDLE"), now_us, &error), 0);
	for (size_t at = 16 * 1024 - 8; at < 16 * 1024 + 8; at++) {
		dp_buf_clear(&text);
		dp_buf_addf(&text, "%*sneedle", (int)at, "");
		ev.json = dp_buf_str(&text);
		assert_true(dp_filter_match(&f, &ev));
		ev.json.n--;
		assert_false(dp_filter_match(&f, &ev));
	}
	dp_buf_release(&text);
	dp_filter_release(&f);
}

static const struct trace_case {
	const char *name;
	struct pair terms[3];
	const char *want;
} traces[] = {
    {"none", {{0}}, NULL},
    {"another field", {{"type", "t1"}}, NULL},
    {"one", {{"type", "x"}, {"trace", "t1"}}, "t1"},
    {"several", {{"trace", "t1,t2"}}, NULL},
    {"one of several", {{"trace", "t1,t2"}, {"trace", "t2"}}, "t2"},
};

static void test_trace(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof traces / sizeof *traces; i++) {
		const struct trace_case *c = &traces[i];
		struct dp_filter f = {0};
		const char *why = NULL;
		const char *got;

		for (const struct pair *p = c->terms; p->name; p++)
			assert_int_equal(
			    dp_filter_add(&f, p->name, dp_str_from(p->values), &why), 0);
		got = dp_filter_trace(&f);
		if ((got == NULL) != (c->want == NULL) || (got && strcmp(got, c->want) != 0))
			fail_msg("%s: %s", c->name, got ? got : "(none)");
		dp_filter_release(&f);
	}
}

static void test_knows(void **state)
{
	(void)state;
	assert_true(dp_filter_knows("trace"));
	assert_true(dp_filter_knows("severity"));
	assert_true(dp_filter_knows("system"));
	assert_true(dp_filter_knows("type"));
	assert_false(dp_filter_knows("follow"));
	assert_false(dp_filter_knows(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_match),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_values_are_canonical),
	    cmocka_unit_test(test_parsed),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_parsed_limits),
	    cmocka_unit_test(test_a_filter_grows),
	    cmocka_unit_test(test_shown),
	    cmocka_unit_test(test_search_in_long_text),
	    cmocka_unit_test(test_trace),
	    cmocka_unit_test(test_knows),
	};

	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
