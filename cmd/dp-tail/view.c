#include "view.h"

#include "clock.h"
#include "log.h"
#include "markdown.h"
#include "mem.h"
#include "plain.h"
#include "proc.h"
#include "render.h"
#include "template.h"
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
	struct tally tally;
	bool lost; /* something was not written: so it stays */
	int status;
};

struct view *view_new(const struct view_options *o)
{
	struct view *v = dp_mem_new(sizeof *v);

	v->options = *o;
	v->memory.day = when_day(o->time, dp_clock_now_us());
	return v;
}

void view_free(struct view **v)
{
	if (!*v)
		return;
	dp_buf_release(&(*v)->out);
	tally_release(&(*v)->tally);
	free(*v);
	*v = NULL;
}

static void show_pretty(struct view *v, const struct dp_event *ev)
{
	const struct view_options *vo = &v->options;
	const struct render_options o = {.width = terminal_width(),
	    .color = vo->color,
	    .traces = vo->traces,
	    .groups = vo->terminal,
	    .time = vo->time,
	    .now_us = dp_clock_now_us(),
	    .link = vo->link};

	render_event(&v->out, ev, &o, &v->memory);
}

static void show_line(struct view *v, const struct dp_event *ev)
{
	const struct view_options *vo = &v->options;
	const struct plain_options o = {.when = {vo->time, dp_clock_now_us(),
					    v->memory.past_first ? v->memory.last_us : ev->ts_us},
	    .width = vo->terminal ? terminal_width() : 0,
	    .color = vo->color};

	if (vo->format == VIEW_SHORT)
		plain_short(&v->out, ev, &o);
	else if (vo->format == VIEW_LOGFMT)
		plain_logfmt(&v->out, ev);
	else if (vo->format == VIEW_RAW)
		plain_raw(&v->out, ev);
	else if (vo->format == VIEW_MARKDOWN)
		markdown_write(&v->out, ev, &o.when);
	else
		template_write(&v->out, vo->template, ev, &o.when);
	v->memory.last_us = ev->ts_us;
	v->memory.past_first = true;
}

int view_show(struct view *v, const struct dp_event *ev)
{
	if (v->options.format == VIEW_JSON && v->options.terminal) {
		plain_json(&v->out, ev);
	} else if (v->options.format == VIEW_JSON) {
		dp_buf_add_str(&v->out, ev->json);
		dp_buf_add_char(&v->out, '\n');
	} else if (v->options.format == VIEW_PRETTY) {
		show_pretty(v, ev);
	} else {
		show_line(v, ev);
	}
	tally_add(&v->tally, ev);
	return v->out.len < HOLD_BYTES ? 0 : view_flush(v);
}

bool view_is_done(const struct view *v)
{
	return v->options.count > 0 && tally_total(&v->tally) >= v->options.count;
}

const struct tally *view_tally(const struct view *v)
{
	return &v->tally;
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

static int give_up(struct view *v)
{
	dp_buf_clear(&v->out);
	v->lost = true;
	return -1;
}

static int fail(struct view *v, int error)
{
	v->status = error == EPIPE ? 0 : DP_EXIT_FAILURE;
	if (v->status)
		dp_log(DP_LOG_ERROR, "cannot write to stdout: %s", strerror(error));
	return give_up(v);
}

int view_flush(struct view *v)
{
	size_t at = 0;

	if (v->lost)
		return -1;
	while (at < v->out.len) {
		/* so much a pipe takes without blocking once it takes anything */
		size_t size = v->out.len - at < PIPE_BUF ? v->out.len - at : PIPE_BUF;
		ssize_t n;

		if (wait_writable() < 0)
			return give_up(v);
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
