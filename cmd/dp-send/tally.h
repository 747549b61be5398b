/* Events that were refused, here or by the server: how many of each kind, and the first of all. */
#ifndef TALLY_H
#define TALLY_H

#include "buf.h"

#include <stdint.h>

enum { TALLY_KINDS_MAX = 24 };

/* {0} is an empty one. */
struct tally {
	uint64_t count;
	struct {
		char code[32];
		uint64_t count;
	} kinds[TALLY_KINDS_MAX]; /* ended by an empty code */
	uint64_t first_line;      /* of the input; 0: none */
	char first_why[200];
};

/* Counts one more, of line `line`. What is beyond the table of kinds is only in the sum. */
void tally_add(struct tally *t, uint64_t line, const char *code, const char *why);

/* Adds another tally to this one. */
void tally_merge(struct tally *t, const struct tally *other);

/* Appends "3: not-json 2, too-deep 1 (first: line 17: …)". */
void tally_describe(const struct tally *t, struct dp_buf *out);

#endif
