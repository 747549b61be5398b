#include "url.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DEFAULT_PORT = 80, PROBE_MS = 2000 };

/* Splits "HOST:PORT" or "[HOST]:PORT". Returns 0 or -1. */
static int parse_authority(struct url *u)
{
	char text[sizeof u->authority];
	char *host = text;
	char *port = NULL;
	char *end;
	long n;

	snprintf(text, sizeof text, "%s", u->authority);
	if (text[0] == '[') {
		host = text + 1;
		end = strchr(host, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -1;
		port = end[1] ? end + 2 : NULL;
		*end = '\0';
	} else if ((end = strchr(text, ':'))) {
		*end = '\0';
		port = end + 1;
	}
	u->port = DEFAULT_PORT;
	if (port) {
		n = strtol(port, &end, 10);
		if (*port < '0' || *port > '9' || *end || n < 1 || n > 65535)
			return -1;
		u->port = (int)n;
	}
	snprintf(u->host, sizeof u->host, "%s", host);
	return *host ? 0 : -1;
}

int url_parse(const char *text, struct url *out, const char **why)
{
	struct url u = {.path = "/"};
	const char *rest = text + 5;
	size_t n;

	if (strncasecmp(text, "wss://", 6) == 0) {
		*why = "wss:// is not supported: send through a tunnel or a proxy on this machine";
		return -1;
	}
	*why = "a URL like ws://127.0.0.1:8008/ is wanted";
	if (strncasecmp(text, "ws://", 5) != 0 || strlen(text) >= sizeof u.text)
		return -1;
	n = strcspn(rest, "/?#");
	if (n == 0 || n >= sizeof u.authority || memchr(rest, '@', n) ||
	    strlen(rest + n) >= sizeof u.path - 1 || strcspn(text, " #") != strlen(text))
		return -1;
	snprintf(u.text, sizeof u.text, "%s", text);
	snprintf(u.authority, sizeof u.authority, "%.*s", (int)n, rest);
	if (rest[n])
		snprintf(u.path, sizeof u.path, "%s%s", rest[n] == '/' ? "" : "/", rest + n);
	if (parse_authority(&u) < 0)
		return -1;
	*out = u;
	return 0;
}

/* Connects within PROBE_MS; 0 or an errno. */
static int try_connect(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int error = ETIMEDOUT;
	socklen_t size = sizeof error;

	if (fd < 0)
		return errno;
	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
		error = 0;
	else if (errno != EINPROGRESS)
		error = errno;
	else if (poll(&p, 1, PROBE_MS) > 0)
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	close(fd);
	return error;
}

const char *url_probe(const struct url *u)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list;
	char port[8];
	int error;

	snprintf(port, sizeof port, "%d", u->port);
	error = getaddrinfo(u->host, port, &hints, &list);
	if (error)
		return gai_strerror(error);
	for (const struct addrinfo *a = list; a; a = a->ai_next)
		if ((error = try_connect(a)) == 0)
			break;
	freeaddrinfo(list);
	return error ? strerror(error) : NULL;
}
