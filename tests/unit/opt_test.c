#include "opt.h"

#include "child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_ONLY_LONG = 256, KEY_COLOR, KEY_FILE };

static const struct dp_opt options[] = {
    {'l', "listen", "ADDRESS:PORT", "TEST_LISTEN", "where to listen", "127.0.0.1:1"},
    {'n', "lines", "N", "TEST_LINES", "how many", NULL},
    {'q', "quiet", NULL, "TEST_QUIET", "say less", NULL},
    {'x', "extra", NULL, NULL, "say more", NULL},
    {'b', "bytes", "BYTES", NULL, "how much", NULL},
    {'t', "time", "TIME", NULL, "how long", NULL},
    {KEY_COLOR, "color", "auto|always", NULL, "the [colour]'s", NULL},
    {KEY_FILE, "file", "FILE", NULL, "which", NULL},
    {KEY_ONLY_LONG, "ready-fd", "N", NULL, "write a newline there when ready", NULL},
    {0},
};

static const struct dp_program program = {"dp-test", "dp-test [OPTIONS]\ndp-test [OPTIONS] FILE",
    "Tests options.", options, "  dp-test -q\n"};

struct call {
	const char *name;
	const char *argv[8];
	const char *env[3]; /* NAME=value */
	const char *want;   /* all that is written: by tell() below, or the error */
	int status;
};

/* Prints each setting as "key=value(source)", the operands in brackets. At most one operand. */
static int tell(const void *arg)
{
	const struct call *c = arg;
	static char *argv[10] = {"dp-test"}; /* static: reachable for the leak detector */
	struct dp_opt_state o;
	int argc = 1;
	int key;

	setvbuf(stdout, NULL, _IONBF, 0); /* in order with stderr */
	for (; c->argv[argc - 1]; argc++)
		argv[argc] = strdup(c->argv[argc - 1]);
	for (size_t i = 0; c->env[i]; i++)
		putenv(strdup(c->env[i]));
	dp_opt_init(&o, &program, argc, argv);
	while ((key = dp_opt_next(&o)) != 0) {
		if (key == 'n')
			printf("n=%lld ", (long long)dp_opt_number(&o, -5, 100));
		else if (key == 'b')
			printf("b=%lld ", (long long)dp_opt_bytes(&o, 2 << 20));
		else if (key == 't')
			printf("t=%lld ", (long long)dp_opt_duration(&o));
		else if (key < 256)
			printf("%c=%s(%s) ", key, o.value ? o.value : "-", o.source);
		else
			printf("%d=%s(%s) ", key, o.value, o.source);
	}
	dp_opt_limit_operands(&o, 1);
	for (int i = o.operand; i < argc; i++)
		printf("[%s]", argv[i]);
	fflush(stdout);
	_exit(0);
}

#define SEE "; see dp-test --help\n"

static const struct call calls[] = {
    {"nothing", {NULL}, {NULL}, "", 0},
    {"short", {"-l", "a:1"}, {NULL}, "l=a:1(--listen) ", 0},
    {"short, glued", {"-la:1"}, {NULL}, "l=a:1(--listen) ", 0},
    {"long", {"--listen", "a:1"}, {NULL}, "l=a:1(--listen) ", 0},
    {"long with =", {"--listen=a:1"}, {NULL}, "l=a:1(--listen) ", 0},
    {"long, empty value", {"--listen="}, {NULL}, "l=(--listen) ", 0},
    {"without argument", {"-q", "--quiet"}, {NULL}, "q=-(--quiet) q=-(--quiet) ", 0},
    {"cluster", {"-qxla:1"}, {NULL}, "q=-(--quiet) x=-(--extra) l=a:1(--listen) ", 0},
    {"only long", {"--ready-fd", "3"}, {NULL}, "256=3(--ready-fd) ", 0},
    {"number", {"-n", "100"}, {NULL}, "n=100 ", 0},
    {"negative number", {"-n-5"}, {NULL}, "n=-5 ", 0},
    {"bytes", {"-b2097152", "-b3M", "-b1T"}, {NULL}, "b=2097152 b=3145728 b=1099511627776 ", 0},
    {"most bytes", {"-b9223372036854775807", "-b8388607T"}, {NULL},
	"b=9223372036854775807 b=9223370937343148032 ", 0},
    {"durations", {"-t1s", "-t30m", "-t12h", "-t7d", "-t4w"}, {NULL},
	"t=1000000 t=1800000000 t=43200000000 t=604800000000 t=2419200000000 ", 0},
    {"a hundred years", {"-t36525d"}, {NULL}, "t=3155760000000000 ", 0},
    {"operand", {"file"}, {NULL}, "[file]", 0},
    {"operand before a flag", {"file", "-q"}, {NULL}, "q=-(--quiet) [file]", 0},
    {"operand -", {"-q", "-"}, {NULL}, "q=-(--quiet) [-]", 0},
    {"operand behind --", {"--", "-q"}, {NULL}, "[-q]", 0},
    {"variable", {NULL}, {"TEST_LISTEN=b:2"}, "l=b:2(TEST_LISTEN) ", 0},
    {"flag wins over variable", {"-l", "a:1"}, {"TEST_LISTEN=b:2"}, "l=a:1(--listen) ", 0},
    {"flag wins over a bad variable", {"-n", "3"}, {"TEST_LINES=many"}, "n=3 ", 0},
    {"flag twice, and variable", {"-la:1", "-lc:3"}, {"TEST_LISTEN=b:2"},
	"l=a:1(--listen) l=c:3(--listen) ", 0},
    {"switch wins over variable", {"-q"}, {"TEST_QUIET=1"}, "q=-(--quiet) ", 0},
    {"variables in order of the table", {"-x"}, {"TEST_QUIET=1", "TEST_LINES=7"},
	"x=-(--extra) n=7 q=-(TEST_QUIET) ", 0},
    {"variable with an operand", {"file", "-x"}, {"TEST_LINES=7"}, "x=-(--extra) n=7 [file]", 0},
    {"empty variable", {NULL}, {"TEST_LISTEN=", "TEST_QUIET="}, "", 0},
    {"variable of a switch, off", {NULL}, {"TEST_QUIET=0"}, "", 0},
    {"version", {"--version"}, {NULL}, NULL, 0},
    {"help before an error", {"--help", "--bogus"}, {NULL}, NULL, 0},
    {"help with a bad variable", {"--help"}, {"TEST_LINES=many"}, NULL, 0},
    {"version with a bad variable", {"-V"}, {"TEST_LINES=many"}, NULL, 0},

    {"unknown short", {"-z"}, {NULL}, "dp-test: error: unknown option -z" SEE, 2},
    {"unknown long", {"--bogus"}, {NULL}, "dp-test: error: unknown option --bogus" SEE, 2},
    {"unknown long with value", {"--bogus=3"}, {NULL},
	"dp-test: error: unknown option --bogus=3" SEE, 2},
    {"unknown in a cluster", {"-qz"}, {NULL}, "q=-(--quiet) dp-test: error: unknown option -z" SEE,
	2},
    {"unknown first in a cluster behind a long one", {"--quiet", "-zq"}, {NULL},
	"q=-(--quiet) dp-test: error: unknown option -z" SEE, 2},
    {"unknown behind an operand", {"file", "--bogus", "x"}, {NULL},
	"dp-test: error: unknown option --bogus" SEE, 2},
    {"short without its argument", {"-l"}, {NULL}, "dp-test: error: --listen needs an argument" SEE,
	2},
    {"cluster without its argument", {"-ql"}, {NULL},
	"q=-(--quiet) dp-test: error: --listen needs an argument" SEE, 2},
    {"long without its argument", {"--ready-fd"}, {NULL},
	"dp-test: error: --ready-fd needs an argument" SEE, 2},
    {"an argument too many", {"--quiet=3"}, {NULL}, "dp-test: error: --quiet takes no argument" SEE,
	2},
    {"help with an argument", {"--help=3"}, {NULL}, "dp-test: error: --help takes no argument" SEE,
	2},
    {"control characters are escaped", {"--\x1b[31m"}, {NULL},
	"dp-test: error: unknown option --\\x1b[31m" SEE, 2},
    {"operand too many", {"a", "b"}, {NULL}, "dp-test: error: unexpected operand 'b'" SEE, 2},
    {"no bytes: ''", {"-b", ""}, {NULL},
	"dp-test: error: --bytes: a number of bytes is wanted, as 500M or 8G\n", 2},
    {"no bytes: 'G'", {"-b", "G"}, {NULL},
	"dp-test: error: --bytes: a number of bytes is wanted, as 500M or 8G\n", 2},
    {"no bytes: '-3M'", {"-b", "-3M"}, {NULL},
	"dp-test: error: --bytes: a number of bytes is wanted, as 500M or 8G\n", 2},
    {"no bytes: '3MB'", {"-b", "3MB"}, {NULL},
	"dp-test: error: --bytes: a number of bytes is wanted, as 500M or 8G\n", 2},
    {"no bytes: '3 M'", {"-b", "3 M"}, {NULL},
	"dp-test: error: --bytes: a number of bytes is wanted, as 500M or 8G\n", 2},
    {"no bytes: '+3M'", {"-b", "+3M"}, {NULL},
	"dp-test: error: --bytes: a number of bytes is wanted, as 500M or 8G\n", 2},
    {"no bytes: '99999999999999999999'", {"-b", "99999999999999999999"}, {NULL},
	"dp-test: error: --bytes: a number of bytes is wanted, as 500M or 8G\n", 2},
    {"bytes beyond 64 bits", {"-b8388608T"}, {NULL},
	"dp-test: error: --bytes: that is more than any disk has\n", 2},
    {"too few bytes", {"-b2097151"}, {NULL}, "dp-test: error: --bytes: at least 2M are wanted\n",
	2},
    {"no time: ''", {"-t", ""}, {NULL},
	"dp-test: error: --time: a time is wanted, as 30m, 12h, 7d or 4w\n", 2},
    {"no time: '7'", {"-t", "7"}, {NULL},
	"dp-test: error: --time: a time is wanted, as 30m, 12h, 7d or 4w\n", 2},
    {"no time: 'd'", {"-t", "d"}, {NULL},
	"dp-test: error: --time: a time is wanted, as 30m, 12h, 7d or 4w\n", 2},
    {"no time: '0d'", {"-t", "0d"}, {NULL},
	"dp-test: error: --time: a time is wanted, as 30m, 12h, 7d or 4w\n", 2},
    {"no time: '-7d'", {"-t", "-7d"}, {NULL},
	"dp-test: error: --time: a time is wanted, as 30m, 12h, 7d or 4w\n", 2},
    {"no time: '7dd'", {"-t", "7dd"}, {NULL},
	"dp-test: error: --time: a time is wanted, as 30m, 12h, 7d or 4w\n", 2},
    {"no time: '7 d'", {"-t", "7 d"}, {NULL},
	"dp-test: error: --time: a time is wanted, as 30m, 12h, 7d or 4w\n", 2},
    {"no time: '36526d'", {"-t", "36526d"}, {NULL},
	"dp-test: error: --time: a time is wanted, as 30m, 12h, 7d or 4w\n", 2},
    {"no time: '9223372036854775807s'", {"-t", "9223372036854775807s"}, {NULL},
	"dp-test: error: --time: a time is wanted, as 30m, 12h, 7d or 4w\n", 2},
    {"no time: '1y'", {"-t", "1y"}, {NULL},
	"dp-test: error: --time: a time is wanted, as 30m, 12h, 7d or 4w\n", 2},
    {"no number", {"-n", "7x"}, {NULL},
	"dp-test: error: --lines: a whole number from -5 to 100 is wanted, not '7x'\n", 2},
    {"empty number", {"-n", ""}, {NULL},
	"dp-test: error: --lines: a whole number from -5 to 100 is wanted, not ''\n", 2},
    {"number too large", {"-n", "101"}, {NULL},
	"dp-test: error: --lines: a whole number from -5 to 100 is wanted, not '101'\n", 2},
    {"number too small", {"-n", "-6"}, {NULL},
	"dp-test: error: --lines: a whole number from -5 to 100 is wanted, not '-6'\n", 2},
    {"number beyond 64 bits", {"-n", "99999999999999999999"}, {NULL},
	"dp-test: error: --lines: a whole number from -5 to 100 is wanted, not "
	"'99999999999999999999'\n",
	2},
    {"completion of no shell", {"--completion", "csh"}, {NULL},
	"dp-test: error: --completion: bash, zsh or fish is wanted\n", 2},
    {"completion without a shell", {"--completion"}, {NULL},
	"dp-test: error: --completion needs an argument" SEE, 2},
    {"bad variable", {NULL}, {"TEST_LINES=many"},
	"dp-test: error: TEST_LINES: a whole number from -5 to 100 is wanted, not 'many'\n", 2},
};

static void takes_settings_and_refuses_the_rest(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		struct child c = child_run(tell, &calls[i]);
		const char *out = dp_buf_text(&c.out);

		if (c.status != calls[i].status || (calls[i].want && strcmp(out, calls[i].want)))
			fail_msg("%s: exit %d, %s", calls[i].name, c.status, out);
		child_release(&c);
	}
}

static void help_tells_all(void **state)
{
	static const struct call call = {"", {"--help"}, {NULL}, NULL, 0};
	static const char *const parts[] = {
	    "usage: dp-test [OPTIONS]\n       dp-test [OPTIONS] FILE\n\nTests "
	    "options.\n\noptions:\n",
	    "  -l, --listen ADDRESS:PORT     where to listen (default 127.0.0.1:1) "
	    "[TEST_LISTEN]\n",
	    "  -n, --lines N                 how many [TEST_LINES]\n",
	    "  -q, --quiet                   say less [TEST_QUIET]\n",
	    "      --ready-fd N              write a newline there when ready\n",
	    "      --completion bash|zsh|fish\n",
	    "  -h, --help                    print this and exit\n",
	    "  -V, --version                 print the version and exit\n",
	    "\nexamples:\n  dp-test -q\n",
	    "man dp-test\n",
	};
	struct child c = child_run(tell, &call);
	const char *out = dp_buf_text(&c.out);

	(void)state;
	assert_int_equal(c.status, 0);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (!strstr(out, parts[i]))
			fail_msg("not in --help: %s\n%s", parts[i], out);
	child_release(&c);
}

static void completion_knows_the_table(void **state)
{
	static const struct {
		struct call call;
		const char *parts[5];
	} cases[] = {
	    {{"", {"--completion", "bash"}, {NULL}, NULL, 0},
		{"words=' --listen --lines ", "\t--color) words='auto always' ;;\n",
		    "\t--file) return ;;\n", "\t-l|--listen) compopt +o default; return ;;\n",
		    " -F _dp-test dp-test\n"}},
	    {{"", {"--completion=zsh"}, {NULL}, NULL, 0},
		{"#compdef dp-test\n",
		    "'(-l --listen)'{-l+,--listen=}'[where to listen]:ADDRESS\\:PORT: '",
		    "'--color=[the \\[colour\\]'\\''s]:color:(auto always)'",
		    "'--file=[which]:FILE:_files'", "'(-q --quiet)'{-q,--quiet}'[say less]'"}},
	    {{"", {"--completion", "fish"}, {NULL}, NULL, 0},
		{"complete -c dp-test -f\n", " -s l -l listen -x -d 'where to listen'\n",
		    " -l color -x -a 'auto always' -d 'the [colour]\\'s'\n", " -l file -r -F -d ",
		    " -s h -l help -d "}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct child c = child_run(tell, &cases[i].call);
		const char *out = dp_buf_text(&c.out);

		assert_int_equal(c.status, 0);
		for (size_t j = 0; j < 5; j++)
			if (!strstr(out, cases[i].parts[j]))
				fail_msg("not there: %s\n%s", cases[i].parts[j], out);
		child_release(&c);
	}
}

static void version_tells_program_and_number(void **state)
{
	static const struct call call = {"", {"-V"}, {NULL}, NULL, 0};
	struct child c = child_run(tell, &call);
	const char *out = dp_buf_text(&c.out);

	(void)state;
	assert_int_equal(c.status, 0);
	assert_memory_equal(out, "dp-test (DevPulse) ", 19);
	assert_in_range(out[19], '0', '9');
	assert_int_equal(out[strlen(out) - 1], '\n');
	child_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(takes_settings_and_refuses_the_rest),
	    cmocka_unit_test(help_tells_all),
	    cmocka_unit_test(completion_knows_the_table),
	    cmocka_unit_test(version_tells_program_and_number),
	};

	return cmocka_run_group_tests_name("opt", tests, NULL, NULL);
}
