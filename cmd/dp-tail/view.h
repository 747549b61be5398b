/* The events as stdout gets them. */
#ifndef DP_TAIL_VIEW_H
#define DP_TAIL_VIEW_H

#include "event.h"
#include "link.h"
#include "tally.h"
#include "when.h"

#include <stdbool.h>

enum view_format {
	VIEW_PRETTY, /* lines for people (render.h) */
	VIEW_SHORT,  /* plain.h */
	VIEW_JSON,   /* the events as they are, one a line */
	VIEW_LOGFMT,
	VIEW_RAW,
	VIEW_MARKDOWN,
	VIEW_TEMPLATE,
};

struct view_options {
	enum view_format format;
	const char *template; /* of VIEW_TEMPLATE */
	enum when_mode time;
	bool color;
	bool terminal; /* stdout is one */
	bool traces;   /* say the trace of each event */
	struct link link;
	uint64_t count; /* how many events are wanted; 0: all */
};

struct view;

struct view *view_new(const struct view_options *o);
void view_free(struct view **v);

/* Shows an event, at the latest at the next view_flush. Returns 0, or -1 where stdout takes no
 * more. */
int view_show(struct view *v, const struct dp_event *ev);

/* Whether as many events were shown as are wanted. */
bool view_is_done(const struct view *v);

/* Writes what is held. A stdout that is full makes it wait, until a stop signal comes. Returns 0,
 * or -1 where stdout takes no more. */
int view_flush(struct view *v);

/* Whether stdout is a pipe that nobody reads any more. */
bool view_is_closed(void);

/* After a -1, the exit status of the program: 0 where the reader of stdout is gone, 1 where stdout
 * cannot be written (it was reported). Else 0. */
int view_status(const struct view *v);

/* What was shown. */
const struct tally *view_tally(const struct view *v);

#endif
