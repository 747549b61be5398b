/* The message of an error without what differs from one occurrence to the next. Used by
 * fingerprint.c alone; the rules stand in fingerprint.h. */
#ifndef DP_FINGERPRINT_MESSAGE_H
#define DP_FINGERPRINT_MESSAGE_H

#include "buf.h"

#include <stddef.h>

/* Writes the normalised message, at most max bytes, cut at a character's border, with a NUL; out
 * has room for max + 5. Looks at the text as far as its first line goes, but at no more than 1 KiB.
 * The text is UTF-8. */
void dp_fingerprint_write_message(struct dp_str text, char *out, size_t max);

#endif
