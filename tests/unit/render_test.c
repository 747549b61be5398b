#include "../../cmd/dp-tail/render.h"

#include "../../cmd/dp-tail/fold.h"
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DAY = 2026001 }; /* of the events below, where they do not say another */

/* Renders an event, as JSON text, of 2026-01-02. */
static void render(struct dp_buf *out, struct dp_str json, const struct render_options *o)
{
	struct render_memory memory = {.day = DAY};
	struct dp_event_reader *r = dp_event_reader_new();
	struct dp_refusal why;
	struct dp_event ev;

	if (dp_event_read(r, json, 1767323045678000, &ev, &why) < 0)
		fail_msg("%s: %.*s", why.why, (int)json.n, json.p);
	render_event(out, &ev, o, &memory);
	dp_event_reader_free(&r);
}

#define AT     "\"timestamp\":\"2026-01-02T03:04:05.678Z\","
#define ERROR  "{\"traceId\":\"t\",\"severity\":\"error\",\"system\":\"api\"," AT
#define INFO   "{\"traceId\":\"t\",\"system\":\"api\"," AT
#define HEAD   "03:04:05.678 ERROR api        error    "
#define BELOW  "             "
#define DETAIL BELOW "  "

#define ZEROS_38 "00000000000000000000000000000000000000"
#define ZEROS_39 ZEROS_38 "0"
#define ZEROS_40 ZEROS_39 "0"
#define PATH_50  "/srv/application/releases/2026/modules/payment/x/y"

static const struct {
	const char *name;
	const char *json;
	int width;
	bool traces;
	const char *want;
} rows[] = {
    {"the mission's event",
	"{\"traceId\":\"trace-123\",\"timestamp\":\"2025-09-16T07:12:00Z\",\"severity\":\"error\","
	"\"system\":\"backend\",\"file\":\"app.py\",\"line\":42,\"source\":\"function foo()\","
	"\"locals\":{\"var\":\"value\"},\"stacktrace\":[\"line1\",\"line2\"],\"response\":\"fail\","
	"\"details\":\"Database insert failed\",\"environment\":\"dev\"}",
	100, true,
	"── Tue 2025-09-16 ──\n"
	"07:12:00.000 ERROR backend    error    Database insert failed  fail  app.py:42: "
	"function "
	"foo()\n"
	"             trace=trace-123\n"
	"             stack\n"
	"               line1\n"
	"               line2\n"
	"             locals\n"
	"               var = \"value\"\n"},
    {"next to nothing", "{\"details\":\"x\",\"traceId\":\"t\"," AT "\"z\":null}", 80, false,
	"03:04:05.678 INFO  unknown    log      x\n"},
    {"no text at all", INFO "\"type\":\"span\"}", 80, false,
	"03:04:05.678 INFO  api        span\n"},
    {"narrow", INFO "\"details\":\"a message that is folded\"}", 40, true,
	"03:04:05.678 INFO api log a message that\n"
	"  is folded  trace=t\n"},
    {"very narrow", INFO "\"details\":\"a message that is folded\"}", 20, true,
	"03:04:05.678 INFO\n"
	"  api log a message\n"
	"  that is folded\n"
	"  trace=t\n"},
    {"wide: the message has a column", INFO "\"details\":\"one\\ntwo\"}", 120, false,
	"03:04:05.678 INFO  api        log      one\n"
	"                                       two\n"},
    {"name and details", INFO "\"name\":\"GET /\",\"details\":\"took long\"}", 80, false,
	"03:04:05.678 INFO  api        log      GET /: took long\n"},
    {"details that begin with the name", INFO "\"name\":\"GET /\",\"details\":\"GET / took long\"}",
	80, false, "03:04:05.678 INFO  api        log      GET / took long\n"},
    {"name alone", INFO "\"name\":\"GET /\"}", 80, false,
	"03:04:05.678 INFO  api        log      GET /\n"},
    {"details that are no text", INFO "\"details\":{\"a\":[1,{\"b\":null}],\"c\":\"d\"}}", 80,
	false, "03:04:05.678 INFO  api        log      {a: [1, {b: null}], c: \"d\"}\n"},
    {"a long string in details is cut, a long number is not",
	INFO "\"details\":[\"" ZEROS_40 ZEROS_40 "\",-1" ZEROS_38 ".5e" ZEROS_40 "]}", 300, false,
	"03:04:05.678 INFO  api        log      [\"" ZEROS_39 ZEROS_40 "…\", -1" ZEROS_38
	".5e" ZEROS_40 "]\n"},
    {"facts", INFO "\"details\":\"x\",\"durationMs\":12.5,\"line\":7,\"response\":\"success\"}", 80,
	false, "03:04:05.678 INFO  api        log      x  12.5 ms  line 7\n"},
    {"seconds", INFO "\"details\":\"x\",\"durationMs\":61234}", 80, false,
	"03:04:05.678 INFO  api        log      x  61.23 s\n"},
    {"milliseconds", INFO "\"details\":\"x\",\"durationMs\":999.6}", 80, false,
	"03:04:05.678 INFO  api        log      x  1000 ms\n"},
    {"minutes", INFO "\"details\":\"x\",\"durationMs\":900000}", 80, false,
	"03:04:05.678 INFO  api        log      x  15 min\n"},
    {"extra fields",
	INFO
	"\"details\":\"x\",\"userId\":12345678901234567890,\"ok\":true,\"a b\":\"c d\",\"e\":\"\","
	"\"list\":[1],\"null\":null}",
	120, false,
	"03:04:05.678 INFO  api        log      x  userId=12345678901234567890  ok=true  a b=\"c "
	"d\"  "
	"e=\"\"\n"},
    {"a long trace id",
	"{\"traceId\":\"0af7651916cd43dd8448eb211c80319c\",\"details\":\"x\"," AT
	"\"system\":\"s\"}",
	80, true, "03:04:05.678 INFO  s          log      x  trace=0af76519…\n"},
    {"a trace id of twelve",
	"{\"traceId\":\"123456789012\",\"details\":\"x\"," AT "\"system\":\"s\"}", 80, true,
	"03:04:05.678 INFO  s          log      x  trace=123456789012\n"},
    {"a system longer than its column",
	"{\"traceId\":\"t\",\"system\":\"payment-gateway\",\"details\":\"x\"," AT
	"\"type\":\"request\"}",
	80, false, "03:04:05.678 INFO  payment-gateway request x\n"},
    {"warning and debug are words",
	"{\"traceId\":\"t\",\"system\":\"s\",\"severity\":\"warning\"," AT "\"details\":\"x\"}", 80,
	false, "03:04:05.678 WARN  s          log      x\n"},

    {"escape sequences", INFO "\"details\":\"\\u001b]0;title\\u0007 \\u009b31m \\u001b[2J\"}", 100,
	false, "03:04:05.678 INFO  api        log      \\x1b]0;title\\x07 \\x9b31m \\x1b[2J\n"},
    {"a return does not overwrite", INFO "\"details\":\"shown\\rhidden\"}", 80, false,
	"03:04:05.678 INFO  api        log      shown\\rhidden\n"},
    {"text that runs backwards", INFO "\"details\":\"a \\u202e b \\u2066 c \\u200f\"}", 80, false,
	"03:04:05.678 INFO  api        log      a \\u202e b \\u2066 c \\u200f\n"},
    {"line separators", INFO "\"details\":\"a\\u2028b\\u0085c\"}", 80, false,
	"03:04:05.678 INFO  api        log      a\\u2028b\\x85c\n"},
    {"a forged line", INFO "\"details\":\"x\\n03:04:05.678 ERROR api\"}", 80, false,
	"03:04:05.678 INFO  api        log      x\n" BELOW "03:04:05.678 ERROR api\n"},
    {"hostile names",
	"{\"traceId\":\"t\",\"system\":\"a\\nb\",\"type\":\"\\u001b[7m\",\"details\":"
	"\"x\"," AT "\"k\\u001b\":\"v\\u0007\"}",
	100, true, "03:04:05.678 INFO  a\\nb       \\x1b[7m  x  k\\x1b=\"v\\u0007\"  trace=t\n"},
    {"newlines, tabs and CR LF", INFO "\"details\":\"a\\r\\n\\tb\\n  c\\n\\nd\\n\"}", 80, false,
	"03:04:05.678 INFO  api        log      a\n" BELOW "    b\n" BELOW "  c\n\n" BELOW "d\n"},

    {"CJK counts two columns", INFO "\"details\":\"日本語のメッセージがここに\"}", 60, false,
	"03:04:05.678 INFO  api        log      日本語のメッセージが\n" BELOW "ここに\n"},
    {"emoji count two columns", INFO "\"details\":\"😀😀😀😀😀😀😀😀😀😀 😀\"}", 62, false,
	"03:04:05.678 INFO  api        log      😀😀😀😀😀😀😀😀😀😀 😀\n"},
    {"combining marks count none",
	INFO "\"details\":\"e\\u0301e\\u0301e\\u0301e\\u0301 xxxxxxxxxx "
	     "xxxxx\"}",
	60, false,
	"03:04:05.678 INFO  api        log      e\u0301e\u0301e\u0301e\u0301 xxxxxxxxxx xxxxx\n"},
    {"a long word is broken",
	INFO "\"details\":\"aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd"
	     "eeeeeeeeeeffffffffffgggggggggghhhhhhhhhh\"}",
	60, false,
	"03:04:05.678 INFO  api        log\n" BELOW
	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeee\n" BELOW
	"eeeffffffffffgggggggggghhhhhhhhhh\n"},
    {"a long source is cut",
	INFO "\"details\":\"x\",\"file\":\"a.py\",\"line\":7,\"source\":\"result = charge(order, "
	     "card, amount, currency, idempotency_key)  \"}",
	120, false,
	"03:04:05.678 INFO  api        log      x  a.py:7: result = charge(order, card, amount, "
	"currency, idempotency_k…\n"},
    {"a long file is cut",
	INFO "\"details\":\"x\",\"line\":7,\"file\":\"" PATH_50 PATH_50 PATH_50 PATH_50 "end\"}",
	400, false,
	"03:04:05.678 INFO  api        log      x  " PATH_50 PATH_50 PATH_50 PATH_50 "…:7\n"},
    {"source alone", INFO "\"details\":\"x\",\"source\":\"f()\"}", 80, false,
	"03:04:05.678 INFO  api        log      x  f()\n"},
    {"a long path is broken where one can",
	INFO
	"\"details\":\"x\",\"file\":\"/srv/application/releases/2026/modules/payment/charge.py\"}",
	60, false,
	"03:04:05.678 INFO  api        log      x  /srv/application/\n" BELOW
	"releases/2026/modules/payment/charge.py\n"},

    {"the stage of a task",
	INFO "\"details\":\"x\",\"stage\":\"retry\",\"response\":\"fail\",\"n\":1}", 80, false,
	"03:04:05.678 INFO  api        log      x  retry  fail  n=1\n"},
    {"an error says the trace whole below",
	"{\"traceId\":\"0af7651916cd43dd\",\"severity\":\"error\"," AT
	"\"system\":\"api\",\"details\":\"x\"}",
	80, true, HEAD "x  trace=0af76519…\n" BELOW "trace 0af7651916cd43dd\n"},
    {"no blocks below what is no error",
	INFO "\"details\":\"x\",\"locals\":{\"a\":1},"
	     "\"stacktrace\":[\"y\"]}",
	80, false, "03:04:05.678 INFO  api        log      x\n"},
    {"empty blocks", ERROR "\"details\":\"x\",\"locals\":{},\"stacktrace\":[]}", 80, false,
	HEAD "x\n"},
    {"blocks of null", ERROR "\"details\":\"x\",\"locals\":null,\"stacktrace\":null}", 80, false,
	HEAD "x\n"},
    {"a stack of one string",
	ERROR "\"details\":\"x\",\"stacktrace\":[\"Traceback:\\n  File\\n"
	      "    code\\nError\\n\"]}",
	80, false,
	HEAD "x\n" BELOW "stack\n" DETAIL "Traceback:\n" DETAIL "  File\n" DETAIL
	     "    code\n" DETAIL "Error\n"},
    {"indented frames are folded below themselves",
	ERROR "\"details\":\"x\",\"stacktrace\":[\"    result = charge(order, card, amount, "
	      "currency)\"]}",
	50, false,
	"03:04:05.678 ERROR api error x\n  stack\n        result = charge(order, card, amount,\n"
	"        currency)\n"},
    {"frames as objects",
	ERROR "\"details\":\"x\",\"stacktrace\":[{\"file\":\"a.py\",\"line\":1,\"function\":\"f\","
	      "\"code\":\"g()\"},{\"filename\":\"b.js\",\"lineno\":2,\"method\":\"g\",\"vars\":{"
	      "\"n\":1}},"
	      "{\"function\":\"h\"},{\"other\":1},7]}",
	80, false,
	HEAD "x\n" BELOW "stack\n" DETAIL "a.py:1 in f\n" DETAIL "  g()\n" DETAIL
	     "b.js:2 in g\n" DETAIL "  n = 1\n" DETAIL "in h\n" DETAIL "{other: 1}\n" DETAIL "7\n"},
    {"locals are aligned, digits survive",
	ERROR "\"details\":\"x\",\"locals\":{\"id\":123456789012345678901234567890,\"price\":1.10,"
	      "\"ok\":true,\"none\":null,\"name\":\"Ünï\"}}",
	80, false,
	HEAD "x\n" BELOW "locals\n" DETAIL "id    = 123456789012345678901234567890\n" DETAIL
	     "price = 1.10\n" DETAIL "ok    = true\n" DETAIL "none  = null\n" DETAIL
	     "name  = \"Ünï\"\n"},
    {"small values stay on their line",
	ERROR "\"details\":\"x\",\"locals\":{\"a\":{\"b\":[1,2,{\"c\":\"d\"}]},\"e\":[],\"f\":{}}}",
	80, false,
	HEAD "x\n" BELOW "locals\n" DETAIL "a = {b: [1, 2, {c: \"d\"}]}\n" DETAIL "e = []\n" DETAIL
	     "f = {}\n"},
    {"strings of several lines",
	ERROR
	"\"details\":\"x\",\"locals\":{\"sql\":\"SELECT *\\nFROM t\",\"esc\":\"\\u001b[1m\"}}",
	80, false,
	HEAD "x\n" BELOW "locals\n" DETAIL "sql = \"SELECT *\n" DETAIL "      FROM t\"\n" DETAIL
	     "esc = \"\\x1b[1m\"\n"},
    {"hostile names of locals", ERROR "\"details\":\"x\",\"locals\":{\"a\\nb\\u001b[1m\":1}}", 80,
	false, HEAD "x\n" BELOW "locals\n" DETAIL "a\\nb\\x1b[1m = 1\n"},
};

static void shows_what_matters(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct render_options o = {.width = rows[i].width, .traces = rows[i].traces};
		struct dp_buf out = {0};

		render(&out, dp_str_from(rows[i].json), &o);
		if (strcmp(dp_buf_text(&out), rows[i].want) != 0)
			fail_msg("%s:\n%s", rows[i].name, dp_buf_text(&out));
		dp_buf_release(&out);
	}
}

/* The length of the colour or hyperlink of ours that the text begins with, which has `n` bytes. */
static size_t sequence_size(const char *p, size_t n)
{
	const char *end = p + 2;

	if (n > 2 && p[1] == '[') {
		end += strspn(end, "0123456789;");
		assert_int_equal(*end, 'm');
		return (size_t)(end + 1 - p);
	}
	assert_true(n > 6 && memcmp(p, "\x1b]8;;", 5) == 0);
	end = memchr(p + 5, '\x1b', n - 5);
	assert_non_null(end);
	assert_int_equal(end[1], '\\');
	return (size_t)(end + 2 - p);
}

/* Checks that no line is wider than `width`, and that nothing but newlines, our own colours and
 * hyperlinks is a control character. Returns the number of lines; puts the text without colours
 * into *plain. */
static int check_lines(
    const char *name, const struct dp_buf *out, int width, bool color, struct dp_buf *plain)
{
	const char *p = out->data;
	const char *end = p + out->len;
	size_t line = 0;
	int lines = 0;

	while (p < end) {
		uint32_t cp = 0;
		size_t n = dp_text_decode(p, (size_t)(end - p), &cp);

		if (n == 0)
			fail_msg("%s: not UTF-8", name);
		if (cp == 0x1b) {
			assert_true(color);
			p += sequence_size(p, (size_t)(end - p));
			continue;
		}
		if (cp != '\n' && (cp < 0x20 || (cp >= 0x7f && cp < 0xa0)))
			fail_msg("%s: U+%04X came out raw", name, cp);
		dp_buf_add(plain, p, n);
		p += n;
		if (cp != '\n')
			continue;
		n = plain->len - line - 1;
		if (fold_measure((struct dp_str){plain->data + line, n}) > width)
			fail_msg(
			    "%s: wider than %d: %.*s", name, width, (int)n, plain->data + line);
		line = plain->len;
		lines++;
	}
	assert_int_equal(line, plain->len);
	return lines;
}

static const int widths[] = {RENDER_WIDTH_MIN, 21, 40, 59, 60, 61, 80, 100, 110, 200};

static void check_all_widths(const char *name, struct dp_str json, int lines_max)
{
	for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
		const struct render_options o = {.width = widths[i], .traces = true};
		const struct render_options colored = {.width = widths[i],
		    .color = true,
		    .traces = true,
		    .link = {LINK_DEFAULT, "/home/me", "box"}};
		struct dp_buf out[2] = {{0}, {0}};
		struct dp_buf plain[2] = {{0}, {0}};

		render(&out[0], json, &o);
		render(&out[1], json, &colored);
		if (check_lines(name, &out[0], widths[i], false, &plain[0]) > lines_max)
			fail_msg("%s: more than %d lines at width %d", name, lines_max, widths[i]);
		check_lines(name, &out[1], widths[i], true, &plain[1]);
		if (!dp_str_equal(dp_buf_str(&plain[0]), dp_buf_str(&plain[1])))
			fail_msg("%s: colours change the text", name);
		for (int j = 0; j < 2; j++) {
			dp_buf_release(&out[j]);
			dp_buf_release(&plain[j]);
		}
	}
}

static void no_line_is_wider_than_the_terminal(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check_all_widths(rows[i].name, dp_str_from(rows[i].json), 100);
}

/* Appends `unit` n times, as part of a JSON text. */
static void repeat(struct dp_buf *b, const char *unit, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dp_buf_add_text(b, unit);
}

static void check_giant(const char *name, const char *before, const char *unit, size_t n,
    const char *after, int lines_max)
{
	struct dp_buf json = {0};

	dp_buf_add_text(&json, ERROR);
	dp_buf_add_text(&json, before);
	repeat(&json, unit, n);
	dp_buf_add_text(&json, after);
	check_all_widths(name, dp_buf_str(&json), lines_max);
	dp_buf_release(&json);
}

/* A megabyte of anything is a few screens at most. */
static void giant_values_are_cut(void **state)
{
	(void)state;
	check_giant("details", "\"details\":\"", "x", 900000, "\"}", 450);
	check_giant("words", "\"details\":\"", "word ", 100000, "\"}", 450);
	check_giant("newlines", "\"details\":\"x", "\\n", 100000, "\"}", 450);
	check_giant("wide", "\"details\":\"", "日", 100000, "\"}", 450);
	check_giant("escapes", "\"details\":\"", "\\u001b", 100000, "\"}", 1800);
	check_giant("spaces", "\"details\":\"x", " ", 500000, "y\"}", 450);
	check_giant("name", "\"name\":\"", "x", 900000, "\"}", 450);
	check_giant("file", "\"file\":\"", "x/", 300, "\"}", 100);
	check_giant("local", "\"locals\":{\"a\":\"", "x", 900000, "\"}}", 450);
	check_giant("locals", "\"locals\":{\"a\":[1", ",[1,2,\"three\"]", 50000, "]}}", 200);
	check_giant("deep", "\"locals\":{\"a\":", "[", 50,
	    "1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
	    "]]]]]]}}",
	    100);
	check_giant(
	    "frames", "\"stacktrace\":[\"x\"", ",\"at some.place(file.js:12)\"", 30000, "]}", 300);
	check_giant("frame", "\"stacktrace\":[\"", "frame\\n", 100000, "\"]}", 450);
	check_giant("extra fields", "\"a\":1", "", 0,
	    ",\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,"
	    "\"h\":8,\"i\":9,\"j\":10,\"k\":11,\"l\":12}",
	    30);
}

/* Of this process: other programs may want the processor, too. */
static int64_t cpu_ms(void)
{
	return (int64_t)clock() * 1000 / CLOCKS_PER_SEC;
}

/* The time that grows with the square of a text would be minutes for these. */
static void giant_texts_take_no_time(void **state)
{
	static const char *const fields[] = {
	    "file", "source", "details", "name", "locals", "other"};
	static const char *const units[] = {"/a", "x", "日", "\u0301", "\\u0301/", "a ", "\\n"};
	const int64_t start_ms = cpu_ms();

	(void)state;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		for (size_t j = 0; j < sizeof units / sizeof *units; j++) {
			const struct render_options o = {.width = 80, .traces = true};
			struct dp_buf json = {0};
			struct dp_buf out = {0};
			bool nests = strcmp(fields[i], "locals") == 0;

			dp_buf_addf(&json, ERROR "\"%s\":%s\"", fields[i], nests ? "{\"a\":" : "");
			repeat(&json, units[j], 1000000 / strlen(units[j]));
			dp_buf_add_text(&json, nests ? "\"}}" : "\"}");
			render(&out, dp_buf_str(&json), &o);
			dp_buf_release(&json);
			dp_buf_release(&out);
		}
	assert_in_range(cpu_ms() - start_ms, 0, 10000);
}

/* Folding alone, of what the renderer would have cut. */
static void folding_takes_linear_time(void **state)
{
	const int64_t start_ms = cpu_ms();
	struct dp_buf text = {0};
	struct dp_buf out = {0};
	struct fold f;

	(void)state;
	repeat(&text, "/a", 500000);
	fold_init(&f, &out, 80, false);
	fold_whole(&f, dp_buf_str(&text));
	assert_in_range(cpu_ms() - start_ms, 0, 5000);
	assert_in_range(out.len, 1000000, 1030000);
	dp_buf_release(&text);
	dp_buf_release(&out);
}

static void what_is_cut_is_said(void **state)
{
	const struct render_options o = {.width = 100};
	struct dp_buf json = {0};
	struct dp_buf out = {0};

	(void)state;
	dp_buf_add_text(&json, ERROR "\"details\":\"");
	repeat(&json, "x", 5000);
	dp_buf_add_text(&json, "\",\"locals\":{\"list\":[0");
	repeat(&json, ",1", 200);
	dp_buf_add_text(&json, "],\"one\":{\"text\":\"");
	repeat(&json, "x", 200);
	dp_buf_add_text(&json, "\"}},\"stacktrace\":[0");
	repeat(&json, ",1", 99);
	dp_buf_add_text(&json, "]}");
	render(&out, dp_buf_str(&json), &o);
	assert_non_null(strstr(dp_buf_text(&out), "… 1000 bytes more\n"));
	assert_non_null(strstr(dp_buf_text(&out), "\n" DETAIL "list = (201 elements)\n"));
	assert_non_null(strstr(dp_buf_text(&out), "\n" DETAIL "one  = (1 member)\n"));
	assert_non_null(strstr(dp_buf_text(&out), "\n" DETAIL "  … 151 more\n"));
	assert_non_null(strstr(dp_buf_text(&out), "\n" DETAIL "… 40 more\n"));
	dp_buf_release(&json);
	dp_buf_release(&out);
}

/* A traceback of 182 lines, joined by `between` and with its error last. */
static void check_long_stack(const char *before, const char *between, const char *after)
{
	const struct render_options o = {.width = 100};
	struct dp_buf json = {0};
	struct dp_buf out = {0};

	dp_buf_addf(&json, ERROR "\"details\":\"x\",\"stacktrace\":%s", before);
	for (int i = 1; i <= 181; i++)
		dp_buf_addf(&json, "  line %d%s", i, between);
	dp_buf_addf(&json, "KeyError: 'z'%s}", after);
	render(&out, dp_buf_str(&json), &o);
	assert_non_null(strstr(dp_buf_text(&out),
	    "\n" DETAIL "  line 20\n" DETAIL "… 122 more\n" DETAIL "  line 143\n"));
	assert_non_null(strstr(dp_buf_text(&out),
	    "\n" DETAIL "  line 180\n" DETAIL "  line 181\n" DETAIL "KeyError: 'z'\n"));
	dp_buf_release(&json);
	dp_buf_release(&out);
}

static void both_ends_of_a_long_stack_are_shown(void **state)
{
	(void)state;
	check_long_stack("[\"", "\",\"", "\"]");
	check_long_stack("[\"", "\\n", "\"]");
	check_long_stack("\"", "\\r\\n", "\\r\\n\"");
}

static void every_character_comes_out_safe(void **state)
{
	(void)state;
	for (uint32_t cp = 1; cp < 0x3100; cp += 97) {
		struct dp_buf text = {0};
		struct dp_buf json = {0};

		for (uint32_t c = cp; c < cp + 97; c++) {
			char utf8[4];

			dp_buf_add(&text, utf8, dp_text_encode(c, utf8));
		}
		dp_buf_add_text(&json, "{\"traceId\":\"t\",\"severity\":\"error\",\"details\":");
		dp_json_write_string(&json, dp_buf_str(&text));
		dp_buf_add_text(&json, ",\"locals\":{");
		dp_json_write_string(&json, dp_buf_str(&text));
		dp_buf_add_text(&json, ":[");
		dp_json_write_string(&json, dp_buf_str(&text));
		dp_buf_add_text(&json, "]},\"stacktrace\":[");
		dp_json_write_string(&json, dp_buf_str(&text));
		dp_buf_add_text(&json, "],\"system\":");
		dp_json_write_string(&json, dp_buf_str(&text));
		dp_buf_add_char(&json, '}');
		check_all_widths("characters", dp_buf_str(&json), 500);
		dp_buf_release(&text);
		dp_buf_release(&json);
	}
}

/* The parameters of the first colour in front of `word`. */
static void color_before(const char *text, const char *word, char color[16])
{
	const char *p = strstr(text, word);

	assert_non_null(p);
	assert_int_equal(p[-1], 'm');
	while (*p != '[')
		p--;
	snprintf(color, 16, "%.*s", (int)strcspn(p + 1, "m"), p + 1);
}

static void systems_differ_in_colour_and_keep_theirs(void **state)
{
	static const char *const systems[] = {"web", "api", "worker", "billing", "mail", "search"};
	const struct render_options o = {.width = 100, .color = true};
	struct render_memory memory = {.day = DAY};
	struct dp_event_reader *r = dp_event_reader_new();
	char colors[6][16];

	(void)state;
	for (int i = 0; i < 12; i++) {
		struct dp_buf json = {0};
		struct dp_buf out = {0};
		struct dp_refusal why;
		struct dp_event ev;
		char color[16];

		dp_buf_addf(&json, "{\"traceId\":\"t\",\"details\":\"x\",\"system\":\"%s\"}",
		    systems[i % 6]);
		assert_int_equal(dp_event_read(r, dp_buf_str(&json), 0, &ev, &why), 0);
		render_event(&out, &ev, &o, &memory);
		color_before(dp_buf_text(&out), systems[i % 6], color);
		for (int j = 0; j < i && j < 6; j++)
			if ((strcmp(color, colors[j]) == 0) != (j == i % 6))
				fail_msg("%s and %s", systems[i % 6], systems[j]);
		if (i < 6)
			memcpy(colors[i], color, sizeof color);
		dp_buf_release(&json);
		dp_buf_release(&out);
	}
	dp_event_reader_free(&r);
}

/* So that grep finds what it finds without colours. */
static void a_colour_does_not_cut_words_apart(void **state)
{
	const struct render_options o = {.width = 100, .color = true};
	struct dp_buf out = {0};

	(void)state;
	render(&out, DP_STR(ERROR "\"details\":\"division by zero\"}"), &o);
	assert_non_null(strstr(dp_buf_text(&out), "\x1b[1mdivision by zero\x1b[0m"));
	dp_buf_release(&out);
}

static void the_date_is_said_when_it_changes(void **state)
{
	static const int64_t hours = 3600000000;
	const struct render_options o = {.width = 100};
	struct render_memory memory = {.day = when_day(WHEN_LOCAL, 0)};
	struct dp_event_reader *r = dp_event_reader_new();
	struct dp_refusal why;
	struct dp_event ev;
	struct dp_buf out = {0};

	(void)state;
	for (int64_t hour = 0; hour <= 48; hour += 12) {
		assert_int_equal(
		    dp_event_read(r, DP_STR("{\"details\":\"x\"}"), hour * hours, &ev, &why), 0);
		render_event(&out, &ev, &o, &memory);
	}
	assert_string_equal(dp_buf_text(&out), "00:00:00.000 INFO  unknown    log      x\n"
					       "12:00:00.000 INFO  unknown    log      x\n"
					       "── Fri 1970-01-02 ──\n"
					       "00:00:00.000 INFO  unknown    log      x\n"
					       "12:00:00.000 INFO  unknown    log      x\n"
					       "── Sat 1970-01-03 ──\n"
					       "00:00:00.000 INFO  unknown    log      x\n");
	dp_buf_release(&out);
	dp_event_reader_free(&r);
}

/* Renders an event after others, at 03:04:05.678 and so many milliseconds. */
static void render_next(struct dp_buf *out, const char *json, int64_t ms,
    const struct render_options *o, struct render_memory *memory)
{
	struct dp_event_reader *r = dp_event_reader_new();
	struct dp_refusal why;
	struct dp_event ev;

	assert_int_equal(
	    dp_event_read(r, dp_str_from(json), 1767323045678000 + ms * 1000, &ev, &why), 0);
	render_event(out, &ev, o, memory);
	dp_event_reader_free(&r);
}

static void a_wide_terminal_groups_by_trace(void **state)
{
	static const char *const events[] = {
	    "{\"traceId\":\"0af7651916cd\",\"system\":\"web\",\"type\":\"request\",\"name\":\"GET "
	    "/\"}",
	    "{\"traceId\":\"0af7651916cd\",\"system\":\"api\",\"type\":\"query\",\"details\":"
	    "\"SELECT 1\"}",
	    "{\"traceId\":\"b\",\"system\":\"api\",\"details\":\"x\"}",
	    "{\"traceId\":\"0af7651916cd\",\"system\":\"api\",\"severity\":\"error\",\"details\":"
	    "\"y\","
	    "\"locals\":{\"n\":1}}",
	};
	const struct render_options o = {.width = 120, .traces = true, .groups = true};
	struct render_memory memory = {.day = DAY};
	struct dp_buf out = {0};

	(void)state;
	for (int i = 0; i < 4; i++)
		render_next(&out, events[i], i, &o, &memory);
	assert_string_equal(dp_buf_text(&out),
	    "03:04:05.678 INFO  ┃ 0af76519 web               request  GET /\n"
	    "03:04:05.679 INFO  ┃            api             query    SELECT 1\n"
	    "03:04:05.680 INFO  ┃ b        api               log      x\n"
	    "03:04:05.681 ERROR ┃ 0af76519   api             error    y\n"
	    "                   ┃ locals\n"
	    "                   ┃   n = 1\n"
	    "                   ┃ trace 0af7651916cd\n");
	dp_buf_release(&out);
}

static void times_are_told_as_asked_for(void **state)
{
	static const struct {
		enum when_mode mode;
		const char *want;
	} cases[] = {
	    {WHEN_UTC, "03:04:05.678Z INFO  api        log      x\n"
		       "03:04:07.178Z INFO  api        log      x\n"},
	    {WHEN_RELATIVE, "    1.5s ago INFO  api        log      x\n"
			    "    0.0s ago INFO  api        log      x\n"},
	    {WHEN_DELTA, "     +0.000s INFO  api        log      x\n"
			 "     +1.500s INFO  api        log      x\n"},
	    {WHEN_NONE, "INFO  api        log      x\nINFO  api        log      x\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct render_options o = {
		    .width = 80, .time = cases[i].mode, .now_us = 1767323047178000};
		struct render_memory memory = {.day = DAY};
		struct dp_buf out = {0};

		render_next(&out, "{\"system\":\"api\",\"details\":\"x\"}", 0, &o, &memory);
		render_next(&out, "{\"system\":\"api\",\"details\":\"x\"}", 1500, &o, &memory);
		assert_string_equal(dp_buf_text(&out), cases[i].want);
		dp_buf_release(&out);
	}
}

#define LINKED(url, text) "\x1b]8;;" url "\x1b\\" text "\x1b]8;;\x1b\\"

static void places_are_hyperlinks(void **state)
{
	const struct render_options o = {
	    .width = 100, .link = {"e:{path}:{line}", "/home/me", "box"}};
	struct dp_buf out = {0};

	(void)state;
	render(&out,
	    DP_STR(ERROR "\"details\":\"x\",\"file\":\"/app/a.py\",\"line\":7,\"stacktrace\":["
			 "\"  File \\\"/app/b.py\\\", line 97, in f\","
			 "{\"file\":\"c.js\",\"line\":3,\"function\":\"g\"},\"KeyError\"]}"),
	    &o);
	assert_string_equal(dp_buf_text(&out),
	    HEAD "x  " LINKED("e:/app/a.py:7",
		"/app/a.py:7") "\n" BELOW "stack\n" DETAIL "  " LINKED("e:/app/b.py:97",
		"File \"/app/b.py\", line 97, in f") "\n" DETAIL LINKED("e:/home/me/c.js:3",
		"c.js:3 in g") "\n" DETAIL "KeyError\n");
	dp_buf_release(&out);
}

static void a_library_s_call_is_dimmed(void **state)
{
	const struct render_options o = {.width = 100, .color = true};
	struct dp_buf out = {0};

	(void)state;
	render(&out,
	    DP_STR(ERROR
		"\"stacktrace\":[\"  File \\\"/usr/lib/python3.11/json/x.py\\\", line 1, in f\","
		"\"  File \\\"/app/b.py\\\", line 97, in f\"]}"),
	    &o);
	assert_non_null(strstr(dp_buf_text(&out), "\x1b[38;5;243mFile \"/usr/lib"));
	assert_non_null(strstr(dp_buf_text(&out), "  File \"/app/b.py\""));
	dp_buf_release(&out);
}

static void time_is_local(void **state)
{
	static const struct {
		const char *zone;
		const char *timestamp;
		const char *want;
	} cases[] = {
	    {"UTC", "2026-01-02T03:04:05Z", "03:04:05.000"},
	    {"XXX-5:45", "2026-01-02T03:04:05.9999Z", "08:49:05.999"},
	    {"XXX3", "2026-01-02T03:04:05Z", "00:04:05.000"},
	    {"UTC", "1969-12-31T23:59:59.001Z", "23:59:59.001"},
	    {"UTC", "0001-01-01T00:00:00Z", "00:00:00.000"},
	    {"UTC", "9999-12-31T23:59:59.999Z", "23:59:59.999"},
	};
	const struct render_options o = {.width = 100};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct dp_buf json = {0};
		struct dp_buf out = {0};

		setenv("TZ", cases[i].zone, 1);
		tzset();
		dp_buf_addf(&json, "{\"details\":\"x\",\"timestamp\":\"%s\"}", cases[i].timestamp);
		render(&out, dp_buf_str(&json), &o);
		if (!strstr(dp_buf_text(&out), cases[i].want))
			fail_msg("%s: %s", cases[i].zone, dp_buf_text(&out));
		dp_buf_release(&json);
		dp_buf_release(&out);
	}
	setenv("TZ", "UTC", 1);
	tzset();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shows_what_matters),
	    cmocka_unit_test(no_line_is_wider_than_the_terminal),
	    cmocka_unit_test(giant_values_are_cut),
	    cmocka_unit_test(giant_texts_take_no_time),
	    cmocka_unit_test(folding_takes_linear_time),
	    cmocka_unit_test(what_is_cut_is_said),
	    cmocka_unit_test(both_ends_of_a_long_stack_are_shown),
	    cmocka_unit_test(every_character_comes_out_safe),
	    cmocka_unit_test(systems_differ_in_colour_and_keep_theirs),
	    cmocka_unit_test(a_colour_does_not_cut_words_apart),
	    cmocka_unit_test(the_date_is_said_when_it_changes),
	    cmocka_unit_test(a_wide_terminal_groups_by_trace),
	    cmocka_unit_test(times_are_told_as_asked_for),
	    cmocka_unit_test(places_are_hyperlinks),
	    cmocka_unit_test(a_library_s_call_is_dimmed),
	    cmocka_unit_test(time_is_local),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}
