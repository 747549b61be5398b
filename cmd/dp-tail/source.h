/* Where the events come from: NDJSON on stdin, or dp-http. */
#ifndef DP_TAIL_SOURCE_H
#define DP_TAIL_SOURCE_H

#include "filter.h"
#include "token.h"
#include "view.h"

#include <stdbool.h>

enum { EXIT_TIME_OVER = 3, EXIT_INTERRUPTED = 130 };

/* When to end, whatever comes. */
struct source_end {
	int64_t at_ms; /* of dp_clock_monotonic_ms; 0: never */
	int status;    /* the exit status then */
};

/* Milliseconds until then, at most `most` (-1: for ever). 0: it is the time. */
int source_wait_ms(const struct source_end *end, int most);

/* Shows the events on stdin that match, to the end of input or a stop signal, or until the view has
 * what it wants. What is no event is reported and left out. Returns the exit status of the program.
 */
int source_read_stdin(struct view *v, const struct dp_filter *f, const struct source_end *end);

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
	const char *cursor_file; /* where to go on, and to note how far it went; or NULL */
	struct source_end end;
};

/* Whether it is the URL of a dp-http: http or https, without user, query and fragment. Returns 0,
 * or -1 with *why. */
int source_check_url(const char *url, const char **why);

/* Shows the events that dp-http has and gets, until the view has what it wants. A connection that
 * is lost is made again, and goes on right behind the event shown last. Returns the exit status of
 * the program. */
int source_follow(struct view *v, const struct source_query *q);

/* Asks dp-http for the timeline of a trace, a JSON document, and puts its canonical text into *out.
 * Returns 0, or the exit status of the program; what is wrong was reported then. */
int source_fetch_timeline(const struct source_query *q, const char *trace, struct dp_buf *out);

#endif
