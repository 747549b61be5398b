#include "../../cmd/dp-store/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { LONG_MS = 60 * 1000, SHORT_MS = 20, MANY = 2000 };

/* Batch 1, in a thread of its own; this one has the turn of batch 0. */
struct next {
	struct turns turns;
	pthread_t thread;
	bool went_ahead;
	bool gave_way;
	bool had_turn;
};

static void *run_next(void *arg)
{
	struct next *n = arg;

	n->went_ahead = turns_await_start(&n->turns, 1);
	while (!turns_await(&n->turns, 1)) {
		n->gave_way = true;
		turns_give_way(&n->turns);
	}
	n->had_turn = true;
	turns_end(&n->turns);
	return NULL;
}

static void begin(struct next *n, int64_t patience_ms)
{
	*n = (struct next){.went_ahead = false};
	turns_init(&n->turns, patience_ms);
	assert_false(turns_await_start(&n->turns, 0));
	assert_true(turns_await(&n->turns, 0));
	assert_true(turns_is_alone(&n->turns));
	assert_int_equal(pthread_create(&n->thread, NULL, run_next, n), 0);
}

/* Until this is as told. */
static void await(struct next *n, const bool *what, bool told)
{
	bool is_it;

	do {
		pthread_mutex_lock(&n->turns.lock);
		is_it = *what == told;
		pthread_mutex_unlock(&n->turns.lock);
	} while (!is_it);
}

static void end(struct next *n)
{
	turns_end(&n->turns);
	pthread_join(n->thread, NULL);
	assert_true(n->had_turn);
	assert_false(turns_await_start(&n->turns, 2));
	turns_release(&n->turns);
}

static void who_is_not_let_waits_for_its_turn(void **state)
{
	struct next n;

	(void)state;
	begin(&n, LONG_MS);
	turns_be_alone(&n.turns);
	end(&n);
	assert_false(n.went_ahead || n.gave_way);
}

static void who_is_let_goes_ahead(void **state)
{
	struct next n;

	(void)state;
	begin(&n, LONG_MS);
	turns_let_follow(&n.turns);
	await(&n, &n.turns.is_ahead, true);
	assert_false(turns_is_alone(&n.turns));
	end(&n);
	assert_true(n.went_ahead);
	assert_false(n.gave_way);
}

static void who_wants_to_be_alone_is_when_the_next_gave_way(void **state)
{
	struct next n;

	(void)state;
	begin(&n, LONG_MS);
	turns_let_follow(&n.turns);
	await(&n, &n.turns.is_ahead, true);
	turns_be_alone(&n.turns);
	assert_true(turns_is_alone(&n.turns));
	end(&n);
	assert_true(n.went_ahead && n.gave_way);
}

static void who_is_ahead_for_long_gives_way(void **state)
{
	struct next n;

	(void)state;
	begin(&n, SHORT_MS);
	turns_let_follow(&n.turns);
	await(&n, &n.turns.may_follow, false); /* when it has given way */
	assert_true(turns_is_alone(&n.turns));
	end(&n);
	assert_true(n.gave_way);
}

/* What two threads share in their turns is never seen by both. */
struct shared {
	struct turns turns;
	uint64_t stored;
	uint64_t sent;
};

struct hand {
	struct shared *shared;
	uint64_t first;
	bool is_wrong;
};

static void *run_hand(void *arg)
{
	struct hand *h = arg;
	struct shared *s = h->shared;

	for (uint64_t n = h->first; n < MANY; n += 2) {
		bool is_sent = turns_await_start(&s->turns, n);

		if (is_sent)
			s->sent++;
		while (!turns_await(&s->turns, n)) {
			is_sent = false;
			turns_give_way(&s->turns);
		}
		if (!is_sent)
			s->sent++;
		if (n % 3 != 0)
			turns_let_follow(&s->turns);
		if (n % 7 == 0)
			turns_be_alone(&s->turns);
		h->is_wrong = h->is_wrong || s->stored != n;
		s->stored++;
		turns_end(&s->turns);
	}
	return NULL;
}

static void turns_are_taken_in_order(void **state)
{
	struct shared s = {.stored = 0};
	struct hand hands[2] = {{.shared = &s, .first = 0}, {.shared = &s, .first = 1}};
	pthread_t other;

	(void)state;
	turns_init(&s.turns, LONG_MS);
	assert_int_equal(pthread_create(&other, NULL, run_hand, &hands[1]), 0);
	run_hand(&hands[0]);
	pthread_join(other, NULL);
	assert_false(hands[0].is_wrong || hands[1].is_wrong);
	assert_int_equal(s.stored, MANY);
	assert_true(s.sent >= MANY);
	turns_release(&s.turns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_is_not_let_waits_for_its_turn),
	    cmocka_unit_test(who_is_let_goes_ahead),
	    cmocka_unit_test(who_wants_to_be_alone_is_when_the_next_gave_way),
	    cmocka_unit_test(who_is_ahead_for_long_gives_way),
	    cmocka_unit_test(turns_are_taken_in_order),
	};

	return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
