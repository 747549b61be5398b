/* WebSocket sessions that send events: plain ones, which are answered nothing but pings, and
 * `devpulse.v1`, which are greeted and get acknowledgements. */
#ifndef WS_H
#define WS_H

#include "server.h"

size_t ws_session_size(void);

/* The callback of both protocols. */
int ws_callback(
    struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);

/* The writer has come further: acknowledges, and reads on where it had stopped. */
void ws_written(struct server *s);

/* Those that are not read from cannot show that they live: they are taken to. To be called more
 * often than the idle time-out. */
void ws_confirm_held(struct server *s);

/* Sends what is left to send, then the close code 1001. */
void ws_goodbye(struct server *s);

#endif
