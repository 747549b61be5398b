#include "../../cmd/dp-http/gzip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Text that repeats itself a little. */
static struct dp_buf make_text(size_t n)
{
	struct dp_buf b = {0};
	uint32_t x = 1;

	while (b.len < n) {
		x = x * 1664525 + 1013904223;
		dp_buf_addf(&b, "{\"n\":%u}\n", x >> 20);
	}
	b.len = n;
	return b;
}

static void assert_unpacks(struct dp_buf *packed, const struct dp_buf *text)
{
	struct dp_buf got = {0};

	gzip_unpack(dp_buf_str(packed), &got);
	assert_int_equal(got.len, text->len);
	assert_true(dp_str_equal(dp_buf_str(&got), dp_buf_str(text)));
	dp_buf_release(&got);
	dp_buf_release(packed);
}

static void test_whole(void **state)
{
	static const size_t sizes[] = {0, 1, 1023, 16 * 1024, 300 * 1000};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct dp_buf text = make_text(sizes[i]);
		struct dp_buf packed = {0};

		gzip_pack(dp_buf_str(&text), &packed);
		if (sizes[i] > 1000)
			assert_true(packed.len < text.len / 2);
		assert_unpacks(&packed, &text);
		dp_buf_release(&text);
	}
}

static void test_pieces(void **state)
{
	struct dp_buf text = make_text(500 * 1000);
	struct dp_buf packed = {0};
	struct gzip *g = gzip_new();
	size_t at = 0;

	(void)state;
	for (size_t n = 0; at < text.len; n = n * 3 + 1) {
		if (n > text.len - at)
			n = text.len - at;
		gzip_add(g, (struct dp_str){text.data + at, n}, false, &packed);
		at += n;
	}
	gzip_add(g, DP_STR(""), true, &packed);
	gzip_free(&g);
	assert_null(g);
	assert_unpacks(&packed, &text);
	dp_buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole),
	    cmocka_unit_test(test_pieces),
	};

	return cmocka_run_group_tests_name("http_gzip", tests, NULL, NULL);
}
