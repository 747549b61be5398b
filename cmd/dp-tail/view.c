#include "view.h"

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "proc.h"
#include "render.h"
#include "terminal.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	HOLD_BYTES = 64 * 1024,
	KEEP_BYTES = 1024 * 1024, /* a larger buffer is not kept */
	STOPPED_WAIT_MS = 1000,   /* for a full stdout, once the program shall stop */
};

struct view {
	struct view_options options;
	struct dp_buf out;
	struct render_memory memory;
	int status;
};

struct view *view_new(const struct view_options *o)
{
	struct view *v = dp_mem_new(sizeof *v);

	v->options = *o;
	v->memory.day = when_day(WHEN_LOCAL, dp_clock_now_us());
	return v;
}

void view_free(struct view **v)
{
	if (!*v)
		return;
	dp_buf_release(&(*v)->out);
	free(*v);
	*v = NULL;
}

int view_show(struct view *v, const struct dp_event *ev)
{
	if (v->options.json) {
		dp_buf_add_str(&v->out, ev->json);
		dp_buf_add_char(&v->out, '\n');
	} else {
		const struct render_options o = {.width = terminal_width(),
		    .color = v->options.color,
		    .traces = v->options.traces};

		render_event(&v->out, ev, &o, &v->memory);
	}
	return v->out.len < HOLD_BYTES ? 0 : view_flush(v);
}

/* Waits until stdout takes something; -1 where it does not and the program shall stop. */
static int wait_writable(void)
{
	struct pollfd p[] = {
	    {.fd = STDOUT_FILENO, .events = POLLOUT}, {.fd = dp_proc_stop_fd(), .events = POLLIN}};

	while (poll(p, 2, -1) < 0 && errno == EINTR) {
	}
	if (p[0].revents || !p[1].revents)
		return 0;
	return poll(p, 1, STOPPED_WAIT_MS) == 0 ? -1 : 0;
}

static int fail(struct view *v, int error)
{
	v->status = error == EPIPE ? 0 : DP_EXIT_FAILURE;
	if (v->status)
		dp_log(DP_LOG_ERROR, "cannot write to stdout: %s", strerror(error));
	dp_buf_clear(&v->out);
	return -1;
}

int view_flush(struct view *v)
{
	size_t at = 0;

	while (at < v->out.len) {
		/* so much a pipe takes without blocking once it takes anything */
		size_t size = v->out.len - at < PIPE_BUF ? v->out.len - at : PIPE_BUF;
		ssize_t n;

		if (wait_writable() < 0) {
			dp_buf_clear(&v->out);
			return -1;
		}
		n = write(STDOUT_FILENO, v->out.data + at, size);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return fail(v, errno);
		at += n > 0 ? (size_t)n : 0;
	}
	dp_buf_clear(&v->out);
	if (v->out.cap > KEEP_BYTES)
		dp_buf_release(&v->out);
	return 0;
}

bool view_is_closed(void)
{
	struct pollfd p = {.fd = STDOUT_FILENO};

	return poll(&p, 1, 0) > 0 && (p.revents & POLLERR);
}

int view_status(const struct view *v)
{
	return v->status;
}
