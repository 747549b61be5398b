/* How long events are on their way: puts the time into each at one end, reads it at the other.
 *
 *	stamp RATE           copies events from stdin to stdout, RATE a second, each with its time
 *	stamp - SKIP COUNT   reads SKIP events and then COUNT; prints seconds from the first of
 *these to the last, and the 50th, 99th and greatest time on the way in microseconds
 *
 * Those that wait for their turn are not on their way. */
#include "buf.h"
#include "mem.h"

#include <err.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK_BYTES = 256 * 1024 };

static const char member[] = ",\"sentUs\":";

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Reads on. Returns whether there was more. */
static bool read_more(struct dp_buf *in)
{
	ssize_t n;

	dp_buf_reserve(in, BLOCK_BYTES);
	n = read(STDIN_FILENO, in->data + in->len, BLOCK_BYTES);
	if (n < 0)
		err(1, "cannot read");
	in->len += (size_t)n;
	return n > 0;
}

static void write_all(struct dp_buf *out)
{
	size_t at = 0;

	while (at < out->len) {
		ssize_t n = write(STDOUT_FILENO, out->data + at, out->len - at);

		if (n < 0)
			err(1, "cannot write");
		at += (size_t)n;
	}
	dp_buf_clear(out);
}

/* What is due is written at once; what became late by waiting for the reader of the pipe, too. */
static void pace(double rate)
{
	const int64_t start = now_us();
	struct dp_buf in = {0};
	struct dp_buf out = {0};
	uint64_t done = 0;

	while (read_more(&in)) {
		size_t at = 0;
		const char *end;

		while ((end = memchr(in.data + at, '\n', in.len - at))) {
			int64_t early = start + (int64_t)((double)done / rate * 1e6) - now_us();

			if (early > 0) {
				write_all(&out);
				usleep(early < 1000 ? 1000 : (useconds_t)early);
			}
			dp_buf_add(&out, in.data + at, (size_t)(end - in.data) - at - 1);
			dp_buf_addf(&out, "%s%" PRId64 "}\n", member, now_us());
			if (out.len >= BLOCK_BYTES)
				write_all(&out);
			at = (size_t)(end - in.data) + 1;
			done++;
		}
		dp_buf_drop(&in, at);
	}
	write_all(&out);
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a;
	const int64_t *y = b;

	return (*x > *y) - (*x < *y);
}

static int64_t sent_us(const char *p, size_t n)
{
	const char *found = memmem(p, n, member, sizeof member - 1);

	if (!found)
		errx(1, "no time in %.*s", (int)n, p);
	return strtoll(found + sizeof member - 1, NULL, 10);
}

static void measure(size_t skip, size_t count)
{
	int64_t *us = dp_mem_new(count * sizeof *us);
	struct dp_buf in = {0};
	size_t lines = 0;
	int64_t first = 0;
	int64_t now = 0;

	while (lines < skip + count && read_more(&in)) {
		size_t at = 0;
		const char *end;

		now = now_us();
		while (lines < skip + count && (end = memchr(in.data + at, '\n', in.len - at))) {
			int64_t sent = sent_us(in.data + at, (size_t)(end - in.data) - at);

			if (lines == skip)
				first = now;
			if (lines >= skip)
				us[lines - skip] = now - sent;
			lines++;
			at = (size_t)(end - in.data) + 1;
		}
		dp_buf_drop(&in, at);
	}
	if (lines < skip + count)
		errx(1, "%zu events arrived of %zu", lines, skip + count);
	qsort(us, count, sizeof *us, compare);
	printf("%.3f %" PRId64 " %" PRId64 " %" PRId64 "\n", (double)(now - first) / 1e6,
	    us[count / 2], us[count * 99 / 100], us[count - 1]);
}

int main(int argc, char **argv)
{
	if (argc == 2)
		pace(strtod(argv[1], NULL));
	else if (argc == 4 && strcmp(argv[1], "-") == 0)
		measure(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	else
		errx(2, "usage: stamp RATE | stamp - SKIP COUNT");
	return 0;
}
