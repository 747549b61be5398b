/* The feed: a thread that reads lines from standard input, checks and normalises each as dp-ingest
 * does, which gives it its ids, and packs them into batches, one WebSocket message each. Ids are
 * made here, once, so that what must be sent again is the same again.
 *
 * A batch is handed over when it is large enough or when the next read would block: a busy stream
 * is packed, a quiet one is not delayed. With a rate each event is a batch, handed over when it is
 * due. Only a few batches wait at a time: reading stops while nobody takes them. */
#ifndef FEED_H
#define FEED_H

#include "buf.h"
#include "tally.h"

#include <stdbool.h>
#include <stdint.h>

struct batch {
	struct batch *next;
	struct dp_buf text; /* the events, normalised, newlines between them */
	size_t count;
	uint64_t *lines; /* of the input, where each event stood */
	size_t refused;  /* by the server */
};

void batch_free(struct batch **b);

struct feed;

/* Reads from fd. rate: events a second, 0: as fast as they are taken. `wake(arg)` is called by the
 * thread when there is a batch to take and at the end of input. */
struct feed *feed_open(int fd, int64_t rate, void (*wake)(void *arg), void *arg);

/* The next batch, the caller's from here on; or NULL where there is none now. */
struct batch *feed_take(struct feed *f);

/* Whether all that was read has been taken and nothing more will come. */
bool feed_is_ended(struct feed *f);

/* Has it read no more; what was read can still be taken. */
void feed_stop(struct feed *f);

/* Ends the thread. *events: how many lines held something, *refused: those that were no events.
 * Returns 0, or the errno of a failed read. */
int feed_close(struct feed **f, uint64_t *events, struct tally *refused);

#endif
