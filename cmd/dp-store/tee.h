/* The copy on stdout of what was newly stored, one event a line. Complete whatever signal comes,
 * unless stdout takes no more. */
#ifndef DP_TEE_H
#define DP_TEE_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

/* {.is_on = true}: a new one. {0}: does nothing. */
struct tee {
	bool is_on;
	struct dp_buf waiting; /* lines added and not yet written */
	int error;             /* errno of the write that failed: there is none after it */
	size_t lost;           /* lines that were not written */
};

void tee_add(struct tee *t, struct dp_str line);

/* Writes what was added, however long stdout makes it wait; from a stop signal on only as long as
 * stdout takes something every few seconds. */
void tee_flush(struct tee *t);

/* Reports what was not written and releases. Returns 0, or -1 where there was such. */
int tee_end(struct tee *t);

#endif
