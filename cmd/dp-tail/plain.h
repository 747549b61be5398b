/* Events as lines for programs that read lines, and for people with many events. Pure; nothing of
 * an event comes out raw but what is said here. */
#ifndef DP_TAIL_PLAIN_H
#define DP_TAIL_PLAIN_H

#include "event.h"
#include "when.h"

#include <stdbool.h>

struct plain_options {
	struct when when;
	int width; /* columns that a line of plain_short has at most; 0: it is never cut */
	bool color;
};

/* A line: time, severity, system, type, message, duration, place, trace. */
void plain_short(struct dp_buf *out, const struct dp_event *ev, const struct plain_options *o);

/* The message alone, with its own line breaks. */
void plain_raw(struct dp_buf *out, const struct dp_event *ev);

/* A line of key=value: time, level, system, type, trace, msg, then the other members; those of
 * objects by their path. */
void plain_logfmt(struct dp_buf *out, const struct dp_event *ev);

/* The event as it is, for a terminal: of the characters that text.h calls unsafe the escapes of
 * JSON. */
void plain_json(struct dp_buf *out, const struct dp_event *ev);

/* Appends a text made safe for a terminal (text.h). */
void plain_add(struct dp_buf *out, struct dp_str text);

/* The same, but tabs and line breaks stay. */
void plain_add_lines(struct dp_buf *out, struct dp_str text);

#endif
