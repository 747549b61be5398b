#include "line.h"

#include "mem.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 256 * 1024 };

struct dp_line_reader {
	int fd;
	size_t limit;
	struct dp_buf buf;
	size_t start;   /* of the first line not yet returned */
	size_t scanned; /* no newline lies in [start, scanned) */
	uint64_t number;
	bool may_read; /* a read(2) will not block */
	bool at_end;
	bool skipping; /* the rest of a line beyond the limit */
};

struct dp_line_reader *dp_line_new(int fd, size_t limit)
{
	struct dp_line_reader *r = dp_mem_new(sizeof *r);

	r->fd = fd;
	r->limit = limit;
	return r;
}

void dp_line_free(struct dp_line_reader **r)
{
	if (!*r)
		return;
	dp_buf_release(&(*r)->buf);
	free(*r);
	*r = NULL;
}

/* One read(2) into the buffer. Returns 0, or -1 with errno. */
static int fill(struct dp_line_reader *r)
{
	ssize_t n;

	dp_buf_drop(&r->buf, r->start);
	r->scanned -= r->start;
	r->start = 0;
	dp_buf_reserve(&r->buf, READ_BYTES);
	do
		n = read(r->fd, r->buf.data + r->buf.len, READ_BYTES);
	while (n < 0 && errno == EINTR);
	r->may_read = false;
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	r->buf.len += (size_t)n;
	r->at_end = n == 0;
	return 0;
}

/* Cuts `size` bytes and `newline` more off the front as the next line. */
static struct dp_str cut(struct dp_line_reader *r, size_t size, size_t newline)
{
	struct dp_str line = {r->buf.data + r->start, size};

	r->start += size + newline;
	r->scanned = r->start;
	return line;
}

/* A line beyond the limit begins the buffer: returns its first bytes and goes on skipping it. */
static struct dp_str cut_long(struct dp_line_reader *r, const char *newline)
{
	size_t size =
	    newline ? (size_t)(newline - (r->buf.data + r->start)) : r->buf.len - r->start;
	struct dp_str line = cut(r, size, newline ? 1 : 0);

	r->skipping = !newline;
	r->number++;
	line.n = r->limit;
	return line;
}

/* Looks for a complete line in the buffer. */
static enum dp_line_got take(struct dp_line_reader *r, struct dp_str *line)
{
	const char *from = r->buf.data ? r->buf.data + r->scanned : NULL;
	const char *newline = from ? memchr(from, '\n', r->buf.len - r->scanned) : NULL;
	size_t size = newline ? (size_t)(newline - r->buf.data) - r->start : r->buf.len - r->start;

	r->scanned = newline ? r->scanned : r->buf.len;
	if (r->skipping) {
		cut(r, size, newline ? 1 : 0);
		r->skipping = !newline;
		return newline ? take(r, line) : DP_LINE_MORE;
	}
	if (size > r->limit) {
		*line = cut_long(r, newline);
		return DP_LINE_LONG;
	}
	if (!newline)
		return DP_LINE_MORE;
	r->number++;
	*line = cut(r, size, 1);
	return DP_LINE_OK;
}

enum dp_line_got dp_line_next(struct dp_line_reader *r, struct dp_str *line)
{
	enum dp_line_got got = take(r, line);

	if (got == DP_LINE_MORE && r->may_read && !r->at_end) {
		if (fill(r) < 0)
			return DP_LINE_FAILED;
		got = take(r, line);
	}
	if (got != DP_LINE_MORE || !r->at_end)
		return got;
	if (r->buf.len == r->start)
		return DP_LINE_END;
	r->number++;
	*line = cut(r, r->buf.len - r->start, 0);
	return DP_LINE_PARTIAL;
}

bool dp_line_is_partial(const struct dp_line_reader *r)
{
	return r->buf.len > r->start;
}

bool dp_line_ready(const struct dp_line_reader *r)
{
	struct pollfd p = {.fd = r->fd, .events = POLLIN};

	return r->at_end || poll(&p, 1, 0) > 0;
}

int dp_line_wait(struct dp_line_reader *r, int stop_fd, int timeout_ms)
{
	struct pollfd p[] = {{.fd = r->fd, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
	int n;

	do
		n = poll(p, 2, timeout_ms);
	while (n < 0 && errno == EINTR);
	r->may_read = p[0].revents != 0 || n < 0;
	if (r->may_read)
		return 1;
	return p[1].revents != 0 ? -1 : 0;
}

bool dp_line_is_blank(struct dp_str line)
{
	size_t i = 0;

	while (i < line.n && (line.p[i] == ' ' || line.p[i] == '\t' || line.p[i] == '\r'))
		i++;
	return i == line.n;
}

uint64_t dp_line_number(const struct dp_line_reader *r)
{
	return r->number;
}
