#include "opt.h"

#include "log.h"
#include "opt_completion.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_OF(tokens)  TEXT_OF_(tokens)
#define TEXT_OF_(tokens) #tokens

enum { KEY_COMPLETION = 1000 };

const struct dp_opt dp_opt_own[] = {
    {KEY_COMPLETION, "completion", "bash|zsh|fish", NULL, "print what makes this shell complete",
	NULL},
    {'h', "help", NULL, NULL, "print this and exit", NULL},
    {'V', "version", NULL, NULL, "print the version and exit", NULL},
    {0},
};

void dp_opt_init(struct dp_opt_state *o, const struct dp_program *program, int argc, char **argv)
{
	*o = (struct dp_opt_state){.program = program, .argc = argc, .argv = argv};
	dp_log_init(program->name);
	opterr = 0;
}

static void print_option(const struct dp_opt *opt)
{
	char head[80];

	snprintf(head, sizeof head, "%c%c%c --%s%s%s", opt->key < 256 ? '-' : ' ',
	    opt->key < 256 ? opt->key : ' ', opt->key < 256 ? ',' : ' ', opt->name,
	    opt->arg ? " " : "", opt->arg ? opt->arg : "");
	printf("  %-30s%s%s", head, strlen(head) >= 30 ? "\n                                " : "",
	    opt->help);
	if (opt->preset)
		printf(" (default %s)", opt->preset);
	if (opt->env)
		printf(" [%s]", opt->env);
	putchar('\n');
}

static _Noreturn void print_help(const struct dp_program *p)
{
	const char *line = p->usage;

	for (const char *lead = "usage: "; *line; lead = "       ") {
		size_t n = strcspn(line, "\n");

		printf("%s%.*s\n", lead, (int)n, line);
		line += n + (line[n] == '\n');
	}
	printf("\n%s\n\noptions:\n", p->about);
	for (const struct dp_opt *opt = p->options; opt->key; opt++)
		print_option(opt);
	for (const struct dp_opt *opt = dp_opt_own; opt->key; opt++)
		print_option(opt);
	if (p->examples)
		printf("\nexamples:\n%s", p->examples);
	printf("\nA flag wins over its [VARIABLE], which wins over the default. See also: man %s\n",
	    p->name);
	exit(fflush(stdout) ? DP_EXIT_FAILURE : 0);
}

const char *dp_opt_version(void)
{
	return TEXT_OF(DP_VERSION);
}

static _Noreturn void print_completion(const struct dp_program *p, const char *shell)
{
	if (dp_opt_print_completion(p, shell) < 0)
		dp_log_die(DP_EXIT_USAGE, "--completion: bash, zsh or fish is wanted");
	exit(fflush(stdout) ? DP_EXIT_FAILURE : 0);
}

static _Noreturn void print_version(const struct dp_program *p)
{
	printf("%s (DevPulse) %s\n", p->name, dp_opt_version());
	exit(fflush(stdout) ? DP_EXIT_FAILURE : 0);
}

/* The next setting by a variable that no flag was given for; 0 at the end. */
static int next_variable(struct dp_opt_state *o)
{
	while (o->program->options[o->variable].key) {
		const int row = o->variable++;
		const struct dp_opt *opt = &o->program->options[row];
		const char *value = opt->env && !o->given[row] ? getenv(opt->env) : NULL;

		if (!value || !*value || (!opt->arg && strcmp(value, "1") != 0))
			continue;
		o->value = opt->arg ? value : NULL;
		snprintf(o->source, sizeof o->source, "%s", opt->env);
		return opt->key;
	}
	return 0;
}

static const char *name_in(const struct dp_opt *options, int key)
{
	while (options->key && options->key != key)
		options++;
	return options->name;
}

/* The name of the option with this key, or NULL. */
static const char *name_of(const struct dp_program *p, int key)
{
	const char *name = name_in(p->options, key);

	return name ? name : name_in(dp_opt_own, key);
}

/* getopt's optopt: a letter that nobody knows, the key of an option that is known but used wrongly,
 * or 0 for an unknown --word. */
static _Noreturn void bad_flag(const struct dp_opt_state *o, int c)
{
	const char *program = o->program->name;
	const char *name = optopt ? name_of(o->program, optopt) : NULL;

	if (name)
		dp_log_die(DP_EXIT_USAGE, "--%s %s; see %s --help", name,
		    c == ':' ? "needs an argument" : "takes no argument", program);
	if (optopt)
		dp_log_die(DP_EXIT_USAGE, "unknown option -%c; see %s --help", optopt, program);
	dp_log_die(DP_EXIT_USAGE, "unknown option %s; see %s --help", o->argv[optind - 1], program);
}

/* The table as getopt_long wants it. */
struct getopt_table {
	struct option longs[DP_OPT_MAX + 1];
	char shorts[2 * DP_OPT_MAX + 2];
	int count;
};

static void add_to_table(struct getopt_table *t, const struct dp_opt *options)
{
	size_t at = strlen(t->shorts);

	for (; options->key; options++) {
		assert(t->count < DP_OPT_MAX);
		t->longs[t->count++] = (struct option){options->name,
		    options->arg ? required_argument : no_argument, NULL, options->key};
		if (options->key > 255)
			continue;
		t->shorts[at++] = (char)options->key;
		if (options->arg)
			t->shorts[at++] = ':';
	}
}

/* The next setting by a flag; 0 at the end. */
static int next_flag(struct dp_opt_state *o)
{
	const struct dp_opt *options = o->program->options;
	struct getopt_table t = {.shorts = ":"};
	int row = 0;
	int c;

	add_to_table(&t, options);
	add_to_table(&t, dp_opt_own);
	c = getopt_long(o->argc, o->argv, t.shorts, t.longs, NULL);
	if (c == 'h')
		print_help(o->program);
	if (c == 'V')
		print_version(o->program);
	if (c == KEY_COMPLETION)
		print_completion(o->program, optarg);
	if (c == '?' || c == ':')
		bad_flag(o, c);
	if (c == -1)
		return 0;
	while (options[row].key != c)
		row++;
	o->given[row] = true;
	o->value = optarg;
	snprintf(o->source, sizeof o->source, "--%s", options[row].name);
	return c;
}

int dp_opt_next(struct dp_opt_state *o)
{
	int key = o->operand == 0 ? next_flag(o) : 0;

	if (key != 0)
		return key;
	o->operand = optind;
	return next_variable(o);
}

void dp_opt_bad_value(const struct dp_opt_state *o, const char *why)
{
	dp_log_die(DP_EXIT_USAGE, "%s: %s", o->source, why);
}

int64_t dp_opt_number(const struct dp_opt_state *o, int64_t min, int64_t max)
{
	char why[160];
	char *end;
	long long v;

	errno = 0;
	v = strtoll(o->value, &end, 10);
	if (end != o->value && *end == '\0' && errno == 0 && v >= min && v <= max)
		return v;
	snprintf(why, sizeof why, "a whole number from %lld to %lld is wanted, not '%.40s'",
	    (long long)min, (long long)max, o->value);
	dp_opt_bad_value(o, why);
}

/* Reads a whole number and a letter of `units` behind it: its index, or -1 where there is none.
 * Returns 0, or -1 where the value is anything else. */
static int read_quantity(const char *value, const char *units, int64_t *n, int *unit)
{
	const char *letter;
	char *end;

	errno = 0;
	*n = strtoll(value, &end, 10);
	if (errno || *value < '0' || *value > '9')
		return -1;
	letter = *end ? strchr(units, *end) : NULL;
	*unit = letter ? (int)(letter - units) : -1;
	return *end && (!letter || end[1]) ? -1 : 0;
}

int64_t dp_opt_bytes(const struct dp_opt_state *o, int64_t min)
{
	char why[80];
	int64_t n;
	int unit;

	if (read_quantity(o->value, "kMGT", &n, &unit) < 0)
		dp_opt_bad_value(o, "a number of bytes is wanted, as 500M or 8G");
	if (n > INT64_MAX >> 10 * (unit + 1))
		dp_opt_bad_value(o, "that is more than any disk has");
	n <<= 10 * (unit + 1);
	if (n >= min)
		return n;
	snprintf(why, sizeof why, "at least %lldM are wanted", (long long)min >> 20);
	dp_opt_bad_value(o, why);
}

int64_t dp_opt_duration(const struct dp_opt_state *o)
{
	static const int64_t seconds[] = {1, 60, 3600, 86400, 604800};
	static const int64_t most = INT64_C(36525) * 86400;
	int64_t n;
	int unit;

	if (read_quantity(o->value, "smhdw", &n, &unit) == 0 && unit >= 0 && n > 0 &&
	    n <= most / seconds[unit])
		return n * seconds[unit] * 1000000;
	dp_opt_bad_value(o, "a time is wanted, as 30m, 12h, 7d or 4w");
}

void dp_opt_limit_operands(const struct dp_opt_state *o, int max)
{
	if (o->argc - o->operand > max)
		dp_log_die(DP_EXIT_USAGE, "unexpected operand '%s'; see %s --help",
		    o->argv[o->operand + max], o->program->name);
}
