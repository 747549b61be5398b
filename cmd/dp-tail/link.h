/* Hyperlinks of a terminal (OSC 8) from a place in source code to an editor. Pure. */
#ifndef DP_TAIL_LINK_H
#define DP_TAIL_LINK_H

#include "buf.h"

#include <stdbool.h>

#define LINK_DEFAULT "file://{host}{path}"

struct link {
	const char *template; /* {path}, {line} and {host} are replaced; NULL: no links */
	const char *folder;   /* what relative paths are relative to */
	const char *host;
};

/* Whether a template holds no placeholder but these, and no character that a URL has not. Returns
 * 0, or -1 with *why (a constant string). */
int link_check(const char *template, const char **why);

/* Puts the URL for a file and its line ("" or no number: 1) into *out, and returns it; NULL where
 * there is no link to it: none are wanted, it is no path, or too long. Whatever the two hold, only
 * the printable characters of a URL come out. */
const char *link_make(
    const struct link *l, struct dp_str file, struct dp_str line, struct dp_buf *out);

#endif
