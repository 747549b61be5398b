/* What a request to /api/events asks for, however it is answered. */
#ifndef WISH_H
#define WISH_H

#include "cursor.h"
#include "filter.h"
#include "problem.h"
#include "request.h"
#include "store.h"

#include <stdbool.h>
#include <stddef.h>

struct wish {
	struct dp_filter filter;
	bool follow;
	bool has_newest;    /* `n` was given: */
	bool all;           /* all of them, or */
	size_t newest;      /* so many */
	const char *cursor; /* to go on behind, or NULL; borrowed from the request */
};

/* Reads the parameters; what is wrong with them is added to *errors. Release in any case. */
void wish_read(struct wish *w, const struct request *r, struct dp_buf *errors);
void wish_release(struct wish *w);

/* Where the events lie that are asked for. */
struct wish_span {
	char store_id[64];
	int64_t after;
	int64_t until;   /* the head of now */
	bool is_partial; /* the newest were not all found in time: some may lie before */
};

/* Looks until end_ms (of dp_clock_monotonic_ms) for the newest. Returns 0; -1 where the store
 * failed; or 1 where the cursor is none of this database, with the problem in *problem. */
int wish_find(const struct wish *w, struct dp_store *s, int64_t end_ms, struct wish_span *out,
    enum problem *problem);

/* Answers that problem. */
enum MHD_Result wish_answer_problem(struct request *r, enum problem problem);

#endif
