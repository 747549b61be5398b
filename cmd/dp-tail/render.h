/* An event as the lines that a person reads. Pure: an event and options in, bytes out. Whatever the
 * event says, no control character but newlines and our own colours comes out. */
#ifndef DP_TAIL_RENDER_H
#define DP_TAIL_RENDER_H

#include "event.h"

#include <stdbool.h>
#include <stdint.h>

enum { RENDER_WIDTH_MIN = 20, RENDER_WIDTH_MAX = 1000, RENDER_COLORS = 11 };

struct render_options {
	int width; /* columns, RENDER_WIDTH_MIN..RENDER_WIDTH_MAX */
	bool color;
	bool traces; /* say the trace of each event */
};

/* What is remembered from event to event. Start with {.day = render_day(now)}. */
struct render_memory {
	int day; /* of the event before */
	/* which system has which colour: a hash of its name; 0: none yet */
	uint32_t owners[RENDER_COLORS];
};

/* The day (local time) of an instant, as a number. */
int render_day(int64_t us);

/* Appends an event. Time is local (TZ). Where it is of another day than the one before it, a line
 * with the date comes first. A system has the same colour always, unless another one on the screen
 * had it before. */
void render_event(struct dp_buf *out, const struct dp_event *ev, const struct render_options *o,
    struct render_memory *memory);

#endif
