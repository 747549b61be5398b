/* What stdout is: its colours and its width. */
#ifndef DP_TAIL_TERMINAL_H
#define DP_TAIL_TERMINAL_H

#include <stdbool.h>

enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* Whether to write colours. Under COLOR_AUTO: NO_COLOR, then CLICOLOR_FORCE and FORCE_COLOR, then
 * CLICOLOR=0, then TERM=dumb, then whether stdout is a terminal (https://no-color.org,
 * https://bixense.com/clicolors). */
bool terminal_wants_color(enum color_when when);

/* The columns of a line: of the terminal, else $COLUMNS, else 100. Ask often: windows change. */
int terminal_width(void);

#endif
