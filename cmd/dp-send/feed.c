#include "feed.h"

#include "clock.h"
#include "event.h"
#include "line.h"
#include "log.h"
#include "mem.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCH_BYTES = 64 * 1024,
	WAITING_MAX = 16,
	CATCH_UP_NS = 100 * 1000 * 1000, /* of a rate, after a stall */
};

struct feed {
	int fd;
	int64_t rate;
	void (*wake)(void *arg);
	void *arg;
	pthread_t thread;
	int stop_fd; /* readable: stop reading */

	/* the thread's own */
	struct dp_event_reader *reader;
	struct dp_line_reader *lines;
	struct batch *batch; /* being filled, or NULL */
	size_t batch_cap;
	int64_t due_ns;
	uint64_t events;
	struct tally refused;
	int error;

	pthread_mutex_t lock;
	pthread_cond_t taken;
	struct batch *first; /* under the lock, as all below */
	struct batch **last;
	int waiting;
	bool is_stopped;
	bool is_ended;
};

void batch_free(struct batch **b)
{
	if (!*b)
		return;
	dp_buf_release(&(*b)->text);
	free((*b)->lines);
	free(*b);
	*b = NULL;
}

static bool is_stopped(struct feed *f)
{
	bool stopped;

	pthread_mutex_lock(&f->lock);
	stopped = f->is_stopped;
	pthread_mutex_unlock(&f->lock);
	return stopped;
}

/* Hands the batch over; waits where too many wait. */
static void push(struct feed *f)
{
	if (!f->batch)
		return;
	pthread_mutex_lock(&f->lock);
	while (f->waiting >= WAITING_MAX && !f->is_stopped)
		pthread_cond_wait(&f->taken, &f->lock);
	*f->last = f->batch;
	f->last = &f->batch->next;
	f->waiting++;
	pthread_mutex_unlock(&f->lock);
	f->batch = NULL;
	f->wake(f->arg);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Sleeps until the next event is due. */
static void keep_rate(struct feed *f)
{
	struct pollfd p = {.fd = f->stop_fd, .events = POLLIN};
	int64_t now = now_ns();
	int64_t wait = f->due_ns - now;
	struct timespec t = {wait / 1000000000, wait % 1000000000};

	if (wait > 0)
		ppoll(&p, 1, &t, NULL);
	if (f->due_ns < now - CATCH_UP_NS)
		f->due_ns = now - CATCH_UP_NS;
	f->due_ns += 1000000000 / f->rate;
}

static void add_event(struct feed *f, struct dp_str json, uint64_t line)
{
	struct batch *b = f->batch;

	if (!b) {
		b = f->batch = dp_mem_new(sizeof *b);
		f->batch_cap = 0;
	}
	if (b->count == f->batch_cap) {
		f->batch_cap = f->batch_cap ? 2 * f->batch_cap : 16;
		b->lines = dp_mem_resize_array(b->lines, f->batch_cap, sizeof *b->lines);
	}
	if (b->count > 0)
		dp_buf_add_char(&b->text, '\n');
	dp_buf_add_str(&b->text, json);
	b->lines[b->count++] = line;
}

static void take_line(struct feed *f, enum dp_line_got got, struct dp_str text)
{
	const uint64_t line = dp_line_number(f->lines);
	struct dp_refusal why;
	struct dp_event ev;

	if (dp_line_is_blank(text))
		return;
	f->events++;
	if (got == DP_LINE_LONG) {
		tally_add(&f->refused, line, "too-large", "an event has at most 1 MiB");
		return;
	}
	if (dp_event_read(f->reader, text, dp_clock_now_us(), &ev, &why) < 0) {
		if (ev.is_bare)
			f->events--;
		else
			tally_add(&f->refused, line, why.code, why.why);
		return;
	}
	if (ev.json.n > DP_EVENT_BYTES_MAX) {
		tally_add(
		    &f->refused, line, "too-large", "with its ids an event has at most 1 MiB");
		return;
	}
	if (f->rate > 0)
		keep_rate(f);
	if (f->batch && f->batch->text.len + 1 + ev.json.n > BATCH_BYTES)
		push(f);
	add_event(f, ev.json, line);
	if (f->rate > 0)
		push(f);
}

/* Returns 0 at the end of input or at the stop, -1 with errno. */
static int read_lines(struct feed *f)
{
	struct dp_str text;

	while (!is_stopped(f)) {
		enum dp_line_got got = dp_line_next(f->lines, &text);

		if (got == DP_LINE_OK || got == DP_LINE_LONG || got == DP_LINE_PARTIAL) {
			take_line(f, got, text);
			continue;
		}
		if (got != DP_LINE_MORE)
			return got == DP_LINE_END ? 0 : -1;
		if (!dp_line_ready(f->lines))
			push(f);
		if (dp_line_wait(f->lines, f->stop_fd, -1) < 0)
			return 0;
	}
	return 0;
}

static void *run(void *arg)
{
	struct feed *f = arg;

	f->due_ns = now_ns();
	if (read_lines(f) < 0)
		f->error = errno;
	push(f);
	pthread_mutex_lock(&f->lock);
	f->is_ended = true;
	pthread_mutex_unlock(&f->lock);
	f->wake(f->arg);
	return NULL;
}

struct feed *feed_open(int fd, int64_t rate, void (*wake)(void *arg), void *arg)
{
	struct feed *f = dp_mem_new(sizeof *f);
	int failed;

	*f = (struct feed){.fd = fd, .rate = rate, .wake = wake, .arg = arg};
	f->last = &f->first;
	f->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (f->stop_fd < 0)
		dp_log_die(DP_EXIT_FAILURE, "cannot make a descriptor: %s", strerror(errno));
	f->reader = dp_event_reader_new();
	f->lines = dp_line_new(fd, DP_EVENT_BYTES_MAX);
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->taken, NULL);
	failed = pthread_create(&f->thread, NULL, run, f);
	if (failed)
		dp_log_die(DP_EXIT_FAILURE, "cannot start a thread: %s", strerror(failed));
	return f;
}

struct batch *feed_take(struct feed *f)
{
	struct batch *b;

	pthread_mutex_lock(&f->lock);
	b = f->first;
	if (b) {
		f->first = b->next;
		if (!f->first)
			f->last = &f->first;
		b->next = NULL;
		f->waiting--;
		pthread_cond_signal(&f->taken);
	}
	pthread_mutex_unlock(&f->lock);
	return b;
}

bool feed_is_ended(struct feed *f)
{
	bool ended;

	pthread_mutex_lock(&f->lock);
	ended = f->is_ended && !f->first;
	pthread_mutex_unlock(&f->lock);
	return ended;
}

void feed_stop(struct feed *f)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&f->lock);
	f->is_stopped = true;
	pthread_cond_signal(&f->taken);
	pthread_mutex_unlock(&f->lock);
	if (write(f->stop_fd, &one, sizeof one) < 0)
		return; /* readable already */
}

int feed_close(struct feed **f, uint64_t *events, struct tally *refused)
{
	struct feed *g = *f;
	struct batch *b;
	int error;

	feed_stop(g);
	pthread_join(g->thread, NULL);
	error = g->error;
	*events = g->events;
	*refused = g->refused;
	while ((b = feed_take(g)))
		batch_free(&b);
	dp_line_free(&g->lines);
	dp_event_reader_free(&g->reader);
	pthread_mutex_destroy(&g->lock);
	pthread_cond_destroy(&g->taken);
	close(g->stop_fd);
	free(g);
	*f = NULL;
	return error;
}
