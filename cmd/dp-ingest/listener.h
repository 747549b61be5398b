/* The listening socket: who connects becomes a client of the server, or is sent away where there
 * are too many. */
#ifndef LISTENER_H
#define LISTENER_H

#include "server.h"

/* It is readable: takes one. In the loop. */
void listener_take(struct server *s);

/* Takes nobody more; may be called again. */
void listener_close(struct server *s);

#endif
