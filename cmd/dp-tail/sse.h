/* Server-sent events, as a client reads them: the event stream format of the HTML standard
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html, "Interpreting an event stream").
 * Pure: bytes in, messages out, wherever the bytes were cut. "retry" and "event" fields are left
 * aside: the streams of dp-http are of one type, and the pace of reconnecting is the client's. */
#ifndef DP_TAIL_SSE_H
#define DP_TAIL_SSE_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

struct sse;

/* A block that ended with an empty line; borrowed until the callback returns. */
struct sse_message {
	struct dp_str id; /* the last id that the stream gave, in this block or before; "": none */
	struct dp_str data; /* its data lines joined by newlines; empty where there was none */
	bool too_long;      /* the data went beyond the limit: `data` is its beginning */
};

/* Returns 0 to go on, or anything else to stop. */
typedef int sse_fn(void *arg, const struct sse_message *m);

/* `data_max` in bytes, of the data of one message. */
struct sse *sse_new(size_t data_max);
void sse_free(struct sse **s);

/* Forgets what was begun, for a new connection; the last id too. */
void sse_reset(struct sse *s);

/* Takes the next bytes. What is not ended by an empty line when the stream ends is no message.
 * Returns 0, or what `fn` returned where that stopped; then the rest is left aside. */
int sse_feed(struct sse *s, const char *p, size_t n, sse_fn *fn, void *arg);

#endif
