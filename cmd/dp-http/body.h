/* Answers of any length: a body is made piece by piece as its client takes it, and memory stays
 * flat. A small one is made at once and sent with its length.
 *
 * Where a piece cannot be made the connection is cut without the end of the body, so that no client
 * takes for whole what is not. */
#ifndef BODY_H
#define BODY_H

#include "answer.h"

enum body_step {
	BODY_MORE,
	BODY_END,
	BODY_FAILED, /* the store's last call did */
	BODY_GONE,   /* what the body began with is no longer there */
};

struct body_maker {
	/* Appends the next piece, some ten kilobytes, to *out. The first calls are made by
	 * body_answer, the others later by any thread. */
	enum body_step (*next)(void *arg, struct dp_store *s, struct dp_buf *out);
	void (*release)(void *arg);
};

/* Answers 200 with the body that the maker makes, by s and later by other handles. Returns 0 with
 * *result; or, with nothing answered, -1 where the store failed, or 1 where what the body began
 * with is gone. Releases arg, then or later. */
int body_answer(struct request *r, struct dp_store *s, const struct answer_head *head,
    const struct body_maker *maker, void *arg, enum MHD_Result *result);

/* Answers by a function that calls body_answer and returns what that does, which is called again
 * where what it began with went meanwhile: a few times, then the client is told to ask again.
 * Returns 0 with *result, or -1. */
int body_answer_by(int (*answer)(struct request *r, struct dp_store *s, enum MHD_Result *result),
    struct request *r, struct dp_store *s, enum MHD_Result *result);

#endif
