#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static const struct {
	const char *name;
	const char *bytes;
	size_t n;
	size_t want; /* length, 0: no character */
	uint32_t cp;
} decodings[] = {
    {"ASCII", "A", 1, 1, 'A'},
    {"NUL", "\0", 1, 1, 0},
    {"last of one byte", "\x7f", 1, 1, 0x7f},
    {"first of two bytes", "\xc2\x80", 2, 2, 0x80},
    {"last of two bytes", "\xdf\xbf", 2, 2, 0x7ff},
    {"first of three bytes", "\xe0\xa0\x80", 3, 3, 0x800},
    {"last before the surrogates", "\xed\x9f\xbf", 3, 3, 0xd7ff},
    {"first behind the surrogates", "\xee\x80\x80", 3, 3, 0xe000},
    {"last of three bytes", "\xef\xbf\xbf", 3, 3, 0xffff},
    {"first of four bytes", "\xf0\x90\x80\x80", 4, 4, 0x10000},
    {"last of all", "\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff},
    {"only the first is taken", "\xc3\xa9x", 3, 2, 0xe9},
    {"lone continuation", "\x80", 1, 0, 0},
    {"overlong slash, two bytes", "\xc0\xaf", 2, 0, 0},
    {"overlong, first byte c1", "\xc1\xbf", 2, 0, 0},
    {"overlong, three bytes", "\xe0\x9f\xbf", 3, 0, 0},
    {"overlong, four bytes", "\xf0\x8f\xbf\xbf", 4, 0, 0},
    {"high surrogate", "\xed\xa0\x80", 3, 0, 0},
    {"low surrogate", "\xed\xbf\xbf", 3, 0, 0},
    {"beyond U+10FFFF", "\xf4\x90\x80\x80", 4, 0, 0},
    {"first byte f5", "\xf5\x80\x80\x80", 4, 0, 0},
    {"first byte ff", "\xff\xbf\xbf\xbf", 4, 0, 0},
    {"cut in two", "\xc3", 1, 0, 0},
    {"cut in three", "\xe2\x82", 2, 0, 0},
    {"cut in four", "\xf0\x9f\x98", 3, 0, 0},
    {"broken continuation", "\xe2\x28\xa1", 3, 0, 0},
};

static void decode_takes_only_utf8(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof decodings / sizeof *decodings; i++) {
		uint32_t cp = 0;
		size_t got = dp_text_decode(decodings[i].bytes, decodings[i].n, &cp);

		if (got != decodings[i].want || cp != decodings[i].cp)
			fail_msg("%s: length %zu, U+%04X", decodings[i].name, got, cp);
	}
}

static void valid_is_what_decodes_throughout(void **state)
{
	(void)state;
	assert_true(dp_text_is_valid("", 0));
	assert_true(dp_text_is_valid("plain text, longer than eight bytes", 35));
	/* each sequence behind 0 to 15 bytes of ASCII, at the end and before more */
	for (size_t i = 0; i < sizeof decodings / sizeof *decodings; i++)
		for (size_t before = 0; before < 16; before++) {
			char text[40];
			const size_t end = before + decodings[i].n;

			memset(text, 'x', sizeof text);
			memcpy(text + before, decodings[i].bytes, decodings[i].n);
			if (dp_text_is_valid(text, end) != (decodings[i].want != 0) ||
			    dp_text_is_valid(text, end + 16) != (decodings[i].want != 0))
				fail_msg("%s behind %zu", decodings[i].name, before);
		}
}

static void encode_is_the_inverse_of_decode(void **state)
{
	(void)state;
	for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
		char out[4];
		uint32_t back = 0;
		size_t n;

		if (cp >= 0xd800 && cp <= 0xdfff)
			continue;
		n = dp_text_encode(cp, out);
		if (dp_text_decode(out, n, &back) != n || back != cp)
			fail_msg("U+%04X came back as U+%04X", cp, back);
	}
}

static const struct {
	const char *name;
	const char *bytes;
	size_t n;
	const char *want;
} escapes[] = {
    {"plain", "plain text", 10, "plain text"},
    {"empty", "", 0, ""},
    {"letters beyond ASCII stay", "na\xc3\xafve \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80", 18,
	"na\xc3\xafve \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80"},
    {"newline, return, tab", "a\nb\rc\td", 7, "a\\nb\\rc\\td"},
    {"terminal sequence", "\x1b[31mred\x1b[0m", 12, "\\x1b[31mred\\x1b[0m"},
    {"title sequence with BEL", "\x1b]0;x\a", 6, "\\x1b]0;x\\x07"},
    {"backspace and DEL", "a\b\x7f", 3, "a\\x08\\x7f"},
    {"NUL inside", "a\0b", 3, "a\\x00b"},
    {"C1: CSI as a character",
	"\xc2\x9b"
	"31m",
	5, "\\x9b31m"},
    {"first and last of C1", "\xc2\x80\xc2\x9f", 4, "\\x80\\x9f"},
    {"no-break space is no control", "\xc2\xa0", 2, "\xc2\xa0"},
    {"CSI as a byte",
	"\x9b"
	"31m",
	4, "\\x9b31m"},
    {"override", "\xe2\x80\xae", 3, "\\u202e"},
    {"isolates", "\xe2\x81\xa6\xe2\x81\xa9", 6, "\\u2066\\u2069"},
    {"marks", "\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c", 8, "\\u200e\\u200f\\u061c"},
    {"line and paragraph separator", "\xe2\x80\xa8\xe2\x80\xa9", 6, "\\u2028\\u2029"},
    {"byte order mark", "\xef\xbb\xbf", 3, "\\ufeff"},
    {"joiner of emoji stays", "\xe2\x80\x8d", 3, "\xe2\x80\x8d"},
    {"bytes that are not UTF-8", "\xff\xc3(", 3, "\\xff\\xc3("},
    {"cut character", "ab\xe2\x82", 4, "ab\\xe2\\x82"},
    {"surrogate", "\xed\xa0\x80", 3, "\\xed\\xa0\\x80"},
};

static void escape_leaves_nothing_that_a_terminal_obeys(void **state)
{
	char out[128];

	(void)state;
	for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
		size_t n = dp_text_escape(escapes[i].bytes, escapes[i].n, out, sizeof out);

		if (strcmp(out, escapes[i].want) != 0 || n != strlen(out))
			fail_msg("%s: \"%s\"", escapes[i].name, out);
	}
}

static void step_never_writes_a_control_character(void **state)
{
	(void)state;
	for (uint32_t cp = 0; cp <= 0xffff; cp++) {
		char raw[4] = {0};
		char out[DP_TEXT_STEP_MAX];
		size_t n = dp_text_encode(cp, raw);
		size_t took = dp_text_step(raw, n, out);
		uint32_t first = 0;

		assert_in_range(took, 1, n);
		assert_in_range(strlen(out), 1, DP_TEXT_STEP_MAX - 1);
		assert_int_not_equal(dp_text_decode(out, strlen(out), &first), 0);
		if (first < 0x20 || (first >= 0x7f && first < 0xa0))
			fail_msg("U+%04X is written raw", cp);
	}
}

static const struct {
	const char *name;
	const char *text;
	size_t cap;
	const char *want;
} cuts[] = {
    {"fits exactly", "abc", 4, "abc"},
    {"one too many", "abcd", 4, "abc"},
    {"room for the NUL only", "abc", 1, ""},
    {"not inside a character", "ab\xc3\xa9", 4, "ab"},
    {"not inside an escape", "ab\x1b", 6, "ab"},
    {"an escape that fits", "ab\x1b", 7, "ab\\x1b"},
};

static void escape_cuts_at_borders(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
		char out[16];

		memset(out, '#', sizeof out);
		dp_text_escape(cuts[i].text, strlen(cuts[i].text), out, cuts[i].cap);
		if (strcmp(out, cuts[i].want) != 0)
			fail_msg("%s: \"%s\"", cuts[i].name, out);
		assert_int_equal(out[cuts[i].cap], '#');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decode_takes_only_utf8),
	    cmocka_unit_test(valid_is_what_decodes_throughout),
	    cmocka_unit_test(encode_is_the_inverse_of_decode),
	    cmocka_unit_test(escape_leaves_nothing_that_a_terminal_obeys),
	    cmocka_unit_test(step_never_writes_a_control_character),
	    cmocka_unit_test(escape_cuts_at_borders),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
