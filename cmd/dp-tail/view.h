/* The events as stdout gets them. */
#ifndef DP_TAIL_VIEW_H
#define DP_TAIL_VIEW_H

#include "event.h"

#include <stdbool.h>

struct view_options {
	bool json; /* the events as they are, one a line, instead of lines for people */
	bool color;
	bool traces; /* say the trace of each event */
};

struct view;

struct view *view_new(const struct view_options *o);
void view_free(struct view **v);

/* Shows an event, at the latest at the next view_flush. Returns 0, or -1 where stdout takes no
 * more. */
int view_show(struct view *v, const struct dp_event *ev);

/* Writes what is held. A stdout that is full makes it wait, until a stop signal comes. Returns 0,
 * or -1 where stdout takes no more. */
int view_flush(struct view *v);

/* Whether stdout is a pipe that nobody reads any more. */
bool view_is_closed(void);

/* After a -1, the exit status of the program: 0 where the reader of stdout is gone, 1 where stdout
 * cannot be written (it was reported). */
int view_status(const struct view *v);

#endif
