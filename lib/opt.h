/* Command lines: a table of options that gives --help, --version, --completion, the DEVPULSE_*
 * variables and clear errors. Flag before variable before default.
 *
 *	static const struct dp_opt options[] = {
 *		{'l', "listen", "ADDRESS:PORT", "DEVPULSE_LISTEN", "where to listen", PRESET},
 *		{0},
 *	};
 *	static const struct dp_program program = {
 *		"dp-ingest", "dp-ingest [OPTIONS]", "Receives events.", options, NULL,
 *	};
 *
 *	dp_opt_init(&o, &program, argc, argv);
 *	while ((c = dp_opt_next(&o)) != 0)
 *		switch (c) {
 *		case 'l': cfg.listen = o.value; break;
 *		}
 *	… argv[o.operand …argc)
 */
#ifndef DP_OPT_H
#define DP_OPT_H

#include <stdbool.h>
#include <stdint.h>

enum { DP_OPT_MAX = 40 }; /* options of a program */

struct dp_opt {
	int key;            /* what dp_opt_next returns: the letter of -x, or a value above 255 */
	const char *name;   /* of --name */
	const char *arg;    /* what --help calls its argument; NULL: it takes none. FILE, DIR and
			       words, as "auto|always|never", are known to --completion */
	const char *env;    /* the variable of the same meaning, or NULL */
	const char *help;   /* one line */
	const char *preset; /* the default as --help tells it, or NULL; never returned as a value */
};

struct dp_program {
	const char *name;
	const char *usage;            /* synopsis, a form a line, as in the manual */
	const char *about;            /* a sentence or two; \n breaks lines */
	const struct dp_opt *options; /* ended by a key of 0 */
	const char *examples;         /* lines, or NULL */
};

struct dp_opt_state {
	const struct dp_program *program;
	int argc;
	char **argv;
	bool given[DP_OPT_MAX]; /* the rows of the table that a flag was given for */
	int variable;           /* how many rows were looked up in the environment */
	int operand; /* index of the first operand, once dp_opt_next returned 0; 0 before */
	const char *value;
	char source[64]; /* "--listen" or "DEVPULSE_LISTEN": where `value` is from, for messages */
};

void dp_opt_init(struct dp_opt_state *o, const struct dp_program *program, int argc, char **argv);

/* The next setting: first the flags, of which the last of a kind counts, then the variables that
 * are set and not empty, of those options for which there was no flag: a flag wins even over a
 * variable that is wrong, and --help is said whatever they hold. Returns its key, with o->value
 * (NULL for an option without argument; good for ever), or 0 at the end. A variable of an option
 * without argument counts where it is "1".
 * --help, --version and --completion print and exit 0; what the table does not know exits 2 with a
 * line that says what and where to look. */
int dp_opt_next(struct dp_opt_state *o);

/* The version of DevPulse: "1.2.3", or where the commit that was built is no release
 * "1.2.3+g0123456789ab". */
const char *dp_opt_version(void);

/* The value as a number in [min, max]; exits 2 with a clear line where it is none. */
int64_t dp_opt_number(const struct dp_opt_state *o, int64_t min, int64_t max);

/* The value as a number of bytes: 1048576, 500M or 8G; k, M, G and T are powers of 1024. Exits 2
 * where it is none, or less than min, which is whole MiB. */
int64_t dp_opt_bytes(const struct dp_opt_state *o, int64_t min);

/* The value as a span of time in microseconds: 90s, 30m, 12h, 7d or 4w, at most a hundred years.
 * Exits 2 where it is none, or 0. */
int64_t dp_opt_duration(const struct dp_opt_state *o);

/* Ends the program with exit 2: "prog: error: SOURCE: why". */
_Noreturn void dp_opt_bad_value(const struct dp_opt_state *o, const char *why);

/* Ends the program with exit 2 where there are more than `max` operands. */
void dp_opt_limit_operands(const struct dp_opt_state *o, int max);

#endif
