/* Events as Markdown (CommonMark), for the report of an issue. Pure. */
#ifndef DP_TAIL_MARKDOWN_H
#define DP_TAIL_MARKDOWN_H

#include "event.h"
#include "when.h"

/* Appends an error as a section with its facts, stack and locals, another event as an item of a
 * list. Nothing of it is a link, an image, HTML or the end of a block of code. */
void markdown_write(struct dp_buf *out, const struct dp_event *ev, const struct when *when);

#endif
