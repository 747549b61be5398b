#include "health.h"

#include "token.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PATIENCE_SECONDS = 2, STATUS_LINE = sizeof "HTTP/1.1 200" - 1 };

static char reason[80];

/* The address that stands for all leads to this machine, too. */
static int connect_to(const struct dp_listen *l)
{
	const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
	int fd = socket(l->addr.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
	    connect(fd, &l->addr.any, l->addr_size) == 0)
		return fd;
	snprintf(reason, sizeof reason, "cannot connect: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Reads "HTTP/1.1 200" into `line`. Returns its length, less where no more comes. */
static size_t read_status_line(int fd, char line[STATUS_LINE + 1])
{
	size_t have = 0;
	ssize_t n;

	while (have < STATUS_LINE && (n = read(fd, line + have, STATUS_LINE - have)) > 0)
		have += (size_t)n;
	line[have] = '\0';
	return have;
}

static int ask(int fd, const char *token, const char *path)
{
	char request[300 + DP_TOKEN_MAX];
	char line[STATUS_LINE + 1];
	int n = snprintf(request, sizeof request,
	    "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s%s%s\r\n", path,
	    *token ? "Authorization: Bearer " : "", token, *token ? "\r\n" : "");

	if (send(fd, request, (size_t)n, MSG_NOSIGNAL) != n) {
		snprintf(reason, sizeof reason, "cannot ask: %s", strerror(errno));
		return -1;
	}
	if (read_status_line(fd, line) < STATUS_LINE || memcmp(line, "HTTP/1.", 7) != 0) {
		snprintf(reason, sizeof reason, "no answer within %d s", PATIENCE_SECONDS);
		return -1;
	}
	snprintf(reason, sizeof reason, "%s answers %s", path, line + STATUS_LINE - 3);
	return strcmp(line + STATUS_LINE - 3, "200") == 0 ? 0 : -1;
}

int dp_health_ask(const struct dp_listen *l, const char *token, const char *path, const char **why)
{
	int fd = connect_to(l);
	int rc = fd < 0 ? -1 : ask(fd, token, path);

	if (fd >= 0)
		close(fd);
	*why = reason;
	return rc;
}
