#include "json.h"

#include "json_oracle.h"
#include "json_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 20000 };

#define REPLACEMENT "\xef\xbf\xbd"
#define DIGITS_40   "1234567890123456789012345678901234567890"
#define ZEROS_39    "000000000000000000000000000000000000000"

enum {
	NUL = DP_JSON_FIXED_NUL,
	SURROGATE = DP_JSON_FIXED_SURROGATE,
	DUPLICATE = DP_JSON_FIXED_DUPLICATE,
};

static const struct canonical_case {
	const char *name;
	const char *input;
	const char *want;
	int fixed;
} canonical_cases[] = {
    {"null", "null", "null", 0},
    {"true", "true", "true", 0},
    {"false", "false", "false", 0},
    {"white space around", " \t\r\n{ } \n", "{}", 0},
    {"white space in an object", "{ \"a\" : 1 , \"b\" : [ ] }", "{\"a\":1,\"b\":[]}", 0},
    {"white space in an array", "[ 1 ,\t2\r\n, [ ] ]", "[1,2,[]]", 0},

    {"empty string", "\"\"", "\"\"", 0},
    {"plain, shorter than a word", "\"abc\"", "\"abc\"", 0},
    {"plain, longer than a word", "\"abcdefghijklmnopqrstuvwxyz0123456789\"",
	"\"abcdefghijklmnopqrstuvwxyz0123456789\"", 0},
    {"short escapes stay", "\"\\\" \\\\ \\b \\f \\n \\r \\t\"", "\"\\\" \\\\ \\b \\f \\n \\r \\t\"",
	0},
    {"an escaped slash is a slash", "\"\\/\"", "\"/\"", 0},
    {"long escapes of short ones", "\"\\u0022\\u005c\\u0008\\u000c\\u000a\\u000d\\u0009\"",
	"\"\\\"\\\\\\b\\f\\n\\r\\t\"", 0},
    {"other controls in lower case", "\"\\u0001\\u000B\\u000e\\u001F\"",
	"\"\\u0001\\u000b\\u000e\\u001f\"", 0},
    {"ASCII needs no escape", "\"\\u0041\\u0020\\u007f\"", "\"A \x7f\"", 0},
    {"two bytes", "\"\\u00e9\\u00E9\"", "\"\xc3\xa9\xc3\xa9\"", 0},
    {"three bytes", "\"\\u20ac\"", "\"\xe2\x82\xac\"", 0},
    {"a pair of surrogates", "\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"", 0},
    {"the last character", "\"\\udbff\\udfff\"", "\"\xf4\x8f\xbf\xbf\"", 0},
    {"raw UTF-8",
	"\"\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xef\xbf\xbf \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf\"",
	"\"\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xef\xbf\xbf \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf\"", 0},
    {"DEL, C1 and bidi are kept", "\"\x7f\xc2\x9b\xe2\x80\xae\"", "\"\x7f\xc2\x9b\xe2\x80\xae\"",
	0},
    {"a BOM inside a string", "\"\xef\xbb\xbf\"", "\"\xef\xbb\xbf\"", 0},

    {"U+0000", "\"a\\u0000b\"", "\"a" REPLACEMENT "b\"", NUL},
    {"U+0000 in a key", "{\"a\\u0000\":1}", "{\"a" REPLACEMENT "\":1}", NUL},
    {"lone high surrogate", "\"\\ud800\"", "\"" REPLACEMENT "\"", SURROGATE},
    {"lone low surrogate", "\"\\udc00x\"", "\"" REPLACEMENT "x\"", SURROGATE},
    {"high then no escape", "\"\\ud800abcdef\"", "\"" REPLACEMENT "abcdef\"", SURROGATE},
    {"high then another escape", "\"\\ud800\\n\"", "\"" REPLACEMENT "\\n\"", SURROGATE},
    {"high then a character", "\"\\ud800\\u0041\"", "\"" REPLACEMENT "A\"", SURROGATE},
    {"high then a pair", "\"\\ud800\\ud83d\\ude00\"", "\"" REPLACEMENT "\xf0\x9f\x98\x80\"",
	SURROGATE},
    {"low then high", "\"\\ude00\\ud83d\"", "\"" REPLACEMENT REPLACEMENT "\"", SURROGATE},
    {"high then U+0000", "\"\\udbff\\u0000\"", "\"" REPLACEMENT REPLACEMENT "\"", SURROGATE | NUL},

    {"zero", "0", "0", 0},
    {"minus zero", "-0", "-0", 0},
    {"digits stay", "18446744073709551617", "18446744073709551617", 0},
    {"zeros at the end stay", "1.500", "1.500", 0},
    {"the exponent's letters stay", "[1E5,1e+5,1e-05]", "[1E5,1e+5,1e-05]", 0},
    {"40 digits", DIGITS_40, DIGITS_40, 0},
    {"40 digits, sign, dot and exponent", "-0." ZEROS_39 "e1", "-0." ZEROS_39 "e1", 0},
    {"exponent 308", "1e308", "1e308", 0},
    {"exponent -308", "1e-308", "1e-308", 0},
    {"zero with any exponent", "[0e5,0.0e-308,0E308]", "[0e5,0.0e-308,0E308]", 0},
    {"the greatest double", "1.7976931348623157e308", "1.7976931348623157e308", 0},
    {"it, written otherwise", "179769.31348623157081e303", "179769.31348623157081e303", 0},
    {"less digits than it", "1.79e308", "1.79e308", 0},
    {"the least", "0.001e-305", "0.001e-305", 0},
    {"zeros before an exponent", "1e0000000000000000000000000000000000000007",
	"1e0000000000000000000000000000000000000007", 0},

    {"one duplicate", "{\"a\":1,\"a\":2}", "{\"a\":2}", DUPLICATE},
    {"the last stays at its place", "{\"a\":1,\"b\":2,\"a\":3,\"c\":4}",
	"{\"b\":2,\"a\":3,\"c\":4}", DUPLICATE},
    {"the last one at the end", "{\"a\":1,\"b\":2,\"b\":3,\"a\":{}}", "{\"b\":3,\"a\":{}}",
	DUPLICATE},
    {"three of a kind", "{\"a\":1,\"a\":2,\"a\":3}", "{\"a\":3}", DUPLICATE},
    {"keys are compared decoded", "{\"\\u0061\\/\":1,\"a/\":2}", "{\"a/\":2}", DUPLICATE},
    {"keys that repairs make alike", "{\"\\u0000\":1,\"\\ud800\":2}", "{\"" REPLACEMENT "\":2}",
	NUL | SURROGATE | DUPLICATE},
    {"empty keys", "{\"\":1,\"\":2}", "{\"\":2}", DUPLICATE},
    {"the same beginning is not the same", "{\"abcdefgh1\":1,\"abcdefgh2\":2,\"abcdefgh\":3}",
	"{\"abcdefgh1\":1,\"abcdefgh2\":2,\"abcdefgh\":3}", 0},
    {"the same length and beginning", "{\"abcdefgh1\":1,\"abcdefgh1\":2}", "{\"abcdefgh1\":2}",
	DUPLICATE},
    {"inside an array", "[{\"a\":1,\"a\":2},{\"a\":3}]", "[{\"a\":2},{\"a\":3}]", DUPLICATE},
    {"at two depths", "{\"o\":{\"x\":1,\"x\":2},\"o\":{\"y\":{\"z\":1,\"z\":[3]},\"y2\":0}}",
	"{\"o\":{\"y\":{\"z\":[3]},\"y2\":0}}", DUPLICATE},
    {"depths do not mix", "{\"a\":{\"a\":{\"a\":1}}}", "{\"a\":{\"a\":{\"a\":1}}}", 0},
};

#define TEXT(literal) literal, sizeof(literal) - 1

static const struct refused_case {
	const char *name;
	const char *input;
	size_t size;
	const char *code;
	size_t at;
	const char *why; /* behind "byte N: " */
} refused_cases[] = {
    {"empty", TEXT(""), "not-json", 0, "empty: no value at all"},
    {"white space only", TEXT(" \n"), "not-json", 2, "empty: no value at all"},
    {"byte order mark", TEXT("\xef\xbb\xbf{}"), "not-json", 0,
	"a byte order mark: write UTF-8 without one"},
    {"something after the value", TEXT("{} {}"), "not-json", 3,
	"expected the end after the value, found '{'"},
    {"a NUL after the value", TEXT("1\0"), "not-json", 1, "expected the end after the value"},
    {"no value", TEXT("hello"), "not-json", 0, "expected a value, found 'h'"},
    {"only a bracket", TEXT("["), "not-json", 1, "the text ends where a value was expected"},
    {"NaN", TEXT("NaN"), "not-json", 0, "expected a value, found 'N'"},
    {"Infinity", TEXT("-Infinity"), "not-json", 1, "expected a digit, found 'I'"},
    {"single quotes", TEXT("'a'"), "not-json", 0, "expected a value, found '''"},
    {"a comment", TEXT("/**/1"), "not-json", 0, "expected a value, found '/'"},
    {"a word in capitals", TEXT("True"), "not-json", 0, "expected a value, found 'T'"},
    {"half a word", TEXT("tru"), "not-json", 0, "expected a value, found 't'"},
    {"another word", TEXT("nil."), "not-json", 0, "expected a value, found 'n'"},
    {"a longer word", TEXT("nulls"), "not-json", 4, "expected the end after the value, found 's'"},
    {"not false", TEXT("fals3"), "not-json", 0, "expected a value, found 'f'"},
    {"DEL", TEXT("\x7f"), "not-json", 0, "expected a value"},
    {"another white space", TEXT("\v1"), "not-json", 0, "expected a value"},

    {"array: no comma", TEXT("[1 2]"), "not-json", 3,
	"expected ',' or ']' after an element, found '2'"},
    {"array: comma at the end", TEXT("[1,]"), "not-json", 3, "expected a value, found ']'"},
    {"array: comma at the start", TEXT("[,1]"), "not-json", 1, "expected a value, found ','"},
    {"array: wrong bracket", TEXT("[1}"), "not-json", 2,
	"expected ',' or ']' after an element, found '}'"},
    {"array: does not end", TEXT("[1,2"), "not-json", 4,
	"the text ends where ',' or ']' after an element was expected"},
    {"object: no comma", TEXT("{\"message\": \"a\" \"b\"}"), "not-json", 16,
	"expected ',' or '}' after a member, found '\"'"},
    {"object: comma at the end", TEXT("{\"a\":1,}"), "not-json", 7,
	"expected a member's name in double quotes, found '}'"},
    {"object: no colon", TEXT("{\"a\" 1}"), "not-json", 5,
	"expected ':' after a member's name, found '1'"},
    {"object: no value", TEXT("{\"a\":}"), "not-json", 5, "expected a value, found '}'"},
    {"object: a number for a name", TEXT("{1:2}"), "not-json", 1,
	"expected a member's name in double quotes, found '1'"},
    {"object: a name that does not end", TEXT("{\"a"), "not-json", 1,
	"the string that begins here does not end"},
    {"object: wrong bracket", TEXT("{\"a\":1]"), "not-json", 6,
	"expected ',' or '}' after a member, found ']'"},
    {"object: does not end", TEXT("{"), "not-json", 1,
	"the text ends where a member's name in double quotes was expected"},

    {"string: does not end", TEXT("[\"abc"), "not-json", 1,
	"the string that begins here does not end"},
    {"string: ends in a backslash", TEXT("\"abc\\"), "not-json", 0,
	"the string that begins here does not end"},
    {"string: unknown escape", TEXT("\"a\\x41\""), "not-json", 2,
	"a backslash that begins no escape of JSON"},
    {"string: raw newline", TEXT("\"a\nb\""), "not-json", 2,
	"a raw control character in a string: write it as an escape"},
    {"string: raw NUL", TEXT("\"a\0b\""), "not-json", 2,
	"a raw control character in a string: write it as an escape"},
    {"string: raw U+001F late in a word", TEXT("\"abcdef\x1fghijklmn\""), "not-json", 7,
	"a raw control character in a string: write it as an escape"},
    {"string: \\u with three digits", TEXT("\"\\u12\""), "not-json", 1,
	"\\u wants four hexadecimal digits"},
    {"string: \\u with a g", TEXT("\"\\u12g4\""), "not-json", 1,
	"\\u wants four hexadecimal digits"},
    {"string: \\u with a colon", TEXT("\"\\u12:4\""), "not-json", 1,
	"\\u wants four hexadecimal digits"},
    {"string: \\u with an @", TEXT("\"\\u12@4\""), "not-json", 1,
	"\\u wants four hexadecimal digits"},
    {"string: \\u with a backquote", TEXT("\"\\u`234\""), "not-json", 1,
	"\\u wants four hexadecimal digits"},
    {"string: \\u with a slash", TEXT("\"\\u/234\""), "not-json", 1,
	"\\u wants four hexadecimal digits"},
    {"string: \\u with a G", TEXT("\"\\uG234\""), "not-json", 1,
	"\\u wants four hexadecimal digits"},
    {"string: \\u at the end", TEXT("\"\\u123"), "not-json", 1,
	"\\u wants four hexadecimal digits"},
    {"string: \\U", TEXT("\"\\U0041\""), "not-json", 1,
	"a backslash that begins no escape of JSON"},

    {"UTF-8: a continuation alone", TEXT("\"\x80\""), "bad-utf8", 1, "not UTF-8"},
    {"UTF-8: overlong slash", TEXT("\"\xc0\xaf\""), "bad-utf8", 1, "not UTF-8"},
    {"UTF-8: overlong in three", TEXT("\"\xe0\x80\xaf\""), "bad-utf8", 1, "not UTF-8"},
    {"UTF-8: overlong in four", TEXT("\"\xf0\x80\x80\xaf\""), "bad-utf8", 1, "not UTF-8"},
    {"UTF-8: a surrogate", TEXT("\"\xed\xa0\x80\""), "bad-utf8", 1, "not UTF-8"},
    {"UTF-8: above U+10FFFF", TEXT("\"\xf4\x90\x80\x80\""), "bad-utf8", 1, "not UTF-8"},
    {"UTF-8: 0xF5", TEXT("\"\xf5\x80\x80\x80\""), "bad-utf8", 1, "not UTF-8"},
    {"UTF-8: 0xFF", TEXT("\"\xff\""), "bad-utf8", 1, "not UTF-8"},
    {"UTF-8: cut by the quote", TEXT("\"\xe2\x82\""), "bad-utf8", 1, "not UTF-8"},
    {"UTF-8: cut by the end", TEXT("\"\xe2\x82"), "bad-utf8", 1, "not UTF-8"},
    {"UTF-8: Latin-1 in a name", TEXT("{\"caf\xe9\":1}"), "bad-utf8", 5, "not UTF-8"},
    {"UTF-8: behind a good character", TEXT("\"\xc3\xa9\xc3\""), "bad-utf8", 3, "not UTF-8"},
    {"UTF-8: outside a string", TEXT("\xc3\xa9"), "not-json", 0, "expected a value"},

    {"number: plus", TEXT("+1"), "not-json", 0, "expected a value, found '+'"},
    {"number: leading zero", TEXT("01"), "not-json", 0, "a number that begins with a zero"},
    {"number: minus and leading zero", TEXT("-00"), "not-json", 0,
	"a number that begins with a zero"},
    {"number: hexadecimal", TEXT("0x10"), "not-json", 1,
	"expected the end after the value, found 'x'"},
    {"number: no digit before the dot", TEXT(".5"), "not-json", 0, "expected a value, found '.'"},
    {"number: no digit behind the dot", TEXT("[5.]"), "not-json", 3, "expected a digit, found ']'"},
    {"number: dot and exponent", TEXT("5.e3"), "not-json", 2, "expected a digit, found 'e'"},
    {"number: minus alone", TEXT("-"), "not-json", 1, "the text ends where a digit was expected"},
    {"number: no exponent", TEXT("1e"), "not-json", 2, "the text ends where a digit was expected"},
    {"number: only the exponent's sign", TEXT("1e+"), "not-json", 3,
	"the text ends where a digit was expected"},
    {"number: two signs", TEXT("1e+-1"), "not-json", 3, "expected a digit, found '-'"},
    {"number: two dots", TEXT("1.2.3"), "not-json", 3,
	"expected the end after the value, found '.'"},
    {"number: 41 digits", TEXT(DIGITS_40 "1"), "bad-number", 0, "a number of more than 40 digits"},
    {"number: 41 digits about a dot", TEXT("[1." DIGITS_40 "]"), "bad-number", 1,
	"a number of more than 40 digits"},
    {"number: exponent 309", TEXT("1e309"), "bad-number", 0, "an exponent beyond 308"},
    {"number: exponent -309", TEXT("-1E-309"), "bad-number", 1, "an exponent beyond 308"},
    {"number: a zero with exponent 309", TEXT("0e309"), "bad-number", 0, "an exponent beyond 308"},
    {"number: an exponent beyond 64 bits", TEXT("1e99999999999999999999"), "bad-number", 0,
	"an exponent beyond 308"},
    {"number: an exponent of 41 digits", TEXT("1e0" ZEROS_39 "1"), "bad-number", 0,
	"an exponent of more than 40 digits"},
    {"number: digits and exponent together", TEXT(DIGITS_40 "e300"), "bad-number", 0,
	"a magnitude above 1.797e308"},
    {"number: ten times e308", TEXT("10e308"), "bad-number", 0, "a magnitude above 1.797e308"},
    {"number: infinite as a double", TEXT("1.7976931348623158e308"), "bad-number", 0,
	"a magnitude above 1.797e308"},
    {"number: the same, by its first digit", TEXT("2e308"), "bad-number", 0,
	"a magnitude above 1.797e308"},
    {"number: too near to zero", TEXT("0.1e-308"), "bad-number", 0, "a magnitude below 1e-308"},
};

/* A copy whose end the sanitizer guards. */
static char *guarded(const char *p, size_t n)
{
	char *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

static int normalize(const char *p, size_t n, struct dp_buf *out, struct dp_refusal *why)
{
	char *text = guarded(p, n);
	int rc = dp_json_normalize(text, n, out, why);

	free(text);
	return rc;
}

/* Fails where normalising what was normalised changes it. */
static void check_stable(const char *name, const struct dp_buf *canonical)
{
	struct dp_buf again = {0};
	struct dp_refusal why;

	if (normalize(canonical->data, canonical->len, &again, &why) != 0 ||
	    !dp_str_equal(dp_buf_str(canonical), dp_buf_str(&again)))
		fail_msg("%s: %.*s is not its own canonical form", name, (int)canonical->len,
		    canonical->data);
	dp_buf_release(&again);
}

static void writes_the_canonical_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof canonical_cases / sizeof *canonical_cases; i++) {
		const struct canonical_case *c = &canonical_cases[i];
		struct dp_buf out = {0};
		struct dp_refusal why = {0};
		int fixed = normalize(c->input, strlen(c->input), &out, &why);

		if (fixed < 0)
			fail_msg("%s: refused: %s", c->name, why.why);
		if (fixed != c->fixed || !dp_str_is(dp_buf_str(&out), c->want))
			fail_msg("%s: %.*s (%d) instead of %s (%d)", c->name, (int)out.len,
			    out.data, fixed, c->want, c->fixed);
		check_stable(c->name, &out);
		dp_buf_release(&out);
	}
}

static void refuses_with_code_place_and_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refused_cases / sizeof *refused_cases; i++) {
		const struct refused_case *c = &refused_cases[i];
		struct dp_buf out = {0};
		struct dp_refusal why = {0};
		char want[200];

		dp_buf_add_text(&out, "before");
		if (normalize(c->input, c->size, &out, &why) != -1)
			fail_msg("%s: taken as %.*s", c->name, (int)out.len, out.data);
		snprintf(want, sizeof want, "byte %zu: %s", c->at, c->why);
		if (strcmp(why.code, c->code) != 0 || strcmp(why.why, want) != 0)
			fail_msg("%s: %s: %s", c->name, why.code, why.why);
		assert_true(dp_str_is(dp_buf_str(&out), "before"));
		dp_buf_release(&out);
	}
}

static void appends_to_what_is_there(void **state)
{
	struct dp_buf out = {0};
	struct dp_refusal why;

	(void)state;
	dp_buf_add_text(&out, "x");
	assert_int_equal(dp_json_normalize(" [ 1 ]", 6, &out, &why), 0);
	assert_true(dp_str_is(dp_buf_str(&out), "x[1]"));
	assert_int_equal(dp_json_normalize(NULL, 0, &out, &why), -1);
	assert_true(dp_str_is(dp_buf_str(&out), "x[1]"));
	dp_buf_release(&out);
}

static void refuses_every_cut(void **state)
{
	static const char text[] =
	    "{\"a\\n\\u20ac\":[true,false,null,{}],\"\xc3\xa9\xf0\x9f\x98\x80\":"
	    "-12.5e+3,\"\\ud83d\\ude00\":{\"x\":[[]],\"long enough\":\"\"}}";
	struct dp_buf out = {0};
	struct dp_refusal why;

	(void)state;
	assert_int_equal(normalize(text, sizeof text - 1, &out, &why), 0);
	for (size_t n = 0; n < sizeof text - 1; n++) {
		size_t at = SIZE_MAX;

		assert_int_equal(normalize(text, n, &out, &why), -1);
		assert_int_equal(sscanf(why.why, "byte %zu: ", &at), 1);
		assert_true(at <= n);
	}
	dp_buf_release(&out);
}

static void add_repeated(struct dp_buf *b, const char *text, int count)
{
	for (int i = 0; i < count; i++)
		dp_buf_add_text(b, text);
}

static void takes_64_levels_and_not_65(void **state)
{
	static const char *const brackets[][3] = {
	    {"[", "1", "]"}, {"{\"a\":", "1", "}"}, {"[", "", "]"}};

	(void)state;
	for (size_t i = 0; i < sizeof brackets / sizeof *brackets; i++)
		for (int depth = DP_JSON_DEPTH_MAX; depth <= DP_JSON_DEPTH_MAX + 1; depth++) {
			struct dp_buf text = {0};
			struct dp_buf out = {0};
			struct dp_refusal why = {0};

			add_repeated(&text, brackets[i][0], depth);
			dp_buf_add_text(&text, brackets[i][1]);
			add_repeated(&text, brackets[i][2], depth);
			if (depth == DP_JSON_DEPTH_MAX) {
				assert_int_equal(normalize(text.data, text.len, &out, &why), 0);
			} else {
				assert_int_equal(normalize(text.data, text.len, &out, &why), -1);
				assert_string_equal(why.code, "too-deep");
				assert_int_equal(strtoul(why.why + strlen("byte "), NULL, 10),
				    64 * strlen(brackets[i][0]));
			}
			dp_buf_release(&text);
			dp_buf_release(&out);
		}
}

static void a_level_that_was_left_does_not_count(void **state)
{
	struct dp_buf text = {0};
	struct dp_buf out = {0};
	struct dp_refusal why;

	(void)state;
	dp_buf_add_text(&text, "[");
	add_repeated(&text, "[{\"a\":[]}],", 1000);
	dp_buf_add_text(&text, "0]");
	assert_int_equal(normalize(text.data, text.len, &out, &why), 0);
	dp_buf_release(&text);
	dp_buf_release(&out);
}

/* Writes a member: names differ at their beginning, at their end, or in their length. */
static void write_member(char out[60], int name, int value)
{
	if (name % 3 == 0)
		snprintf(out, 60, "\"%d differs\":\"%d\"", name, value);
	else if (name % 3 == 1)
		snprintf(out, 60, "\"common beginning %d\":\"%d\"", name, value);
	else
		snprintf(out, 60, "\"common %*d\":\"%d\"", name % 20, name, value);
}

/* An object of `count` members; of each name two where `twice`. */
static void add_object(struct dp_buf *b, int count, bool twice)
{
	char member[60];

	for (int i = 0; i < count; i++) {
		write_member(member, twice ? i / 2 : i, i);
		dp_buf_add_char(b, i ? ',' : '{');
		dp_buf_add_text(b, member);
	}
	dp_buf_add_char(b, '}');
}

static void takes_1000_members_and_not_1001(void **state)
{
	struct dp_buf text = {0};
	struct dp_buf out = {0};
	struct dp_refusal why = {0};

	(void)state;
	add_object(&text, 1000, false);
	assert_int_equal(normalize(text.data, text.len, &out, &why), 0);
	assert_true(dp_str_equal(dp_buf_str(&text), dp_buf_str(&out)));
	dp_buf_clear(&text);
	dp_buf_clear(&out);
	add_object(&text, 1001, false);
	assert_int_equal(normalize(text.data, text.len, &out, &why), -1);
	assert_string_equal(why.code, "too-many-keys");
	dp_buf_clear(&text);
	add_object(&text, 1001, true);
	assert_int_equal(normalize(text.data, text.len, &out, &why), -1);
	assert_string_equal(why.code, "too-many-keys");
	dp_buf_release(&text);
	dp_buf_release(&out);
}

/* Around the count from which members are sorted, and where the members at hand are used up. */
static void finds_duplicates_among_any_number(void **state)
{
	(void)state;
	for (int count = 2; count <= 1000; count += count < 140 ? 2 : 86) {
		struct dp_buf text = {0};
		struct dp_buf out = {0};
		struct dp_refusal why = {0};
		char want[60];

		dp_buf_add_text(&text, "{\"first\":0,\"o\":");
		add_object(&text, count, true);
		dp_buf_add_text(&text, ",\"last\":1}");
		assert_int_equal(normalize(text.data, text.len, &out, &why), DUPLICATE);
		for (int i = 0; i < count; i++) {
			write_member(want, i / 2, i);
			assert_int_equal(strstr(dp_buf_text(&out), want) != NULL, i % 2);
		}
		check_stable("duplicates", &out);
		dp_buf_release(&text);
		dp_buf_release(&out);
	}
}

static void keeps_the_members_of_all_open_objects(void **state)
{
	struct dp_buf text = {0};
	struct dp_buf out = {0};
	struct dp_refusal why;

	(void)state;
	for (int depth = 0; depth < 60; depth++)
		dp_buf_add_text(&text, "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"a\":5,\"e\":");
	dp_buf_add_text(&text, "0");
	add_repeated(&text, "}", 60);
	assert_int_equal(normalize(text.data, text.len, &out, &why), DUPLICATE);
	assert_null(strstr(dp_buf_text(&out), "\"a\":1"));
	check_stable("open objects", &out);
	dp_buf_release(&text);
	dp_buf_release(&out);
}

static void means_the_same_to_json_c(void **state)
{
	uint64_t seed = 2;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct dp_buf text = {0};
		struct dp_buf out = {0};
		struct dp_refusal why = {0};
		struct json_object *want;
		struct json_object *got;

		json_random_value(&seed, 5, &text);
		if (normalize(text.data, text.len, &out, &why) < 0)
			fail_msg("%.*s refused: %s", (int)text.len, text.data, why.why);
		assert_true(out.len <= text.len);
		check_stable("random", &out);
		assert_true(json_oracle(dp_buf_text(&text), text.len, &want));
		if (!json_oracle(dp_buf_text(&out), out.len, &got) || !json_object_equal(want, got))
			fail_msg("%s became %s", text.data, out.data);
		json_object_put(want);
		json_object_put(got);
		dp_buf_release(&text);
		dp_buf_release(&out);
	}
}

/* Damages a text at a place or two. */
static void damage(uint64_t *seed, struct dp_buf *text)
{
	static const char bytes[] = "{}[]\",:\\ \n0-.eEu\x80\xc3\xff\x01tn";

	for (uint32_t n = 1 + json_random(seed, 2); n > 0; n--)
		text->data[json_random(seed, (uint32_t)text->len)] =
		    bytes[json_random(seed, sizeof bytes - 1)];
}

static void takes_nothing_that_json_c_refuses(void **state)
{
	uint64_t seed = 3;
	int taken = 0;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct dp_buf text = {0};
		struct dp_buf out = {0};
		struct dp_refusal why = {0};

		json_random_value(&seed, 4, &text);
		damage(&seed, &text);
		if (normalize(text.data, text.len, &out, &why) >= 0) {
			struct json_object *v;

			if (!json_oracle(dp_buf_text(&text), text.len, &v))
				fail_msg("%s taken as %.*s", text.data, (int)out.len, out.data);
			check_stable("damaged", &out);
			json_object_put(v);
			taken++;
		}
		dp_buf_release(&text);
		dp_buf_release(&out);
	}
	assert_in_range(taken, ROUNDS / 20, ROUNDS - ROUNDS / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writes_the_canonical_form),
	    cmocka_unit_test(refuses_with_code_place_and_reason),
	    cmocka_unit_test(appends_to_what_is_there),
	    cmocka_unit_test(refuses_every_cut),
	    cmocka_unit_test(takes_64_levels_and_not_65),
	    cmocka_unit_test(a_level_that_was_left_does_not_count),
	    cmocka_unit_test(takes_1000_members_and_not_1001),
	    cmocka_unit_test(finds_duplicates_among_any_number),
	    cmocka_unit_test(keeps_the_members_of_all_open_objects),
	    cmocka_unit_test(means_the_same_to_json_c),
	    cmocka_unit_test(takes_nothing_that_json_c_refuses),
	};

	return cmocka_run_group_tests_name("json_normalize", tests, NULL, NULL);
}
