#include "pump.h"

#include "log.h"
#include "mem.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct pump {
	int fd;
	void (*wake)(void *arg);
	void *arg;
	pthread_t thread;
	uint64_t added; /* the loop's own */
	_Atomic uint64_t written;
	_Atomic int error;
	int filled; /* an eventfd: there is something to write, or the pump closes */

	pthread_mutex_t lock;
	struct dp_buf fill;  /* under the lock: what the loop appends to */
	bool closing;        /* under the lock */
	struct dp_buf drain; /* the thread's own: what it writes */
};

enum next { NOTHING, SOMETHING, CLOSING };

/* Exchanges the buffers where there is something to write. */
static enum next take_filled(struct pump *p)
{
	struct dp_buf empty = p->drain;
	enum next next = NOTHING;

	pthread_mutex_lock(&p->lock);
	if (p->closing) {
		next = CLOSING;
	} else if (p->fill.len > 0) {
		next = SOMETHING;
		dp_buf_clear(&empty);
		p->drain = p->fill;
		p->fill = empty;
	}
	pthread_mutex_unlock(&p->lock);
	return next;
}

/* Under the lock, so that nobody is woken once the pump closes. */
static void notify(struct pump *p)
{
	pthread_mutex_lock(&p->lock);
	if (!p->closing)
		p->wake(p->arg);
	pthread_mutex_unlock(&p->lock);
}

/* Publishes an error. Returns -1. */
static int fail(struct pump *p, int error)
{
	atomic_store(&p->error, error);
	notify(p);
	return -1;
}

/* Waits until take_filled is worth calling. A pipe whose reader has ended says so at once, and not
 * only when the next event is lost in it: the pair can be started again before that. */
static int await_filled(struct pump *p)
{
	struct pollfd fds[] = {{.fd = p->filled, .events = POLLIN}, {.fd = p->fd}};
	uint64_t count;

	if (poll(fds, 2, -1) < 0)
		return errno == EINTR ? 0 : fail(p, errno);
	if (fds[1].revents & (POLLERR | POLLHUP))
		return fail(p, EPIPE);
	if (fds[0].revents && read(p->filled, &count, sizeof count) < 0)
		return fail(p, errno);
	return 0;
}

/* Returns 0, or -1 after an error that was published. */
static int write_drain(struct pump *p)
{
	size_t at = 0;

	while (at < p->drain.len) {
		ssize_t n = write(p->fd, p->drain.data + at, p->drain.len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(p, errno);
		at += (size_t)n;
		atomic_fetch_add(&p->written, (uint64_t)n);
		notify(p);
	}
	return 0;
}

static void *run(void *arg)
{
	struct pump *p = arg;
	enum next next;
	int rc = 0;

	while (rc == 0 && (next = take_filled(p)) != CLOSING)
		rc = next == SOMETHING ? write_drain(p) : await_filled(p);
	return NULL;
}

/* The counter of an eventfd cannot overflow here, so the write does not fail. */
static void signal_filled(const struct pump *p)
{
	const uint64_t one = 1;

	if (write(p->filled, &one, sizeof one) < 0)
		dp_log_die(DP_EXIT_FAILURE, "cannot wake the pump: %s", strerror(errno));
}

struct pump *pump_open(int fd, void (*wake)(void *arg), void *arg)
{
	struct pump *p = dp_mem_new(sizeof *p);
	int failed;

	p->fd = fd;
	p->wake = wake;
	p->arg = arg;
	pthread_mutex_init(&p->lock, NULL);
	p->filled = eventfd(0, EFD_CLOEXEC);
	if (p->filled < 0)
		dp_log_die(DP_EXIT_FAILURE, "cannot make an eventfd: %s", strerror(errno));
	failed = pthread_create(&p->thread, NULL, run, p);
	if (failed)
		dp_log_die(DP_EXIT_FAILURE, "cannot start a thread: %s", strerror(failed));
	return p;
}

void pump_add(struct pump *p, struct dp_str line)
{
	bool was_empty;

	pthread_mutex_lock(&p->lock);
	was_empty = p->fill.len == 0;
	dp_buf_add_str(&p->fill, line);
	dp_buf_add_char(&p->fill, '\n');
	pthread_mutex_unlock(&p->lock);
	p->added += line.n + 1;
	if (was_empty)
		signal_filled(p);
}

uint64_t pump_added(const struct pump *p)
{
	return p->added;
}

uint64_t pump_written(const struct pump *p)
{
	return atomic_load(&p->written);
}

bool pump_is_full(const struct pump *p)
{
	return p->added - pump_written(p) >= PUMP_BYTES_MAX;
}

bool pump_has_room(const struct pump *p)
{
	return p->added - pump_written(p) < PUMP_BYTES_MAX / 2;
}

int pump_error(const struct pump *p)
{
	return atomic_load(&p->error);
}

void pump_close(struct pump **p)
{
	struct pump *q = *p;

	*p = NULL;
	if (!q)
		return;
	pthread_mutex_lock(&q->lock);
	q->closing = true;
	pthread_mutex_unlock(&q->lock);
	signal_filled(q);
	if (pump_written(q) != q->added && !pump_error(q)) {
		pthread_detach(q->thread);
		return;
	}
	pthread_join(q->thread, NULL);
	pthread_mutex_destroy(&q->lock);
	close(q->filled);
	dp_buf_release(&q->fill);
	dp_buf_release(&q->drain);
	free(q);
}
