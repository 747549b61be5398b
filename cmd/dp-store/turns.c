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
	while (t->turn != n && t->follower != n)
		pthread_cond_wait(&t->changed, &t->lock);
	is_ahead = t->turn != n;
	t->ahead += is_ahead;
	t->follower = 0;
	pthread_mutex_unlock(&t->lock);
	return is_ahead;
}

void turns_let_follow(struct turns *t, uint64_t n)
{
	pthread_mutex_lock(&t->lock);
	if (!t->is_alone)
		t->follower = n + 1;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

/* Until something has changed. Returns false when the time is over. */
static bool wait_until(struct turns *t, int64_t end_ms)
{
	const struct timespec end = {end_ms / 1000, end_ms % 1000 * 1000000};

	return pthread_cond_timedwait(&t->changed, &t->lock, &end) != ETIMEDOUT;
}

int turns_stay(struct turns *t, uint64_t n)
{
	bool in_time = true;
	bool is_turn;

	pthread_mutex_lock(&t->lock);
	while (t->turn != n && !t->is_alone && in_time) {
		const int64_t end_ms = dp_clock_monotonic_ms() + t->patience_ms;
		const uint64_t turn = t->turn;

		while (t->turn == turn && !t->is_alone && in_time)
			in_time = wait_until(t, end_ms);
	}
	is_turn = t->turn == n;
	t->ahead -= is_turn;
	pthread_mutex_unlock(&t->lock);
	if (is_turn)
		return 0;
	return in_time ? 1 : -1;
}

void turns_give_way(struct turns *t)
{
	pthread_mutex_lock(&t->lock);
	t->ahead--;
	t->follower = 0;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

void turns_await(struct turns *t, uint64_t n)
{
	pthread_mutex_lock(&t->lock);
	while (t->turn != n)
		pthread_cond_wait(&t->changed, &t->lock);
	pthread_mutex_unlock(&t->lock);
}

void turns_be_alone(struct turns *t)
{
	pthread_mutex_lock(&t->lock);
	t->follower = 0;
	t->is_alone = true;
	pthread_cond_broadcast(&t->changed);
	while (t->ahead > 0)
		pthread_cond_wait(&t->changed, &t->lock);
	t->is_alone = false;
	pthread_mutex_unlock(&t->lock);
}

void turns_end(struct turns *t)
{
	pthread_mutex_lock(&t->lock);
	t->turn++;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

bool turns_is_alone(struct turns *t)
{
	bool is_alone;

	pthread_mutex_lock(&t->lock);
	is_alone = t->follower == 0 && t->ahead == 0;
	pthread_mutex_unlock(&t->lock);
	return is_alone;
}
