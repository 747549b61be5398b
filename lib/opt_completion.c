#include "opt_completion.h"

#include <stdio.h>
#include <string.h>

static bool is_words(const char *arg)
{
	return arg && strchr(arg, '|');
}

static bool is(const char *arg, const char *want)
{
	return arg && strcmp(arg, want) == 0;
}

/* Prints a text with `prefix` before each character that is one of `special`. */
static void print_escaped(const char *text, const char *special, const char *prefix)
{
	for (; *text; text++)
		printf("%s%c", strchr(special, *text) ? prefix : "", *text);
}

/* The words of "a|b|c" as "a b c". */
static void print_words(const char *arg)
{
	for (; *arg; arg++)
		putchar(*arg == '|' ? ' ' : *arg);
}

/* Calls `print` for each option of the table, then for each of our own. */
static void for_each(
    const struct dp_program *p, void (*print)(const struct dp_program *, const struct dp_opt *))
{
	for (const struct dp_opt *opt = p->options; opt->key; opt++)
		print(p, opt);
	for (const struct dp_opt *opt = dp_opt_own; opt->key; opt++)
		print(p, opt);
}

/* A pattern of case: -l|--listen */
static void print_bash_pattern(const struct dp_opt *opt)
{
	printf("\t");
	if (opt->key < 256)
		printf("-%c|", opt->key);
	printf("--%s) ", opt->name);
}

static void print_bash_case(const struct dp_program *p, const struct dp_opt *opt)
{
	(void)p;
	if (!opt->arg)
		return;
	print_bash_pattern(opt);
	if (is_words(opt->arg)) {
		printf("words='");
		print_words(opt->arg);
		printf("' ;;\n");
	} else if (is(opt->arg, "FILE")) {
		printf("return ;;\n");
	} else {
		printf(
		    "compopt %s+o default; return ;;\n", is(opt->arg, "DIR") ? "-o dirnames " : "");
	}
}

static void print_bash_flag(const struct dp_program *p, const struct dp_opt *opt)
{
	(void)p;
	printf(" --%s", opt->name);
}

/* bash takes --color=a apart into three words; where nothing fits it completes files. */
static void print_bash(const struct dp_program *p)
{
	printf("_%s()\n{\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words\n"
	       "\tif [[ $cur == '=' ]]; then\n\t\tcur=\n"
	       "\telif [[ $prev == '=' ]]; then\n\t\tprev=${COMP_WORDS[COMP_CWORD-2]}\n\tfi\n"
	       "\twords='",
	    p->name);
	for_each(p, print_bash_flag);
	printf("'\n\tCOMPREPLY=()\n\tcase $prev in\n");
	for_each(p, print_bash_case);
	printf("\tesac\n\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\n"
	       "complete -o default -F _%s %s\n",
	    p->name, p->name);
}

/* '(-l --listen)'{-l+,--listen=}'[help]:ARG:action' */
static void print_zsh_option(const struct dp_program *p, const struct dp_opt *opt)
{
	(void)p;
	printf(" \\\n\t");
	if (opt->key < 256)
		printf("'(-%c --%s)'{-%c%s,--%s%s}'[", opt->key, opt->name, opt->key,
		    opt->arg ? "+" : "", opt->name, opt->arg ? "=" : "");
	else
		printf("'--%s%s[", opt->name, opt->arg ? "=" : "");
	for (const char *c = opt->help; *c; c++)
		printf(*c == '\'' ? "'\\''" : strchr("[]\\", *c) ? "\\%c" : "%c", *c);
	printf("]");
	if (is_words(opt->arg)) {
		printf(":%s:(", opt->name);
		print_words(opt->arg);
		printf(")");
	} else if (opt->arg) {
		printf(":");
		print_escaped(opt->arg, ":", "\\");
		printf(":%s", is(opt->arg, "FILE")  ? "_files"
			      : is(opt->arg, "DIR") ? "_files -/"
						    : " ");
	}
	printf("'");
}

static void print_zsh(const struct dp_program *p)
{
	printf("#compdef %s\n_arguments -s", p->name);
	for_each(p, print_zsh_option);
	printf("\n");
}

static void print_fish_option(const struct dp_program *p, const struct dp_opt *opt)
{
	printf("complete -c %s", p->name);
	if (opt->key < 256)
		printf(" -s %c", opt->key);
	printf(" -l %s", opt->name);
	if (is_words(opt->arg)) {
		printf(" -x -a '");
		print_words(opt->arg);
		printf("'");
	} else if (is(opt->arg, "DIR")) {
		printf(" -x -a '(__fish_complete_directories)'");
	} else if (opt->arg) {
		printf(is(opt->arg, "FILE") ? " -r -F" : " -x");
	}
	printf(" -d '");
	print_escaped(opt->help, "'\\", "\\");
	printf("'\n");
}

static void print_fish(const struct dp_program *p)
{
	printf("complete -c %s -f\n", p->name);
	for_each(p, print_fish_option);
}

int dp_opt_print_completion(const struct dp_program *p, const char *shell)
{
	static const struct {
		const char *shell;
		void (*print)(const struct dp_program *);
	} rows[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i].shell, shell) == 0) {
			rows[i].print(p);
			return 0;
		}
	return -1;
}
