#include "health.h"
#include "log.h"
#include "loop.h"
#include "opt.h"
#include "proc.h"
#include "stdin.h"
#include "token.h"

#include <stdlib.h>
#include <string.h>

enum {
	KEY_ALLOW_HOST = 300,
	KEY_TOKEN_FILE,
	KEY_TRUST_ATTACHED,
	KEY_INSECURE,
	KEY_MAX_CONNECTIONS,
	KEY_WINDOW,
	KEY_IDLE,
	KEY_READY_FD,
	KEY_HEALTHCHECK,
	KEY_SPOOL,
	KEY_SPOOL_MAX
};

struct config {
	struct server_config server;
	bool filters_stdin;
	bool healthcheck;
};

static const struct dp_opt options[] = {
    {'l', "listen", "ADDRESS:PORT", "DEVPULSE_LISTEN", "where to listen; port 0: any free one",
	"127.0.0.1:8008"},
    {KEY_SPOOL, "spool", "DIR", "DEVPULSE_SPOOL",
	"keep what is acknowledged there until it is stored", NULL},
    {KEY_SPOOL_MAX, "spool-max", "BYTES", "DEVPULSE_SPOOL_MAX",
	"the most it may take (k, M, G, T: times 1024); full: clients wait", "8G"},
    {KEY_ALLOW_HOST, "allow-host", "NAMES", "DEVPULSE_ALLOWED_HOSTS",
	"more names for Host and Origin, comma-separated", "localhost,127.0.0.1,[::1]"},
    {KEY_TOKEN_FILE, "token-file", "FILE", "DEVPULSE_TOKEN_FILE",
	"the token that clients must offer; also in $DEVPULSE_TOKEN", NULL},
    {KEY_TRUST_ATTACHED, "trust-attached", NULL, "DEVPULSE_TRUST_ATTACHED",
	"without a token answer the networks this machine is on, no others", NULL},
    {KEY_INSECURE, "insecure", NULL, NULL, "listen beyond this machine without a token", NULL},
    {KEY_MAX_CONNECTIONS, "max-connections", "N", NULL, "clients at a time", "512"},
    {KEY_WINDOW, "window", "N", NULL, "messages a client may have unacknowledged", "1000"},
    {KEY_IDLE, "idle-timeout", "SECONDS", NULL, "end clients that are silent for so long", "3600"},
    {KEY_READY_FD, "ready-fd", "N", NULL, "write a newline to descriptor N when ready", NULL},
    {KEY_HEALTHCHECK, "healthcheck", NULL, NULL,
	"ask the one that listens whether it is well: exit 0 or 1", NULL},
    {0}};

static const struct dp_program program = {"dp-ingest", "dp-ingest [OPTIONS]\ndp-ingest [OPTIONS] -",
    "Takes events over WebSockets and POST, checks and normalises them, and writes them to\n"
    "standard output, one JSON object a line. With '-' it takes them from standard input instead.\n"
    "With --spool an event is acknowledged when it is safe on the disk, and what dp-store --mark\n"
    "has not stored is handed to the next one. Without, when it is written to the pipe, no more.",
    options,
    "  dp-ingest | dp-store\n"
    "  dp-ingest --spool DIR | dp-store --mark DIR/mark\n"
    "  cat events.ndjson | dp-ingest - | dp-store\n"
    "  curl -H 'Content-Type: application/json' -d '{\"details\":\"hello\"}' "
    "http://127.0.0.1:8008/events\n"};

static void set_listen(struct config *cfg, const struct dp_opt_state *o)
{
	const char *why;

	if (dp_listen_parse(o->value, &cfg->server.listen, &why) < 0)
		dp_opt_bad_value(o, why);
}

static void check_operand(const char *operand, bool has_spool_flag)
{
	if (strcmp(operand, "-") != 0)
		dp_log_die(DP_EXIT_USAGE,
		    "unexpected operand '%s': only '-', standard input, is one", operand);
	if (has_spool_flag)
		dp_log_die(DP_EXIT_USAGE,
		    "--spool is for what comes over the network: with '-' nothing is acknowledged");
}

static const struct config preset = {.server = {.max_connections = 512,
					 .window = 1000,
					 .idle_seconds = 3600,
					 .ready_fd = -1,
					 .spool_max_bytes = UINT64_C(8) << 30}};

static struct config parse_args(int argc, char **argv)
{
	struct config cfg = preset;
	struct dp_opt_state o;
	enum dp_token_trust trust = DP_TOKEN_TRUST_LOOPBACK;
	bool has_spool_flag = false;
	const char *why;
	int c;

	dp_listen_parse("127.0.0.1:8008", &cfg.server.listen, &why);
	dp_opt_init(&o, &program, argc, argv);
	while ((c = dp_opt_next(&o)) != 0)
		switch (c) {
		case 'l':
			set_listen(&cfg, &o);
			break;
		case KEY_ALLOW_HOST:
			cfg.server.allow_hosts = o.value;
			break;
		case KEY_TOKEN_FILE:
			dp_token_set_file(&cfg.server.token, &o);
			break;
		case KEY_TRUST_ATTACHED:
			if (trust == DP_TOKEN_TRUST_LOOPBACK)
				trust = DP_TOKEN_TRUST_ATTACHED;
			break;
		case KEY_INSECURE:
			trust = DP_TOKEN_TRUST_ALL;
			break;
		case KEY_MAX_CONNECTIONS:
			cfg.server.max_connections = (int)dp_opt_number(&o, 1, 60000);
			break;
		case KEY_WINDOW:
			cfg.server.window = (int)dp_opt_number(&o, 1, 1000000);
			break;
		case KEY_IDLE:
			cfg.server.idle_seconds = (int)dp_opt_number(&o, 2, 65000);
			break;
		case KEY_SPOOL:
			cfg.server.spool = o.value;
			has_spool_flag = o.source[0] == '-';
			break;
		case KEY_SPOOL_MAX:
			cfg.server.spool_max_bytes =
			    (uint64_t)dp_opt_bytes(&o, DP_SPOOL_BYTES_LEAST);
			break;
		case KEY_READY_FD:
			cfg.server.ready_fd = (int)dp_opt_number(&o, 0, 1023);
			break;
		case KEY_HEALTHCHECK:
			cfg.healthcheck = true;
			break;
		}
	dp_opt_limit_operands(&o, 1);
	cfg.filters_stdin = o.operand < argc;
	if (cfg.filters_stdin)
		check_operand(argv[o.operand], has_spool_flag);
	dp_token_set_default(&cfg.server.token);
	if (!cfg.filters_stdin)
		dp_token_require(&cfg.server.token, &cfg.server.listen, trust);
	return cfg;
}

static int check_health(const struct server_config *cfg)
{
	const char *why;

	if (dp_health_ask(&cfg->listen, cfg->token.text, "/livez", &why) == 0)
		return 0;
	dp_log(DP_LOG_ERROR, "not well: %s", why);
	return DP_EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	const struct config cfg = parse_args(argc, argv);

	if (cfg.healthcheck)
		return check_health(&cfg.server);
	dp_proc_init();
	return cfg.filters_stdin ? stdin_run() : loop_run(&cfg.server);
}
