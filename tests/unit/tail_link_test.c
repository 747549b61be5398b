#include "../../cmd/dp-tail/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
	const char *template;
	const char *file;
	const char *line;
	const char *want; /* NULL: no link */
} rows[] = {
    {LINK_DEFAULT, "/app/shop.py", "7", "file://box/app/shop.py"},
    {LINK_DEFAULT, "shop/tasks.py", "7", "file://box/home/me/the%20shop/shop/tasks.py"},
    {"vscode://file{path}:{line}", "/app/shop.py", "97", "vscode://file/app/shop.py:97"},
    {"x:{line}", "/a.py", "", "x:1"},
    {"x:{line}", "/a.py", "1\x1b", "x:1"},
    {"x:{line}", "/a.py", "12345678901234567890", "x:1"},
    {"x:{path}", "/a b\x1b]8;;\x07\xc3\xa9%.py", "1", "x:/a%20b%1B%5D8%3B%3B%07%C3%A9%25.py"},
    {"x:{path}", "<string>", "1", NULL},
    {"x:{path}", "node:fs.js", "1", NULL},
    {"x:{path}", "https://cdn/a.js", "1", NULL},
    {"x:{path}", "native", "1", NULL},
    {"x:{path}", "", "1", NULL},
    {NULL, "/a.py", "1", NULL},
};

static void places_become_urls(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct link l = {rows[i].template, "/home/me/the shop", "box"};
		struct dp_buf out = {0};
		const char *url =
		    link_make(&l, dp_str_from(rows[i].file), dp_str_from(rows[i].line), &out);

		if (rows[i].want)
			assert_string_equal(url, rows[i].want);
		else
			assert_null(url);
		dp_buf_release(&out);
	}
}

static void templates_are_checked(void **state)
{
	const char *why = NULL;

	(void)state;
	assert_int_equal(link_check("idea://open?file={path}&line={line}", &why), 0);
	assert_null(why);
	assert_int_equal(link_check("x:{file}", &why), -1);
	assert_string_equal(why, "{path}, {line} and {host} are known");
	assert_int_equal(link_check("x:\x1b[1m", &why), -1);
	assert_string_equal(why, "a URL has no such character");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(places_become_urls),
	    cmocka_unit_test(templates_are_checked),
	};

	return cmocka_run_group_tests_name("tail_link", tests, NULL, NULL);
}
