/* Addresses to listen on, and sockets that do. */
#ifndef DP_LISTEN_H
#define DP_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

enum { DP_LISTEN_NAME_MAX = 80 };

/* ADDRESS:PORT taken apart. */
struct dp_listen {
	char host[64]; /* numeric, without brackets: "127.0.0.1", "::1" */
	int port;      /* 0: the system chooses */
	bool ipv6;
	bool loopback;
	bool attached_only; /* of IPv4: answer only hosts of the networks that this machine is on */
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

/* Opens a non-blocking socket that listens there; l->port becomes the port that it got. IPv6 means
 * IPv6 only. A loopback address that turns out not to be one is an error. Returns the descriptor,
 * or -1 with errno. */
int dp_listen_open(struct dp_listen *l);

/* Whether the socket really is bound to loopback (getsockname). */
bool dp_listen_is_loopback(int fd);

/* Writes "127.0.0.1:8008" or "[::1]:8008" to `out`, which is returned. */
const char *dp_listen_name(const struct dp_listen *l, char out[DP_LISTEN_NAME_MAX]);

#endif
