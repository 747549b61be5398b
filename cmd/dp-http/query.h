/* The query of a target: name=value pairs, decoded. Pure. */
#ifndef QUERY_H
#define QUERY_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

enum { QUERY_MAX = 32 };

struct param {
	char *name; /* "" where the name could not be decoded */
	char *value;
	bool undecodable; /* of name or value: not UTF-8 */
};

/* {0} is an empty one; owns its strings. */
struct query {
	size_t count;
	bool overflow; /* there were more than QUERY_MAX parameters */
	struct param params[QUERY_MAX];
};

/* Decodes %xx (which must be well-formed; and '+' to a space where `plus`). Appends to *out.
 * Returns whether the result is UTF-8 without U+0000. */
bool percent_decode(struct dp_str raw, bool plus, struct dp_buf *out);

/* Reads "a=1&b=2". A name without '=' has the value "". */
void query_parse(struct query *q, struct dp_str text);
void query_release(struct query *q);

/* The value of a parameter, or NULL. */
const char *query_get(const struct query *q, const char *name);

/* Reads the value of a parameter that is on or off. Returns whether it is one. */
bool query_parse_flag(const char *value, bool *out);

#define QUERY_FLAG_WANTED "is given without value, or as 1, true, 0 or false"

#endif
