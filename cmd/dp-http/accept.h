/* Which form of an answer a client asks for (RFC 9110, 12.5.1). Pure. */
#ifndef ACCEPT_H
#define ACCEPT_H

#include <stddef.h>

/* The index of the media type that the Accept header (NULL: absent) asks for most: by its quality,
 * then by how exactly it is named, then by its place in types[0..n). -1 where it takes none. */
int accept_choose(const char *accept, const char *const *types, size_t n);

#endif
