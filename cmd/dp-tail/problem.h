/* What a server says about a failure: problem documents (RFC 9457). Pure. */
#ifndef DP_TAIL_PROBLEM_H
#define DP_TAIL_PROBLEM_H

#include "buf.h"

enum { PROBLEM_BYTES_MAX = 64 * 1024 };

/* Appends a sentence for people: the document's title, detail and errors, or where `body` is none
 * the status alone ("HTTP status 502"). */
void problem_write(struct dp_buf *out, long status, struct dp_str body);

#endif
