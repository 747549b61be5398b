/* The order of what is stored by several threads: batches, numbered from 0, have their turn one
 * after the other, and those behind may go ahead with what they have to do in the database, beside
 * it, one after the other has begun.
 *
 *	turns_await_start   may it go ahead, or is it its turn?
 *	turns_let_follow    the next one may go ahead, too
 *	turns_stay          who went ahead waits; not 0: what it did is to be taken back, then
 *	turns_give_way      it is not ahead any more
 *	turns_await         its turn
 *	turns_be_alone      nobody is ahead any more
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
	uint64_t follower;   /* who may go ahead next; 0: nobody */
	unsigned ahead;      /* how many are */
	bool is_alone;       /* or are to give way */
	int64_t patience_ms; /* how long who is ahead waits for a turn to end before it gives way */
};

void turns_init(struct turns *t, int64_t patience_ms);
void turns_release(struct turns *t);

/* Waits until batch n may go ahead (true: it does, from here on), or it is its turn. */
bool turns_await_start(struct turns *t, uint64_t n);

/* The batch behind n, which has begun, may go ahead. */
void turns_let_follow(struct turns *t, uint64_t n);

/* Batch n, which is ahead, waits for its turn. Returns 0; or where it has to give way, 1 as that
 * whose turn it is wants to be alone, and -1 as that doesn't end for long. */
int turns_stay(struct turns *t, uint64_t n);

/* Who is ahead is so no more, as it took back what it did; nobody else goes ahead for now. */
void turns_give_way(struct turns *t);

/* Waits until it is the turn of batch n, which is not ahead. */
void turns_await(struct turns *t, uint64_t n);

/* In its turn. */
void turns_be_alone(struct turns *t);
void turns_end(struct turns *t);

/* In its turn: whether the next one may not go ahead, and nobody is. */
bool turns_is_alone(struct turns *t);

#endif
