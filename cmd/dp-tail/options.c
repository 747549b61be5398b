#include "options.h"

#include "clock.h"
#include "log.h"
#include "opt.h"
#include "range.h"
#include "template.h"
#include "token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEY_SEVERITY = 256,
	KEY_SYSTEM,
	KEY_TYPE,
	KEY_SINCE,
	KEY_UNTIL,
	KEY_NO_FOLLOW,
	KEY_FORMAT,
	KEY_TIME,
	KEY_COLOR,
	KEY_EDITOR,
	KEY_FAIL_ON,
	KEY_CURSOR_FILE,
	KEY_STATS,
	KEY_TIMELINE,
	KEY_NO_RETRY,
	KEY_TOKEN_FILE,
	LINES_MAX = 1000000,
	COUNT_MAX = 1000000000,
	WAIT_S_MAX = 1000000000,
};

#define DEFAULT_URL   "http://127.0.0.1:8088"
#define DEFAULT_LINES "20"

static const struct dp_opt options[] = {
    {'t', "trace", "ID", NULL, "only this trace; more, separated by commas", NULL},
    {KEY_SEVERITY, "severity", "error|warning|info|debug", NULL, "only of this severity", NULL},
    {KEY_SYSTEM, "system", "S", NULL, "only of this system", NULL},
    {KEY_TYPE, "type", "T", NULL, "only of this type", NULL},
    {'p', "priority", "error|warning|info|debug", NULL, "only of this severity, or worse", NULL},
    {KEY_SINCE, "since", "TIME", NULL, "not before a time, as 15m (ago) or 2026-01-31T12:00Z",
	NULL},
    {KEY_UNTIL, "until", "TIME", NULL, "before a time; following ends then", NULL},
    {'n', "lines", "N", NULL, "begin with the newest N events, or all",
	"all of a trace or since a time, else 20"},
    {KEY_NO_FOLLOW, "no-follow", NULL, NULL, "end where the newest event is shown", NULL},
    {'c', "count", "N", NULL, "end after N events", NULL},
    {'W', "wait", "SECONDS", NULL, "end then; exit 3 where no event came, or less than -c", NULL},
    {KEY_FAIL_ON, "fail-on", "error|warning|info|debug", NULL,
	"exit 4 where such an event was shown, or a worse one", NULL},
    {KEY_CURSOR_FILE, "cursor-file", "FILE", NULL, "go on behind the event shown last, noted there",
	NULL},
    {'o', "output", "pretty|short|json|logfmt|raw|md", NULL, "how events are shown", "pretty"},
    {KEY_FORMAT, "format", "TEMPLATE", NULL, "a line of your own, as '%t %S %s %m %{locals.id}'",
	NULL},
    {KEY_TIME, "time", "local|utc|relative|delta|none", NULL, "how times are shown", "local"},
    {KEY_COLOR, "color", "auto|always|never", NULL, "whether there are colours", "auto"},
    {KEY_EDITOR, "editor-url", "TEMPLATE", "DEVPULSE_EDITOR_URL",
	"where places in source code lead, or none", LINK_DEFAULT},
    {KEY_STATS, "stats", NULL, NULL, "count events by severity and system, on stderr at the end",
	NULL},
    {KEY_TIMELINE, "timeline", "ID", NULL, "a trace's stages on one axis of time, and exit", NULL},
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
    "  dp-tail -p warning -n 100 system=api\n"
    "  dp-tail 'severity>=warning' since=1h timeout\n"
    "  dp-tail --timeline abc123                 where a trace spent its time\n"
    "  dp-tail -t abc123 -W 30 --fail-on error   a trace as a condition\n"
    "  dp-tail -o json | jq .details\n"
    "  dp-ingest | dp-store --tee | dp-tail -    what is stored, as it is stored\n",
};

/* The index of the value among the `count` names; exits where it is none of them. */
static int choose(const struct dp_opt_state *o, const char *const *names, int count)
{
	struct dp_buf why = {0};

	for (int i = 0; i < count; i++)
		if (strcmp(o->value, names[i]) == 0)
			return i;
	for (int i = 0; i < count; i++)
		dp_buf_addf(&why, "%s%s", i == 0 ? "" : i == count - 1 ? " or " : ", ", names[i]);
	dp_buf_add_text(&why, " is wanted");
	dp_opt_bad_value(o, dp_buf_text(&why));
}

#define CHOOSE(o, names) choose(o, names, (int)(sizeof(names) / sizeof *(names)))

static void set_lines(struct config *cfg, const struct dp_opt_state *o)
{
	if (strcmp(o->value, "all") != 0)
		dp_opt_number(o, 0, LINES_MAX);
	cfg->query.lines = o->value;
}

static void set_output(struct config *cfg, const struct dp_opt_state *o)
{
	static const char *const names[] = {[VIEW_PRETTY] = "pretty",
	    [VIEW_SHORT] = "short",
	    [VIEW_JSON] = "json",
	    [VIEW_LOGFMT] = "logfmt",
	    [VIEW_RAW] = "raw",
	    [VIEW_MARKDOWN] = "md"};

	cfg->view.format = (enum view_format)CHOOSE(o, names);
}

static void set_format(struct config *cfg, const struct dp_opt_state *o)
{
	const char *why;

	if (template_check(o->value, &why) < 0)
		dp_opt_bad_value(o, why);
	cfg->view.template = o->value;
}

static void set_time(struct config *cfg, const struct dp_opt_state *o)
{
	static const char *const names[] = {[WHEN_LOCAL] = "local",
	    [WHEN_UTC] = "utc",
	    [WHEN_RELATIVE] = "relative",
	    [WHEN_DELTA] = "delta",
	    [WHEN_NONE] = "none"};

	cfg->view.time = (enum when_mode)CHOOSE(o, names);
}

static void set_color(struct config *cfg, const struct dp_opt_state *o)
{
	static const char *const names[] = {
	    [COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never"};

	cfg->color = (enum color_when)CHOOSE(o, names);
}

static void set_editor(struct config *cfg, const struct dp_opt_state *o)
{
	const char *why;

	if (strcmp(o->value, "none") != 0 && link_check(o->value, &why) < 0)
		dp_opt_bad_value(o, why);
	cfg->editor = o->value;
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

static enum dp_severity read_severity(const struct dp_opt_state *o)
{
	enum dp_severity severity;

	if (dp_severity_parse(dp_str_from(o->value), &severity) < 0)
		dp_opt_bad_value(o, "a severity is one of error, warning, info, debug");
	return severity;
}

static void set_url(struct config *cfg, const struct dp_opt_state *o)
{
	const char *why;

	if (source_check_url(o->value, &why) < 0)
		dp_opt_bad_value(o, why);
	cfg->query.url = o->value;
}

static void set_range(char instant[DP_CLOCK_MAX], const struct dp_opt_state *o)
{
	const char *why;

	if (range_resolve(o->value, instant, &why) < 0)
		dp_opt_bad_value(o, why);
}

/* Which events. Returns whether the option is one of these. */
static bool set_filter(struct config *cfg, const struct dp_opt_state *o, int key)
{
	switch (key) {
	case 't':
		cfg->query.trace = check_filter(o, "trace");
		return true;
	case KEY_SEVERITY:
		cfg->query.severity = check_filter(o, "severity");
		return true;
	case KEY_SYSTEM:
		cfg->query.system = check_filter(o, "system");
		return true;
	case KEY_TYPE:
		cfg->query.type = check_filter(o, "type");
		return true;
	case 'p':
		cfg->priority = dp_severity_name(read_severity(o));
		return true;
	case KEY_SINCE:
		set_range(cfg->since, o);
		return true;
	case KEY_UNTIL:
		set_range(cfg->until, o);
		return true;
	default:
		return false;
	}
}

/* How they are shown. Returns whether the option is one of these. */
static bool set_view(struct config *cfg, const struct dp_opt_state *o, int key)
{
	switch (key) {
	case 'o':
		set_output(cfg, o);
		return true;
	case KEY_FORMAT:
		set_format(cfg, o);
		return true;
	case KEY_TIME:
		set_time(cfg, o);
		return true;
	case KEY_COLOR:
		set_color(cfg, o);
		return true;
	case KEY_EDITOR:
		set_editor(cfg, o);
		return true;
	case KEY_STATS:
		cfg->stats = true;
		return true;
	case KEY_TIMELINE:
		cfg->timeline = o->value;
		return true;
	default:
		return false;
	}
}

/* How many, from where, and when to end. */
static void set_source(struct config *cfg, const struct dp_opt_state *o, int key)
{
	switch (key) {
	case 'n':
		set_lines(cfg, o);
		break;
	case KEY_NO_FOLLOW:
		cfg->query.follow = false;
		break;
	case 'c':
		cfg->view.count = (uint64_t)dp_opt_number(o, 1, COUNT_MAX);
		break;
	case 'W':
		cfg->wait_s = dp_opt_number(o, 1, WAIT_S_MAX);
		break;
	case KEY_FAIL_ON:
		cfg->fail_on = read_severity(o);
		cfg->fails = true;
		break;
	case KEY_CURSOR_FILE:
		cfg->query.cursor_file = o->value;
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

/* Appends a part of the filter. */
static void add_text(struct config *cfg, const char *head, const char *tail)
{
	dp_buf_addf(&cfg->text, "%s%s%s", cfg->text.len > 0 ? " " : "", head, tail);
}

/* Takes an operand that is since=TIME or until=TIME and nothing else. */
static bool take_range(struct config *cfg, const char *operand)
{
	static const char *const names[] = {"since=", "until="};
	char instant[DP_CLOCK_MAX];
	const char *why;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strncmp(operand, names[i], strlen(names[i])) == 0 &&
		    range_resolve(operand + strlen(names[i]), instant, &why) == 0) {
			add_text(cfg, names[i], instant);
			return true;
		}
	return false;
}

/* The operands but for "-", joined: one filter. */
static void read_operands(struct config *cfg, int count, char **operands)
{
	for (int i = 0; i < count; i++)
		if (strcmp(operands[i], "-") == 0)
			cfg->from_stdin = true;
		else if (!take_range(cfg, operands[i]))
			add_text(cfg, operands[i], "");
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

/* The options come last, so that a place in the operands is one in the text, too. */
static void make_filter(struct config *cfg)
{
	const struct source_query *q = &cfg->query;
	struct dp_filter_error error;

	if (cfg->priority)
		add_text(cfg, "severity>=", cfg->priority);
	if (cfg->since[0])
		add_text(cfg, "since=", cfg->since);
	if (cfg->until[0])
		add_text(cfg, "until=", cfg->until);
	add_term(&cfg->filter, "trace", q->trace);
	add_term(&cfg->filter, "severity", q->severity);
	add_term(&cfg->filter, "system", q->system);
	add_term(&cfg->filter, "type", q->type);
	if (dp_filter_parse(&cfg->filter, dp_buf_str(&cfg->text), dp_clock_now_us(), &error) < 0)
		refuse_filter(dp_buf_str(&cfg->text), &error);
	cfg->query.filter = dp_buf_text(&cfg->text);
}

/* Ends at `until`, where that is to come and before the time to wait is over; where it is past
 * there is nothing to be followed. */
static void make_end(struct config *cfg, int64_t until_us)
{
	const int64_t now_ms = dp_clock_monotonic_ms();
	const int64_t left_ms =
	    until_us == INT64_MAX ? INT64_MAX : (until_us - dp_clock_now_us()) / 1000 + 1;

	if (cfg->wait_s > 0)
		cfg->query.end = (struct source_end){now_ms + cfg->wait_s * 1000, EXIT_TIME_OVER};
	if (left_ms <= 0)
		cfg->query.follow = false;
	else if (left_ms < INT64_MAX && (cfg->wait_s == 0 || left_ms < cfg->wait_s * 1000))
		cfg->query.end = (struct source_end){now_ms + left_ms, 0};
}

static void check_together(const struct config *cfg, int operands)
{
	if (cfg->from_stdin && cfg->query.lines)
		dp_log_die(DP_EXIT_USAGE, "--lines is for dp-http: of stdin all events are shown");
	if (cfg->from_stdin && cfg->query.cursor_file)
		dp_log_die(DP_EXIT_USAGE, "--cursor-file is for dp-http: stdin has no cursors");
	if (cfg->view.template && cfg->view.format != VIEW_PRETTY)
		dp_log_die(DP_EXIT_USAGE, "--format and --output: one of them is wanted");
	if (cfg->timeline && operands > 0)
		dp_log_die(DP_EXIT_USAGE, "--timeline shows a whole trace: it takes no filter");
	if (cfg->timeline && cfg->view.format != VIEW_PRETTY && cfg->view.format != VIEW_JSON)
		dp_log_die(DP_EXIT_USAGE, "--timeline: --output is pretty or json");
}

void options_parse(struct config *cfg, int argc, char **argv)
{
	struct dp_opt_state o;
	int64_t until_us;
	bool since;
	int key;

	*cfg = (struct config){
	    .query = {.url = DEFAULT_URL, .follow = true, .retry = true}, .editor = LINK_DEFAULT};
	dp_opt_init(&o, &program, argc, argv);
	while ((key = dp_opt_next(&o)) != 0)
		if (!set_filter(cfg, &o, key) && !set_view(cfg, &o, key))
			set_source(cfg, &o, key);
	read_operands(cfg, argc - o.operand, argv + o.operand);
	check_together(cfg, argc - o.operand);
	make_filter(cfg);
	since = range_has_since(&cfg->filter, &until_us);
	make_end(cfg, until_us);
	if (!cfg->query.lines)
		cfg->query.lines =
		    since || dp_filter_names_traces(&cfg->filter) ? "all" : DEFAULT_LINES;
	if (cfg->view.template)
		cfg->view.format = VIEW_TEMPLATE;
	cfg->view.traces = dp_filter_trace(&cfg->filter) == NULL;
	dp_token_set_default(&cfg->query.token);
}

void options_release(struct config *cfg)
{
	dp_filter_release(&cfg->filter);
	dp_buf_release(&cfg->text);
}
