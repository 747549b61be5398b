/* The mark file (pos.h): how far the spool that the input comes from is stored, for dp-ingest,
 * which begins there the next time. It may lag behind the database, but never leads, and only
 * rises. */
#ifndef DP_MARK_H
#define DP_MARK_H

#include "pos.h"

#include <stdbool.h>
#include <stdint.h>

struct mark {
	const char *path; /* NULL: there is none, and every call does nothing */
	int lock_fd;
	struct dp_pos stands;  /* what the file says; .spool is "" where it says nothing */
	struct dp_pos wanted;  /* what it is to say: .spool is "" where that is all the same */
	int64_t not_before_ms; /* the next writing */
};

/* Takes the mark for this process, which has it until mark_close or its death: a lock on PATH.lock.
 * Makes its folder, not those above it: dp-ingest, which makes it too, may come later. Returns 0,
 * or -1 with errno: EWOULDBLOCK where another process has it. */
int mark_open(struct mark *m, const char *path);
void mark_close(struct mark *m);

/* Call after the commit. Writes the mark at once, or soon, as while much is stored not each commit
 * is worth the two syncs. What cannot be written is said, and tried again: the mark lags. */
void mark_move(struct mark *m, const struct dp_pos *pos);

/* How long until mark_flush is wanted; -1: it is not. */
int mark_wait_ms(const struct mark *m);

/* Writes what is to be written, due or not. */
void mark_flush(struct mark *m);

#endif
