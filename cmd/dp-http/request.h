/* A request on its way from the library to its handler. */
#ifndef REQUEST_H
#define REQUEST_H

#include "guard.h"
#include "query.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct feed;
struct metrics;
struct pool;

/* What the handlers work with. */
struct service {
	struct dp_guard *guard;
	struct pool *pool;
	struct feed *feed;
	struct metrics *metrics;
};

struct request {
	const struct service *service;
	struct MHD_Connection *connection;
	const char *method;
	const char *target; /* as it was sent: path and query */
	int64_t begun_us;   /* when its header section was there, by dp_clock_monotonic_us */
	const char *route;  /* of the route table; NULL where it has none */
	struct dp_str path; /* of the target, not decoded */
	char *trace_id;     /* of "/api/traces/{id}" or ?trace=, decoded; or NULL */
	char *id;           /* of another "{id}", decoded; or NULL */
	struct query query;
	bool is_endless;   /* the answer: set by the handler */
	const char *links; /* of the answer: its header Link; or NULL */
};

#endif
