#include "source.h"

#include "clock.h"
#include "line.h"
#include "log.h"
#include "proc.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* After a stop signal. dp-store, which may be the writer, takes as long. */
enum {
	DRAIN_MS = 1000, /* that nothing may come for */
	DRAIN_MAX_MS = 8000,
};

struct input {
	struct view *view;
	const struct dp_filter *filter;
	struct dp_line_reader *lines;
	struct dp_event_reader *reader;
	const struct source_end *end;
	uint64_t refused;
	int64_t stop_ms; /* at the latest, after a stop signal; 0: none came */
};

static void refuse(struct input *in, const char *kind, const char *why)
{
	in->refused++;
	dp_log_limited(DP_LOG_WARNING, kind, "line %llu is no event: %s",
	    (unsigned long long)dp_line_number(in->lines), why);
}

/* Returns 0, or -1 where no more is to be shown. */
static int show_line(struct input *in, struct dp_str line)
{
	struct dp_event ev;
	struct dp_refusal why;

	if (dp_line_is_blank(line))
		return 0;
	if (dp_event_read(in->reader, line, dp_clock_now_us(), &ev, &why) < 0) {
		if (!ev.is_bare)
			refuse(in, why.code, why.why);
		return 0;
	}
	if (!dp_filter_match(in->filter, &ev))
		return 0;
	return view_show(in->view, &ev) < 0 || view_is_done(in->view) ? -1 : 0;
}

/* Shows the lines that are there. Returns DP_LINE_MORE where none is left, DP_LINE_END or
 * DP_LINE_FAILED; or -1 where no more is to be shown. */
static int show_lines(struct input *in)
{
	struct dp_str line;

	for (;;) {
		enum dp_line_got got = dp_line_next(in->lines, &line);

		if (got == DP_LINE_LONG)
			refuse(in, "long-line", "it is longer than an event can be");
		else if (got != DP_LINE_OK && got != DP_LINE_PARTIAL)
			return (int)got;
		else if (show_line(in, line) < 0)
			return -1;
	}
}

/* Waits for more input. Returns false at the time to end: that which was given, or a while after a
 * stop signal, in which the writer, which got the signal too, can write its last. */
static bool wait_for_more(struct input *in)
{
	int64_t left;

	if (in->stop_ms == 0 &&
	    dp_line_wait(in->lines, dp_proc_stop_fd(), source_wait_ms(in->end, -1)) >= 0 &&
	    !dp_proc_stopping())
		return source_wait_ms(in->end, -1) != 0;
	if (in->stop_ms == 0)
		in->stop_ms = dp_clock_monotonic_ms() + DRAIN_MAX_MS;
	left = in->stop_ms - dp_clock_monotonic_ms();
	return left > 0 && dp_line_wait(in->lines, -1, left < DRAIN_MS ? (int)left : DRAIN_MS) > 0;
}

/* Reads to the end. Returns the exit status, or -1 where no more is to be shown. */
static int read_all(struct input *in)
{
	int got;

	while ((got = show_lines(in)) == DP_LINE_MORE) {
		if (!dp_line_ready(in->lines) && view_flush(in->view) < 0)
			return -1;
		if (!wait_for_more(in))
			break;
	}
	if (got == -1)
		return -1;
	if (got == DP_LINE_MORE && in->stop_ms == 0)
		return in->end->status;
	if (got != DP_LINE_FAILED)
		return 0;
	dp_log(DP_LOG_ERROR, "cannot read stdin: %s", strerror(errno));
	return 1;
}

int source_read_stdin(struct view *v, const struct dp_filter *f, const struct source_end *end)
{
	struct input in = {.view = v,
	    .filter = f,
	    .lines = dp_line_new(STDIN_FILENO, DP_EVENT_LINE_MAX),
	    .reader = dp_event_reader_new(),
	    .end = end};
	int rc = read_all(&in);

	if (view_flush(v) < 0)
		rc = -1;
	if (in.refused > 1)
		dp_log(DP_LOG_WARNING, "%llu lines were no events", (unsigned long long)in.refused);
	dp_event_reader_free(&in.reader);
	dp_line_free(&in.lines);
	return rc < 0 ? view_status(v) : rc;
}
