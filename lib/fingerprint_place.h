/* Where an error happened, the same on every machine. Used by fingerprint.c alone; the rules stand
 * in fingerprint.h. */
#ifndef DP_FINGERPRINT_PLACE_H
#define DP_FINGERPRINT_PLACE_H

#include "buf.h"

#include <stddef.h>

/* Writes file:function; either may be empty. At most max bytes, cut at a character's border, with a
 * NUL; out has room for max + 5. */
void dp_fingerprint_write_place(struct dp_str file, struct dp_str function, char *out, size_t max);

#endif
