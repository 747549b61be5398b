/* Completion of a program's command line, made from its table of options. */
#ifndef DP_OPT_COMPLETION_H
#define DP_OPT_COMPLETION_H

#include "opt.h"

/* The options that every program has beside its table: ended by a key of 0. */
extern const struct dp_opt dp_opt_own[];

/* Prints the script that makes a shell ("bash", "zsh" or "fish") complete the options of a program
 * and what belongs behind them: files where dp_opt.arg is FILE, folders where it is DIR, one of the
 * words where it is some, as "auto|always|never". Returns 0, or -1 where the shell is none of
 * these. */
int dp_opt_print_completion(const struct dp_program *p, const char *shell);

#endif
