#include "pump.h"

#include "bare.h"
#include "buf.h"
#include "clock.h"
#include "log.h"
#include "mem.h"
#include "pos.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	WRITE_BYTES = 64 * 1024, /* what a pipe holds */
	MARK_MS = 200,           /* between two looks at the mark */
	TRY_AGAIN_MS = 1000,
};

struct pump {
	struct dp_spool *spool;
	int fd;
	void (*wake)(void *arg);
	void *arg;
	pthread_t thread;
	int poked;            /* an eventfd */
	pthread_mutex_t lock; /* for waking: nobody is woken once the pump closes */
	_Atomic bool closing;
	_Atomic bool is_writing;
	_Atomic int error;
	_Atomic uint64_t position;
	_Atomic uint64_t reached;

	/* the thread's own */
	struct dp_spool_reader *reader;
	struct dp_buf out;
	uint64_t next; /* the position behind what is in `out` */
	int64_t mark_ms;
	struct bare bare;
};

static void notify(struct pump *p)
{
	pthread_mutex_lock(&p->lock);
	if (!atomic_load(&p->closing))
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

/* Returns 0, or -1 after an error that was published, or where the pump closes. */
static int flush(struct pump *p)
{
	size_t at = 0;

	atomic_store(&p->is_writing, true);
	while (at < p->out.len && !atomic_load(&p->closing)) {
		ssize_t n = write(p->fd, p->out.data + at, p->out.len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(p, errno);
		at += (size_t)n;
	}
	atomic_store(&p->is_writing, false);
	if (at < p->out.len)
		return -1;
	dp_buf_clear(&p->out);
	atomic_store(&p->position, p->next);
	return 0;
}

/* The last member, with p->next, and the end of the line. */
static void add_pos(struct pump *p)
{
	struct dp_pos pos = {.offset = p->next};
	char text[DP_POS_TEXT + 1];

	memcpy(pos.spool, dp_spool_id(p->spool), sizeof pos.spool);
	dp_pos_write(&pos, text);
	dp_buf_add_text(&p->out, "\"_pos\":\"");
	dp_buf_add_text(&p->out, text);
	dp_buf_add_text(&p->out, "\"}\n");
}

/* Adds the line of an event, an object that is not empty. */
static void add_line(struct pump *p, const struct dp_spool_record *record)
{
	dp_buf_reserve(&p->out, record->text.n + DP_POS_TEXT + 16);
	dp_buf_add(&p->out, record->text.p, record->text.n - 1);
	dp_buf_add_char(&p->out, ',');
	p->next = record->next;
	add_pos(p);
}

static void look_at_mark(struct pump *p)
{
	const int64_t now_ms = dp_clock_monotonic_ms();
	struct dp_spool_stats s;

	if (now_ms - p->mark_ms < MARK_MS)
		return;
	p->mark_ms = now_ms;
	dp_spool_check_mark(p->spool);
	dp_spool_get_stats(p->spool, &s);
	if (bare_is_due(&p->bare, s.mark, p->next, now_ms)) {
		dp_buf_add_char(&p->out, '{');
		add_pos(p);
	}
}

/* Waits until there is more. A pipe whose reader has ended says so at once. Returns 0, or -1 after
 * an error that was published. */
static int await_more(struct pump *p, int timeout_ms)
{
	struct pollfd fds[] = {{.fd = p->poked, .events = POLLIN}, {.fd = p->fd}};
	uint64_t count;

	if (poll(fds, 2, timeout_ms) < 0)
		return errno == EINTR ? 0 : fail(p, errno);
	if (fds[1].revents & (POLLERR | POLLHUP))
		return fail(p, EPIPE);
	if (fds[0].revents && read(p->poked, &count, sizeof count) < 0)
		return fail(p, errno);
	return 0;
}

/* Takes a record, if there is one. Returns as dp_spool_read does. */
static int take(struct pump *p)
{
	struct dp_spool_record record;
	int rc = dp_spool_read(p->reader, &record);

	if (rc > 0)
		add_line(p, &record);
	return rc;
}

/* All seems to be in the pipe: says how far that is true, and waits. */
static int rest(struct pump *p)
{
	struct dp_spool_stats s;
	int rc;

	dp_spool_get_stats(p->spool, &s);
	rc = take(p);
	if (rc != 0)
		return 0;
	if (atomic_exchange(&p->reached, s.end) != s.end)
		notify(p);
	return await_more(p, s.lag > 0 ? MARK_MS : -1);
}

/* Returns 0, or -1 at the end. */
static int step(struct pump *p)
{
	int rc = take(p);
	int error = errno;

	if (rc > 0)
		return p->out.len >= WRITE_BYTES ? flush(p) : 0;
	if (p->out.len > 0)
		return flush(p);
	if (rc == 0)
		return rest(p);
	dp_log_limited(
	    DP_LOG_ERROR, "spool-read", "cannot read the spool: %s; trying again", strerror(error));
	return await_more(p, TRY_AGAIN_MS);
}

static void *run(void *arg)
{
	struct pump *p = arg;

	do
		look_at_mark(p);
	while (!atomic_load(&p->closing) && step(p) == 0);
	return NULL;
}

struct pump *pump_open(struct dp_spool *spool, int fd, void (*wake)(void *arg), void *arg)
{
	struct pump *p = dp_mem_new(sizeof *p);
	struct dp_spool_stats s;
	int failed;

	dp_spool_get_stats(spool, &s);
	p->spool = spool;
	p->fd = fd;
	p->wake = wake;
	p->arg = arg;
	pthread_mutex_init(&p->lock, NULL);
	p->reader = dp_spool_reader_new(spool);
	atomic_store(&p->position, s.mark);
	p->next = s.mark;
	p->bare =
	    (struct bare){.mark = s.mark, .handed = s.mark, .since_ms = dp_clock_monotonic_ms()};
	p->poked = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->poked < 0)
		dp_log_die(DP_EXIT_FAILURE, "cannot make an eventfd: %s", strerror(errno));
	failed = pthread_create(&p->thread, NULL, run, p);
	if (failed)
		dp_log_die(DP_EXIT_FAILURE, "cannot start a thread: %s", strerror(failed));
	return p;
}

void pump_poke(struct pump *p)
{
	const uint64_t one = 1;

	if (write(p->poked, &one, sizeof one) < 0)
		return; /* it is poked more than enough */
}

uint64_t pump_position(const struct pump *p)
{
	return atomic_load(&p->position);
}

uint64_t pump_reached(const struct pump *p)
{
	return atomic_load(&p->reached);
}

int pump_error(const struct pump *p)
{
	return atomic_load(&p->error);
}

bool pump_close(struct pump **p)
{
	struct pump *q = *p;

	*p = NULL;
	if (!q)
		return true;
	pthread_mutex_lock(&q->lock);
	atomic_store(&q->closing, true);
	pthread_mutex_unlock(&q->lock);
	pump_poke(q);
	if (atomic_load(&q->is_writing) && !pump_error(q)) {
		pthread_detach(q->thread);
		return false;
	}
	pthread_join(q->thread, NULL);
	pthread_mutex_destroy(&q->lock);
	dp_spool_reader_free(&q->reader);
	dp_buf_release(&q->out);
	close(q->poked);
	free(q);
	return true;
}
