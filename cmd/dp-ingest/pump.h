/* The pump: copies the spool to standard output, each event with its position as the last member:
 *
 *	{"traceId":…,"_pos":"019a0000-0000-7000-8000-000000000001:1048576"}
 *
 * Where the mark stands still (bare.h) there is a bare position, which says no more than that all
 * before it has come: a filter that drops every event lets it pass.
 *
 *	{"_pos":"019a0000-0000-7000-8000-000000000001:1048576"}
 *
 * It is the one writer of standard output, a thread that stops where the pipe is full, however far
 * that is behind. It begins at the mark, looks at it now and then, and so removes what is stored.
 */
#ifndef PUMP_H
#define PUMP_H

#include "spool.h"

#include <stdbool.h>
#include <stdint.h>

struct pump;

/* Starts the thread. `wake(arg)` is called by it at an error, and when it has come to
 * the end. */
struct pump *pump_open(struct dp_spool *spool, int fd, void (*wake)(void *arg), void *arg);

/* Says that more may be durable. From any thread. */
void pump_poke(struct pump *p);

/* The position behind the last event that is in the pipe. */
uint64_t pump_position(const struct pump *p);

/* The end of the spool when all that was durable of it was in the pipe last; 0 before that. */
uint64_t pump_reached(const struct pump *p);

/* The errno of a failed write, after which nothing more is written; 0 while all is well. */
int pump_error(const struct pump *p);

/* Ends the thread and frees the pump, unless the thread hangs in write(2), which nothing ends but
 * the end of the process: then false is returned, and the spool must not be closed. */
bool pump_close(struct pump **p);

#endif
