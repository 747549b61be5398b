#include "fingerprint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "text.h"

static void read_json(struct dp_str json, struct dp_fingerprint *out)
{
	struct dp_event_reader *r = dp_event_reader_new();
	struct dp_event ev;
	struct dp_refusal why;

	if (dp_event_read(r, json, 0, &ev, &why) < 0)
		fail_msg("%.*s: %s", (int)(json.n > 200 ? 200 : json.n), json.p, why.why);
	dp_fingerprint_read(&ev, out);
	dp_event_reader_free(&r);
}

/* Of an error that has nothing but these members, both text; NULL: not given. */
static void read_two(const char *name, struct dp_str value, const char *name2, const char *value2,
    struct dp_fingerprint *out)
{
	struct dp_buf json = {0};

	dp_buf_addf(&json, "{\"severity\":\"error\",\"%s\":", name);
	dp_json_write_string(&json, value);
	if (value2) {
		dp_buf_addf(&json, ",\"%s\":", name2);
		dp_json_write_string(&json, dp_str_from(value2));
	}
	dp_buf_add_char(&json, '}');
	read_json(dp_buf_str(&json), out);
	dp_buf_release(&json);
}

static const struct message_case {
	const char *details;
	const char *want;
} messages[] = {
    {"nothing to change", "nothing to change"}, {" a \t b\r", "a b"},
    {"\n\nfirst\nsecond", "first"}, {"42", "*"}, {"4711 of 4712", "* of *"},
    {"-5 +5 1.5e-3 1,234.5 50%", "*%"}, {"x=-5;y=+5", "x=*;y=*"}, {"a-5 3-way 2FA 3rd", "a-*"},
    {"0x7ffe01", "*"}, {"at 12ms, 1m3.5s, 350µs", "at *"}, {"1.5MiB of 2GB", "* of *"},
    {"2026-03-14T09:26:53.589+01:00: late", "*: late"}, {"on 2026-03-14 09:26:53", "on *"},
    {"user42 v1.2.3 utf-8 x86_64", "user* v* utf-* x*_*"}, {"10.0.0.1:5432: refused", "*: refused"},
    {"[::1]:80 [fe80::1%eth0] ::1 2001:db8::1", "*"},
    {"std::vector a::b [abc] []", "std::vector a::b [abc] []"},
    {"550e8400-e29b-41d4-a716-446655440000!", "*!"},
    {"order-f47ac10b-58cc-4372-a567-0e02b2c3d479", "order-*"},
    {"a3f8c2d1 deadbeef a3f8c2", "* deadbeef *"}, {"abcdefa1 abcdef1", "* abcdef*"},
    {"cus_Nf8a9ZxQ", "cus_*"}, {"eyJhbGciOiJIUzIabcdefghijklmnopqrst9", "*"},
    {"Foo@cafe1 foo@bar", "Foo@* foo@bar"}, {"mail to zoe.m+x@mail.example.com.", "mail to *."},
    {"https://example.com", "https://example.com"},
    {"see https://example.com/a/b?c=d#e.", "see https://example.com/*."},
    {"(http://u:p@10.0.0.1:8080/x)", "(http://*/*)"},
    {"postgresql://u:p@db:5432/app", "postgresql://db:*/*"}, {"file:///app/x", "file:///*"},
    {":// //", ":// //"}, {"open /a/b.db: no", "open *: no"}, {"./a ../b ~/c C:\\d \\\\e\\f", "*"},
    {"and/or a / b /", "and/or a / b /"}, {"GET /a/17/b?x=1 failed", "GET /a/*/b?x=* failed"},
    {"GET failed /a/b", "GET failed *"}, {"'a' \"b\" `c` `d' «e» “f” „g“ ‘h’", "*"},
    {"key='a' is not \"b\"", "key=* is not *"}, {"b'caf' u\"x\"", "b* u*"},
    {"can't, won't, O'Brien, users'", "can't, won't, O'Brien, users'"}, {"'O'Brien' is", "* is"},
    {"\"a 'b' c\" d", "* d"}, {"\"a \\\" b\" c", "* c"}, {"\"open 'a' b", "\"open * b"},
    {"'open \"a\" b", "'open * b"}, {"'''", "*'"}, {"\"\"", "*"}, {"«a", "«a"},
    {"ends with \\", "ends with \\"}, {"\"ends with \\", "\"ends with \\"},
    {"\"cut\"... and 'cut'… so", "* and * so"}, {"1, 2,3 and 4 5", "* and *"}, {"1; 2", "*; *"},
    {"注文42が", "注文*が"}, {"bell\x07\x7fhere", "bell here"},
    {"", "error"}, /* the event's type */
};

static void test_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
		struct dp_fingerprint f;

		read_two("details", dp_str_from(messages[i].details), "", NULL, &f);
		if (strcmp(f.message, messages[i].want) != 0)
			fail_msg("'%s': '%s'", messages[i].details, f.message);
		assert_string_equal(f.type, "");
		assert_string_equal(f.place, "");
	}
}

static const struct place_case {
	const char *file;
	const char *function; /* NULL: none */
	const char *want;
} places[] = {
    {"main.py", NULL, "main.py"},
    {"", "f", "f"},
    {"shop/tasks.py", "split", "shop/tasks.py:split"},
    {"/app/shop/tasks.py", "split", "shop/tasks.py:split"},
    {"/app/main.py", "f", "main.py:f"},
    {"/srv/shop/main.py", "f", "main.py:f"},
    {"/srv/main.py", "f", "main.py:f"},
    {"/home/zoe/shop/main.py", "f", "main.py:f"},
    {"/home/zoe/work/shop/src/main.py", "f", "src/main.py:f"},
    {"/Users/zoe/shop/a/b/c.py", "f", "b/c.py:f"},
    {"C:\\Users\\zoe\\shop\\a\\b.py", "f", "a/b.py:f"},
    {"/application/main.py", "f", "application/main.py:f"},
    {"/srv/shop/releases/20260314101500/main.py", "f", "*/main.py:f"},
    {"/v/lib/python3.11/site-packages/six.py", "f", "six.py:f"},
    {"/v/python3.11/site-packages", "f", "python3.11/site-packages:f"},
    {"/v/python3.11/site-packages/", "f", "f"},
    {"/v/lib/python3.11/site-packages/a/b.py", "f", "a/b.py:f"},
    {"/v/lib/python3.11/site-packages/a/b/c.py", "f", "b/c.py:f"},
    {"/x/node_modules/@babel/core.js", "f", "@babel/core.js:f"},
    {"/go/pkg/mod/github.com/lib/pq@v1.10.9/conn.go", "f", "pq/conn.go:f"},
    {"./a.py", "f", "a.py:f"},
    {"/a/b/c.pyc", "f", "b/c.py:f"},
    {"https://shop.example/static/cart.js?v=3", "f", "static/cart.js:f"},
    {"https://shop.example", "f", "f"},
    {"webpack:///./src/cart.ts", "f", "src/cart.ts:f"},
    {"main.8f3a2c.js", "f", "main.js:f"},
    {"assets/index-BkF3x9aQ.js", "f", "assets/index.js:f"},
    {"chunk-vendors.js", "f", "chunk-vendors.js:f"},
    {"jquery-3.6.0.min.js", "f", "jquery-3.6.0.min.js:f"},
    {"a/b-1234567.py", "f", "a/b-1234567.py:f"},
    {"app\n.py", "f", "app?.py:f"},
    {"a.py", "total = 1\nx", "a.py"}, /* a piece of code */
    {"a.py", "Cart.<locals>.f", "a.py:Cart.<locals>.f"},
    {"A.java", "com.acme.A.lambda$run$3", "A.java:com.acme.A.lambda$run"},
    {"A.java", "com.acme.A$1.run", "A.java:com.acme.A.run"},
    {"A.java", "com.acme.A$$Lambda$14/0x00ab.run", "A.java:com.acme.A.run"},
    {"A.java", "com.acme.A$$", "A.java:com.acme.A"},
    {"a.go", "main.run.func1.2", "a.go:main.run.func"},
    {"a.go", "main.md5", "a.go:main.md5"},
    {"a.go", "main.2x", "a.go:main.2x"},
    {"a.go", "5", "a.go:5"},
};

static void test_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		struct dp_fingerprint f;

		read_two("file", dp_str_from(places[i].file), "source", places[i].function, &f);
		if (strcmp(f.place, places[i].want) != 0)
			fail_msg("'%s': '%s'", places[i].file, f.place);
	}
}

#define STACK \
	",\"stacktrace\":[{\"file\":\"/app/a.py\",\"line\":3,\"function\":\"f\",\"inApp\":true}]"

static const struct event_case {
	const char *name;
	const char *members; /* beside the severity */
	const char *want;    /* type|place|message */
} events[] = {
    {"the SDK's", "\"name\":\"KeyError\",\"details\":\"'user'\"" STACK, "KeyError|a.py:f|*"},
    {"the frame counts, not the event's file",
	"\"name\":\"E\",\"file\":\"logging.py\",\"source\":\"log\"" STACK, "E|a.py:f|"},
    {"a stack that nothing is known of",
	"\"file\":\"app.py\",\"source\":\"insert_order\",\"details\":\"Database insert failed\","
	"\"stacktrace\":[\"line 1\",\"line 2\"]",
	"|app.py:insert_order|Database insert failed"},
    {"a class with its package in the message only",
	"\"name\":\"Declined\",\"details\":\"billing.Declined: card 17\"", "Declined||card *"},
    {"another class in the message", "\"name\":\"E\",\"details\":\"KeyError: x\"",
	"E||KeyError: x"},
    {"a class without a message", "\"details\":\"KeyboardInterrupt\"", "KeyboardInterrupt||"},
    {"a class on a line of its own", "\"details\":\"a.Gone\\nmore\"", "a.Gone||"},
    {"a class with a code", "\"details\":\"TypeError [ERR_X]: no \\\"a\\\"\"",
	"TypeError||[ERR_X]: no *"},
    {"an empty message", "\"name\":\"ValueError\",\"details\":\"\",\"message\":\"of the log\"",
	"ValueError||"},
    {"the message of a log", "\"name\":\"ValueError\",\"message\":\"no user 5\"",
	"ValueError||no user *"},
    {"a package's class in lower case", "\"details\":\"socket.timeout: timed out\"",
	"socket.timeout||timed out"},
    {"no class: a host", "\"details\":\"db.example.com: refused\"", "||db.example.com: refused"},
    {"no class: a level", "\"details\":\"FATAL: no role \\\"x\\\"\"", "||FATAL: no role *"},
    {"no class: an id", "\"details\":\"Order4711: is closed\"", "||Order*: is closed"},
    {"no class: a clock", "\"details\":\"At10:30: late\"", "||At*: late"},
    {"class of the headline",
	"\"details\":\"Insert failed\",\"stacktrace\":\"a.Gone: x\\n  at f (/app/b.js:1:2)\"",
	"a.Gone|b.js:f|Insert failed"},
    {"a name with numbers is no class", "\"name\":\"job 4711 failed\"", "||job * failed"},
    {"a name with an id is no class", "\"name\":\"job4711\"", "||job*"},
    {"a response's name is no class", "\"type\":\"response\",\"name\":\"500 GET /account\"",
	"||* GET /account"},
    {"a task's name is no class", "\"type\":\"task\",\"name\":\"shop.tasks.checkout\"",
	"||shop.tasks.checkout"},
    {"with a stack it is", "\"type\":\"task\",\"name\":\"E\",\"details\":\"x\"" STACK,
	"E|a.py:f|x"},
    {"details that are an object", "\"name\":\"E\",\"details\":{\"message\":\"no 5\",\"a\":1}",
	"E||no *"},
    {"details of other types", "\"name\":\"E\",\"details\":[1,\"x\"]", "E||"},
    {"a number as message", "\"name\":\"E\",\"message\":17", "E||"},
    {"nothing but a type", "\"type\":\"query\"", "||query"},
    {"a type with numbers", "\"type\":\"query 17\"", "||query *"},
    {"in a browser", "\"details\":\"Uncaught (in promise) TypeError: x is null\"",
	"TypeError||x is null"},
    {"in Java's thread", "\"details\":\"Exception in thread \\\"pool-1\\\" a.Bad: c\"", "a.Bad||c"},
    {"in Java's thread, cut", "\"details\":\"Exception in thread \\\"pool\"",
	"||Exception in thread \"pool"},
};

static void test_events(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		struct dp_buf text = {0};
		struct dp_fingerprint f;

		dp_buf_addf(&text, "{\"severity\":\"error\",%s}", events[i].members);
		read_json(dp_buf_str(&text), &f);
		dp_buf_clear(&text);
		dp_buf_addf(&text, "%s|%s|%s", f.type, f.place, f.message);
		if (strcmp(dp_buf_text(&text), events[i].want) != 0)
			fail_msg("%s: %s", events[i].name, dp_buf_text(&text));
		dp_buf_release(&text);
	}
}

/* The trace, the time, the system, the locals and the lines do not count. */
static void test_what_does_not_count(void **state)
{
	static const char *const same[] = {
	    "{\"severity\":\"error\",\"name\":\"E\",\"details\":\"x\"" STACK "}",
	    "{\"severity\":\"fatal\",\"name\":\"E\",\"details\":\"x\",\"system\":\"other\","
	    "\"environment\":\"test\",\"traceId\":\"t\",\"locals\":{\"name\":\"F\"},\"line\":4,"
	    "\"causes\":[{\"name\":\"G\",\"details\":\"y\"}],\"stacktrace\":[{\"line\":9,"
	    "\"function\":\"f\",\"file\":\"/srv/shop/a.py\",\"locals\":{\"file\":\"z.py\"}}]}",
	};
	struct dp_fingerprint f[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		read_json(dp_str_from(same[i]), &f[i]);
	assert_string_equal(f[0].id, f[1].id);
}

/* Ids are stored: these must never change. */
static void test_ids_stay(void **state)
{
	static const struct {
		const char *type;
		const char *place;
		const char *message;
		const char *id;
	} known[] = {
	    {"", "", "", "d94d12186c0f2fb7"},
	    {"KeyError", "shop/cart.py:load", "*", "02b19d21466984ee"},
	    {"", "", "order * of * failed after * attempts", "d0b89b9ae39ddd3b"},
	    {"java.lang.NullPointerException", "App.java:App.main", "", "f8e34ac019a9e99f"},
	    {"é", "ß", "注文", "62a157e23ae14cbb"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		struct dp_fingerprint f;

		snprintf(f.type, sizeof f.type, "%s", known[i].type);
		snprintf(f.place, sizeof f.place, "%s", known[i].place);
		snprintf(f.message, sizeof f.message, "%s", known[i].message);
		dp_fingerprint_hash(&f);
		if (strcmp(f.id, known[i].id) != 0)
			fail_msg("'%s' '%s' '%s': %s", f.type, f.place, f.message, f.id);
	}
}

/* The same for the rules. */
static void test_events_keep_their_ids(void **state)
{
	static const struct {
		const char *json;
		const char *id;
	} known[] = {
	    {"{\"severity\":\"error\",\"type\":\"error\",\"name\":\"shop.errors.Refused\","
	     "\"details\":\"order 4711 of 'zoe' is "
	     "closed\",\"stacktrace\":[{\"file\":\"/app/shop/"
	     "orders.py\",\"line\":3,\"function\":\"Cart.close\",\"inApp\":true},{\"file\":\"/v/"
	     "site-packages/a.py\",\"line\":1,\"function\":\"f\",\"inApp\":false}]}",
		"84296da61be472fa"},
	    {"{\"severity\":\"error\",\"details\":\"Traceback (most recent call last):\\n  File "
	     "\\\"/srv/shop/cart.py\\\", line 3, in load\\nKeyError: 'user'\\n\"}",
		"972c335d6fb093b5"},
	    {"{\"severity\":\"error\",\"name\":\"TypeError\",\"details\":\"x of user42 is "
	     "undefined\",\"stacktrace\":\"TypeError: x\\n    at async Cart.total "
	     "(https://a.example/static/main.8f3a2c.js:1:2)\"}",
		"52f05cd07a83db76"},
	    {"{\"severity\":\"error\",\"name\":\"a.Refused\",\"details\":\"bad "
	     "com.acme.Order@1b6d3586\",\"stacktrace\":\"x\\n\\tat "
	     "app//com.acme.Pay.lambda$run$3(Pay.java:7)\"}",
		"f5e60eae6e26f20b"},
	    {"{\"severity\":\"error\",\"name\":\"*net.OpError\",\"details\":\"dial tcp [::1]:5432: "
	     "connect: connection refused\",\"stacktrace\":\"goroutine 1 "
	     "[running]:\\nmain.(*Cart).load.func1(0x1)\\n\\t/app/cart.go:7 +0x1\\n\"}",
		"07e0fc11a81bce12"},
	    {"{\"severity\":\"error\",\"system\":\"api\",\"details\":\"GET /orders/17 failed after "
	     "1.5s: open /data/x: 3, 4\"}",
		"2d7c22f1b2825b23"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		struct dp_fingerprint f;

		read_json(dp_str_from(known[i].json), &f);
		if (strcmp(f.id, known[i].id) != 0)
			fail_msg("%s: %s|%s|%s", f.id, f.type, f.place, f.message);
	}
}

/* The parts are told apart: text does not slip from one to the next. */
static void test_parts_are_apart(void **state)
{
	struct dp_fingerprint a = {.type = "ab", .place = "c"};
	struct dp_fingerprint b = {.type = "a", .place = "bc"};

	(void)state;
	dp_fingerprint_hash(&a);
	dp_fingerprint_hash(&b);
	assert_string_not_equal(a.id, b.id);
}

static void check_text(const char *text, size_t max)
{
	assert_true(strlen(text) <= max);
	assert_true(dp_text_is_valid(text, strlen(text)));
}

static void test_long_texts_are_cut(void **state)
{
	struct dp_buf text = {0};
	struct dp_fingerprint f;

	(void)state;
	for (int i = 0; i < 1000; i++)
		dp_buf_add_text(&text, i ? "é" : "x");
	read_two("details", dp_buf_str(&text), "name", dp_buf_text(&text), &f);
	assert_int_equal(strlen(f.message), DP_FINGERPRINT_MESSAGE_MAX - 1);
	check_text(f.message, DP_FINGERPRINT_MESSAGE_MAX);
	read_two("file", dp_buf_str(&text), "", NULL, &f);
	assert_int_equal(strlen(f.place), DP_FINGERPRINT_PLACE_MAX - 1);
	check_text(f.place, DP_FINGERPRINT_PLACE_MAX);
	text.len = DP_FINGERPRINT_TYPE_MAX - 1;
	read_two("name", dp_buf_str(&text), "", NULL, &f);
	assert_int_equal(strlen(f.type), DP_FINGERPRINT_TYPE_MAX - 1);
	dp_buf_release(&text);
}

/* Behind 1 KiB nothing of a message counts, nor does a quote end there. */
static void test_only_the_begin_counts(void **state)
{
	char text[4096];
	struct dp_fingerprint f[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		for (size_t k = 0; k < sizeof text; k++)
			text[k] = k % 2 ? ' ' : '1';
		memset(text + 1024, i ? 'y' : 'x', sizeof text - 1024);
		read_two("details", (struct dp_str){text, sizeof text}, "", NULL, &f[i]);
		assert_string_equal(f[i].message, "*");
	}
	assert_string_equal(f[0].id, f[1].id);
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A MiB of one pattern in any of the members. */
static void test_hostile(void **state)
{
	static const char *const patterns[] = {"a", "1", "'", " '", "'a ", "\"", "\\", "`", "«",
	    "1«»", "[", "[::", "1=", "a@", "/", "://", "a:", "-", "\n", " ", "at f (", "at (",
	    "\tat a.b(", "  File \"", "  File \"a\", line 1, in f\n", "    at f (a.js:1:2)\n",
	    "f()\n\t/a.go:1\n", "panic()\n\t/a.go:1\n", "a.", "A: ", "$$", "$1", ".func1", "é",
	    "Uncaught ", "|", "+-"};
	static const char *const members[] = {"details", "stacktrace", "file", "source", "name"};
	struct dp_buf text = {0};
	struct dp_fingerprint f;

	(void)state;
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		double began;

		dp_buf_clear(&text);
		while (text.len < 400000) /* escaped it is below a MiB */
			dp_buf_add_text(&text, patterns[i]);
		for (size_t k = 0; k < sizeof members / sizeof *members; k++) {
			began = cpu_seconds();
			read_two(members[k], dp_buf_str(&text), "source", "f", &f);
			/* reading it takes some ms; a quadratic search, minutes */
			if (cpu_seconds() - began > 5)
				fail_msg("'%s' in %s is slow", patterns[i], members[k]);
			check_text(f.message, DP_FINGERPRINT_MESSAGE_MAX);
			check_text(f.place, DP_FINGERPRINT_PLACE_MAX);
			check_text(f.type, DP_FINGERPRINT_TYPE_MAX);
		}
	}
	dp_buf_release(&text);
}

/* The least of three times that it takes to read a call of a function of 400,000 such characters.
 */
static double seconds_of_function(char c)
{
	static char name[400000];
	struct dp_buf text = {0};
	struct dp_fingerprint f;
	double least = 1e9;

	memset(name, c, sizeof name);
	dp_buf_add_text(&text, "Error: it failed\n    at ");
	dp_buf_add(&text, name, sizeof name);
	dp_buf_add_text(&text, " (/app/a.js:1:2)");
	for (int i = 0; i < 3; i++) {
		double began = cpu_seconds();

		read_two("stacktrace", dp_buf_str(&text), "type", "error", &f);
		if (cpu_seconds() - began < least)
			least = cpu_seconds() - began;
	}
	check_text(f.place, DP_FINGERPRINT_PLACE_MAX);
	assert_int_equal(f.place[DP_FINGERPRINT_PLACE_MAX - 1], c);
	dp_buf_release(&text);
	return least;
}

static void test_digits_are_read_once(void **state)
{
	(void)state;
	assert_true(seconds_of_function('1') < 10 * seconds_of_function('x'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_messages),
	    cmocka_unit_test(test_places),
	    cmocka_unit_test(test_events),
	    cmocka_unit_test(test_what_does_not_count),
	    cmocka_unit_test(test_ids_stay),
	    cmocka_unit_test(test_events_keep_their_ids),
	    cmocka_unit_test(test_parts_are_apart),
	    cmocka_unit_test(test_long_texts_are_cut),
	    cmocka_unit_test(test_only_the_begin_counts),
	    cmocka_unit_test(test_hostile),
	    cmocka_unit_test(test_digits_are_read_once),
	};

	return cmocka_run_group_tests_name("fingerprint", tests, NULL, NULL);
}
