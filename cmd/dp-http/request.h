/* A request on its way from the library to its handler. */
#ifndef REQUEST_H
#define REQUEST_H

#include "guard.h"
#include "query.h"

#include <microhttpd.h>
#include <stddef.h>

struct feed;
struct pool;

/* What the handlers work with. */
struct service {
	struct dp_guard *guard;
	struct pool *pool;
	struct feed *feed;
};

struct request {
	const struct service *service;
	struct MHD_Connection *connection;
	const char *method;
	const char *target; /* as it was sent: path and query */
	struct dp_str path; /* of the target, not decoded */
	char *trace_id;     /* of "/api/traces/{id}" or ?trace=, decoded; or NULL */
	struct query query;
};

#endif
