/* Bounded records from a descriptor: lines that end in a newline.
 *
 * Reading and waiting are apart, so that a program can flush what it holds before it waits:
 *
 *	for (;;) {
 *		while ((got = dp_line_next(r, &line)) == DP_LINE_OK || got == DP_LINE_LONG)
 *			use(line);
 *		if (got != DP_LINE_MORE)
 *			break;
 *		if (!dp_line_ready(r))
 *			flush();
 *		if (dp_line_wait(r, stop_fd, -1) < 0)
 *			break;
 *	}
 */
#ifndef DP_LINE_H
#define DP_LINE_H

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

struct dp_line_reader;

enum dp_line_got {
	DP_LINE_OK,      /* a line, without its newline */
	DP_LINE_LONG,    /* a line beyond the limit: its first `limit` bytes; the rest is skipped */
	DP_LINE_MORE,    /* none is complete: wait, then ask again */
	DP_LINE_PARTIAL, /* at the end of input: a last line without a newline; then comes END */
	DP_LINE_END,     /* end of input */
	DP_LINE_FAILED,  /* read(2) failed: errno */
};

/* Reads from fd, which stays the caller's. `limit` in bytes, without the newline. */
struct dp_line_reader *dp_line_new(int fd, size_t limit);
void dp_line_free(struct dp_line_reader **r);

/* The next line. *line is good until the next call. Reads what is there without blocking only after
 * dp_line_wait said so; else answers DP_LINE_MORE. */
enum dp_line_got dp_line_next(struct dp_line_reader *r, struct dp_str *line);

/* After DP_LINE_MORE: whether the beginning of a line is there, whose newline has not come. */
bool dp_line_is_partial(const struct dp_line_reader *r);

/* Whether input (or its end) is there to be read now. */
bool dp_line_ready(const struct dp_line_reader *r);

/* Waits for input, for stop_fd (-1: none) to become readable, or for timeout_ms (-1: for ever).
 * Returns 1 when there is input, 0 at the time-out, -1 at the stop. Input wins over the stop where
 * both are there, so that a stopped program can drain: it passes -1 as stop_fd from then on. */
int dp_line_wait(struct dp_line_reader *r, int stop_fd, int timeout_ms);

/* Whether a line holds nothing but spaces, tabs and carriage returns. */
bool dp_line_is_blank(struct dp_str line);

/* The number of the line returned last, from 1. */
uint64_t dp_line_number(const struct dp_line_reader *r);

#endif
