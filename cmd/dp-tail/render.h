/* An event as the lines that a person reads. Pure: an event and options in, bytes out. Whatever the
 * event says, no control character but newlines, our own colours and hyperlinks comes out. */
#ifndef DP_TAIL_RENDER_H
#define DP_TAIL_RENDER_H

#include "event.h"
#include "group.h"
#include "link.h"
#include "when.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	RENDER_WIDTH_MIN = 20,
	RENDER_WIDTH_MAX = 1000,
	RENDER_GROUPS_MIN = 110, /* from this width on there is room for groups */
	RENDER_COLORS = 11,
};

struct render_options {
	int width; /* columns, RENDER_WIDTH_MIN..RENDER_WIDTH_MAX */
	bool color;
	bool traces; /* say the trace of each event */
	bool groups; /* where there is room: systems indented in order of their appearance in the
			trace, and with `traces` a rail of its colour along its lines */
	enum when_mode time;
	int64_t now_us; /* of WHEN_RELATIVE */
	struct link link;
};

/* What is remembered from event to event. Start with {.day = when_day(time, now)}. */
struct render_memory {
	int day; /* of the event before */
	int64_t last_us;
	bool past_first; /* there was one */
	/* which system has which colour: a hash of its name; 0: none yet */
	uint64_t owners[RENDER_COLORS];
	struct groups groups;
};

/* Appends an event. Where it is of another day than the one before it, a line with the date comes
 * first. A system has the same colour always, unless another one on the screen had it before. */
void render_event(struct dp_buf *out, const struct dp_event *ev, const struct render_options *o,
    struct render_memory *memory);

#endif
