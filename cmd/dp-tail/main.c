/* dp-tail: follows events in a terminal. */
#include "clock.h"
#include "filter.h"
#include "log.h"
#include "opt.h"
#include "proc.h"
#include "source.h"
#include "terminal.h"
#include "token.h"
#include "view.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEY_SEVERITY = 256,
	KEY_SYSTEM,
	KEY_TYPE,
	KEY_NO_FOLLOW,
	KEY_COLOR,
	KEY_NO_RETRY,
	KEY_TOKEN_FILE,
	LINES_MAX = 1000000,
};

#define DEFAULT_URL   "http://127.0.0.1:8088"
#define DEFAULT_LINES "20"

static const struct dp_opt options[] = {
    {'t', "trace", "ID", NULL, "only this trace; more, separated by commas", NULL},
    {KEY_SEVERITY, "severity", "S", NULL, "only error, warning, info or debug", NULL},
    {KEY_SYSTEM, "system", "S", NULL, "only of this system", NULL},
    {KEY_TYPE, "type", "T", NULL, "only of this type", NULL},
    {'n', "lines", "N", NULL, "begin with the newest N events, or all", "all with -t, else 20"},
    {KEY_NO_FOLLOW, "no-follow", NULL, NULL, "end where the newest event is shown", NULL},
    {'o', "output", "FORMAT", NULL, "pretty, or json: each event whole, one a line", "pretty"},
    {KEY_COLOR, "color", "WHEN", NULL, "auto, always or never", "auto"},
    {'u', "url", "URL", "DEVPULSE_URL", "of dp-http", DEFAULT_URL},
    {KEY_NO_RETRY, "no-retry", NULL, NULL, "exit 1 where dp-http cannot be reached", NULL},
    {KEY_TOKEN_FILE, "token-file", "FILE", "DEVPULSE_TOKEN_FILE",
	"holds dp-http's token; else it is $DEVPULSE_TOKEN", NULL},
    {0},
};

static const struct dp_program program = {
    "dp-tail",
    "dp-tail [OPTIONS] [FILTER...]\ndp-tail [OPTIONS] - [FILTER...]",
    "Follows the events of dp-http, or with - shows those on stdin (NDJSON);\n"
    "those that match the filter (devpulse-filter(7)), where there is one.",
    options,
    "  dp-tail --trace abc123                    a trace: its history, then live\n"
    "  dp-tail --severity error,warning -n 100\n"
    "  dp-tail 'severity>=warning' since=1h timeout\n"
    "  dp-tail -o json | jq .details\n"
    "  dp-ingest | dp-store --tee | dp-tail -    what is stored, as it is stored\n",
};

struct config {
	struct source_query query;
	struct dp_buf text; /* of the filter: query.filter */
	struct dp_filter filter;
	enum color_when color;
	bool json;
	bool from_stdin;
};

static void set_lines(struct config *cfg, const struct dp_opt_state *o)
{
	if (strcmp(o->value, "all") != 0)
		dp_opt_number(o, 0, LINES_MAX);
	cfg->query.lines = o->value;
}

static void set_output(struct config *cfg, const struct dp_opt_state *o)
{
	cfg->json = strcmp(o->value, "json") == 0;
	if (!cfg->json && strcmp(o->value, "pretty") != 0)
		dp_opt_bad_value(o, "pretty or json is wanted");
}

static void set_color(struct config *cfg, const struct dp_opt_state *o)
{
	static const char *const names[] = {
	    [COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(o->value, names[i]) == 0) {
			cfg->color = (enum color_when)i;
			return;
		}
	dp_opt_bad_value(o, "auto, always or never is wanted");
}

/* A filter is checked where it is given, so that a wrong one is told at once. */
static const char *check_filter(const struct dp_opt_state *o, const char *name)
{
	struct dp_filter f = {0};
	const char *why;

	if (dp_filter_add(&f, name, dp_str_from(o->value), &why) < 0)
		dp_opt_bad_value(o, why);
	dp_filter_release(&f);
	return o->value;
}

static void set_url(struct config *cfg, const struct dp_opt_state *o)
{
	const char *why;

	if (source_check_url(o->value, &why) < 0)
		dp_opt_bad_value(o, why);
	cfg->query.url = o->value;
}

static void set_option(struct config *cfg, const struct dp_opt_state *o, int key)
{
	switch (key) {
	case 't':
		cfg->query.trace = check_filter(o, "trace");
		break;
	case KEY_SEVERITY:
		cfg->query.severity = check_filter(o, "severity");
		break;
	case KEY_SYSTEM:
		cfg->query.system = check_filter(o, "system");
		break;
	case KEY_TYPE:
		cfg->query.type = check_filter(o, "type");
		break;
	case 'n':
		set_lines(cfg, o);
		break;
	case KEY_NO_FOLLOW:
		cfg->query.follow = false;
		break;
	case 'o':
		set_output(cfg, o);
		break;
	case KEY_COLOR:
		set_color(cfg, o);
		break;
	case 'u':
		set_url(cfg, o);
		break;
	case KEY_NO_RETRY:
		cfg->query.retry = false;
		break;
	default:
		dp_token_set_file(&cfg->query.token, o);
		break;
	}
}

/* The operands but for "-", joined: one filter. */
static void read_operands(struct config *cfg, int count, char **operands)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(operands[i], "-") == 0) {
			cfg->from_stdin = true;
			continue;
		}
		dp_buf_add_text(&cfg->text, cfg->text.len > 0 ? " " : "");
		dp_buf_add_text(&cfg->text, operands[i]);
	}
	cfg->query.filter = dp_buf_text(&cfg->text);
}

static void add_term(struct dp_filter *f, const char *name, const char *values)
{
	const char *why;

	if (values && dp_filter_add(f, name, dp_str_from(values), &why) < 0)
		dp_log_die(DP_EXIT_USAGE, "--%s: %s", name, why);
}

static _Noreturn void refuse_filter(struct dp_str text, const struct dp_filter_error *error)
{
	struct dp_buf place = {0};

	dp_filter_write_place(&place, text, error);
	dp_log(DP_LOG_ERROR, "the filter, character %zu: %s", error->column, error->why);
	fputs(dp_buf_text(&place), stderr);
	exit(DP_EXIT_USAGE);
}

static void make_filter(struct config *cfg)
{
	const struct source_query *q = &cfg->query;
	const struct dp_str text = dp_buf_str(&cfg->text);
	struct dp_filter_error error;

	add_term(&cfg->filter, "trace", q->trace);
	add_term(&cfg->filter, "severity", q->severity);
	add_term(&cfg->filter, "system", q->system);
	add_term(&cfg->filter, "type", q->type);
	if (dp_filter_parse(&cfg->filter, text, dp_clock_now_us(), &error) < 0)
		refuse_filter(text, &error);
}

static struct config parse_args(int argc, char **argv)
{
	struct config cfg = {.query = {.url = DEFAULT_URL, .follow = true, .retry = true}};
	struct dp_opt_state o;
	int key;

	dp_opt_init(&o, &program, argc, argv);
	while ((key = dp_opt_next(&o)) != 0)
		set_option(&cfg, &o, key);
	read_operands(&cfg, argc - o.operand, argv + o.operand);
	if (cfg.from_stdin && cfg.query.lines)
		dp_log_die(DP_EXIT_USAGE, "--lines is for dp-http: of stdin all events are shown");
	make_filter(&cfg);
	if (!cfg.query.lines)
		cfg.query.lines = dp_filter_names_traces(&cfg.filter) ? "all" : DEFAULT_LINES;
	dp_token_set_default(&cfg.query.token);
	return cfg;
}

static void release_config(struct config *cfg)
{
	dp_filter_release(&cfg->filter);
	dp_buf_release(&cfg->text);
}

int main(int argc, char **argv)
{
	struct config cfg = parse_args(argc, argv);
	const struct view_options show = {
	    cfg.json, terminal_wants_color(cfg.color), dp_filter_trace(&cfg.filter) == NULL};
	struct view *view;
	int status;

	/* the width of characters is the same in every UTF-8 locale */
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		setlocale(LC_CTYPE, "");
	dp_proc_init();
	view = view_new(&show);
	status =
	    cfg.from_stdin ? source_read_stdin(view, &cfg.filter) : source_follow(view, &cfg.query);
	view_free(&view);
	release_config(&cfg);
	return status;
}
