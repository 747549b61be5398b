#include "guard.h"

#include "mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { TOKEN_MIN = 16, TOKEN_MAX = 128 };

struct dp_guard {
	char **hosts;
	size_t host_count;
	char *token;
};

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

static void add_host(struct dp_guard *g, const char *name, size_t n)
{
	if (n == 0)
		return;
	g->hosts = dp_mem_resize_array(g->hosts, g->host_count + 1, sizeof *g->hosts);
	g->hosts[g->host_count++] = dp_mem_copy(name, n);
}

struct dp_guard *dp_guard_new(const char *hosts, const char *token)
{
	struct dp_guard *g = dp_mem_new(sizeof *g);

	add_host(g, "localhost", 9);
	add_host(g, "127.0.0.1", 9);
	add_host(g, "[::1]", 5);
	while (hosts && *hosts) {
		size_t n = strcspn(hosts, ", ");

		add_host(g, hosts, n);
		hosts += n + (hosts[n] != '\0');
	}
	g->token = token ? dp_mem_copy(token, strlen(token)) : NULL;
	return g;
}

void dp_guard_free(struct dp_guard **g)
{
	if (!*g)
		return;
	for (size_t i = 0; i < (*g)->host_count; i++)
		free((*g)->hosts[i]);
	free((*g)->hosts);
	free((*g)->token);
	free(*g);
	*g = NULL;
}

/* The length of the name in "name:port", or in "name": a port is digits behind the last colon. */
static size_t name_length(struct dp_str host)
{
	size_t i = host.n;

	while (i > 0 && host.p[i - 1] >= '0' && host.p[i - 1] <= '9')
		i--;
	return i > 0 && i < host.n && host.p[i - 1] == ':' ? i - 1 : host.n;
}

bool dp_guard_host_ok(const struct dp_guard *g, struct dp_str host)
{
	size_t name = name_length(host);

	for (size_t i = 0; i < g->host_count; i++) {
		size_t n = strlen(g->hosts[i]);

		if ((n == host.n || n == name) && strncasecmp(g->hosts[i], host.p, n) == 0)
			return true;
	}
	return false;
}

bool dp_guard_origin_ok(const struct dp_guard *g, struct dp_str origin)
{
	static const char *const schemes[] = {"http://", "https://"};

	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		size_t n = strlen(schemes[i]);

		if (origin.n > n && strncasecmp(origin.p, schemes[i], n) == 0)
			return dp_guard_host_ok(g, (struct dp_str){origin.p + n, origin.n - n});
	}
	return false;
}

bool dp_guard_wants_token(const struct dp_guard *g)
{
	return g->token != NULL;
}

bool dp_guard_token_ok(const struct dp_guard *g, struct dp_str offered)
{
	unsigned char differs = 0;
	size_t n;

	if (!g->token)
		return true;
	n = strlen(g->token);
	if (n == 0)
		return false;
	for (size_t i = 0; i < offered.n; i++)
		differs |= (unsigned char)(offered.p[i] ^ g->token[i % n]);
	return differs == 0 && offered.n == n;
}

struct dp_str dp_guard_bearer(struct dp_str a)
{
	static const char scheme[] = "Bearer ";
	const size_t n = sizeof scheme - 1;

	if (a.n <= n || strncasecmp(a.p, scheme, n) != 0)
		return (struct dp_str){"", 0};
	return (struct dp_str){a.p + n, a.n - n};
}

bool dp_guard_token_is_sane(struct dp_str token)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._~+/=-";

	for (size_t i = 0; i < token.n; i++)
		if (!memchr(allowed, token.p[i], sizeof allowed - 1))
			return false;
	return token.n >= TOKEN_MIN && token.n <= TOKEN_MAX;
}

char *dp_guard_read_token(const char *path, const char **why)
{
	char line[TOKEN_MAX + 2];
	struct stat st;
	FILE *f = fopen(path, "re");
	size_t n = 0;

	/* fread leaves errno as read(2) set it */
	if (!f || fstat(fileno(f), &st) < 0 ||
	    ((n = fread(line, 1, sizeof line, f)) == 0 && ferror(f))) {
		*why = strerror(errno);
		if (f)
			fclose(f);
		return NULL;
	}
	fclose(f);
	if (n > 0 && line[n - 1] == '\n')
		n--;
	if (st.st_mode & 077) {
		*why = "others may read it: chmod 600";
		return NULL;
	}
	if (!dp_guard_token_is_sane((struct dp_str){line, n})) {
		*why = "a token is one line of 16 to 128 of A-Z a-z 0-9 . _ ~ + / = -";
		return NULL;
	}
	return dp_mem_copy(line, n);
}
