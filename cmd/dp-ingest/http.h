/* POST /events, and short answers to whatever else speaks HTTP on the port. Each connection carries
 * one request: it is closed after the answer, so that bytes behind it are never taken for another.
 */
#ifndef HTTP_H
#define HTTP_H

#include "server.h"

size_t http_session_size(void);

int http_callback(
    struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);

/* The writer has come further: answers those whose events are written, reads those that waited. */
void http_written(struct server *s);

/* Takes nothing more. */
void http_stop(struct server *s);

#endif
