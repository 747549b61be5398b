/* The pump: the one writer of standard output. The loop appends lines and never blocks; a thread of
 * the pump writes them with blocking write(2) and publishes how far it came. A byte below
 * pump_written is in the pipe: that is what an acknowledgement means.
 *
 * Memory stays flat while the reader of the pipe stalls: above PUMP_BYTES_MAX the pump is full, and
 * the loop must not take more from its clients until it has room again (what they had sent before
 * may still be added). */
#ifndef PUMP_H
#define PUMP_H

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

enum { PUMP_BYTES_MAX = 4 * 1024 * 1024 };

struct pump;

/* Starts the thread, which writes to fd. `wake(arg)` is called by it after each write and at an
 * error, and must be safe to call from another thread. */
struct pump *pump_open(int fd, void (*wake)(void *arg), void *arg);

/* Appends a line; the newline is added here. */
void pump_add(struct pump *p, struct dp_str line);

/* Bytes added and bytes written since the start. */
uint64_t pump_added(const struct pump *p);
uint64_t pump_written(const struct pump *p);

/* Full: take no more from clients. Has room: under half, go on. Between the two neither holds. */
bool pump_is_full(const struct pump *p);
bool pump_has_room(const struct pump *p);

/* The errno of a failed write, after which nothing more is written; 0 while all is well. */
int pump_error(const struct pump *p);

/* Ends the thread and frees the pump. Drain first, by watching pump_written: where not everything
 * is written the thread may hang in write(2), which nothing ends but the end of the process: it is
 * left to that. */
void pump_close(struct pump **p);

#endif
