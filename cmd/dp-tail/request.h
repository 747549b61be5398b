/* The requests to dp-http. */
#ifndef DP_TAIL_REQUEST_H
#define DP_TAIL_REQUEST_H

#include "source.h"

#include <curl/curl.h>

/* Where the stream begins. */
struct request_place {
	const char *cursor; /* right behind it; NULL: with the newest that the query asks for */
	bool from_now;      /* without cursor: with what comes from now on */
};

struct request {
	CURL *easy; /* ready but for what takes the answer */
	struct curl_slist *headers;
};

/* For a stream of events. Borrows the query until request_release. */
void request_init(
    struct request *r, const struct source_query *q, const struct request_place *place);

/* For the timeline of a trace. */
void request_init_timeline(struct request *r, const struct source_query *q, const char *trace);

void request_release(struct request *r);

#endif
