#include "../../cmd/dp-http/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
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

		if (got != c->want || (got == CURSOR_OK && seq != c->seq) ||
		    (got == CURSOR_MALFORMED && seq != -1))
			fail_msg("'%s': %d, %lld", c->text, got, (long long)seq);
		if (got != CURSOR_OK)
			continue;
		cursor_write_event(text, store_id, seq);
		assert_string_equal(text, c->text);
	}
}

static const struct cursor_page pages[] = {
    {'t', false, false, 0, {0, 0, "a"}},
    {'d', true, false, 1, {1795378323265437, -1, "trace-123"}},
    {'e', false, true, UINT32_MAX, {3, -62135596800000000, "a,b"}},
    {'g', true, true, 0x1b3, {0, INT64_MAX, "\xe2\x82\xac"}},
    {'v', false, false, 7, {INT64_MAX, INT64_MIN, ""}},
    {'t', false, false, 7, {INT64_MIN, 1, "/?#"}},
};

static void test_page(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
		const struct cursor_page *want = &pages[i];
		struct cursor_page got;
		struct dp_buf text = {0};

		cursor_write_page(&text, want);
		for (size_t k = 0; k < text.len; k++)
			assert_non_null(
			    strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789-_",
				text.data[k]));
		assert_int_equal(cursor_parse_page(dp_buf_text(&text), &got), CURSOR_OK);
		assert_int_equal(got.list, want->list);
		assert_int_equal(got.is_inclusive, want->is_inclusive);
		assert_int_equal(got.is_backwards, want->is_backwards);
		assert_int_equal(got.asked, want->asked);
		assert_true(got.place.rank == want->place.rank && got.place.us == want->place.us);
		assert_string_equal(got.place.id, want->place.id);
		dp_buf_release(&text);
	}
}

/* What is no page's cursor behind base64url, and what is none at all. */
static const char *const no_pages[] = {
    "", "A",                                  /* six bits */
    "dDAsMCwwLDEsYQ==",                       /* "t0,0,0,1,a", with padding */
    "dDAsMCwwLDEsYQ\n",                       /* with white space */
    "dDAsMCwwLDEs+Q",                         /* base64, not base64url */
    "dDAsMCwwLDEsYR",                         /* bits behind the end */
    "dA",                                     /* "t" */
    "VDAsMCwwLDEsYQ",                         /* "T0,0,0,1,a" */
    "dDQsMCwwLDEsYQ",                         /* "t4,0,0,1,a" */
    "dDAsLDAsMSxh",                           /* "t0,,0,1,a" */
    "dDAsMTIzNDU2Nzg5LDAsMSxh",               /* "t0,123456789,0,1,a" */
    "dDAsMEYsMCwxLGE",                        /* "t0,0F,0,1,a" */
    "dDAsMCxhLDEsYQ",                         /* "t0,0,a,1,a" */
    "dDAsMCwwLDE",                            /* "t0,0,0,1" */
    "dDAsMCwwLCAxLGE",                        /* "t0,0,0, 1,a" */
    "dDAsMCwwLDEs_w",                         /* "t0,0,0,1,\xff" */
    "dDAsMCwwLDEsYQBi",                       /* "t0,0,0,1,a\0b" */
    "dDAsMCwwLDkyMjMzNzIwMzY4NTQ3NzU4MDgsYQ", /* "t0,0,0,9223372036854775808,a" */
};

static void test_no_page(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof no_pages / sizeof *no_pages; i++) {
		struct cursor_page got = {.list = 'x'};

		if (cursor_parse_page(no_pages[i], &got) != CURSOR_MALFORMED)
			fail_msg("'%s' was taken", no_pages[i]);
		assert_int_equal(got.list, 'x');
	}
}

static void an_id_is_that_of_a_trace_at_most(void **state)
{
	struct dp_buf text = {0};
	struct cursor_page c = {.list = 't'};

	(void)state;
	memset(c.place.id, 'x', DP_EVENT_TRACE_ID_MAX);
	cursor_write_page(&text, &c);
	assert_int_equal(cursor_parse_page(dp_buf_text(&text), &c), CURSOR_OK);
	text.len -= 3;                      /* "xx" in three characters, */
	dp_buf_add_text(&text, "eHh4eHh4"); /* and more */
	assert_int_equal(cursor_parse_page(dp_buf_text(&text), &c), CURSOR_MALFORMED);
	dp_buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_event),
	    cmocka_unit_test(test_page),
	    cmocka_unit_test(test_no_page),
	    cmocka_unit_test(an_id_is_that_of_a_trace_at_most),
	};

	return cmocka_run_group_tests_name("http_cursor", tests, NULL, NULL);
}
