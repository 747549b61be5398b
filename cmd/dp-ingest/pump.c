#include "pump.h"

#include "log.h"
#include "mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct pump {
	int fd;
	void (*wake)(void *arg);
	void *arg;
	pthread_t thread;
	uint64_t added; /* the loop's own */
	_Atomic uint64_t written;
	_Atomic int error;

	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct dp_buf fill;  /* under the lock: what the loop appends to */
	bool closing;        /* under the lock */
	struct dp_buf drain; /* the thread's own: what it writes */
};

/* Exchanges the buffers as soon as there is something to write. False when the pump closes. */
static bool take_filled(struct pump *p)
{
	struct dp_buf empty = p->drain;
	bool more;

	pthread_mutex_lock(&p->lock);
	while (p->fill.len == 0 && !p->closing)
		pthread_cond_wait(&p->filled, &p->lock);
	more = !p->closing;
	if (more) {
		dp_buf_clear(&empty);
		p->drain = p->fill;
		p->fill = empty;
	}
	pthread_mutex_unlock(&p->lock);
	return more;
}

/* Under the lock, so that nobody is woken once the pump closes. */
static void notify(struct pump *p)
{
	pthread_mutex_lock(&p->lock);
	if (!p->closing)
		p->wake(p->arg);
	pthread_mutex_unlock(&p->lock);
}

/* Returns 0, or -1 after an error that was published. */
static int write_drain(struct pump *p)
{
	size_t at = 0;

	while (at < p->drain.len) {
		ssize_t n = write(p->fd, p->drain.data + at, p->drain.len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			atomic_store(&p->error, errno);
			notify(p);
			return -1;
		}
		at += (size_t)n;
		atomic_fetch_add(&p->written, (uint64_t)n);
		notify(p);
	}
	return 0;
}

static void *run(void *arg)
{
	struct pump *p = arg;

	while (take_filled(p))
		if (write_drain(p) < 0)
			break;
	return NULL;
}

struct pump *pump_open(int fd, void (*wake)(void *arg), void *arg)
{
	struct pump *p = dp_mem_new(sizeof *p);
	int failed;

	p->fd = fd;
	p->wake = wake;
	p->arg = arg;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->filled, NULL);
	failed = pthread_create(&p->thread, NULL, run, p);
	if (failed)
		dp_log_die(DP_EXIT_FAILURE, "cannot start a thread: %s", strerror(failed));
	return p;
}

void pump_add(struct pump *p, struct dp_str line)
{
	pthread_mutex_lock(&p->lock);
	if (p->fill.len == 0)
		pthread_cond_signal(&p->filled);
	dp_buf_add_str(&p->fill, line);
	dp_buf_add_char(&p->fill, '\n');
	pthread_mutex_unlock(&p->lock);
	p->added += line.n + 1;
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
	pthread_cond_signal(&q->filled);
	pthread_mutex_unlock(&q->lock);
	if (pump_written(q) != q->added && !pump_error(q)) {
		pthread_detach(q->thread);
		return;
	}
	pthread_join(q->thread, NULL);
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->filled);
	dp_buf_release(&q->fill);
	dp_buf_release(&q->drain);
	free(q);
}
