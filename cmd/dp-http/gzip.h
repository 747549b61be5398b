/* Compressing by gzip (RFC 1952), whole or piece by piece. */
#ifndef GZIP_H
#define GZIP_H

#include "buf.h"

#include <stdbool.h>

struct gzip;

struct gzip *gzip_new(void);
void gzip_free(struct gzip **z);

/* Takes the next piece and appends what comes of it, from which all of it can be unpacked; with
 * `last` the end, too. */
void gzip_add(struct gzip *z, struct dp_str piece, bool last, struct dp_buf *out);

/* Appends the compressed form of a whole text. */
void gzip_pack(struct dp_str text, struct dp_buf *out);

/* The other way round, of what is known to be whole and sound: a file of the program's own. */
void gzip_unpack(struct dp_str packed, struct dp_buf *out);

#endif
