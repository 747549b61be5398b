#include "writer.h"

#include "checked.h"
#include "clock.h"
#include "lag.h"
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

enum {
	TRY_AGAIN_MS = 200,
	KEEP_BYTES = WRITER_BYTES_MAX / 2,
	EVENT_BYTES = 400,                /* about as long is one, where nobody counted them */
	STANDSTILL_US = 10 * 1000 * 1000, /* of the mark */
};

struct writer {
	struct dp_spool *spool; /* or NULL */
	int fd;
	void (*wake)(void *arg);
	void *arg;
	pthread_t thread;
	uint64_t added; /* the loop's own */
	_Atomic uint64_t done;
	_Atomic int error;
	_Atomic bool is_stalled;
	int filled; /* an eventfd: there is something to write, or the writer closes */

	pthread_mutex_t lock;
	struct dp_buf fill; /* under the lock, as all of these: what the loop appends to */
	bool closing;
	uint64_t events_done;
	uint64_t syncs;
	struct lag lag;

	struct dp_buf drain; /* the thread's own: what it writes */
};

enum next { NOTHING, SOMETHING, CLOSING };

/* Exchanges the buffers where there is something to write. */
static enum next take_filled(struct writer *w)
{
	struct dp_buf empty = w->drain;
	enum next next = NOTHING;

	pthread_mutex_lock(&w->lock);
	if (w->closing) {
		next = CLOSING;
	} else if (w->fill.len > 0) {
		next = SOMETHING;
		dp_buf_clear(&empty);
		w->drain = w->fill;
		w->fill = empty;
	}
	pthread_mutex_unlock(&w->lock);
	return next;
}

/* Under the lock, so that nobody is woken once the writer closes. */
static void notify(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	if (!w->closing)
		w->wake(w->arg);
	pthread_mutex_unlock(&w->lock);
}

/* Publishes an error. Returns -1. */
static int fail(struct writer *w, int error)
{
	atomic_store(&w->error, error);
	notify(w);
	return -1;
}

static bool is_closing(struct writer *w)
{
	bool closing;

	pthread_mutex_lock(&w->lock);
	closing = w->closing;
	pthread_mutex_unlock(&w->lock);
	return closing;
}

/* Waits until take_filled is worth calling. A pipe whose reader has ended says so at once, and not
 * only when the next event is lost in it: the pair can be started again before that. */
static int await_filled(struct writer *w)
{
	struct pollfd fds[] = {{.fd = w->filled, .events = POLLIN}, {.fd = w->spool ? -1 : w->fd}};
	uint64_t count;

	if (poll(fds, 2, -1) < 0)
		return errno == EINTR ? 0 : fail(w, errno);
	if (fds[1].revents & (POLLERR | POLLHUP))
		return fail(w, EPIPE);
	if (fds[0].revents && read(w->filled, &count, sizeof count) < 0)
		return fail(w, errno);
	return 0;
}

static size_t count_lines(const char *p, size_t n)
{
	const char *end = p + n;
	size_t lines = 0;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
		lines++;
		p++;
	}
	return lines;
}

/* n bytes of `drain` are done with. Lines are counted as they end. */
static void publish(struct writer *w, size_t at, size_t n)
{
	const size_t events = count_lines(w->drain.data + at, n);
	struct dp_spool_stats spool = {0};

	if (w->spool)
		dp_spool_get_stats(w->spool, &spool);
	pthread_mutex_lock(&w->lock);
	w->events_done += events;
	w->syncs++;
	if (w->spool)
		lag_add(&w->lag, spool.end, events, dp_clock_now_us(), spool.mark);
	pthread_mutex_unlock(&w->lock);
	atomic_fetch_add(&w->done, n);
	notify(w);
}

/* Returns 0, or -1 after an error that was published. */
static int write_drain(struct writer *w)
{
	size_t at = 0;

	while (at < w->drain.len) {
		ssize_t n = write(w->fd, w->drain.data + at, w->drain.len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(w, errno);
		publish(w, at, (size_t)n);
		at += (size_t)n;
	}
	return 0;
}

static const char *why_full(const struct writer *w)
{
	struct dp_spool_stats spool;

	dp_spool_get_stats(w->spool, &spool);
	if (dp_clock_now_us() - spool.mark_us < STANDSTILL_US)
		return "what comes is stored more slowly than it comes";
	return "nothing is stored: is dp-store running, with --mark, is its database there, does a "
	       "filter in the pipe let nothing pass?";
}

static void tell_stall(struct writer *w)
{
	atomic_store(&w->is_stalled, true);
	if (dp_spool_is_full(w->spool))
		dp_log_limited(DP_LOG_WARNING, "spool-full",
		    "%s: clients that send are not read from until there is room again; %s",
		    dp_spool_error(w->spool), why_full(w));
	else
		dp_log_limited(DP_LOG_ERROR, "spool-fails",
		    "%s: nothing more is acknowledged until that works again",
		    dp_spool_error(w->spool));
}

static void tell_healed(struct writer *w)
{
	if (atomic_exchange(&w->is_stalled, false))
		dp_log_limited(DP_LOG_INFO, "spool-heals", "the spool takes events again");
}

/* Until it is worth trying again, or the writer closes. What signals that more was added may be
 * taken here: it is looked for in any case. */
static void pause_before_trying(struct writer *w)
{
	struct pollfd p = {.fd = w->filled, .events = POLLIN};
	uint64_t count;

	if (poll(&p, 1, TRY_AGAIN_MS) > 0 && read(w->filled, &count, sizeof count) > 0)
		poll(NULL, 0, is_closing(w) ? 0 : TRY_AGAIN_MS);
	dp_spool_check_mark(w->spool);
}

/* Returns 0, or -1 where the writer closes before all is appended. */
static int append_drain(struct writer *w)
{
	size_t at = 0;

	for (;;) {
		size_t n = dp_spool_append(
		    w->spool, (struct dp_str){w->drain.data + at, w->drain.len - at});

		if (n > 0)
			publish(w, at, n);
		at += n;
		if (at == w->drain.len)
			break;
		tell_stall(w);
		pause_before_trying(w);
		if (is_closing(w))
			return -1;
	}
	tell_healed(w);
	return 0;
}

static void *run(void *arg)
{
	struct writer *w = arg;
	enum next next;
	int rc = 0;

	while (rc == 0 && (next = take_filled(w)) != CLOSING) {
		if (next == NOTHING)
			rc = await_filled(w);
		else
			rc = w->spool ? append_drain(w) : write_drain(w);
		if (w->drain.cap > KEEP_BYTES)
			dp_buf_release(&w->drain);
	}
	return NULL;
}

/* The counter of an eventfd cannot overflow here, so the write does not fail. */
static void signal_filled(const struct writer *w)
{
	const uint64_t one = 1;

	if (write(w->filled, &one, sizeof one) < 0)
		dp_log_die(DP_EXIT_FAILURE, "cannot wake the writer: %s", strerror(errno));
}

/* What an earlier process left in the spool is not counted, but estimated. */
static void begin_lag(struct writer *w)
{
	struct dp_spool_stats spool;

	dp_spool_get_stats(w->spool, &spool);
	w->lag.start = spool.mark;
	if (spool.lag > 0)
		lag_add(&w->lag, spool.end, spool.lag / EVENT_BYTES + 1, spool.lag_since_us,
		    spool.mark);
}

struct writer *writer_open(struct dp_spool *spool, int fd, void (*wake)(void *arg), void *arg)
{
	struct writer *w = dp_mem_new(sizeof *w);
	int failed;

	w->spool = spool;
	w->fd = fd;
	w->wake = wake;
	w->arg = arg;
	pthread_mutex_init(&w->lock, NULL);
	if (spool)
		begin_lag(w);
	w->filled = eventfd(0, EFD_CLOEXEC);
	if (w->filled < 0)
		dp_log_die(DP_EXIT_FAILURE, "cannot make an eventfd: %s", strerror(errno));
	failed = pthread_create(&w->thread, NULL, run, w);
	if (failed)
		dp_log_die(DP_EXIT_FAILURE, "cannot start a thread: %s", strerror(failed));
	return w;
}

void writer_add(struct writer *w, struct dp_str line)
{
	bool was_empty;
	size_t before;
	size_t n;

	pthread_mutex_lock(&w->lock);
	before = w->fill.len;
	was_empty = before == 0;
	if (w->spool) {
		dp_checked_add(&w->fill, line);
	} else {
		dp_buf_add_str(&w->fill, line);
		dp_buf_add_char(&w->fill, '\n');
	}
	n = w->fill.len - before;
	pthread_mutex_unlock(&w->lock);
	w->added += n;
	if (was_empty)
		signal_filled(w);
}

uint64_t writer_added(const struct writer *w)
{
	return w->added;
}

uint64_t writer_done(const struct writer *w)
{
	return atomic_load(&w->done);
}

bool writer_is_full(const struct writer *w)
{
	return w->added - writer_done(w) >= WRITER_BYTES_MAX;
}

bool writer_has_room(const struct writer *w)
{
	return w->added - writer_done(w) < WRITER_BYTES_MAX / 2;
}

int writer_error(const struct writer *w)
{
	return atomic_load(&w->error);
}

void writer_get_stats(struct writer *w, uint64_t mark, struct writer_stats *out)
{
	pthread_mutex_lock(&w->lock);
	*out = (struct writer_stats){.events_done = w->events_done, .syncs = w->syncs};
	lag_get(&w->lag, mark, &out->lag_events, &out->lag_since_us);
	pthread_mutex_unlock(&w->lock);
	out->is_stalled = atomic_load(&w->is_stalled);
}

void writer_close(struct writer **w)
{
	struct writer *q = *w;

	*w = NULL;
	if (!q)
		return;
	pthread_mutex_lock(&q->lock);
	q->closing = true;
	pthread_mutex_unlock(&q->lock);
	signal_filled(q);
	if (!q->spool && writer_done(q) != q->added && !writer_error(q)) {
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
