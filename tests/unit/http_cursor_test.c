#include "../../cmd/dp-http/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char store_id[] = "01a204e3-1f40-771a-be17-97eda98c20a0";

static const struct event_case {
	const char *text;
	enum cursor_fault want;
	int64_t seq;
} events[] = {
    {"a98c20a0-0", CURSOR_OK, 0},
    {"a98c20a0-42", CURSOR_OK, 42},
    {"a98c20a0-9223372036854775807", CURSOR_OK, INT64_MAX},
    {"a98c20a1-42", CURSOR_FOREIGN, 0},
    {"01a204e3-42", CURSOR_FOREIGN, 0},
    {"", CURSOR_MALFORMED, 0},
    {"42", CURSOR_MALFORMED, 0},
    {"-42", CURSOR_MALFORMED, 0},
    {"a98c20a0", CURSOR_MALFORMED, 0},
    {"a98c20a0-", CURSOR_MALFORMED, 0},
    {"a98c20a0--1", CURSOR_MALFORMED, 0},
    {"a98c20a0-+1", CURSOR_MALFORMED, 0},
    {"a98c20a0- 1", CURSOR_MALFORMED, 0},
    {"a98c20a0-1 ", CURSOR_MALFORMED, 0},
    {"a98c20a0-9223372036854775808", CURSOR_MALFORMED, 0},
    {"A98C20A0-1", CURSOR_MALFORMED, 0},
    {"a98c20a0f-1", CURSOR_MALFORMED, 0},
    {"98c20a0-1", CURSOR_MALFORMED, 0},
};

static void test_event(void **state)
{
	char text[CURSOR_EVENT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		const struct event_case *c = &events[i];
		int64_t seq = -1;
		enum cursor_fault got = cursor_parse_event(c->text, store_id, &seq);

		if (got != c->want || (got == CURSOR_OK && seq != c->seq))
			fail_msg("'%s': %d, %lld", c->text, got, (long long)seq);
		if (got != CURSOR_OK)
			continue;
		cursor_write_event(text, store_id, seq);
		assert_string_equal(text, c->text);
	}
}

static const struct page_case {
	int64_t us;
	const char *id;
} pages[] = {
    {0, "a"},
    {1795378323265437, "trace-123"},
    {-62135596800000000, "a,b"},
    {INT64_MAX, "\xe2\x82\xac"},
    {INT64_MIN, "/?#"},
    {1, "ab"},
    {1, "abc"},
};

static void test_page(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
		struct dp_buf text = {0};
		int64_t us = 5;
		char *id = NULL;

		cursor_write_page(&text, pages[i].us, dp_str_from(pages[i].id));
		for (size_t k = 0; k < text.len; k++)
			assert_non_null(
			    strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789-_",
				text.data[k]));
		assert_int_equal(cursor_parse_page(dp_buf_text(&text), &us, &id), CURSOR_OK);
		assert_true(us == pages[i].us);
		assert_string_equal(id, pages[i].id);
		free(id);
		dp_buf_release(&text);
	}
}

/* Base64url of what is no page's cursor, and what is none at all. */
static const char *const no_pages[] = {
    "", "A",                        /* six bits */
    "MSxh=",                        /* padding */
    "MSxh\n",                       /* white space */
    "MSx+",                         /* base64, not base64url */
    "MSw",                          /* "1," */
    "LGE",                          /* ",a" */
    "YSxh",                         /* "a,a" */
    "MQ",                           /* "1" */
    "IDEsYQ",                       /* " 1,a" */
    "KzEsYQ",                       /* "+1,a" */
    "MSz_",                         /* "1,\xff" */
    "MSwA",                         /* "1,\0" */
    "MSxhAGI",                      /* "1,a\0b" */
    "LSxh",                         /* "-,a" */
    "MSxhYh",                       /* "1,ab", bits behind the end */
    "OTIyMzM3MjAzNjg1NDc3NTgwOCxh", /* "9223372036854775808,a" */
};

static void test_no_page(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof no_pages / sizeof *no_pages; i++) {
		char *id = NULL;
		int64_t us;

		if (cursor_parse_page(no_pages[i], &us, &id) != CURSOR_MALFORMED)
			fail_msg("'%s' was taken", no_pages[i]);
		assert_null(id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_event),
	    cmocka_unit_test(test_page),
	    cmocka_unit_test(test_no_page),
	};

	return cmocka_run_group_tests_name("http_cursor", tests, NULL, NULL);
}
