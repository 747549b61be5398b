/* The listening socket. It is ours and not made by libwebsockets: version 4.1.6 listens on every
 * interface when told "127.0.0.1" without one of its options, and "::1" with it; and errno is lost
 * on the way. */
#ifndef LISTEN_H
#define LISTEN_H

#include "guard.h"

/* Binds and listens, and makes sure that an address of loopback really is one. Returns the
 * descriptor (non-blocking), with l->port the real one where 0 was asked for; or -1 with errno. */
int listen_open(struct dp_listen *l);

#endif
