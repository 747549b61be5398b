#include "keeper.h"

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "outage.h"
#include "recent.h"
#include "store_draft.h"
#include "tee.h"
#include "turns.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	HANDS = RECENT_BATCHES + 1,
	HANDS_ALONE = 2, /* where there are no twins */
	LOADS = HANDS + 1,
	PATIENCE_MS = 3000, /* of a load sent ahead, with its turn */
	QUIET_MS = 10000,   /* after one that was sent in vain, until another is */
};

/* One of the threads. */
struct hand {
	struct keeper *keeper;
	struct dp_store *store; /* its own, to send by; NULL: there are no twins */
	pthread_t thread;
	int64_t send_from_ms; /* when to send loads ahead by it again */
	struct load *given;   /* NULL: it is idle */
	uint64_t number;      /* of that load */
};

struct keeper {
	struct dp_store *store;
	struct dp_store *twins[HANDS - 1]; /* NULL: there are none */
	struct mark *mark;
	struct retain *retain;
	bool of_spool;
	struct turns turns;
	pthread_mutex_t lock; /* for what follows, and what a hand is given */
	pthread_cond_t changed;
	bool failed;
	bool closing;
	int64_t send_from_ms; /* when to send loads ahead again */
	int idle_fd;          /* an eventfd */
	struct hand hands[HANDS];
	size_t hand_count;
	struct load loads[LOADS];
	uint64_t number; /* of the next load */

	/* of the hand that has begun last, until it lets the next one follow */
	struct recent recent;
	int64_t last; /* the number behind which that one is sent */

	/* of the hand whose turn it is */
	struct outage outage;
	struct tee tee;
	struct counts counts;
	size_t left;
};

/* Counts what became of the load, and passes on what is new. */
static void account(struct keeper *k, const struct load *l, const struct dp_draft *d)
{
	const struct dp_event *dead = NULL; /* the last one: its reason is known */

	for (size_t i = 0; i < l->count; i++) {
		const enum dp_store_outcome outcome = dp_draft_outcome(d, i);

		k->counts.stored += outcome == DP_STORE_NEW;
		k->counts.duplicates += outcome == DP_STORE_OLD;
		k->counts.dead += outcome == DP_STORE_DEAD;
		if (outcome == DP_STORE_NEW)
			tee_add(&k->tee, l->events[i]->json);
		if (outcome == DP_STORE_DEAD)
			dead = l->events[i];
	}
	if (dead)
		dp_log_limited(DP_LOG_WARNING, "dead-letter",
		    "event %s of trace %.*s goes to the table dead_letters: %s", dead->event_id,
		    (int)dead->trace_id.n, dead->trace_id.p, dp_store_error(k->store));
	tee_flush(&k->tee);
}

static const struct dp_store_step *step_of(const struct load *l)
{
	return l->step.to > l->step.from ? &l->step : NULL;
}

/* Whether loads are sent for now; one that is not full has nothing behind it that would gain. */
static bool is_sent_apart(const struct hand *h, const struct load *l)
{
	struct keeper *k = h->keeper;
	int64_t from_ms;

	pthread_mutex_lock(&k->lock);
	from_ms = k->send_from_ms;
	pthread_mutex_unlock(&k->lock);
	if (from_ms < h->send_from_ms)
		from_ms = h->send_from_ms;
	return h->store && l->is_full && dp_clock_monotonic_ms() >= from_ms;
}

/* Where it has no connection others may: there may be room for two. */
static void be_quiet_alone(struct hand *h)
{
	h->send_from_ms = dp_clock_monotonic_ms() + QUIET_MS;
}

/* All of them. */
static void be_quiet(struct keeper *k)
{
	pthread_mutex_lock(&k->lock);
	k->send_from_ms = dp_clock_monotonic_ms() + QUIET_MS;
	pthread_mutex_unlock(&k->lock);
}

/* Lets the next load go ahead, behind a number, unless retention is due, which wants to be alone.
 */
static void let_follow(const struct hand *h, int64_t last)
{
	struct keeper *k = h->keeper;

	if (retain_wait_ms(k->retain) == 0)
		return;
	k->last = last;
	turns_let_follow(&k->turns, h->number);
}

/* Sends a load before its turn. Returns whether it is sent when that comes; else nothing stays.
 * What its turn alone can do, as a day's partition is missing, says nothing of the next one. */
static bool send_ahead(struct hand *h, const struct load *l, struct dp_draft *d)
{
	struct keeper *k = h->keeper;
	const int64_t before = k->last;
	int rc;

	outage_watch_end(k->of_spool, h->store);
	let_follow(h, before + (int64_t)l->count);
	rc = dp_store_send(h->store, d, before);
	if (rc < 0)
		be_quiet_alone(h);
	if (rc != 0)
		return false;
	rc = turns_stay(&k->turns, h->number);
	if (rc != 0)
		dp_store_drop(h->store, d);
	if (rc < 0)
		be_quiet(k);
	return rc == 0;
}

/* Does ahead what can be done, and waits for the turn. Returns whether the load is sent then. */
static bool await_turn(struct hand *h, const struct load *l, struct dp_draft *d)
{
	struct keeper *k = h->keeper;
	const bool is_ahead = turns_await_start(&k->turns, h->number);
	const bool is_alike =
	    h->store && recent_add(&k->recent, (const struct dp_event *const *)l->events, l->count);
	const bool may_send =
	    is_ahead && !is_alike && is_sent_apart(h, l) && !dp_draft_needs_turn(d);
	const bool is_sent = may_send && send_ahead(h, l, d);

	if (is_ahead && !is_sent)
		turns_give_way(&k->turns);
	turns_await(&k->turns, h->number);
	return is_sent;
}

/* Sends what was not, and finishes it. Returns as dp_store_finish. */
static int finish(struct hand *h, const struct load *l, struct dp_draft *d, bool is_sent)
{
	int rc = 0;

	if (!is_sent) {
		rc = dp_store_send(h->store, d, 0);
		if (rc == 0)
			let_follow(h, dp_draft_last(d));
	}
	return rc == 0 ? dp_store_finish(h->store, d, step_of(l)) : rc;
}

static void disconnect_twins(struct keeper *k)
{
	for (size_t i = 0; i < HANDS - 1 && k->twins[i]; i++)
		dp_store_disconnect(k->twins[i]);
}

/* Stores a load by the hand's own handle. Returns false where it is to be put by the store's: it
 * may have no room for two, or the database went away. */
static bool put_apart(struct hand *h, const struct load *l, struct dp_draft *d, bool is_sent)
{
	struct keeper *k = h->keeper;
	int rc;

	outage_watch(&k->outage, h->store);
	if (!is_sent && dp_store_connect(h->store) < 0) {
		be_quiet_alone(h);
		return false;
	}
	rc = finish(h, l, d, is_sent);
	if (rc == 0) {
		outage_end(&k->outage, h->store);
		return true;
	}
	turns_be_alone(&k->turns);
	be_quiet(k);
	if (rc < 0) {
		outage_wait(&k->outage, h->store);
		/* One of them alone would find the new server where the database has moved. */
		dp_store_disconnect(k->store);
		disconnect_twins(k);
	}
	return false;
}

/* In its turn: stores a load, however long the database is away. */
static int put(struct hand *h, const struct load *l, struct dp_draft *d, bool is_sent)
{
	struct keeper *k = h->keeper;

	if (!is_sent)
		turns_be_alone(&k->turns);
	if ((is_sent || is_sent_apart(h, l)) && put_apart(h, l, d, is_sent))
		return 0;
	outage_watch(&k->outage, k->store);
	while (dp_store_put_draft(k->store, d, step_of(l)) < 0) {
		if (!outage_wait(&k->outage, k->store))
			return -1;
		disconnect_twins(k); /* they would find out later */
	}
	outage_end(&k->outage, k->store);
	return 0;
}

static bool has_failed(struct keeper *k)
{
	bool failed;

	pthread_mutex_lock(&k->lock);
	failed = k->failed;
	pthread_mutex_unlock(&k->lock);
	return failed;
}

static void fail(struct keeper *k)
{
	pthread_mutex_lock(&k->lock);
	k->failed = true;
	pthread_cond_broadcast(&k->changed);
	pthread_mutex_unlock(&k->lock);
}

static void make_empty(struct load *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->events[i]);
	l->count = 0;
	l->bytes = 0;
}

static void store(struct hand *h, struct load *l)
{
	struct keeper *k = h->keeper;
	struct dp_draft *d = dp_draft_new((const struct dp_event *const *)l->events, l->count);
	const bool is_sent = await_turn(h, l, d);

	if (has_failed(k)) {
		k->left += l->count;
		if (is_sent)
			dp_store_drop(h->store, d);
	} else if (put(h, l, d, is_sent) < 0) {
		fail(k);
		k->left += l->count;
	} else {
		if (l->mark.offset > 0)
			mark_move(k->mark, &l->mark);
		account(k, l, d);
		if (turns_is_alone(&k->turns))
			retain_step(k->retain, k->store);
	}
	turns_end(&k->turns);
	dp_draft_free(&d);
	make_empty(l);
}

static bool is_idle(const struct keeper *k)
{
	size_t i = 0;

	while (i < k->hand_count && !k->hands[i].given)
		i++;
	return i == k->hand_count;
}

static void *run(void *arg)
{
	const uint64_t one = 1;
	struct hand *h = arg;
	struct keeper *k = h->keeper;

	pthread_mutex_lock(&k->lock);
	for (;;) {
		while (!h->given && !k->closing)
			pthread_cond_wait(&k->changed, &k->lock);
		if (!h->given)
			break;
		pthread_mutex_unlock(&k->lock);
		store(h, h->given);
		pthread_mutex_lock(&k->lock);
		h->given = NULL;
		pthread_cond_broadcast(&k->changed);
		if (is_idle(k) && write(k->idle_fd, &one, sizeof one) < 0)
			dp_log(DP_LOG_ERROR, "cannot write to an eventfd: %s", strerror(errno));
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

static void start(struct keeper *k, struct hand *h, struct dp_store *store)
{
	int failed;

	h->keeper = k;
	h->store = k->twins[0] ? store : NULL;
	failed = pthread_create(&h->thread, NULL, run, h);
	if (failed)
		dp_log_die(DP_EXIT_FAILURE, "cannot start a thread: %s", strerror(failed));
}

struct keeper *keeper_new(struct dp_store *store, struct mark *mark, struct retain *retain,
    size_t events_max, bool tee, struct load **empty)
{
	struct keeper *k = dp_mem_new(sizeof *k);

	k->store = store;
	for (size_t i = 0; i < HANDS - 1; i++)
		k->twins[i] = dp_store_twin(store);
	k->hand_count = k->twins[0] ? HANDS : HANDS_ALONE;
	k->mark = mark;
	k->retain = retain;
	k->tee.is_on = tee;
	for (size_t i = 0; i < k->hand_count + 1; i++)
		k->loads[i].events =
		    dp_mem_resize_array(NULL, events_max, sizeof(struct dp_event *));
	*empty = &k->loads[0];
	turns_init(&k->turns, PATIENCE_MS);
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->changed, NULL);
	k->idle_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (k->idle_fd < 0)
		dp_log_die(DP_EXIT_FAILURE, "cannot make an eventfd: %s", strerror(errno));
	k->of_spool = k->outage.of_spool = mark->path != NULL;
	outage_watch(&k->outage, store);
	start(k, &k->hands[0], store);
	for (size_t i = 1; i < k->hand_count; i++)
		start(k, &k->hands[i], k->twins[i - 1]);
	return k;
}

/* Empties the descriptor. */
static void forget_idle(const struct keeper *k)
{
	uint64_t count;

	if (read(k->idle_fd, &count, sizeof count) < 0 && errno != EAGAIN)
		dp_log(DP_LOG_ERROR, "cannot read an eventfd: %s", strerror(errno));
}

bool keeper_wait(struct keeper *k)
{
	bool failed;

	pthread_mutex_lock(&k->lock);
	while (!is_idle(k))
		pthread_cond_wait(&k->changed, &k->lock);
	failed = k->failed;
	pthread_mutex_unlock(&k->lock);
	forget_idle(k);
	return !failed;
}

static bool is_given(const struct keeper *k, const struct load *l)
{
	size_t i = 0;

	while (i < k->hand_count && k->hands[i].given != l)
		i++;
	return i < k->hand_count;
}

/* One that no hand has: there is one more of them. */
static struct load *find_empty(struct keeper *k)
{
	struct load *l = k->loads;

	while (is_given(k, l))
		l++;
	return l;
}

bool keeper_take(struct keeper *k, struct load **load)
{
	struct hand *h = &k->hands[k->number % k->hand_count];
	bool failed;

	pthread_mutex_lock(&k->lock);
	while (h->given && !k->failed)
		pthread_cond_wait(&k->changed, &k->lock);
	failed = k->failed;
	if (!failed) {
		forget_idle(k);
		h->given = *load;
		h->number = k->number++;
		*load = find_empty(k);
		pthread_cond_broadcast(&k->changed);
	}
	pthread_mutex_unlock(&k->lock);
	return !failed;
}

bool keeper_is_idle(struct keeper *k)
{
	bool idle;

	pthread_mutex_lock(&k->lock);
	idle = is_idle(k);
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
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
	for (size_t i = 0; i < q->hand_count; i++)
		pthread_join(q->hands[i].thread, NULL);
	pthread_cond_destroy(&q->changed);
	pthread_mutex_destroy(&q->lock);
	turns_release(&q->turns);
	close(q->idle_fd);
	for (size_t i = 0; i < HANDS - 1; i++)
		dp_store_close(&q->twins[i]);
	recent_release(&q->recent);
	outage_watch_end(false, q->store);
	rc = tee_end(&q->tee);
	for (size_t i = 0; i < LOADS; i++) {
		make_empty(&q->loads[i]);
		free(q->loads[i].events);
	}
	free(q);
	return rc;
}
