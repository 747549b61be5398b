/* An event's stack trace for people. */
#ifndef DP_TAIL_STACK_H
#define DP_TAIL_STACK_H

#include "fold.h"
#include "json.h"

/* Writes a stack as applications send it: an array of lines, or of frames (objects with file, line,
 * function, their usual synonyms, and the locals of each), or one string of several lines. Of a
 * long one both ends, with a note between them. From the column `indent` on. */
void stack_write(struct fold *f, const struct dp_json *stack, int indent);

#endif
