/* Frames that wait for one WebSocket to take them: sent in order, one a writable callback, as
 * libwebsockets demands. The owner bounds what it adds by outbox_bytes. {0} is an empty one. */
#ifndef OUTBOX_H
#define OUTBOX_H

#include "buf.h"

#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>

struct outbox {
	struct dp_buf buf; /* room of LWS_PRE bytes, then of each frame its size and its text */
	size_t head;       /* of the first frame; 0 while buf is empty */
};

void outbox_release(struct outbox *o);

/* Adds a text frame. */
void outbox_add(struct outbox *o, struct dp_str text);

bool outbox_is_empty(const struct outbox *o);
size_t outbox_bytes(const struct outbox *o);

/* Sends the first frame; only in a writable callback, and with the box not empty. Returns 0, or -1
 * where the connection is lost. */
int outbox_send(struct outbox *o, struct lws *wsi);

#endif
