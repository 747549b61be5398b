/* What the parts of the server share: its state, and what the clients of all protocols (ws.h,
 * tail.h, http.h) do alike. All of it belongs to the loop's thread (loop.h). */
#ifndef SERVER_H
#define SERVER_H

#include "guard.h"
#include "intake.h"
#include "listen.h"
#include "pump.h"
#include "spool.h"
#include "token.h"
#include "writer.h"

#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>

struct server_config {
	struct dp_listen listen;
	const char *allow_hosts; /* or NULL */
	const char *spool;       /* its folder, or NULL */
	uint64_t spool_max_bytes;
	struct dp_token token;
	int max_connections;
	int window;       /* messages a client may have unacknowledged */
	int idle_seconds; /* after which a silent connection that answers no ping ends */
	int ready_fd;     /* or -1 */
};

enum server_state {
	SERVER_RUNS,
	SERVER_DRAINS,  /* takes nothing more, waits for the writer */
	SERVER_CLOSES,  /* says goodbye to its clients */
	SERVER_FLUSHES, /* waits for the pump, for a while */
	SERVER_ENDED,
};

enum {
	/* All incomplete messages and bodies together: beyond it a client is sent away. */
	SERVER_PARTIAL_MAX = 64 * 1024 * 1024,
	SERVER_MESSAGE_SECONDS = 10, /* for a message or a body to be complete */
	SERVER_CLOSE_SECONDS = 5,    /* for a client to take what it is sent last */
};

/* Ids of struct lws_protocols. */
enum {
	PROTOCOL_HTTP,
	PROTOCOL_PLAIN,
	PROTOCOL_V1,
	PROTOCOL_TAIL,
	PROTOCOL_LISTENER,
	PROTOCOL_STOP
};

struct server {
	struct server_config cfg;
	enum server_state state;
	int status; /* to exit with */
	struct lws_protocols protocols[7];
	lws_retry_bo_t idle_policy;
	struct lws_context *context;
	struct lws_vhost *vhost;
	struct lws *listener;
	struct dp_guard *guard;
	struct intake intake;
	struct dp_spool *spool; /* or NULL */
	struct writer *writer;
	struct pump *pump;              /* with a spool */
	struct lws_dll2_owner sessions; /* ws.h */
	struct lws_dll2_owner waiting;  /* of these: for the writer */
	struct lws_dll2_owner tails;    /* tail.h */
	struct lws_dll2_owner posts;    /* http.h */
	size_t partial_bytes;
	uint64_t connections_taken;
	uint64_t connections_refused;
	int connections;              /* now */
	lws_sorted_usec_list_t timer; /* of draining and closing */
	lws_sorted_usec_list_t accept_timer;
	lws_sorted_usec_list_t idle_timer;
};

/* The server that a callback belongs to. */
struct server *server_of(struct lws *wsi);

/* What all protocols of the port do alike: the upgrade is judged; CONNECT, which would make a
 * connection raw and endless, is not taken. Their callbacks end here. */
int server_callback(struct lws *wsi, enum lws_callback_reasons reason);

/* Whether n more bytes of an incomplete message may be kept; counts them if so. */
bool server_keep(struct server *s, size_t n);
void server_unkeep(struct server *s, size_t n);

/* The address of a peer, for the log. */
void server_peer(struct lws *wsi, char *peer, size_t size);

/* Has a connection ended, with a close frame where that still reaches it, by a writable callback
 * that returns -1: asked for here, and forced after SERVER_CLOSE_SECONDS. */
void server_hasten(struct lws *wsi);

/* A client has left its list: where the server waits for that, the loop is woken. */
void server_client_left(struct server *s);

#endif
