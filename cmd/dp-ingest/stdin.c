#include "stdin.h"

#include "buf.h"
#include "clock.h"
#include "event.h"
#include "intake.h"
#include "line.h"
#include "log.h"
#include "proc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FLUSH_BYTES = 256 * 1024 };

static void keep_line(void *arg, const struct dp_event *ev)
{
	struct dp_buf *out = arg;

	dp_buf_add_str(out, ev->json);
	dp_buf_add_char(out, '\n');
}

/* Returns 0, or -1 with errno. */
static int flush(struct dp_buf *out)
{
	size_t at = 0;

	while (at < out->len) {
		ssize_t n = write(STDOUT_FILENO, out->data + at, out->len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += (size_t)n;
	}
	dp_buf_clear(out);
	return 0;
}

static void take_line(struct intake *in, enum dp_line_got got, struct dp_str line, uint64_t number)
{
	char event_id[DP_UUID_TEXT + 1];
	struct dp_refusal why;
	char from[32];

	if (dp_line_is_blank(line))
		return;
	snprintf(from, sizeof from, "line %" PRIu64, number);
	if (got == DP_LINE_LONG)
		intake_refuse(in, "too-large", from, "an event has at most 1 MiB");
	else
		intake_event(in, line, dp_clock_now_us(), from, &why, event_id);
}

/* Reads and writes until the end; flushes when the next read would block. Returns 0, or -1 with
 * *what failed and errno. */
static int pass(struct dp_line_reader *r, struct intake *in, struct dp_buf *out, const char **what)
{
	enum dp_line_got got;
	struct dp_str line;

	for (;;) {
		*what = "write to standard output";
		got = dp_line_next(r, &line);
		if (got == DP_LINE_OK || got == DP_LINE_LONG || got == DP_LINE_PARTIAL) {
			take_line(in, got, line, dp_line_number(r));
			if (out->len >= FLUSH_BYTES && flush(out) < 0)
				return -1;
			continue;
		}
		if (got == DP_LINE_MORE && dp_line_ready(r) && !dp_proc_stopping()) {
			dp_line_wait(r, -1, 0);
			continue;
		}
		if (flush(out) < 0)
			return -1;
		*what = "read standard input";
		if (got != DP_LINE_MORE)
			return got == DP_LINE_END ? 0 : -1;
		if (dp_proc_stopping() || dp_line_wait(r, dp_proc_stop_fd(), -1) < 0)
			return 0;
	}
}

static void report(const struct intake_counts *c)
{
	struct dp_buf text = {0};

	if (c->refused > 0) {
		dp_buf_addf(&text, "events passed %" PRIu64 ", ", c->accepted);
		intake_describe_refused(c, &text);
		dp_log(DP_LOG_WARNING, "%s", dp_buf_text(&text));
	}
	dp_buf_release(&text);
}

int stdin_run(void)
{
	struct dp_line_reader *reader = dp_line_new(STDIN_FILENO, DP_EVENT_BYTES_MAX);
	struct dp_buf out = {0};
	struct intake in;
	const char *what;
	int rc;

	intake_init(&in, keep_line, &out);
	in.is_pipe = true;
	rc = pass(reader, &in, &out, &what);
	if (rc < 0)
		dp_log(DP_LOG_ERROR, "cannot %s: %s", what, strerror(errno));
	report(&in.counts);
	intake_release(&in);
	dp_buf_release(&out);
	dp_line_free(&reader);
	return rc < 0 ? DP_EXIT_FAILURE : 0;
}
