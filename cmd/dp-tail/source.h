/* Where the events come from: NDJSON on stdin, or dp-http. */
#ifndef DP_TAIL_SOURCE_H
#define DP_TAIL_SOURCE_H

#include "filter.h"
#include "token.h"
#include "view.h"

#include <stdbool.h>

/* Shows the events on stdin that match, to the end of input or a stop signal. What is no event is
 * reported and left out. Returns the exit status of the program. */
int source_read_stdin(struct view *v, const struct dp_filter *f);

struct source_query {
	const char *url; /* of dp-http, as source_check_url takes it */
	struct dp_token token;
	const char *lines; /* how many of the newest to begin with: a number or "all" */
	/* filters as they were given, or NULL */
	const char *trace;
	const char *severity;
	const char *system;
	const char *type;
	const char *filter; /* in the language of devpulse-filter(7) */
	bool follow;        /* else to the newest event, and no further */
	bool retry;
};

/* Whether it is the URL of a dp-http: http or https, without user, query and fragment. Returns 0,
 * or -1 with *why. */
int source_check_url(const char *url, const char **why);

/* Shows the events that dp-http has and gets. A connection that is lost is made again, and goes on
 * right behind the event shown last. Returns the exit status of the program. */
int source_follow(struct view *v, const struct source_query *q);

#endif
