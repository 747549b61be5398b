/* dp-http: the page and the API over a store (dp-http(1)). */
#include "clock.h"
#include "feed.h"
#include "health.h"
#include "listen.h"
#include "log.h"
#include "metrics.h"
#include "opt.h"
#include "pool.h"
#include "proc.h"
#include "server.h"
#include "token.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
	TICK_MS = 250,
	OTHER_CONNECTIONS = 156,
	HEARTBEAT_MAX_S = 20, /* dp-tail and the page take silence for the end after 30 and more */
};

enum {
	OPT_THREADS = 256,
	OPT_FOLLOWERS,
	OPT_HEARTBEAT,
	OPT_HOSTS,
	OPT_ORIGINS,
	OPT_TOKEN,
	OPT_TRUST_ATTACHED,
	OPT_INSECURE,
	OPT_READY,
	OPT_HEALTHCHECK
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
    {OPT_ORIGINS, "allow-origin", "ORIGINS", "DEVPULSE_ALLOWED_ORIGINS",
	"of pages elsewhere that may read the API, by commas", NULL},
    {OPT_TOKEN, "token-file", "FILE", "DEVPULSE_TOKEN_FILE",
	"token wanted on /api/; else from $DEVPULSE_TOKEN", NULL},
    {OPT_TRUST_ATTACHED, "trust-attached", NULL, "DEVPULSE_TRUST_ATTACHED",
	"without a token answer the networks this machine is on, no others", NULL},
    {OPT_INSECURE, "insecure", NULL, NULL, "listen beyond loopback without a token", NULL},
    {OPT_READY, "ready-fd", "N", NULL, "write a newline to this descriptor when ready", NULL},
    {OPT_HEALTHCHECK, "healthcheck", NULL, NULL,
	"ask the one that listens whether it is well: exit 0 or 1", NULL},
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
	const char *db;      /* NULL: the default */
	const char *hosts;   /* or NULL */
	const char *origins; /* or NULL */
	struct dp_token token;
	unsigned threads;
	unsigned max_followers;
	int64_t heartbeat_ms;
	int ready_fd;
	bool healthcheck;
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
	enum dp_token_trust trust = DP_TOKEN_TRUST_LOOPBACK;
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
			cfg.max_followers = (unsigned)dp_opt_number(&o, 1, 10000);
			break;
		case OPT_HEARTBEAT:
			cfg.heartbeat_ms = dp_opt_number(&o, 1, HEARTBEAT_MAX_S) * 1000;
			break;
		case OPT_HOSTS:
			cfg.hosts = o.value;
			break;
		case OPT_ORIGINS:
			cfg.origins = o.value;
			break;
		case OPT_TOKEN:
			dp_token_set_file(&cfg.token, &o);
			break;
		case OPT_TRUST_ATTACHED:
			if (trust == DP_TOKEN_TRUST_LOOPBACK)
				trust = DP_TOKEN_TRUST_ATTACHED;
			break;
		case OPT_INSECURE:
			trust = DP_TOKEN_TRUST_ALL;
			break;
		case OPT_READY:
			cfg.ready_fd = (int)dp_opt_number(&o, 0, 1023);
			break;
		case OPT_HEALTHCHECK:
			cfg.healthcheck = true;
			break;
		}
	}
	dp_opt_limit_operands(&o, 0);
	dp_token_set_default(&cfg.token);
	dp_token_require(&cfg.token, &cfg.listen, trust);
	return cfg;
}

/* A listening socket; listen->port becomes the one it got. */
static int listen_or_die(struct dp_listen *listen)
{
	char name[DP_LISTEN_NAME_MAX];
	int fd = dp_listen_open(listen);

	if (fd < 0)
		dp_log_die(DP_EXIT_FAILURE, "cannot listen on %s: %s%s",
		    dp_listen_name(listen, name), strerror(errno),
		    errno == EADDRINUSE
			? "; is another dp-http running? Stop it, or choose another "
			  "address with --listen"
			: "; choose another address with --listen");
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
		dp_log_die(DP_EXIT_USAGE, "--db (DEVPULSE_DB): %s", why);
	service->feed = feed_new(url, cfg->max_followers, cfg->heartbeat_ms, &why);
	if (!service->feed)
		dp_log_die(DP_EXIT_USAGE, "--db (DEVPULSE_DB): %s", why);
	s = pool_take(service->pool);
	if (dp_store_connect(s) < 0) {
		if (dp_store_fault(s) == DP_STORE_BROKEN)
			dp_log_die(DP_EXIT_USAGE, "%s", dp_store_error(s));
		dp_log(DP_LOG_WARNING, "waiting for the database: %s", dp_store_error(s));
	}
	pool_give(service->pool, &s, true);
	free(preset);
}

static struct server_settings make_settings(const struct config *cfg)
{
	const unsigned connections = cfg->max_followers + OTHER_CONNECTIONS;

	/* On loopback all have one address. */
	return (struct server_settings){
	    .threads = cfg->threads,
	    .connections = connections,
	    .per_address = cfg->listen.loopback ? 0 : connections / 2,
	    .ipv6 = cfg->listen.ipv6,
	};
}

/* As many descriptors as may be needed: mostly the system allows more than a shell begins with. */
static void allow_descriptors(const struct server_settings *settings)
{
	const rlim_t wanted = server_descriptors(settings);
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	if (limit.rlim_max < wanted)
		dp_log_die(DP_EXIT_USAGE,
		    "--max-followers wants %ju descriptors, and %ju are allowed: ulimit -Hn",
		    (uintmax_t)wanted, (uintmax_t)limit.rlim_max);
	limit.rlim_cur = wanted;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void serve_until_stopped(struct server *server)
{
	struct pollfd stop = {.fd = dp_proc_stop_fd(), .events = POLLIN};

	while (poll(&stop, 1, TICK_MS) <= 0)
		server_tick(server);
}

static int check_health(const struct config *cfg)
{
	const char *why;

	if (dp_health_ask(&cfg->listen, cfg->token.text, "/readyz", &why) == 0)
		return 0;
	dp_log(DP_LOG_ERROR, "not well: %s", why);
	return DP_EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	const struct config cfg = parse_args(argc, argv);
	struct dp_listen listen = cfg.listen;
	struct service service = {0};
	const struct server_settings settings = make_settings(&cfg);
	struct server *server;
	char name[DP_LISTEN_NAME_MAX];
	int fd;

	if (cfg.healthcheck)
		return check_health(&cfg);
	dp_proc_init();
	allow_descriptors(&settings);
	fd = listen_or_die(&listen);
	service.metrics = metrics_new();
	service.guard = dp_guard_new(cfg.hosts, &listen, cfg.token.text);
	if (cfg.origins)
		dp_guard_share(service.guard, cfg.origins);
	open_store(&cfg, &service);
	server = server_new(fd, &settings, &service);
	if (!server)
		dp_log_die(DP_EXIT_FAILURE, "cannot start the HTTP server");
	dp_log(DP_LOG_INFO, "page and API on http://%s/", dp_listen_name(&listen, name));
	dp_proc_ready(cfg.ready_fd);
	serve_until_stopped(server);
	server_quiesce(server);
	feed_stop(service.feed);
	server_free(&server);
	feed_free(&service.feed);
	pool_free(&service.pool);
	dp_guard_free(&service.guard);
	metrics_free(&service.metrics);
	return 0;
}
