/* Which form of an answer a client asks for (RFC 9110, 12.5.1 and 12.5.3). Pure. */
#ifndef ACCEPT_H
#define ACCEPT_H

#include <stdbool.h>
#include <stddef.h>

/* The index of the media type that the Accept header (NULL: absent) asks for most: by its quality,
 * then by how exactly it is named, then by its place in types[0..n). -1 where it takes none. */
int accept_choose(const char *accept, const char *const *types, size_t n);

/* Whether the Accept-Encoding header (NULL: absent) takes gzip. */
bool accept_gzip(const char *accept_encoding);

#endif
