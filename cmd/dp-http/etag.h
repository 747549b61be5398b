/* Entity tags and conditional requests (RFC 9110, 8.8.3 and 13.1.2). Pure. */
#ifndef ETAG_H
#define ETAG_H

#include "buf.h"

#include <stdbool.h>

enum { ETAG_MAX = 32 };

/* The strong tags of a body. Sent compressed it is other bytes and has a tag of its own. */
struct etag {
	char plain[ETAG_MAX];
	char gzip[ETAG_MAX];
};

/* Makes them from what decides the body's bytes, be it the bytes themselves. */
void etag_make(struct etag *t, struct dp_str of);

/* The tag that the value of If-None-Match (NULL: absent) names, weakly compared: the client has
 * what it asks for. NULL where it names none, or only that of the compressed body and `takes_gzip`
 * is false. */
const char *etag_match(const struct etag *t, const char *if_none_match, bool takes_gzip);

#endif
