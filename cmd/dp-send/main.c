#include "link.h"
#include "log.h"
#include "opt.h"
#include "proc.h"
#include "token.h"
#include "url.h"

#include <inttypes.h>
#include <stdbool.h>
#include <unistd.h>

enum { KEY_RATE = 300, KEY_TOKEN_FILE };

static const struct dp_opt options[] = {{'u', "url", "URL", "DEVPULSE_WEBSOCKET_URL",
					    "where dp-ingest listens", "ws://127.0.0.1:8008/"},
    {KEY_RATE, "rate", "N", NULL, "events a second", "as fast as they are acknowledged"},
    {KEY_TOKEN_FILE, "token-file", "FILE", "DEVPULSE_TOKEN_FILE",
	"the token that the server wants; also in $DEVPULSE_TOKEN", NULL},
    {'q', "quiet", NULL, NULL, "no progress line on a terminal", NULL}, {0}};

static const struct dp_program program = {"dp-send", "dp-send [OPTIONS]",
    "Sends events from standard input, one JSON object a line, to dp-ingest over a WebSocket.\n"
    "Exits 0 only when every one of them was acknowledged.",
    options,
    "  dp-send < events.ndjson\n"
    "  echo '{\"traceId\":\"abc123\",\"details\":\"hello\"}' | dp-send\n"
    "  dp-send --rate 50 < events.ndjson\n"};

static void set_url(struct link_config *cfg, const struct dp_opt_state *o)
{
	const char *why;

	if (url_parse(o->value, &cfg->url, &why) < 0)
		dp_opt_bad_value(o, why);
}

static struct link_config parse_args(int argc, char **argv)
{
	struct link_config cfg = {.shows_progress = isatty(STDERR_FILENO)};
	struct dp_opt_state o;
	const char *why;
	int c;

	url_parse("ws://127.0.0.1:8008/", &cfg.url, &why);
	dp_opt_init(&o, &program, argc, argv);
	while ((c = dp_opt_next(&o)) != 0)
		switch (c) {
		case 'u':
			set_url(&cfg, &o);
			break;
		case KEY_RATE:
			cfg.rate = dp_opt_number(&o, 1, 1000000);
			break;
		case KEY_TOKEN_FILE:
			dp_token_set_file(&cfg.token, &o);
			break;
		case 'q':
			cfg.shows_progress = false;
			break;
		}
	dp_opt_limit_operands(&o, 0);
	dp_token_set_default(&cfg.token);
	return cfg;
}

/* Returns the exit status. */
static int report(const struct link_result *r)
{
	struct dp_buf text = {0};

	if (r->failure[0])
		dp_log(DP_LOG_ERROR, "%s", r->failure);
	if (!r->failure[0] && r->acknowledged == r->events)
		return 0;
	if (r->acknowledged > 0 || r->refused.count > 0) {
		dp_buf_addf(
		    &text, "sent %" PRIu64 ", acknowledged %" PRIu64, r->events, r->acknowledged);
		if (r->refused.count > 0) {
			dp_buf_add_text(&text, ", refused ");
			tally_describe(&r->refused, &text);
		}
		dp_log(DP_LOG_ERROR, "%s", dp_buf_text(&text));
	}
	dp_buf_release(&text);
	return DP_EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	const struct link_config cfg = parse_args(argc, argv);
	struct link_result result;

	dp_proc_init();
	link_run(&cfg, &result);
	return report(&result);
}
