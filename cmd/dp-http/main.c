/* dp-http: the page and the API over a store (dp-http(1)). */
#include "clock.h"
#include "feed.h"
#include "log.h"
#include "opt.h"
#include "pool.h"
#include "proc.h"
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TICK_MS = 250, BACKLOG = 128, OTHER_CONNECTIONS = 156 };

enum {
	OPT_THREADS = 256,
	OPT_FOLLOWERS,
	OPT_HEARTBEAT,
	OPT_HOSTS,
	OPT_TOKEN,
	OPT_INSECURE,
	OPT_READY
};

static const struct dp_opt options[] = {
    {'l', "listen", "ADDRESS:PORT", "DEVPULSE_HTTP_LISTEN", "where to listen; port 0: any free one",
	"127.0.0.1:8088"},
    {'d', "db", "URL", "DEVPULSE_DB", "the database: sqlite:///… or postgresql://…",
	"devpulse.db in the state directory"},
    {OPT_THREADS, "threads", "N", NULL, "threads that answer requests", "4"},
    {OPT_FOLLOWERS, "max-followers", "N", NULL, "clients that may follow at once", "100"},
    {OPT_HEARTBEAT, "heartbeat", "SECONDS", NULL, "between heartbeats to idle followers", "10"},
    {OPT_HOSTS, "allow-host", "NAMES", "DEVPULSE_ALLOWED_HOSTS",
	"more names, by commas, for Host and Origin", NULL},
    {OPT_TOKEN, "token-file", "FILE", "DEVPULSE_TOKEN_FILE",
	"token wanted on /api/; else from $DEVPULSE_TOKEN", NULL},
    {OPT_INSECURE, "insecure", NULL, NULL, "listen beyond loopback without a token", NULL},
    {OPT_READY, "ready-fd", "N", NULL, "write a newline to this descriptor when ready", NULL},
    {0},
};

static const struct dp_program program = {
    .name = "dp-http",
    .usage = "dp-http [OPTIONS]",
    .about = "Serves the page and the REST and streaming API over the events in a database, which\n"
	     "it opens read-only. The database need not be there yet.",
    .options = options,
    .examples = "  dp-http --db sqlite:///events.db\n"
		"  curl -s localhost:8088/api/traces/abc123 | jq .\n"
		"  curl -sN 'localhost:8088/api/events?severity=error&follow'\n",
};

struct config {
	struct dp_listen listen;
	const char *db;    /* NULL: the default */
	const char *hosts; /* or NULL */
	const char *token_file;
	unsigned threads;
	unsigned max_followers;
	int64_t heartbeat_ms;
	bool insecure;
	int ready_fd;
};

static void parse_listen(const struct dp_opt_state *o, struct config *cfg)
{
	const char *why;

	if (dp_listen_parse(o->value, &cfg->listen, &why) < 0)
		dp_opt_bad_value(o, why);
}

static struct config parse_args(int argc, char **argv)
{
	struct config cfg = {
	    .threads = 4, .max_followers = 100, .heartbeat_ms = 10000, .ready_fd = -1};
	struct dp_opt_state o;
	const char *why;
	int c;

	dp_listen_parse("127.0.0.1:8088", &cfg.listen, &why);
	dp_opt_init(&o, &program, argc, argv);
	while ((c = dp_opt_next(&o)) != 0) {
		switch (c) {
		case 'l':
			parse_listen(&o, &cfg);
			break;
		case 'd':
			cfg.db = o.value;
			break;
		case OPT_THREADS:
			cfg.threads = (unsigned)dp_opt_number(&o, 1, 64);
			break;
		case OPT_FOLLOWERS:
			cfg.max_followers = (unsigned)dp_opt_number(&o, 1, 800);
			break;
		case OPT_HEARTBEAT:
			cfg.heartbeat_ms = dp_opt_number(&o, 1, 3600) * 1000;
			break;
		case OPT_HOSTS:
			cfg.hosts = o.value;
			break;
		case OPT_TOKEN:
			cfg.token_file = o.value;
			break;
		case OPT_INSECURE:
			cfg.insecure = true;
			break;
		case OPT_READY:
			cfg.ready_fd = (int)dp_opt_number(&o, 0, 1023);
			break;
		}
	}
	dp_opt_limit_operands(&o, 0);
	return cfg;
}

/* The token that clients must show, or NULL. Release with free(). */
static char *read_token(const struct config *cfg)
{
	const char *env = getenv("DEVPULSE_TOKEN");
	const char *why;
	char *token;

	if (cfg->token_file) {
		token = dp_guard_read_token(cfg->token_file, &why);
		if (!token)
			dp_log_die(
			    DP_EXIT_USAGE, "cannot use the token in %s: %s", cfg->token_file, why);
		return token;
	}
	if (!env || !*env)
		return NULL;
	if (!dp_guard_token_is_sane(dp_str_from(env)))
		dp_log_die(DP_EXIT_USAGE,
		    "DEVPULSE_TOKEN: a token is 16 to 128 of A-Z a-z 0-9 . _ ~ + / = -");
	return strdup(env);
}

/* The names allowed, with the address itself unless it stands for all of them. */
static struct dp_guard *make_guard(const struct config *cfg)
{
	const struct dp_listen *l = &cfg->listen;
	bool any = strcmp(l->host, "0.0.0.0") == 0 || strcmp(l->host, "::") == 0;
	char *token = read_token(cfg);
	struct dp_buf hosts = {0};
	struct dp_guard *guard;

	if (!l->loopback && !token && !cfg->insecure)
		dp_log_die(DP_EXIT_USAGE,
		    "%s can be reached by others: give --token-file FILE, or --insecure to mean it",
		    l->host);
	dp_buf_add_text(&hosts, cfg->hosts ? cfg->hosts : "");
	if (!any)
		dp_buf_addf(&hosts, l->ipv6 ? ",[%s]" : ",%s", l->host);
	guard = dp_guard_new(dp_buf_text(&hosts), token);
	dp_buf_release(&hosts);
	free(token);
	return guard;
}

/* A listening socket; in *port the one it got. */
static int listen_or_die(const struct dp_listen *l, int *port)
{
	struct dp_listen bound = *l;
	socklen_t size = l->addr_size;
	int on = 1;
	int fd = socket(l->addr.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
	    (l->ipv6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0) ||
	    bind(fd, &l->addr.any, l->addr_size) < 0 || listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, &bound.addr.any, &size) < 0)
		dp_log_die(DP_EXIT_FAILURE,
		    "cannot listen on %s port %d: %s; --listen chooses another", l->host, l->port,
		    strerror(errno));
	if (l->loopback && !dp_listen_is_loopback(fd))
		dp_log_die(DP_EXIT_FAILURE, "%s is not bound to loopback", l->host);
	*port = ntohs(l->ipv6 ? bound.addr.in6.sin6_port : bound.addr.in.sin_port);
	return fd;
}

/* Opens the handles. A database that is away will come; one that is broken needs a person. */
static void open_store(const struct config *cfg, struct service *service)
{
	char *preset = cfg->db ? NULL : dp_store_default_url();
	const char *url = cfg->db ? cfg->db : preset;
	const char *why;
	struct dp_store *s;

	service->pool = pool_new(url, cfg->threads + 1, &why);
	if (!service->pool)
		dp_log_die(DP_EXIT_USAGE, "cannot use the database URL: %s", why);
	service->feed = feed_new(url, cfg->max_followers, cfg->heartbeat_ms, &why);
	if (!service->feed)
		dp_log_die(DP_EXIT_USAGE, "cannot use the database URL: %s", why);
	s = pool_take(service->pool);
	if (dp_store_connect(s) < 0) {
		if (dp_store_fault(s) == DP_STORE_BROKEN)
			dp_log_die(DP_EXIT_USAGE, "%s", dp_store_error(s));
		dp_log(DP_LOG_WARNING, "waiting for the database: %s", dp_store_error(s));
	}
	pool_give(service->pool, &s, true);
	free(preset);
}

static void serve_until_stopped(struct server *server)
{
	struct pollfd stop = {.fd = dp_proc_stop_fd(), .events = POLLIN};

	while (poll(&stop, 1, TICK_MS) <= 0)
		server_tick(server);
}

int main(int argc, char **argv)
{
	const struct config cfg = parse_args(argc, argv);
	struct service service = {.guard = make_guard(&cfg)};
	const struct server_settings settings = {
	    cfg.threads, cfg.max_followers + OTHER_CONNECTIONS, cfg.listen.ipv6};
	struct server *server;
	int port;
	int fd;

	dp_proc_init();
	fd = listen_or_die(&cfg.listen, &port);
	open_store(&cfg, &service);
	server = server_new(fd, &settings, &service);
	if (!server)
		dp_log_die(DP_EXIT_FAILURE, "cannot start the HTTP server");
	dp_log(DP_LOG_INFO,
	    cfg.listen.ipv6 ? "page and API on http://[%s]:%d/" : "page and API on http://%s:%d/",
	    cfg.listen.host, port);
	dp_proc_ready(cfg.ready_fd);
	serve_until_stopped(server);
	server_quiesce(server);
	feed_stop(service.feed);
	server_free(&server);
	feed_free(&service.feed);
	pool_free(&service.pool);
	dp_guard_free(&service.guard);
	return 0;
}
