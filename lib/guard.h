/* Who may talk to a listening program: addresses to listen on, and the Host, Origin and token of
 * what comes in. Pure checks, used by dp-ingest and dp-http alike.
 *
 * Any site that a developer visits can make the browser send requests to localhost. Against that
 * stand an exact list of Host names (DNS rebinding, CVE-2025-66414) and of Origins (cross-site
 * WebSockets, CVE-2018-14732), and for any address but loopback a token. */
#ifndef DP_GUARD_H
#define DP_GUARD_H

#include "buf.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/* ADDRESS:PORT taken apart. */
struct dp_listen {
	char host[64]; /* numeric, without brackets: "127.0.0.1", "::1" */
	int port;      /* 0: the system chooses */
	bool ipv6;
	bool loopback;
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} addr;
	socklen_t addr_size;
};

/* Reads "127.0.0.1:8008", "[::1]:8008" or "localhost:8008" (127.0.0.1). Numeric addresses only:
 * what is listened on must not depend on a name service. Returns 0, or -1 with *why. */
int dp_listen_parse(const char *text, struct dp_listen *out, const char **why);

/* Whether the socket really is bound to loopback (getsockname). */
bool dp_listen_is_loopback(int fd);

struct dp_guard;

/* `hosts`: comma-separated names allowed in Host and Origin beside localhost, 127.0.0.1 and [::1]
 * (NULL: none more); a name without port allows every port. `token`: NULL where none is asked for.
 */
struct dp_guard *dp_guard_new(const char *hosts, const char *token);
void dp_guard_free(struct dp_guard **g);

/* Whether the value of a Host header ("localhost:8008") is allowed. */
bool dp_guard_host_ok(const struct dp_guard *g, struct dp_str host);

/* Whether the value of an Origin header ("http://localhost:8088") is allowed; "null" never is. An
 * absent Origin is no browser: do not call this. */
bool dp_guard_origin_ok(const struct dp_guard *g, struct dp_str origin);

bool dp_guard_wants_token(const struct dp_guard *g);

/* Whether `offered` is the token, compared in constant time. True where none is asked for; an empty
 * token is never offered. */
bool dp_guard_token_ok(const struct dp_guard *g, struct dp_str offered);

/* The token in the value of an Authorization header ("Bearer …"); an empty one where it is no such.
 */
struct dp_str dp_guard_bearer(struct dp_str authorization);

/* Reads a token file: one line, 16..128 characters of [A-Za-z0-9._~+/=-], not readable by others
 * (mode & 077 == 0). Returns it (free()), or NULL with *why. */
char *dp_guard_read_token(const char *path, const char **why);

/* Whether such a token may be used, as it comes from $DEVPULSE_TOKEN. */
bool dp_guard_token_is_sane(struct dp_str token);

#endif
