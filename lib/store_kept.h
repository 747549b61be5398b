/* The texts of statements that a connection keeps prepared: those that are asked again and again in
 * the same words. Private to lib/store*.c. */
#ifndef DP_STORE_KEPT_H
#define DP_STORE_KEPT_H

#include "buf.h"

enum {
	DP_KEPT_MAX = 32,
	DP_KEPT_NONE = -1,
};

/* {0}: none. */
struct dp_kept {
	char *texts[DP_KEPT_MAX];
	int n;
};

/* The place of a text: k->n where it is not there, or DP_KEPT_NONE where there is no room, either.
 */
int dp_kept_find(const struct dp_kept *k, struct dp_str text);

/* Adds it, at k->n. */
void dp_kept_add(struct dp_kept *k, struct dp_str text);

void dp_kept_clear(struct dp_kept *k);

#endif
