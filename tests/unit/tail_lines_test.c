#include "../../cmd/dp-tail/facts.h"
#include "../../cmd/dp-tail/markdown.h"
#include "../../cmd/dp-tail/plain.h"
#include "../../cmd/dp-tail/template.h"
#include "json.h"
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AT    "\"timestamp\":\"2026-01-02T03:04:05.678Z\","
#define EVENT "{\"traceId\":\"t\",\"system\":\"api\"," AT
#define ID    " eventId=0190a0b0-0000-7000-8000-000000000000"
#define FIXED                                                                                     \
	"\"eventId\":\"0190a0b0-0000-7000-8000-000000000000\",\"receivedAt\":\"2026-01-02T03:04:" \
	"06Z\","
#define AFTER " receivedAt=2026-01-02T03:04:06Z"

/* How a row is written. */
enum form { SHORT, RAW, LOGFMT, TEMPLATE, JSON, MARKDOWN };

static void write_event(struct dp_buf *out, enum form form, const char *json, int width, bool color,
    const char *template)
{
	const struct plain_options o = {.width = width, .color = color};
	struct dp_event_reader *r = dp_event_reader_new();
	struct dp_refusal why;
	struct dp_event ev;

	if (dp_event_read(r, dp_str_from(json), 1767323045678000, &ev, &why) < 0)
		fail_msg("%s: %s", why.why, json);
	if (form == SHORT)
		plain_short(out, &ev, &o);
	else if (form == RAW)
		plain_raw(out, &ev);
	else if (form == LOGFMT)
		plain_logfmt(out, &ev);
	else if (form == JSON)
		plain_json(out, &ev);
	else if (form == TEMPLATE)
		template_write(out, template, &ev, &o.when);
	else
		markdown_write(out, &ev, &o.when);
	dp_event_reader_free(&r);
}

static const struct {
	enum form form;
	const char *json;
	int width;
	const char *template;
	const char *want;
} rows[] = {
    {SHORT,
	EVENT "\"name\":\"GET /\",\"details\":\"took\\nlong\\u001b\",\"durationMs\":12.5,"
	      "\"file\":\"a.py\",\"line\":7,\"response\":\"fail\"}",
	0, NULL,
	"2026-01-02 03:04:05.678 INFO  api        log      GET /: took\\nlong\\x1b  fail  12.5 ms  "
	"a.py:7  trace=t\n"},
    {SHORT, EVENT "\"details\":\"日本語のメッセージ\"}", 60, NULL,
	"2026-01-02 03:04:05.678 INFO  api        log      日本語の…\n"},
    {SHORT, EVENT "\"details\":\"x\"}", 20, NULL, "2026-01-02 03:04:05…\n"},
    {RAW, EVENT "\"details\":\"one\\n\\ttwo\\u001b[1m\\u202e\\r\\n\"}", 0, NULL,
	"one\n\ttwo\\x1b[1m\\u202e\n"},
    {RAW, EVENT "\"name\":\"n\",\"details\":{\"a\":[1,\"x\"]}}", 0, NULL, "n: {a: [1, \"x\"]}\n"},

    {LOGFMT,
	EVENT FIXED "\"details\":\"x\",\"severity\":\"warn\",\"n\":1.50,\"s\":\"a "
		    "b\",\"e\":\"\",\"o\":{\"p\":{\"q\":"
		    "true}},\"l\":[1,\"x\"],\"z\":null}",
	0, NULL,
	"time=2026-01-02T03:04:05.678Z level=warning system=api type=log trace=t msg=x" ID
	" n=1.50 s=\"a b\" e=\"\" o.p.q=true l=\"[1,\\\"x\\\"]\" z=null" AFTER
	" severityRaw=warn\n"},
    {LOGFMT,
	EVENT FIXED
	"\"details\":\"a=\\\"b\\\"\\n\\u001b\\u009b\\\\\\u202e\",\"k k=\\\"\\u001b\":1}",
	0, NULL,
	"time=2026-01-02T03:04:05.678Z level=info system=api type=log trace=t "
	"msg=\"a=\\\"b\\\"\\n\\u001b\\u009b\\\\\\u202e\"" ID " k_k___=1" AFTER "\n"},

    {TEMPLATE,
	EVENT
	"\"details\":\"x\",\"severity\":\"error\",\"environment\":\"dev\",\"durationMs\":61234,"
	"\"file\":\"a.py\",\"line\":7,\"locals\":{\"user\":{\"id\":7},\"s\":\"a\\u001b\\nb\"}}",
	0,
	"%t|%S|%s|%y|%T|%m|%p|%d|%e|%{locals.user.id}|%{locals.user}|%{locals.s}|%{nosuch.x}|%%"
	"\\t\\\\",
	"2026-01-02 03:04:05.678|ERROR|api|error|t|x|a.py:7|61.23 "
	"s|dev|7|{\"id\":7}|a\\x1b\\nb||%\t\\\n"},
    {TEMPLATE, EVENT "\"details\":\"日本\"}", 0, "[%6s][%-6s][%2s][%-6m]",
	"[   api][api   ][api][日本  ]\n"},

    {MARKDOWN, EVENT "\"details\":\"a *b* <c>\\n[d](e)\"}", 0, NULL,
	"- INFO api: a \\*b\\* \\<c\\>\\\\n\\[d\\](e), 2026-01-02 03:04:05.678\n"},
    {MARKDOWN,
	EVENT
	"\"severity\":\"error\",\"details\":\"x\",\"file\":\"a_b.py\",\"line\":7,\"stacktrace\":["
	"\"in f\",\"````\"],\"locals\":{\"n\":1}}",
	0, NULL,
	"\n## ERROR api: x\n\n- time: 2026-01-02 03:04:05.678\n- trace: t\n- place: a\\_b.py:7\n"
	"\nStack:\n\n`````\nin f\n````\n`````\n\nLocal variables:\n\n```\nn = 1\n```\n\n"},
};

static void lines_say_what_they_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dp_buf out = {0};

		write_event(
		    &out, rows[i].form, rows[i].json, rows[i].width, false, rows[i].template);
		assert_string_equal(dp_buf_text(&out), rows[i].want);
		dp_buf_release(&out);
	}
}

/* All characters, in a member, a key and the message. */
static void make_hostile(struct dp_buf *json, uint32_t first)
{
	struct dp_buf text = {0};

	for (uint32_t cp = first; cp < first + 64; cp++) {
		char utf8[4];

		dp_buf_add(&text, utf8, dp_text_encode(cp, utf8));
	}
	dp_buf_add_text(json, "{\"severity\":\"error\",\"details\":");
	dp_json_write_string(json, dp_buf_str(&text));
	dp_buf_add_text(json, ",\"locals\":{");
	dp_json_write_string(json, dp_buf_str(&text));
	dp_buf_add_text(json, ":");
	dp_json_write_string(json, dp_buf_str(&text));
	dp_buf_add_text(json, "},\"system\":");
	dp_json_write_string(json, dp_buf_str(&text));
	dp_buf_add_text(json, "}");
	dp_buf_release(&text);
}

static void check_safe(struct dp_str text)
{
	while (text.n > 0) {
		char safe[DP_TEXT_STEP_MAX];
		const size_t n = dp_text_step(text.p, text.n, safe);

		if (*text.p != '\n' && *text.p != '\t' && strlen(safe) != n)
			fail_msg("%s came out raw", safe);
		text = (struct dp_str){text.p + n, text.n - n};
	}
}

static void nothing_comes_out_raw(void **state)
{
	(void)state;
	for (uint32_t first = 1; first < 0x2100; first += 64)
		for (int form = SHORT; form <= MARKDOWN; form++) {
			struct dp_buf json = {0};
			struct dp_buf out = {0};

			make_hostile(&json, first);
			write_event(
			    &out, (enum form)form, dp_buf_text(&json), 0, false, "%s %m %{locals}");
			check_safe(dp_buf_str(&out));
			dp_buf_release(&json);
			dp_buf_release(&out);
		}
}

static void json_for_a_terminal_is_the_same_event(void **state)
{
	static const char member[] = "\"\xc2\x9b\":\"\\\\\xe2\x80\xae\x7f\\n\xc3\xa9\"";
	struct dp_buf json = {0};
	struct dp_buf out = {0};
	struct dp_buf back = {0};
	struct dp_refusal why;

	(void)state;
	dp_buf_addf(&json, "%s%s}", EVENT, member);
	write_event(&out, JSON, dp_buf_text(&json), 0, false, NULL);
	assert_non_null(strstr(dp_buf_text(&out), "\"\\u009b\":\"\\\\\\u202e\\u007f\\n\xc3\xa9\""));
	assert_int_equal(dp_json_normalize(out.data, out.len, &back, &why), 0);
	assert_non_null(strstr(dp_buf_text(&back), member));
	dp_buf_release(&json);
	dp_buf_release(&out);
	dp_buf_release(&back);
}

/* Each of a thousand values has a name of ten thousand bytes before it. */
static void logfmt_of_one_event_is_bounded(void **state)
{
	struct dp_buf json = {0};
	struct dp_buf out = {0};

	(void)state;
	dp_buf_add_text(&json, EVENT "\"");
	for (int i = 0; i < 10000; i++)
		dp_buf_add_char(&json, 'n');
	dp_buf_add_text(&json, "\":{\"k\":0");
	for (int i = 1; i < 1000; i++)
		dp_buf_addf(&json, ",\"k%d\":%d", i, i);
	dp_buf_add_text(&json, "}}");
	write_event(&out, LOGFMT, dp_buf_text(&json), 0, false, NULL);
	assert_in_range(out.len, 4000000, 4300000);
	assert_string_equal(dp_buf_text(&out) + out.len - 10, " cut=true\n");
	dp_buf_release(&json);
	dp_buf_release(&out);
}

static void a_short_line_is_one_line_in_colour_too(void **state)
{
	struct dp_buf out = {0};

	(void)state;
	write_event(
	    &out, SHORT, EVENT "\"severity\":\"error\",\"details\":\"a\\nb\"}", 70, true, NULL);
	assert_ptr_equal(strchr(dp_buf_text(&out), '\n'), dp_buf_text(&out) + out.len - 1);
	assert_non_null(strstr(dp_buf_text(&out), "\x1b[1ma\\nb\x1b[0m"));
	dp_buf_release(&out);
}

static void templates_are_checked(void **state)
{
	static const char *const good[] = {
	    "", "%%", "%t %S %s %y %T %m %p %d %e %i %{a.b}", "\\n\\t\\\\", "%200s"};
	static const char *const bad[] = {
	    "%", "%q", "%{", "%{}", "%{a", "%-", "%201s", "%99999999999999999999s", "\\", "\\x"};
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(template_check(good[i], &why), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		why = NULL;
		if (template_check(bad[i], &why) != -1 || !why)
			fail_msg("%s was taken", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines_say_what_they_should),
	    cmocka_unit_test(nothing_comes_out_raw),
	    cmocka_unit_test(json_for_a_terminal_is_the_same_event),
	    cmocka_unit_test(logfmt_of_one_event_is_bounded),
	    cmocka_unit_test(a_short_line_is_one_line_in_colour_too),
	    cmocka_unit_test(templates_are_checked),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests_name("tail_lines", tests, NULL, NULL);
}
