#include "../../cmd/dp-tail/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { DATA_MAX = 12 };

/* Tells a message as "id|data;", with an "!" where the data was too long. */
static int tell(void *arg, const struct sse_message *m)
{
	struct dp_buf *told = arg;

	dp_buf_add_str(told, m->id);
	dp_buf_add_char(told, '|');
	dp_buf_add_str(told, m->data);
	dp_buf_add_text(told, m->too_long ? "!;" : ";");
	return 0;
}

static const struct {
	const char *name;
	const char *stream;
	const char *want;
} streams[] = {
    {"nothing", "", ""},
    {"one message", "id: 1\ndata: abc\n\n", "1|abc;"},
    {"two messages", "id: 1\ndata: a\n\nid: 2\ndata: b\n\n", "1|a;2|b;"},
    {"CR LF", "id: 1\r\ndata: a\r\n\r\nid: 2\r\ndata: b\r\n\r\n", "1|a;2|b;"},
    {"CR alone", "id: 1\rdata: a\r\rid: 2\rdata: b\r\r", "1|a;2|b;"},
    {"all of them", "id: 1\rdata: a\n\r\nid: 2\r\ndata: b\r\n\n", "1|a;2|b;"},
    {"an empty line more", "data: a\n\n\n\ndata: b\n\n", "|a;|b;"},
    {"several data lines", "data: a\ndata: b\ndata:\ndata: c\n\n", "|a\nb\n\nc;"},
    {"empty data", "data\n\n", "|;"},
    {"no space behind the colon", "id:1\ndata:a\n\n", "1|a;"},
    {"only one space is left out", "data:  a\n\n", "| a;"},
    {"a colon in the data", "data: {\"a\":1}\n\n", "|{\"a\":1};"},
    {"comments", ":\n\n: beat\n\ndata: a\n:x\n\n", "|a;"},
    {"the id stays", "id: 1\ndata: a\n\ndata: b\n\n", "1|a;1|b;"},
    {"an id without data counts", "retry: 1000\nid: 7\n\n", "7|;"},
    {"the id is taken back", "id: 1\ndata: a\n\nid\ndata: b\n\n", "1|a;|b;"},
    {"fields that are not known", "event: x\nretry: 5\nfoo: bar\nDATA: no\ndata: a\n\n", "|a;"},
    {"only fields that are not known", "event: x\nretry: 5\n\n", ""},
    {"no empty line at the end", "data: a\n\ndata: b\n", "|a;"},
    {"no newline at the end", "data: a\n\ndata: b", "|a;"},
    {"byte order mark",
	"\xef\xbb\xbf"
	"data: a\n\n",
	"|a;"},
    {"a mark only counts at the beginning",
	"\n\xef\xbb\xbf"
	"data: a\n\ndata: b\n\n",
	"|b;"},
    {"data as long as allowed", "data: 123456789012\n\n", "|123456789012;"},
    {"data too long", "id: 3\ndata: 1234567890123\n\ndata: b\n\n", "3|123456789012!;3|b;"},
    {"a giant line", "data: 1234567890123456789012345678901234567890\nid: 4\n\ndata: b\n\n",
	"4|123456789012!;4|b;"},
    {"too long in several lines", "data: 123456\ndata: 7890123\n\ndata: b\n\n",
	"|123456\n78901!;|b;"},
    {"a giant comment", ":123456789012345678901234567890123456789012345678\ndata: a\n\n", "|a;"},
};

/* Every stream cut into pieces of every size. */
static void reads_streams_wherever_they_are_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
		size_t size = strlen(streams[i].stream);

		for (size_t piece = 1; piece <= size + 1; piece++) {
			struct sse *s = sse_new(DATA_MAX);
			struct dp_buf told = {0};

			for (size_t at = 0; at < size; at += piece) {
				size_t n = size - at < piece ? size - at : piece;
				/* exactly so much memory, for the sanitizers */
				char *part = malloc(n);

				memcpy(part, streams[i].stream + at, n);
				assert_int_equal(sse_feed(s, part, n, tell, &told), 0);
				free(part);
			}
			if (strcmp(dp_buf_text(&told), streams[i].want) != 0)
				fail_msg("%s in pieces of %zu: %s", streams[i].name, piece,
				    dp_buf_text(&told));
			dp_buf_release(&told);
			sse_free(&s);
			assert_null(s);
		}
	}
}

static int stop(void *arg, const struct sse_message *m)
{
	(void)m;
	*(int *)arg += 1;
	return 42;
}

static void stops_where_the_callback_says(void **state)
{
	static const char stream[] = "data: a\n\ndata: b\n\n";
	struct sse *s = sse_new(DATA_MAX);
	int calls = 0;

	(void)state;
	assert_int_equal(sse_feed(s, stream, sizeof stream - 1, stop, &calls), 42);
	assert_int_equal(calls, 1);
	sse_free(&s);
}

static void reset_forgets_what_was_begun(void **state)
{
	static const char first[] = "id: 1\ndata: a\r";
	static const char second[] = "\n\xef\xbb\xbf"
				     "data: x\n\ndata: b\n\n";
	struct sse *s = sse_new(DATA_MAX);
	struct dp_buf told = {0};

	(void)state;
	sse_feed(s, first, sizeof first - 1, tell, &told);
	sse_reset(s);
	sse_feed(s, second, sizeof second - 1, tell, &told);
	assert_string_equal(dp_buf_text(&told), "|b;");
	sse_reset(s);
	dp_buf_clear(&told);
	sse_feed(s, second + 1, sizeof second - 2, tell, &told);
	assert_string_equal(dp_buf_text(&told), "|x;|b;");
	dp_buf_release(&told);
	sse_free(&s);
}

static void an_id_is_not_taken_where_it_is_none(void **state)
{
	struct sse *s = sse_new(1000);
	struct dp_buf told = {0};
	char line[400] = "id: ";

	(void)state;
	sse_feed(s, "id: a\0b\ndata: 1\n\n", 17, tell, &told);
	assert_string_equal(dp_buf_text(&told), "|1;");
	memset(line + 4, 'x', sizeof line - 4);
	sse_feed(s, line, sizeof line, tell, &told);
	sse_feed(s, "\ndata: 2\n\n", 10, tell, &told);
	assert_string_equal(dp_buf_text(&told), "|1;|2;");
	dp_buf_release(&told);
	sse_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_streams_wherever_they_are_cut),
	    cmocka_unit_test(stops_where_the_callback_says),
	    cmocka_unit_test(reset_forgets_what_was_begun),
	    cmocka_unit_test(an_id_is_not_taken_where_it_is_none),
	};

	return cmocka_run_group_tests_name("sse", tests, NULL, NULL);
}
