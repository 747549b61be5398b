#include "../../cmd/dp-tail/problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static const struct {
	const char *name;
	long status;
	const char *body;
	const char *want;
} rows[] = {
    {"empty", 502, "", "HTTP status 502"},
    {"a page", 404, "<html>", "HTTP status 404"},
    {"no object", 500, "\"oops\"", "HTTP status 500"},
    {"an empty object", 500, "{}", "HTTP status 500"},
    {"wrong types", 500, "{\"title\":5,\"detail\":null,\"errors\":7}", "HTTP status 500"},
    {"title", 503, "{\"title\":\"Too many\"}", "Too many"},
    {"detail", 503, "{\"detail\":\"Try later\"}", "Try later"},
    {"both", 503, "{ \"detail\" : \"Try\\nlater\", \"title\":\"Too many\"}",
	"Too many: Try\nlater"},
    {"errors", 400,
	"{\"title\":\"Bad\",\"errors\":[{\"parameter\":\"n\",\"detail\":\"no number\"},7,"
	"{\"parameter\":\"x\"}]}",
	"Bad; n: no number; x"},
};

static void says_what_the_document_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dp_buf out = {0};

		dp_buf_add_text(&out, ">");
		problem_write(&out, rows[i].status, dp_str_from(rows[i].body));
		if (strcmp(dp_buf_text(&out) + 1, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].name, dp_buf_text(&out));
		dp_buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(says_what_the_document_says)};

	return cmocka_run_group_tests_name("problem", tests, NULL, NULL);
}
