/* What the server says in `devpulse.v1`. */
#ifndef FRAME_H
#define FRAME_H

#include "buf.h"

#include <stddef.h>
#include <stdint.h>

enum frame_type { FRAME_UNKNOWN, FRAME_HELLO, FRAME_ACK, FRAME_NACK };

struct frame {
	enum frame_type type;
	uint64_t n;      /* ack, nack: the number of a message */
	size_t index;    /* nack: of the event in its message */
	uint64_t count;  /* nack: of how many events it speaks, usually 1 */
	size_t max;      /* hello: bytes of a message */
	uint64_t window; /* hello: messages unacknowledged */
	char code[32];   /* nack */
	char why[200];
};

/* Returns 0, or -1 where it is no JSON object. Types that are not known are FRAME_UNKNOWN: a later
 * server may say more. */
int frame_parse(struct dp_str text, struct frame *out);

#endif
