#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 511 };

static int parse_port(const char *text, int *port)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || v > 65535)
		return -1;
	*port = (int)v;
	return 0;
}

/* Fills in the address of out->host and out->port. */
static int resolve_numeric(struct dp_listen *out)
{
	in_port_t port = htons((in_port_t)out->port);

	if (inet_pton(AF_INET, out->host, &out->addr.in.sin_addr) == 1) {
		out->addr.in.sin_family = AF_INET;
		out->addr.in.sin_port = port;
		out->addr_size = sizeof out->addr.in;
		out->loopback = ntohl(out->addr.in.sin_addr.s_addr) >> 24 == 127;
		return 0;
	}
	if (inet_pton(AF_INET6, out->host, &out->addr.in6.sin6_addr) == 1) {
		out->ipv6 = true;
		out->addr.in6.sin6_family = AF_INET6;
		out->addr.in6.sin6_port = port;
		out->addr_size = sizeof out->addr.in6;
		out->loopback = IN6_IS_ADDR_LOOPBACK(&out->addr.in6.sin6_addr);
		return 0;
	}
	return -1;
}

int dp_listen_parse(const char *text, struct dp_listen *out, const char **why)
{
	struct dp_listen l = {0};
	const char *colon = strrchr(text, ':');
	const char *host = text;
	size_t n = colon ? (size_t)(colon - text) : 0;
	bool bracketed = false;

	*why = "ADDRESS:PORT is wanted, as 127.0.0.1:8008 or [::1]:8008";
	if (!colon || n == 0 || parse_port(colon + 1, &l.port) < 0)
		return -1;
	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		bracketed = true;
		host++;
		n -= 2;
	} else if (memchr(host, ':', n)) {
		return -1;
	}
	if (n >= sizeof l.host)
		return -1;
	memcpy(l.host, host, n);
	if (!bracketed && strcmp(l.host, "localhost") == 0)
		snprintf(l.host, sizeof l.host, "127.0.0.1");
	*why = "a numeric address is wanted (or localhost), not a name";
	if (resolve_numeric(&l) < 0 || l.ipv6 != bracketed)
		return -1;
	*out = l;
	return 0;
}

bool dp_listen_is_loopback(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} a = {{0}};
	socklen_t size = sizeof a;

	if (getsockname(fd, &a.any, &size) < 0)
		return false;
	if (a.any.sa_family == AF_INET)
		return ntohl(a.in.sin_addr.s_addr) >> 24 == 127;
	return a.any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a.in6.sin6_addr);
}

static void set_flag(int fd, int level, int name)
{
	const int on = 1;

	setsockopt(fd, level, name, &on, sizeof on);
}

/* An answer that would need a router is not sent, so with nobody further away does a connection
 * come about. The kernel sees to it for IPv4 alone. */
static int answer_attached_only(int fd)
{
	const int on = 1;

	return setsockopt(fd, SOL_SOCKET, SO_DONTROUTE, &on, sizeof on);
}

static int bind_to(int fd, struct dp_listen *l)
{
	socklen_t size = l->addr_size;

	if (l->attached_only && answer_attached_only(fd) < 0)
		return -1;
	set_flag(fd, SOL_SOCKET, SO_REUSEADDR);
	if (l->ipv6)
		set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	if (bind(fd, &l->addr.any, l->addr_size) < 0 || listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, &l->addr.any, &size) < 0)
		return -1;
	l->port = ntohs(l->ipv6 ? l->addr.in6.sin6_port : l->addr.in.sin_port);
	if (l->loopback && !dp_listen_is_loopback(fd)) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	return 0;
}

int dp_listen_open(struct dp_listen *l)
{
	int fd = socket(l->addr.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int saved;

	if (fd < 0)
		return -1;
	if (bind_to(fd, l) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

const char *dp_listen_name(const struct dp_listen *l, char out[DP_LISTEN_NAME_MAX])
{
	snprintf(out, DP_LISTEN_NAME_MAX, l->ipv6 ? "[%s]:%d" : "%s:%d", l->host, l->port);
	return out;
}
