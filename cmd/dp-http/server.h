/* The HTTP server: libmicrohttpd set up, every request checked, slow ones cut off. */
#ifndef SERVER_H
#define SERVER_H

#include "request.h"

#include <stdbool.h>
#include <stddef.h>

struct server;

struct server_settings {
	unsigned threads;
	unsigned connections; /* at most that many; beyond it the idlest gives way */
	unsigned per_address; /* at most that many from one; 0: as many as there are */
	bool ipv6;            /* what listen_fd is bound to */
};

/* The descriptors that the server needs. */
unsigned server_descriptors(const struct server_settings *settings);

/* Serves on a listening, non-blocking socket, which is its own from here on. NULL where the library
 * cannot be started. `service` is kept. */
struct server *server_new(
    int listen_fd, const struct server_settings *settings, const struct service *service);

/* To be called whenever a client takes a piece of a long answer: who doesn't may have to give way
 * to others. */
void server_note_progress(struct MHD_Connection *connection);

/* Cuts off connections that have not sent a whole request in time. Call it several times a second.
 */
void server_tick(struct server *s);

/* Begins the end: takes no more connections; those there are go on. Should the program not have
 * ended within 0.9 s, it does then, with exit 0: a thread may wait for a database that stands
 * still, and nothing is lost with it, for it only reads. */
void server_quiesce(struct server *s);

/* Ends all connections. */
void server_free(struct server **s);

#endif
