#include "event.h"

#include "json_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const struct split_case {
	const char *name;
	const char *message;
	const char *want; /* the parts, each between < and > */
} cases[] = {
    {"empty", "", ""},
    {"white space", " \r\n\t ", ""},
    {"one object", "{\"a\":1}", "<{\"a\":1}>"},
    {"white space around it", "\r\n {\"a\":1} \r\n", "<{\"a\":1}>"},
    {"one object over several lines", "{\n  \"a\": {\n  }\n}\n", "<{\n  \"a\": {\n  }\n}>"},
    {"NDJSON", "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n", "<{\"a\":1}><{\"b\":2}><{\"c\":3}>"},
    {"NDJSON without the last newline", "{\"a\":1}\n{\"b\":2}", "<{\"a\":1}><{\"b\":2}>"},
    {"NDJSON with CR LF and blank lines", "{\"a\":1}\r\n\r\n \n{\"b\":2}\r\n",
	"<{\"a\":1}><{\"b\":2}>"},
    {"NDJSON: a broken line", "{\"a\":1}\n{\"b\":\n{\"c\":3}", "<{\"a\":1}><{\"b\":><{\"c\":3}>"},
    {"NDJSON: the first line broken", "{\"a\":\n{\"b\":2}\n{\"c\":3}",
	"<{\"a\":><{\"b\":2}><{\"c\":3}>"},
    {"NDJSON: the first string does not end", "{\"a\":\"x}\n{\"b\":\"y\"}\n{\"c\":\"z\"}",
	"<{\"a\":\"x}><{\"b\":\"y\"}><{\"c\":\"z\"}>"},
    {"NDJSON: the first ends in a backslash", "{\"a\":\"\\", "<{\"a\":\"\\>"},
    {"NDJSON: no object first", "hello\n{\"b\":2}", "<hello><{\"b\":2}>"},
    {"NDJSON: a byte order mark", "\xef\xbb\xbf{\"a\":1}\n{\"b\":2}",
	"<\xef\xbb\xbf{\"a\":1}><{\"b\":2}>"},
    {"NDJSON: too many brackets", "{\"a\":1}}\n{\"b\":2}", "<{\"a\":1}><}><{\"b\":2}>"},
    {"NDJSON: brackets in strings", "{\"a\":\"}{\"}\n{\"b\":\"\\\"}\"}",
	"<{\"a\":\"}{\"}><{\"b\":\"\\\"}\"}>"},
    {"objects on one line", "{\"a\":1}{\"b\":2} {\"c\":3}", "<{\"a\":1}><{\"b\":2}><{\"c\":3}>"},
    {"objects over several lines", "{\n\"a\":1\n}\n{\n\"b\":2\n}\n",
	"<{\n\"a\":1\n}><{\n\"b\":2\n}>"},
    {"objects with something between", "{\n}\nx y\n{\n}", "<{\n}><x y><{\n}>"},
    {"objects with a comma between", "{\"a\":1},{\"b\":2}\n{\"c\":3}",
	"<{\"a\":1}><,{\"b\":2}><{\"c\":3}>"},
    {"objects: one does not end", "{\n}{\n{}\n{\"c\":3}", "<{\n}><{><{}><{\"c\":3}>"},
    {"a scalar", "17", "<17>"},
    {"array", "[{\"a\":1},{\"b\":2}]", "<{\"a\":1}><{\"b\":2}>"},
    {"array with white space", " [ {\"a\":1} ,\n {\"b\":[ ]} ] ", "<{\"a\":1}><{\"b\":[ ]}>"},
    {"array of none", "[]", ""},
    {"array of none with white space", " [\n] \n", ""},
    {"array: commas and brackets inside", "[{\"a\":[1,2],\"b\":\"],[\"},{\"c\":\"\\\"],\"}]",
	"<{\"a\":[1,2],\"b\":\"],[\"}><{\"c\":\"\\\"],\"}>"},
    {"array: scalars", "[1, \"a,]b\", null]", "<1><\"a,]b\"><null>"},
    {"array: an array in it", "[[{\"a\":1},2],{\"b\":2}]", "<[{\"a\":1},2]><{\"b\":2}>"},
    {"array: a broken element", "[{\"a\":1},{\"b\":},{\"c\":3}]",
	"<{\"a\":1}><{\"b\":}><{\"c\":3}>"},
    {"array: junk for an element", "[{\"a\":1},}x{},{\"c\":3}]", "<{\"a\":1}><}x{}><{\"c\":3}>"},
    {"array: an empty element", "[{\"a\":1},,{\"c\":3}]", "<{\"a\":1}><><{\"c\":3}>"},
    {"array: a comma at the end", "[{\"a\":1},]", "<{\"a\":1}><>"},
    {"array: does not end", "[{\"a\":1}", "<{\"a\":1}><>"},
    {"array: does not end after a comma", "[{\"a\":1},\n", "<{\"a\":1}><>"},
    {"array: only a bracket", "[", "<>"},
    {"array: an element does not end", "[{\"a\":1},{\"b\":[2,{\"c\":3}]",
	"<{\"a\":1}><{\"b\":[2,{\"c\":3}]>"},
    {"array: a string does not end", "[{\"a\":1},{\"b\":\"},{\"c\":3}]",
	"<{\"a\":1}><{\"b\":\"},{\"c\":3}]>"},
    {"array: a bare string does not end", "[\"a]", "<\"a]>"},
    {"array: something behind it", "[{\"a\":1}] x\n{\"b\":2}", "<{\"a\":1}><x><{\"b\":2}>"},
    {"array: something behind none", "[]{\"b\":2}", "<{\"b\":2}>"},
};

/* Writes the parts of a message, each between < and >; fails where one lies outside. */
static void split(struct dp_str message, struct dp_buf *out)
{
	struct dp_event_splitter s = {.rest = message};
	struct dp_str part;

	while (dp_event_split(&s, &part)) {
		assert_true(part.p >= message.p && part.p + part.n <= message.p + message.n);
		dp_buf_add_char(out, '<');
		dp_buf_add_str(out, part);
		dp_buf_add_char(out, '>');
	}
	assert_false(dp_event_split(&s, &part));
}

static void splits(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct dp_buf got = {0};
		size_t n = strlen(cases[i].message);
		char *copy = malloc(n + 1);

		/* Without the NUL, so that the sanitizer sees a step too far. */
		copy = realloc(memcpy(copy, cases[i].message, n), n ? n : 1);
		split((struct dp_str){copy, n}, &got);
		if (strcmp(dp_buf_text(&got), cases[i].want) != 0)
			fail_msg("%s: %s instead of %s", cases[i].name, got.data, cases[i].want);
		dp_buf_release(&got);
		free(copy);
	}
}

static void splits_nothing(void **state)
{
	struct dp_buf got = {0};

	(void)state;
	split((struct dp_str){0}, &got);
	assert_int_equal(got.len, 0);
	dp_buf_release(&got);
}

/* However objects are put together, what comes out is what went in. */
static void splits_what_was_joined(void **state)
{
	static const char *const forms[][3] = {{"", "\n", "\n"}, {"", "\r\n\r\n", ""},
	    {"[", ",", "]"}, {" [ ", "\n,", "]\n"}, {"", " ", ""}};
	uint64_t seed = 5;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		const char *const *form = JSON_PICK(&seed, forms);
		struct dp_buf message = {0};
		struct dp_buf want = {0};
		struct dp_buf got = {0};

		dp_buf_add_text(&message, form[0]);
		for (int n = 0; n < 5; n++) {
			struct dp_buf text = {0};
			struct dp_buf object = {0};
			struct dp_refusal why;

			dp_buf_add_text(&text, "{\"x\":");
			json_random_value(&seed, 3, &text);
			dp_buf_add_char(&text, '}');
			assert_true(dp_json_normalize(text.data, text.len, &object, &why) >= 0);
			dp_buf_add_text(&message, n ? form[1] : "");
			dp_buf_add_str(&message, dp_buf_str(&object));
			dp_buf_addf(&want, "<%.*s>", (int)object.len, object.data);
			dp_buf_release(&text);
			dp_buf_release(&object);
		}
		dp_buf_add_text(&message, form[2]);
		split(dp_buf_str(&message), &got);
		if (!dp_str_equal(dp_buf_str(&got), dp_buf_str(&want)))
			fail_msg("%.*s", (int)message.len, message.data);
		dp_buf_release(&message);
		dp_buf_release(&want);
		dp_buf_release(&got);
	}
}

/* A message of which each byte were looked at for each of its lines would take minutes. */
static void takes_linear_time(void **state)
{
	static const char *const repeated[] = {"{\n", "{\"\n", "[", "[{", "\"", "{}\n{", "{\n}{\n",
	    "[\"\\\",", ",", "]", "{\"a\":[\n", "[}"};

	(void)state;
	for (size_t i = 0; i < sizeof repeated / sizeof *repeated; i++) {
		struct dp_buf message = {0};
		struct dp_buf got = {0};
		clock_t start;

		while (message.len < DP_EVENT_BYTES_MAX)
			dp_buf_add_text(&message, repeated[i]);
		start = clock();
		split(dp_buf_str(&message), &got);
		assert_true(clock() - start < 2 * CLOCKS_PER_SEC);
		dp_buf_clear(&message);
		dp_buf_clear(&got);
		dp_buf_add_text(&message, "[{},");
		while (message.len < DP_EVENT_BYTES_MAX)
			dp_buf_add_text(&message, repeated[i]);
		start = clock();
		split(dp_buf_str(&message), &got);
		assert_true(clock() - start < 2 * CLOCKS_PER_SEC);
		dp_buf_release(&message);
		dp_buf_release(&got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(splits),
	    cmocka_unit_test(splits_nothing),
	    cmocka_unit_test(splits_what_was_joined),
	    cmocka_unit_test(takes_linear_time),
	};

	return cmocka_run_group_tests_name("event_split", tests, NULL, NULL);
}
