/* How many events were shown: by severity, and by system. Bounded. Pure. */
#ifndef DP_TAIL_TALLY_H
#define DP_TAIL_TALLY_H

#include "event.h"

#include <stdint.h>

enum { TALLY_SYSTEMS = 100, TALLY_SEVERITIES = DP_ERROR + 1 };

struct tally_row {
	char *system;
	uint64_t counts[TALLY_SEVERITIES];
};

/* {0} is an empty one. */
struct tally {
	uint64_t counts[TALLY_SEVERITIES];
	struct tally_row rows[TALLY_SYSTEMS]; /* in order of appearance */
	int count;
	struct tally_row others; /* of the systems that came later */
};

void tally_release(struct tally *t);

void tally_add(struct tally *t, const struct dp_event *ev);

uint64_t tally_total(const struct tally *t);

/* Whether there was an event of this severity or a worse one. */
bool tally_has(const struct tally *t, enum dp_severity least);

/* Appends a table for people: a line a system, and one of all. */
void tally_write(struct dp_buf *out, const struct tally *t);

#endif
