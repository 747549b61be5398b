/* What every request must be before anything else looks at it. Pure.
 *
 * libmicrohttpd takes requests that another HTTP parser reads differently: two lengths, a length
 * beside a transfer coding, two hosts, header names with a space, header lines glued by a bare CR,
 * encoded dots and slashes, absolute targets. A proxy in front could be deceived by each, and a
 * site that the developer visits could reach us by DNS rebinding or a cross-site request. Such a
 * request is refused at its header, before the body, and its connection closed. */
#ifndef CHECK_H
#define CHECK_H

#include "buf.h"
#include "guard.h"
#include "problem.h"

#include <stdbool.h>

enum {
	CHECK_TARGET_MAX = 24 * 1024,
	CHECK_FIELDS_MAX = 16 * 1024, /* names and values */
	CHECK_BODY_MAX = 64 * 1024,
};

struct refusal {
	enum problem problem;
	const char *detail; /* a constant string */
};

/* What matters of a header section. {0}, then headers_add for each field. */
struct headers {
	struct dp_str host;
	struct dp_str origin;
	struct dp_str length;
	int hosts;
	int origins;
	int lengths;
	int codings;    /* Transfer-Encoding */
	size_t bytes;   /* of all names and values */
	bool malformed; /* a name that is no token, or a control character in a value */
};

/* Takes one field as it was sent; borrows. */
void headers_add(struct headers *h, struct dp_str name, struct dp_str value);

/* Checks method, raw target and header section. Returns 0, or -1 with *out. */
int check_request(const struct dp_guard *g, const char *method, const char *target,
    const struct headers *h, struct refusal *out);

#endif
