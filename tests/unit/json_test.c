#include "json.h"

#include "json_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define REPLACEMENT   "\xef\xbf\xbd"
#define TEXT(literal) literal, sizeof(literal) - 1

/* A copy whose end the sanitizer guards. */
static char *guarded(const char *p, size_t n)
{
	char *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

/* Fails where a text is not its own canonical form. */
static void check_canonical(const struct dp_buf *text)
{
	struct dp_buf again = {0};
	struct dp_refusal why;

	assert_int_equal(dp_json_normalize(text->data, text->len, &again, &why), 0);
	assert_true(dp_str_equal(dp_buf_str(text), dp_buf_str(&again)));
	dp_buf_release(&again);
}

/* Writes a value as its types and texts, to see what the cursor sees. */
static void describe(const struct dp_json *v, struct dp_buf *out)
{
	struct dp_json_cursor c = dp_json_children(v);
	struct dp_json child;

	dp_buf_addf(out, "%c", ".nft0sao"[v->type]);
	if (v->type == DP_JSON_STRING || v->type == DP_JSON_NUMBER)
		dp_json_decode(v, out);
	while (dp_json_next(&c, &child)) {
		dp_buf_add_char(out, '(');
		if (v->type == DP_JSON_OBJECT) {
			dp_json_decode_key(child.key, out);
			dp_buf_add_char(out, '=');
		} else {
			assert_int_equal(child.key.n, 0);
		}
		describe(&child, out);
		dp_buf_add_char(out, ')');
	}
}

static void walks_canonical_text(void **state)
{
	static const struct {
		const char *text;
		const char *want;
	} rows[] = {
	    {"null", "n"},
	    {"-1.5e3", "0-1.5e3"},
	    {"\"a\\\"b\"", "sa\"b"},
	    {"[]", "a"},
	    {"{}", "o"},
	    {"[1,true,[],\"x\",{},null]", "a(01)(t)(a)(sx)(o)(n)"},
	    {"{\"a\":1,\"b\":{\"c\":[false,\"]}\"]},\"d\":\"\"}", "o(a=01)(b=o(c=a(f)(s]})))(d=s)"},
	    {"{\"\":{},\"\\\\\":\"\\\\\",\"\\\"\":\"\\\\\\\"\"}", "o(=o)(\\=s\\)(\"=s\\\")"},
	    {"[[[1],[2]],[\"[\"]]", "a(a(a(01))(a(02)))(a(s[))"},
	    {"[\"\\b\\f\\n\\r\\t\\u0001\\u001f/\"]", "a(s\b\f\n\r\t\x01\x1f/)"},
	    {"", "."},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dp_buf got = {0};
		size_t n = strlen(rows[i].text);
		char *text = guarded(rows[i].text, n);
		const struct dp_json v = dp_json_value((struct dp_str){text, n});

		describe(&v, &got);
		assert_string_equal(dp_buf_text(&got), rows[i].want);
		dp_buf_release(&got);
		free(text);
	}
}

/* Cut text is not canonical, but what reads it must stay inside. */
static void walks_no_further_than_the_end(void **state)
{
	static const char text[] = "{\"a\":[1,{\"b\":\"x\\\"\"},\"y\"],\"c\":-5}";

	(void)state;
	for (size_t n = 1; n < sizeof text; n++) {
		char *cut = guarded(text, n);
		const struct dp_json v = {DP_JSON_ARRAY, {0}, {cut, n}};
		struct dp_json_cursor c = dp_json_children(&v);
		struct dp_json child;

		for (int i = 0; i < 10 && dp_json_next(&c, &child); i++)
			assert_true(child.text.p + child.text.n <= cut + n);
		free(cut);
	}
}

static void finds_a_member(void **state)
{
	const struct dp_json v =
	    dp_json_value(DP_STR("{\"a\":[{\"b\":1}],\"b\":\"x\",\"ab\":null}"));
	const struct dp_json a = dp_json_member(&v, "a");
	const struct dp_json b = dp_json_member(&v, "b");

	(void)state;
	assert_true(dp_str_is(a.text, "[{\"b\":1}]"));
	assert_true(dp_str_is(b.text, "\"x\""));
	assert_int_equal(dp_json_member(&v, "ab").type, DP_JSON_NULL);
	assert_int_equal(dp_json_member(&v, "c").type, DP_JSON_END);
	assert_int_equal(dp_json_member(&a, "b").type, DP_JSON_END);
	assert_int_equal(dp_json_member(&b, "b").type, DP_JSON_END);
}

static void gives_plain_strings_without_a_copy(void **state)
{
	const struct dp_json plain = dp_json_value(DP_STR("\"caf\xc3\xa9\""));
	const struct dp_json escaped = dp_json_value(DP_STR("\"a\\n\""));
	const struct dp_json number = dp_json_value(DP_STR("12"));
	struct dp_str s = DP_STR("untouched");

	(void)state;
	assert_false(dp_json_plain(&escaped, &s));
	assert_false(dp_json_plain(&number, &s));
	assert_true(dp_str_is(s, "untouched"));
	assert_true(dp_json_plain(&plain, &s));
	assert_true(dp_str_is(s, "caf\xc3\xa9"));
	assert_ptr_equal(s.p, plain.text.p + 1);
}

static void writes_strings(void **state)
{
	static const struct {
		const char *input;
		size_t size;
		const char *want;
	} rows[] = {
	    {TEXT(""), "\"\""},
	    {TEXT("plain"), "\"plain\""},
	    {TEXT("a\"b\\c/"), "\"a\\\"b\\\\c/\""},
	    {TEXT("\b\f\n\r\t\v\x1f\x7f"), "\"\\b\\f\\n\\r\\t\\u000b\\u001f\x7f\""},
	    {TEXT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
		"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
	    {TEXT("a\0b"), "\"a" REPLACEMENT "b\""},
	    {TEXT("\xff\xc3"), "\"" REPLACEMENT REPLACEMENT "\""},
	    {TEXT("\xed\xa0\x80"), "\"" REPLACEMENT REPLACEMENT REPLACEMENT "\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dp_buf out = {0};
		char *text = guarded(rows[i].input, rows[i].size);

		dp_json_write_string(&out, (struct dp_str){text, rows[i].size});
		check_canonical(&out);
		assert_string_equal(dp_buf_text(&out), rows[i].want);
		dp_buf_release(&out);
		free(text);
	}
}

static void decodes_what_it_wrote(void **state)
{
	uint64_t seed = 4;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct dp_buf text = {0};
		struct dp_buf written = {0};
		struct dp_buf decoded = {0};
		struct dp_json v;

		for (uint32_t n = json_random(&seed, 20); n > 0; n--)
			dp_buf_add_char(&text, (char)(1 + json_random(&seed, 127)));
		dp_json_write_string(&written, dp_buf_str(&text));
		v = dp_json_value(dp_buf_str(&written));
		dp_json_decode(&v, &decoded);
		assert_true(dp_str_equal(dp_buf_str(&text), dp_buf_str(&decoded)));
		dp_buf_release(&text);
		dp_buf_release(&written);
		dp_buf_release(&decoded);
	}
}

/* Appends [["xx…",ELEMENT],1]: the element at any distance from where its container begins. */
static void write_padded(struct dp_buf *out, size_t pad, const char *element)
{
	dp_buf_add_text(out, "[[\"");
	for (size_t i = 0; i < pad; i++)
		dp_buf_add_char(out, 'x');
	dp_buf_addf(out, "\",%s],1]", element);
}

/* Containers are passed over by blocks of bytes: whatever stands at a block's border, they end
 * where they should. */
static void passes_over_containers_of_any_length(void **state)
{
	static const char *const elements[] = {"{\"a\":\"]\"}", "[\"\\\\\"]", "\"\\\"}\"",
	    "[\"\\\\\\\"[\",[[]],{}]", "{\"}\":{\"\":[\"\\n\"]}}", "[[[[\"{\"]]],\"\\\\\\\\\"]"};
	enum { COUNT = sizeof elements / sizeof *elements, LONGEST = 140 };

	(void)state;
	for (size_t i = 0; i < COUNT * LONGEST; i++) {
		struct dp_buf text = {0};
		struct dp_json_cursor c;
		struct dp_json v;
		char *copy;

		write_padded(&text, i / COUNT, elements[i % COUNT]);
		check_canonical(&text);
		copy = guarded(text.data, text.len);
		v = dp_json_value((struct dp_str){copy, text.len});
		c = dp_json_children(&v);
		assert_true(dp_json_next(&c, &v));
		if (v.text.n != text.len - 4)
			fail_msg("%s: %.*s", dp_buf_text(&text), (int)v.text.n, v.text.p);
		assert_true(dp_json_next(&c, &v));
		assert_true(dp_str_is(v.text, "1"));
		assert_false(dp_json_next(&c, &v));
		free(copy);
		dp_buf_release(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(walks_canonical_text),
	    cmocka_unit_test(walks_no_further_than_the_end),
	    cmocka_unit_test(passes_over_containers_of_any_length),
	    cmocka_unit_test(finds_a_member),
	    cmocka_unit_test(gives_plain_strings_without_a_copy),
	    cmocka_unit_test(writes_strings),
	    cmocka_unit_test(decodes_what_it_wrote),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
