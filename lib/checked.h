/* A checked line, the form of everything that a spool keeps: 8 hexadecimal digits in lower case
 * (the CRC-32C of the text), a space, the text, a newline. `cut -c10-` gives the text. */
#ifndef DP_CHECKED_H
#define DP_CHECKED_H

#include "buf.h"

#include <stdbool.h>

enum { DP_CHECKED_ADDS = 10 }; /* bytes that a line is longer than its text */

/* Appends the line of a text, which holds no newline. */
void dp_checked_add(struct dp_buf *out, struct dp_str text);

/* Whether a line (without its newline) begins as one, whatever its text is. */
bool dp_checked_has_form(struct dp_str line);

/* Reads a line (without its newline). Returns 0 with *text, which lies in it, or -1 with *text
 * untouched where it is damaged. */
int dp_checked_read(struct dp_str line, struct dp_str *text);

#endif
