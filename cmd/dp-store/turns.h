/* The order of what is stored by two threads: batches, numbered from 0, have their turn one after
 * the other, and a thread whose turn it is may let the next one go ahead with what it has to do in
 * the database, beside it.
 *
 *	turns_await_start   may it go ahead, or is it its turn?
 *	turns_await         its turn; false: what it did ahead is to be taken back first, then
 *	turns_give_way      and again turns_await
 *	turns_let_follow    the next one may go ahead
 *	turns_be_alone      ... not any more: waits until it has given way
 *	turns_end           the next one has its turn
 */
#ifndef DP_TURNS_H
#define DP_TURNS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct turns {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t turn;       /* whose it is */
	bool may_follow;     /* the next one may go ahead */
	bool is_ahead;       /* and does */
	int64_t patience_ms; /* how long who is ahead waits for its turn before it gives way */
};

void turns_init(struct turns *t, int64_t patience_ms);
void turns_release(struct turns *t);

/* Waits until batch n may go ahead (true: it does, from here on), or it is its turn. */
bool turns_await_start(struct turns *t, uint64_t n);

/* Waits until it is the turn of batch n. Returns false where it is ahead and has to give way: as
 * the one before wants to be alone, or doesn't end for long. */
bool turns_await(struct turns *t, uint64_t n);

/* It is not ahead any more, as it took back what it did. */
void turns_give_way(struct turns *t);

/* In its turn. */
void turns_let_follow(struct turns *t);
void turns_be_alone(struct turns *t);
void turns_end(struct turns *t);

/* In its turn: whether the next one may not go ahead, and does not. */
bool turns_is_alone(struct turns *t);

#endif
