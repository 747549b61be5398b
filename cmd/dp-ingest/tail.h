/* Subscribers, `devpulse.tail.v1`: each accepted event that matches their filter, as a text frame.
 * A slow one loses events and is told how many; it never slows the rest. */
#ifndef TAIL_H
#define TAIL_H

#include "event.h"
#include "server.h"

size_t tail_session_size(void);

int tail_callback(
    struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);

/* Shows an event to the subscribers. */
void tail_publish(struct server *s, const struct dp_event *ev);

void tail_goodbye(struct server *s);

#endif
