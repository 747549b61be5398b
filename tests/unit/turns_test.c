#include "../../cmd/dp-store/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { LONG_MS = 60 * 1000, SHORT_MS = 20, MANY = 2000 };

/* A batch in a thread of its own. */
struct batch {
	struct turns *turns;
	uint64_t number;
	pthread_t thread;
	bool lets_follow;
	bool went_ahead;
	int gave_way; /* as turns_stay */
	bool had_turn;
};

static void *run_batch(void *arg)
{
	struct batch *b = arg;

	b->went_ahead = turns_await_start(b->turns, b->number);
	if (b->went_ahead && b->lets_follow)
		turns_let_follow(b->turns, b->number);
	b->gave_way = b->went_ahead ? turns_stay(b->turns, b->number) : 0;
	if (b->gave_way)
		turns_give_way(b->turns);
	turns_await(b->turns, b->number);
	b->had_turn = true;
	turns_end(b->turns);
	return NULL;
}

/* Batches 1 and 2; this thread has the turn of batch 0. */
struct queue {
	struct turns turns;
	struct batch batches[2];
};

static void begin(struct queue *q, int64_t patience_ms, bool lets_follow)
{
	*q = (struct queue){.batches = {{.number = 1, .lets_follow = lets_follow}, {.number = 2}}};
	turns_init(&q->turns, patience_ms);
	assert_false(turns_await_start(&q->turns, 0));
	turns_await(&q->turns, 0);
	assert_true(turns_is_alone(&q->turns));
	for (int i = 0; i < 2; i++) {
		struct batch *b = &q->batches[i];

		b->turns = &q->turns;
		assert_int_equal(pthread_create(&b->thread, NULL, run_batch, b), 0);
	}
}

static void await_ahead(struct queue *q, unsigned count)
{
	unsigned ahead;

	do {
		sched_yield();
		pthread_mutex_lock(&q->turns.lock);
		ahead = q->turns.ahead;
		pthread_mutex_unlock(&q->turns.lock);
	} while (ahead != count);
}

static void end(struct queue *q)
{
	turns_end(&q->turns);
	for (int i = 0; i < 2; i++) {
		pthread_join(q->batches[i].thread, NULL);
		assert_true(q->batches[i].had_turn);
	}
	assert_int_equal(q->turns.ahead, 0);
	assert_false(turns_await_start(&q->turns, 3));
	turns_release(&q->turns);
}

static void who_is_not_let_waits_for_its_turn(void **state)
{
	struct queue q;

	(void)state;
	begin(&q, LONG_MS, true);
	turns_be_alone(&q.turns);
	end(&q);
	assert_false(q.batches[0].went_ahead || q.batches[1].went_ahead);
}

static void who_is_let_goes_ahead(void **state)
{
	struct queue q;

	(void)state;
	begin(&q, LONG_MS, false);
	turns_let_follow(&q.turns, 0);
	await_ahead(&q, 1);
	assert_false(turns_is_alone(&q.turns));
	end(&q);
	assert_true(q.batches[0].went_ahead && !q.batches[0].gave_way);
	assert_false(q.batches[1].went_ahead);
}

static void who_is_ahead_lets_the_next_one_follow(void **state)
{
	struct queue q;

	(void)state;
	begin(&q, LONG_MS, true);
	turns_let_follow(&q.turns, 0);
	await_ahead(&q, 2);
	end(&q);
	for (int i = 0; i < 2; i++)
		assert_true(q.batches[i].went_ahead && !q.batches[i].gave_way);
}

static void who_wants_to_be_alone_is_when_all_gave_way(void **state)
{
	struct queue q;

	(void)state;
	begin(&q, LONG_MS, true);
	turns_let_follow(&q.turns, 0);
	await_ahead(&q, 2);
	turns_be_alone(&q.turns);
	assert_true(turns_is_alone(&q.turns));
	end(&q);
	for (int i = 0; i < 2; i++)
		assert_true(q.batches[i].went_ahead && q.batches[i].gave_way == 1);
}

static void who_is_ahead_for_long_gives_way(void **state)
{
	struct queue q;

	(void)state;
	begin(&q, SHORT_MS, true);
	turns_let_follow(&q.turns, 0);
	pthread_mutex_lock(&q.turns.lock);
	while (q.turns.follower != 0 || q.turns.ahead > 0)
		pthread_cond_wait(&q.turns.changed, &q.turns.lock);
	pthread_mutex_unlock(&q.turns.lock);
	assert_true(turns_is_alone(&q.turns));
	end(&q);
	assert_int_equal(q.batches[0].gave_way, -1);
}

/* What the threads share in their turns, or as they begin, is never seen by two. */
struct shared {
	struct turns turns;
	uint64_t stored;
	uint64_t begun;
	uint64_t sent;
};

struct hand {
	struct shared *shared;
	uint64_t first;
	bool is_wrong;
};

enum { HANDS = 3 };

static void run_turn(struct hand *h, uint64_t n)
{
	struct shared *s = h->shared;
	bool is_sent = turns_await_start(&s->turns, n);
	const bool is_ahead = is_sent;

	h->is_wrong = h->is_wrong || s->begun != n;
	s->begun++;
	if (is_ahead && n % 3 != 0)
		turns_let_follow(&s->turns, n);
	if (is_ahead)
		is_sent = n % 5 != 0 && turns_stay(&s->turns, n) == 0;
	if (is_ahead && !is_sent)
		turns_give_way(&s->turns);
	turns_await(&s->turns, n);
	if (!is_sent) {
		turns_be_alone(&s->turns);
		turns_let_follow(&s->turns, n);
	}
	s->sent += is_sent;
	h->is_wrong = h->is_wrong || s->stored != n;
	s->stored++;
	turns_end(&s->turns);
}

static void *run_hand(void *arg)
{
	struct hand *h = arg;

	for (uint64_t n = h->first; n < MANY; n += HANDS)
		run_turn(h, n);
	return NULL;
}

static void turns_are_taken_in_order(void **state)
{
	struct shared s = {.stored = 0};
	struct hand hands[HANDS];
	pthread_t threads[HANDS];

	(void)state;
	turns_init(&s.turns, LONG_MS);
	for (uint64_t i = 0; i < HANDS; i++) {
		hands[i] = (struct hand){.shared = &s, .first = i};
		assert_int_equal(pthread_create(&threads[i], NULL, run_hand, &hands[i]), 0);
	}
	for (int i = 0; i < HANDS; i++) {
		pthread_join(threads[i], NULL);
		assert_false(hands[i].is_wrong);
	}
	assert_int_equal(s.stored, MANY);
	assert_true(s.sent < MANY);
	assert_int_equal(s.turns.ahead, 0);
	turns_release(&s.turns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_is_not_let_waits_for_its_turn),
	    cmocka_unit_test(who_is_let_goes_ahead),
	    cmocka_unit_test(who_is_ahead_lets_the_next_one_follow),
	    cmocka_unit_test(who_wants_to_be_alone_is_when_all_gave_way),
	    cmocka_unit_test(who_is_ahead_for_long_gives_way),
	    cmocka_unit_test(turns_are_taken_in_order),
	};

	return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
