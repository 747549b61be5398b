#include "guard.h"

#include "mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct names {
	char **names;
	size_t n;
};

struct dp_guard {
	struct names hosts;
	struct names origins;
	char *token;
};

static void add_name(struct names *to, const char *name, size_t n)
{
	if (n == 0)
		return;
	to->names = dp_mem_resize_array(to->names, to->n + 1, sizeof *to->names);
	to->names[to->n++] = dp_mem_copy(name, n);
}

static void add_names(struct names *to, const char *list)
{
	while (*list) {
		size_t n = strcspn(list, ", ");

		add_name(to, list, n);
		list += n + (list[n] != '\0');
	}
}

static void release_names(struct names *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->names[i]);
	free(list->names);
}

/* Not the address that stands for all: it is no name for this machine. */
static void add_listener(struct dp_guard *g, const struct dp_listen *l)
{
	char name[DP_LISTEN_NAME_MAX];

	if (strcmp(l->host, "0.0.0.0") != 0 && strcmp(l->host, "::") != 0)
		add_names(&g->hosts, dp_listen_name(l, name));
}

struct dp_guard *dp_guard_new(const char *hosts, const struct dp_listen *listen, const char *token)
{
	struct dp_guard *g = dp_mem_new(sizeof *g);

	add_names(&g->hosts, "localhost,127.0.0.1,[::1]");
	if (hosts)
		add_names(&g->hosts, hosts);
	if (listen)
		add_listener(g, listen);
	g->token = token && *token ? dp_mem_copy(token, strlen(token)) : NULL;
	return g;
}

void dp_guard_free(struct dp_guard **g)
{
	if (!*g)
		return;
	release_names(&(*g)->hosts);
	release_names(&(*g)->origins);
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

	for (size_t i = 0; i < g->hosts.n; i++) {
		size_t n = strlen(g->hosts.names[i]);

		if ((n == host.n || n == name) && strncasecmp(g->hosts.names[i], host.p, n) == 0)
			return true;
	}
	return false;
}

void dp_guard_share(struct dp_guard *g, const char *origins)
{
	add_names(&g->origins, origins);
}

bool dp_guard_shares(const struct dp_guard *g, struct dp_str origin)
{
	for (size_t i = 0; i < g->origins.n; i++)
		if (dp_str_is(origin, g->origins.names[i]))
			return true;
	return false;
}

bool dp_guard_origin_ok(const struct dp_guard *g, struct dp_str origin)
{
	static const char *const schemes[] = {"http://", "https://"};

	if (dp_guard_shares(g, origin))
		return true;
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
