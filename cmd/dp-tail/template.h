/* Lines of a user's own form, for --format: text with
 *
 *	%t time   %S severity   %s system   %y type   %T trace   %m message   %p file:line
 *	%d duration   %e environment   %i event id   %{path} a member, as locals.user_id
 *	%% a percent sign   \n \t \\
 *
 * A number behind the % is a least width, with a minus to the left: %-10s. Pure. */
#ifndef DP_TAIL_TEMPLATE_H
#define DP_TAIL_TEMPLATE_H

#include "event.h"
#include "when.h"

/* Returns 0, or -1 with *why (a constant string) where the text is no template. */
int template_check(const char *text, const char **why);

/* Appends a line by a template that was checked. What the event says is made safe for a terminal;
 * what it does not have is empty. */
void template_write(
    struct dp_buf *out, const char *text, const struct dp_event *ev, const struct when *when);

#endif
