#include "keeper.h"

#include "log.h"
#include "mem.h"
#include "outage.h"
#include "tee.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct keeper {
	struct dp_store *store;
	struct mark *mark;
	struct retain *retain;
	pthread_t thread;
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t changed;
	struct load *given; /* NULL: it is idle */
	bool closing;
	int idle_fd; /* an eventfd */

	/* the thread's own while there is a load */
	struct outage outage;
	struct tee tee;
	enum dp_store_outcome *outcomes;
	struct counts counts;
	struct load loads[2];
	size_t left;
	bool failed;
};

/* Counts what became of the load, and passes on what is new. */
static void account(struct keeper *k, const struct load *l)
{
	const struct dp_event *dead = NULL; /* the last one: its reason is known */

	for (size_t i = 0; i < l->count; i++) {
		k->counts.stored += k->outcomes[i] == DP_STORE_NEW;
		k->counts.duplicates += k->outcomes[i] == DP_STORE_OLD;
		k->counts.dead += k->outcomes[i] == DP_STORE_DEAD;
		if (k->outcomes[i] == DP_STORE_NEW)
			tee_add(&k->tee, l->events[i]->json);
		if (k->outcomes[i] == DP_STORE_DEAD)
			dead = l->events[i];
	}
	if (dead)
		dp_log_limited(DP_LOG_WARNING, "dead-letter",
		    "event %s of trace %.*s goes to the table dead_letters: %s", dead->event_id,
		    (int)dead->trace_id.n, dead->trace_id.p, dp_store_error(k->store));
	tee_flush(&k->tee);
}

/* Stores a load, however long the database is away. */
static int put(struct keeper *k, const struct load *l)
{
	while (dp_store_put(k->store, (const struct dp_event *const *)l->events, l->count,
		   l->step.to > l->step.from ? &l->step : NULL, k->outcomes) < 0)
		if (!outage_wait(&k->outage, k->store))
			return -1;
	outage_end(&k->outage, k->store);
	return 0;
}

static void make_empty(struct load *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->events[i]);
	l->count = 0;
	l->bytes = 0;
}

static void store(struct keeper *k, struct load *l)
{
	k->failed = k->failed || put(k, l) < 0;
	if (k->failed) {
		k->left += l->count;
	} else {
		if (l->mark.offset > 0)
			mark_move(k->mark, &l->mark);
		account(k, l);
		retain_step(k->retain, k->store);
	}
	make_empty(l);
}

static void *run(void *arg)
{
	const uint64_t one = 1;
	struct keeper *k = arg;

	pthread_mutex_lock(&k->lock);
	for (;;) {
		while (!k->given && !k->closing)
			pthread_cond_wait(&k->changed, &k->lock);
		if (!k->given)
			break;
		pthread_mutex_unlock(&k->lock);
		store(k, k->given);
		pthread_mutex_lock(&k->lock);
		k->given = NULL;
		pthread_cond_signal(&k->changed);
		if (write(k->idle_fd, &one, sizeof one) < 0)
			dp_log(DP_LOG_ERROR, "cannot write to an eventfd: %s", strerror(errno));
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

struct keeper *keeper_new(struct dp_store *store, struct mark *mark, struct retain *retain,
    size_t events_max, bool tee, struct load **empty)
{
	struct keeper *k = dp_mem_new(sizeof *k);
	int failed;

	k->store = store;
	k->mark = mark;
	k->retain = retain;
	k->tee.is_on = tee;
	k->outcomes = dp_mem_new(events_max * sizeof *k->outcomes);
	for (size_t i = 0; i < 2; i++)
		k->loads[i].events =
		    dp_mem_resize_array(NULL, events_max, sizeof(struct dp_event *));
	*empty = &k->loads[0];
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->changed, NULL);
	k->idle_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (k->idle_fd < 0)
		dp_log_die(DP_EXIT_FAILURE, "cannot make an eventfd: %s", strerror(errno));
	k->outage.of_spool = mark->path != NULL;
	outage_watch(&k->outage, store);
	failed = pthread_create(&k->thread, NULL, run, k);
	if (failed)
		dp_log_die(DP_EXIT_FAILURE, "cannot start a thread: %s", strerror(failed));
	return k;
}

bool keeper_wait(struct keeper *k)
{
	uint64_t count;

	pthread_mutex_lock(&k->lock);
	while (k->given)
		pthread_cond_wait(&k->changed, &k->lock);
	pthread_mutex_unlock(&k->lock);
	if (read(k->idle_fd, &count, sizeof count) < 0 && errno != EAGAIN)
		dp_log(DP_LOG_ERROR, "cannot read an eventfd: %s", strerror(errno));
	return !k->failed;
}

void keeper_take(struct keeper *k, struct load **load)
{
	keeper_wait(k);
	pthread_mutex_lock(&k->lock);
	k->given = *load;
	pthread_cond_signal(&k->changed);
	pthread_mutex_unlock(&k->lock);
	*load = *load == &k->loads[0] ? &k->loads[1] : &k->loads[0];
}

bool keeper_is_idle(struct keeper *k)
{
	bool idle;

	pthread_mutex_lock(&k->lock);
	idle = !k->given;
	pthread_mutex_unlock(&k->lock);
	return idle;
}

int keeper_fd(const struct keeper *k)
{
	return k->idle_fd;
}

bool keeper_is_deaf(const struct keeper *k)
{
	return k->tee.error != 0;
}

size_t keeper_left(const struct keeper *k)
{
	return k->left;
}

struct counts keeper_counts(const struct keeper *k)
{
	return k->counts;
}

int keeper_close(struct keeper **k)
{
	struct keeper *q = *k;
	int rc;

	*k = NULL;
	pthread_mutex_lock(&q->lock);
	q->closing = true;
	pthread_cond_signal(&q->changed);
	pthread_mutex_unlock(&q->lock);
	pthread_join(q->thread, NULL);
	pthread_cond_destroy(&q->changed);
	pthread_mutex_destroy(&q->lock);
	close(q->idle_fd);
	outage_watch(NULL, q->store);
	rc = tee_end(&q->tee);
	for (size_t i = 0; i < 2; i++) {
		make_empty(&q->loads[i]);
		free(q->loads[i].events);
	}
	free(q->outcomes);
	free(q);
	return rc;
}
