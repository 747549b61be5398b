/* What a server may send as a stream of events: no message may be beyond its limits, and where the
 * stream was cut into pieces must not matter. */
#include "../../cmd/dp-tail/sse.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DATA_MAX = 64, ID_MAX = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int tell(void *arg, const struct sse_message *m)
{
	struct dp_buf *told = arg;

	assert(m->data.n <= DATA_MAX && m->id.n <= ID_MAX);
	dp_buf_addf(told, "%zu:", m->id.n);
	dp_buf_add_str(told, m->id);
	dp_buf_addf(told, " %zu:", m->data.n);
	dp_buf_add_str(told, m->data);
	dp_buf_add_text(told, m->too_long ? "!\n" : "\n");
	return 0;
}

/* Each piece is a block of its own, so that reading beyond it is noticed. */
static void feed_pieces(struct sse *s, struct dp_str stream, size_t piece, struct dp_buf *told)
{
	while (stream.n > 0) {
		size_t n = piece < stream.n ? piece : stream.n;
		char *copy = malloc(n);

		assert(copy);
		memcpy(copy, stream.p, n);
		assert(sse_feed(s, copy, n, tell, told) == 0);
		free(copy);
		stream = (struct dp_str){stream.p + n, stream.n - n};
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t pieces[] = {1, 2, 3, 7};
	const struct dp_str stream = {(const char *)data, size};
	struct sse *s = sse_new(DATA_MAX);
	struct dp_buf whole = {0};

	assert(sse_feed(s, stream.p, stream.n, tell, &whole) == 0);
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		struct dp_buf told = {0};

		sse_reset(s);
		feed_pieces(s, stream, pieces[i], &told);
		assert(dp_str_equal(dp_buf_str(&whole), dp_buf_str(&told)));
		dp_buf_release(&told);
	}
	sse_free(&s);
	dp_buf_release(&whole);
	return 0;
}
