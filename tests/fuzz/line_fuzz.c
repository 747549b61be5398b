/* Lines from a pipe: where the writer's pieces end must not matter, no line is beyond the limit,
 * and all that was written comes, but for the rest of lines that are too long. */
#include "line.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum { LIMIT = 20, INPUT_MAX = 4000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Tells each line as it comes: how it was got, and its text. */
static void read_pieces(const uint8_t *data, size_t size, size_t piece, struct dp_buf *told)
{
	struct dp_line_reader *r;
	enum dp_line_got got;
	struct dp_str line;
	uint64_t number = 0;
	size_t at = 0;
	int fd[2];

	assert(pipe(fd) == 0);
	r = dp_line_new(fd[0], LIMIT);
	while ((got = dp_line_next(r, &line)) != DP_LINE_END) {
		assert(got != DP_LINE_FAILED);
		if (got == DP_LINE_MORE) {
			size_t n = size - at < piece ? size - at : piece;

			if (n > 0)
				assert(write(fd[1], data + at, n) == (ssize_t)n);
			at += n;
			if (at == size && fd[1] >= 0) {
				close(fd[1]);
				fd[1] = -1;
			}
			assert(dp_line_wait(r, -1, 1000) == 1);
			continue;
		}
		assert(line.n <= LIMIT && dp_line_number(r) == ++number);
		dp_buf_addf(told, "%d:", (int)got);
		dp_buf_add_str(told, line);
		dp_buf_add_char(told, '\n');
	}
	dp_line_free(&r);
	close(fd[0]);
	if (fd[1] >= 0)
		close(fd[1]);
}

/* The same the plain way. */
static void expect(const char *p, size_t size, struct dp_buf *told)
{
	while (size > 0) {
		const char *newline = memchr(p, '\n', size);
		size_t n = newline ? (size_t)(newline - p) : size;
		enum dp_line_got got = n > LIMIT ? DP_LINE_LONG
				       : newline ? DP_LINE_OK
						 : DP_LINE_PARTIAL;

		dp_buf_addf(told, "%d:", (int)got);
		dp_buf_add(told, p, n > LIMIT ? LIMIT : n);
		dp_buf_add_char(told, '\n');
		n += newline != NULL;
		p += n;
		size -= n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t pieces[] = {1, 3, 7, INPUT_MAX};
	struct dp_buf want = {0};

	if (size > INPUT_MAX)
		return 0;
	expect((const char *)data, size, &want);
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		struct dp_buf told = {0};

		read_pieces(data, size, pieces[i], &told);
		assert(dp_str_equal(dp_buf_str(&told), dp_buf_str(&want)));
		dp_buf_release(&told);
	}
	dp_buf_release(&want);
	return 0;
}
