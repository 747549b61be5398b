/* An event's stack trace for people. */
#ifndef DP_TAIL_STACK_H
#define DP_TAIL_STACK_H

#include "fold.h"
#include "json.h"
#include "link.h"

/* Writes a stack as applications send it: an array of lines, or of frames (objects with file, line,
 * function, their usual synonyms, and the locals of each), or one string of several lines. Of a
 * long one both ends, with a note between them. From the column `indent` on. The places of frames
 * that are objects, and of the lines of Python and the like, are hyperlinks. */
void stack_write(struct fold *f, const struct dp_json *stack, const struct link *link, int indent);

#endif
