#include "feed.h"

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "store.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { POLL_MS = 50, AWAY_POLL_MS = 500, LEAVE_MS = 500 };

struct feed {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a follower came or went, or the feed stops */
	struct dp_store *store; /* the thread's */
	struct follower *first;
	size_t count;
	size_t max;
	int64_t beat_ms;
	int64_t next_beat_ms;
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
	pthread_cond_timedwait(&f->changed, &f->lock, &t);
}

static void resume(struct follower *w, bool beat)
{
	w->waiting = false;
	w->beat = beat;
	MHD_resume_connection(w->connection);
}

/* Resumes those that have news, and at its time everyone. */
static void wake(struct feed *f)
{
	bool beat = dp_clock_monotonic_ms() >= f->next_beat_ms;

	for (struct follower *w = f->first; w; w = w->next)
		if (w->waiting && (beat || w->seen != f->generation))
			resume(w, beat);
	if (beat)
		f->next_beat_ms = dp_clock_monotonic_ms() + f->beat_ms;
}

static void note_head(struct feed *f, bool ok, int64_t head)
{
	if (ok && f->away)
		dp_log(DP_LOG_INFO, "%s is back", dp_store_name(f->store));
	if (!ok && !f->away)
		dp_log(DP_LOG_WARNING, "followers wait for the database: %s",
		    dp_store_error(f->store));
	f->away = !ok;
	if (ok && (head != f->head || f->failed)) {
		f->head = head;
		f->failed = false;
		f->generation++;
	}
}

static void *run(void *arg)
{
	struct feed *f = arg;
	int64_t head = 0;

	pthread_mutex_lock(&f->lock);
	while (!f->stopping) {
		bool ok;

		if (f->count == 0) {
			pthread_cond_wait(&f->changed, &f->lock);
			continue;
		}
		pthread_mutex_unlock(&f->lock);
		ok = dp_store_head(f->store, &head) == 0;
		pthread_mutex_lock(&f->lock);
		note_head(f, ok, head);
		wake(f);
		if (!f->stopping)
			wait_ms(f, ok ? POLL_MS : AWAY_POLL_MS);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

struct feed *feed_new(const char *url, size_t max_followers, int64_t beat_ms, const char **why)
{
	struct dp_store *store = dp_store_open(url, DP_STORE_READ, why);
	pthread_condattr_t clock;
	struct feed *f;

	if (!store)
		return NULL;
	f = dp_mem_new(sizeof *f);
	f->store = store;
	f->max = max_followers;
	f->beat_ms = beat_ms;
	f->next_beat_ms = dp_clock_monotonic_ms() + beat_ms;
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&f->changed, &clock);
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
	pthread_cond_broadcast(&f->changed);
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
	pthread_cond_destroy(&(*f)->changed);
	free(*f);
	*f = NULL;
}

bool feed_join(struct feed *f, struct follower *w)
{
	pthread_mutex_lock(&f->lock);
	if (f->count < f->max) {
		w->next = f->first;
		w->prev = NULL;
		if (f->first)
			f->first->prev = w;
		f->first = w;
		f->count++;
		w->joined = true;
		pthread_cond_broadcast(&f->changed);
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
	pthread_cond_broadcast(&f->changed);
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
