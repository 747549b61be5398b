/* The writer: what is accepted goes through it, to the spool (spool.h) or, where there is none, to
 * standard output. The loop appends lines and never blocks; a thread writes all that has gathered
 * meanwhile at once, and publishes how far it came. A byte below writer_done is durable in the
 * spool, or in the pipe: that is what an acknowledgement means.
 *
 * Memory stays flat while the writing stalls: above WRITER_BYTES_MAX the writer is full, and the
 * loop must not take more from its clients until it has room again (what they had sent before may
 * still be added). A spool that fails or is full is tried again until it takes what there is. */
#ifndef WRITER_H
#define WRITER_H

#include "buf.h"
#include "spool.h"

#include <stdbool.h>
#include <stdint.h>

enum { WRITER_BYTES_MAX = 4 * 1024 * 1024 };

struct writer;

/* Starts the thread, which writes to the spool, or to fd where that is NULL. `wake(arg)` is called
 * by it after each write and at an error, and must be safe to call from another thread. */
struct writer *writer_open(struct dp_spool *spool, int fd, void (*wake)(void *arg), void *arg);

/* Appends the line of an event; the newline is added here. */
void writer_add(struct writer *w, struct dp_str line);

/* Bytes added and bytes done with since the start. */
uint64_t writer_added(const struct writer *w);
uint64_t writer_done(const struct writer *w);

/* Full: take no more from clients. Has room: under half, go on. Between the two neither holds. */
bool writer_is_full(const struct writer *w);
bool writer_has_room(const struct writer *w);

/* The errno of a failed write to fd, after which nothing more is written; 0 while all is well. */
int writer_error(const struct writer *w);

struct writer_stats {
	uint64_t events_done;
	uint64_t syncs;       /* how many writes they took */
	bool is_stalled;      /* the spool takes nothing now */
	uint64_t lag_events;  /* in the spool, behind `mark` */
	int64_t lag_since_us; /* when the first of them was durable; 0 where there is none */
};

/* `mark`: of the spool. */
void writer_get_stats(struct writer *w, uint64_t mark, struct writer_stats *out);

/* Ends the thread and frees the writer. Drain first, by watching writer_done: where not everything
 * is written to fd the thread may hang in write(2), which nothing ends but the end of the process:
 * it is left to that. */
void writer_close(struct writer **w);

#endif
