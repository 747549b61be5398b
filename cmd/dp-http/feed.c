#include "feed.h"

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
	LOOK_MS = 500, /* between looks for the head, though there was no news */
	PACE_MS = 20,  /* from news to the next, for more to come together */
	AWAY_LOOK_MS = 500,
	LEAVE_MS = 500,
	GONE_MS = 1000, /* between looks for peers that have closed */
};

struct feed {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t left;    /* a follower went */
	int wake_fd;            /* an eventfd(2): a follower came, or the feed stops */
	struct dp_store *store; /* the thread's */
	struct follower *first;
	size_t count;
	size_t max;
	int64_t beat_ms;
	int64_t next_beat_ms;
	int64_t next_gone_ms;
	int64_t head;
	uint64_t generation;
	bool failed; /* a read failed since the database answered last */
	bool away;
	bool stopping;
};

static void wait_ms(struct feed *f, int64_t ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&f->left, &f->lock, &t);
}

static void wake_thread(struct feed *f)
{
	eventfd_write(f->wake_fd, 1);
}

/* Waits for that, a time, or without end (-1). */
static void nap(struct feed *f, int ms)
{
	struct pollfd wake = {.fd = f->wake_fd, .events = POLLIN};

	poll(&wake, 1, ms);
}

static void resume(struct follower *w, bool beat)
{
	w->waiting = false;
	w->beat = beat;
	MHD_resume_connection(w->connection);
}

/* Whether to write to a follower because its peer has closed. One that only sends no more, and
 * reads on, looks the same until then: it is written to once. */
static bool has_closed(struct follower *w)
{
	struct pollfd p = {.fd = w->fd, .events = POLLRDHUP};

	if (poll(&p, 1, 0) <= 0 || (w->is_half_closed && !(p.revents & (POLLHUP | POLLERR))))
		return false;
	w->is_half_closed = true;
	return true;
}

/* Resumes those that have news, those that may be gone, and at its time everyone. */
static void wake(struct feed *f)
{
	const int64_t now_ms = dp_clock_monotonic_ms();
	const bool beat = now_ms >= f->next_beat_ms;
	const bool look = now_ms >= f->next_gone_ms;

	for (struct follower *w = f->first; w; w = w->next) {
		const bool beats = w->waiting && (beat || (look && has_closed(w)));

		if (w->waiting && (beats || w->seen != f->generation))
			resume(w, beats);
	}
	if (beat)
		f->next_beat_ms = dp_clock_monotonic_ms() + f->beat_ms;
	if (look)
		f->next_gone_ms = now_ms + GONE_MS;
}

/* Returns whether there is something new. */
static bool note_head(struct feed *f, bool ok, int64_t head)
{
	bool is_news = ok && (head != f->head || f->failed);

	if (ok && f->away)
		dp_log(DP_LOG_INFO, "%s is back", dp_store_name(f->store));
	if (!ok && !f->away)
		dp_log(DP_LOG_WARNING, "followers wait for the database: %s",
		    dp_store_error(f->store));
	f->away = !ok;
	if (is_news) {
		f->head = head;
		f->failed = false;
		f->generation++;
	}
	return is_news;
}

/* Looks for the head, and wakes those that wait for it. Returns the time to leave them alone, or -1
 * where the store doesn't answer. */
static int look(struct feed *f, int64_t *head)
{
	bool ok = dp_store_head(f->store, head) == 0;
	bool is_news;

	pthread_mutex_lock(&f->lock);
	is_news = note_head(f, ok, *head);
	wake(f);
	pthread_mutex_unlock(&f->lock);
	if (!ok)
		return -1;
	return is_news ? PACE_MS : 0;
}

static int wait_for_news(struct feed *f)
{
	int64_t to_beat = f->next_beat_ms - dp_clock_monotonic_ms();
	int ms = to_beat < 0 ? 0 : to_beat < LOOK_MS ? (int)to_beat : LOOK_MS;

	return dp_store_wait(f->store, ms, f->wake_fd);
}

static void follow_store(struct feed *f, int64_t *head)
{
	int pace_ms = look(f, head);

	if (pace_ms != 0)
		nap(f, pace_ms < 0 ? AWAY_LOOK_MS : pace_ms);
	if (pace_ms >= 0 && wait_for_news(f) < 0)
		nap(f, PACE_MS);
}

/* Between followers PostgreSQL would keep its news for a connection that doesn't read them. */
static void rest(struct feed *f)
{
	dp_store_disconnect(f->store);
	nap(f, -1);
}

static void *run(void *arg)
{
	struct feed *f = arg;
	int64_t head = 0;
	eventfd_t ignored;

	pthread_mutex_lock(&f->lock);
	while (!f->stopping) {
		bool is_needed = f->count > 0;

		pthread_mutex_unlock(&f->lock);
		if (is_needed)
			follow_store(f, &head);
		else
			rest(f);
		/* Before what it stands for is looked at, so that none is missed. */
		eventfd_read(f->wake_fd, &ignored);
		pthread_mutex_lock(&f->lock);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

struct feed *feed_new(const char *url, size_t max_followers, int64_t beat_ms, const char **why)
{
	struct dp_store *store = pool_open_reader(url, why);
	pthread_condattr_t clock;
	struct feed *f;

	if (!store)
		return NULL;
	f = dp_mem_new(sizeof *f);
	f->store = store;
	f->max = max_followers;
	f->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (f->wake_fd < 0)
		dp_log_die(DP_EXIT_FAILURE, "cannot make an eventfd: %s", strerror(errno));
	f->beat_ms = beat_ms;
	f->next_beat_ms = dp_clock_monotonic_ms() + beat_ms;
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&f->left, &clock);
	pthread_condattr_destroy(&clock);
	if (pthread_create(&f->thread, NULL, run, f) != 0)
		dp_log_die(DP_EXIT_FAILURE, "cannot start a thread");
	return f;
}

void feed_stop(struct feed *f)
{
	int64_t deadline = dp_clock_monotonic_ms() + LEAVE_MS;

	pthread_mutex_lock(&f->lock);
	f->stopping = true;
	wake_thread(f);
	for (struct follower *w = f->first; w; w = w->next)
		if (w->waiting)
			resume(w, false);
	while (f->count > 0 && dp_clock_monotonic_ms() < deadline)
		wait_ms(f, deadline - dp_clock_monotonic_ms());
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
}

void feed_free(struct feed **f)
{
	if (!*f)
		return;
	dp_store_close(&(*f)->store);
	pthread_mutex_destroy(&(*f)->lock);
	pthread_cond_destroy(&(*f)->left);
	close((*f)->wake_fd);
	free(*f);
	*f = NULL;
}

bool feed_join(struct feed *f, struct follower *w)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(w->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	w->fd = info ? info->connect_fd : -1;
	pthread_mutex_lock(&f->lock);
	if (f->count < f->max) {
		w->next = f->first;
		w->prev = NULL;
		if (f->first)
			f->first->prev = w;
		f->first = w;
		f->count++;
		w->joined = true;
		wake_thread(f);
	}
	pthread_mutex_unlock(&f->lock);
	return w->joined;
}

void feed_leave(struct feed *f, struct follower *w)
{
	if (!w->joined)
		return;
	pthread_mutex_lock(&f->lock);
	if (w->prev)
		w->prev->next = w->next;
	else
		f->first = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->joined = false;
	f->count--;
	pthread_cond_broadcast(&f->left);
	pthread_mutex_unlock(&f->lock);
}

size_t feed_count(struct feed *f, size_t *max)
{
	size_t count;

	pthread_mutex_lock(&f->lock);
	count = f->count;
	*max = f->max;
	pthread_mutex_unlock(&f->lock);
	return count;
}

uint64_t feed_generation(struct feed *f, int64_t *head)
{
	uint64_t generation;

	pthread_mutex_lock(&f->lock);
	generation = f->generation;
	*head = f->head;
	pthread_mutex_unlock(&f->lock);
	return generation;
}

void feed_report_failure(struct feed *f)
{
	pthread_mutex_lock(&f->lock);
	f->failed = true;
	pthread_mutex_unlock(&f->lock);
}

enum feed_wait feed_wait(struct feed *f, struct follower *w)
{
	enum feed_wait answer = FEED_SUSPENDED;

	pthread_mutex_lock(&f->lock);
	if (f->stopping) {
		answer = FEED_STOPPING;
	} else if (w->seen != f->generation) {
		answer = FEED_CHANGED;
	} else if (w->beat) {
		w->beat = false;
		answer = FEED_BEAT;
	} else {
		/* Inside the lock, so that a wake-up comes either before, and is seen above, or
		 * after it. */
		w->waiting = true;
		MHD_suspend_connection(w->connection);
	}
	pthread_mutex_unlock(&f->lock);
	return answer;
}
