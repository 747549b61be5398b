#include "listen.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 511 };

static void set_flag(int fd, int level, int name)
{
	const int on = 1;

	setsockopt(fd, level, name, &on, sizeof on);
}

static int bind_to(int fd, struct dp_listen *l)
{
	socklen_t size = l->addr_size;

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

int listen_open(struct dp_listen *l)
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
