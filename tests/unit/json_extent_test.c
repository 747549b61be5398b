#include "json_extent.h"

#include "json_random.h"
#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* In memory of its own size, so that a sanitizer sees what is read beyond it. */
static size_t length_of(struct dp_str s)
{
	char *copy = memcpy(dp_mem_new(s.n), s.p, s.n);
	const struct dp_str all = {copy, s.n};
	const size_t n = *copy == '"' ? dp_json_string_length(all) : dp_json_container_length(all);

	free(copy);
	return n;
}

/* Whatever stands in it and behind it; and no part of it ends. */
static void reaches_to_its_end(void **state)
{
	uint64_t seed = 11;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		const bool is_string = i % 4 == 0;
		struct dp_buf text = {0};
		struct dp_str all;
		size_t n;

		dp_buf_add_text(&text, is_string ? "" : "[[");
		json_random_string(&seed, &text);
		if (!is_string) {
			dp_buf_add_text(&text, "],");
			json_random_value(&seed, 3, &text);
			dp_buf_add_char(&text, ']');
		}
		n = text.len;
		dp_buf_add_text(&text, "]}\"\\ [{\"");
		all = dp_buf_str(&text);
		if (length_of(all) != n || length_of((struct dp_str){all.p, n}) != n)
			fail_msg("%.*s", (int)n, all.p);
		for (size_t part = 1; part < n; part++)
			if (length_of((struct dp_str){all.p, part}) != 0)
				fail_msg("%.*s", (int)part, all.p);
		dp_buf_release(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reaches_to_its_end)};

	return cmocka_run_group_tests_name("json_extent", tests, NULL, NULL);
}
