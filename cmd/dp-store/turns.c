#include "turns.h"

#include "clock.h"

#include <errno.h>
#include <time.h>

void turns_init(struct turns *t, int64_t patience_ms)
{
	pthread_condattr_t monotonic;

	*t = (struct turns){.patience_ms = patience_ms};
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&t->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

void turns_release(struct turns *t)
{
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
}

bool turns_await_start(struct turns *t, uint64_t n)
{
	bool is_ahead;

	pthread_mutex_lock(&t->lock);
	while (t->turn != n && !(t->turn + 1 == n && t->may_follow))
		pthread_cond_wait(&t->changed, &t->lock);
	is_ahead = t->turn != n;
	t->is_ahead = is_ahead;
	pthread_mutex_unlock(&t->lock);
	return is_ahead;
}

/* Returns false when the time is over. */
static bool wait_until(struct turns *t, int64_t end_ms)
{
	const struct timespec end = {end_ms / 1000, end_ms % 1000 * 1000000};

	return pthread_cond_timedwait(&t->changed, &t->lock, &end) != ETIMEDOUT;
}

bool turns_await(struct turns *t, uint64_t n)
{
	const int64_t end_ms = dp_clock_monotonic_ms() + t->patience_ms;
	bool in_time = true;
	bool is_turn;

	pthread_mutex_lock(&t->lock);
	while (t->turn != n && !t->is_ahead)
		pthread_cond_wait(&t->changed, &t->lock);
	while (t->turn != n && t->may_follow && in_time)
		in_time = wait_until(t, end_ms);
	is_turn = t->turn == n;
	if (is_turn)
		t->is_ahead = false;
	pthread_mutex_unlock(&t->lock);
	return is_turn;
}

void turns_give_way(struct turns *t)
{
	pthread_mutex_lock(&t->lock);
	t->is_ahead = false;
	t->may_follow = false;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

void turns_let_follow(struct turns *t)
{
	pthread_mutex_lock(&t->lock);
	t->may_follow = true;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

void turns_be_alone(struct turns *t)
{
	pthread_mutex_lock(&t->lock);
	t->may_follow = false;
	pthread_cond_broadcast(&t->changed);
	while (t->is_ahead)
		pthread_cond_wait(&t->changed, &t->lock);
	pthread_mutex_unlock(&t->lock);
}

void turns_end(struct turns *t)
{
	pthread_mutex_lock(&t->lock);
	t->turn++;
	t->may_follow = false;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

bool turns_is_alone(struct turns *t)
{
	bool is_alone;

	pthread_mutex_lock(&t->lock);
	is_alone = !t->may_follow && !t->is_ahead;
	pthread_mutex_unlock(&t->lock);
	return is_alone;
}
