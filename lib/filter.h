/* A filter over events: the one query language of dp-http, dp-tail and the devpulse.tail.v1
 * subscription, so that a query means the same everywhere.
 *
 * A filter is a list of terms, all of which must hold; a term is a field and the values that it may
 * have ("severity=error,warning"). Fields: trace, severity, system, type. */
#ifndef DP_FILTER_H
#define DP_FILTER_H

#include "buf.h"
#include "event.h"

#include <stdbool.h>

enum dp_filter_field {
	DP_FILTER_TRACE,
	DP_FILTER_SEVERITY, /* values are canonical names */
	DP_FILTER_SYSTEM,
	DP_FILTER_TYPE,
};

enum { DP_FILTER_TERMS_MAX = 16, DP_FILTER_VALUES_MAX = 32 };

/* {0} is the filter that lets everything pass. Owns its strings. */
struct dp_filter {
	size_t count;
	struct dp_filter_term {
		enum dp_filter_field field;
		size_t count;
		char *values[DP_FILTER_VALUES_MAX];
	} terms[DP_FILTER_TERMS_MAX];
};

void dp_filter_release(struct dp_filter *f);

/* Whether `name` is a field of filters ("trace", "severity", "system", "type"). */
bool dp_filter_knows(const char *name);

/* Adds the term name=values: values separated by commas; a comma or backslash that belongs to a
 * value has a backslash before it. Returns 0, or -1 with *why (a constant string) where the name is
 * unknown, a value is empty, too long or no UTF-8 text, a severity is none, or there are too many.
 */
int dp_filter_add(struct dp_filter *f, const char *name, struct dp_str values, const char **why);

bool dp_filter_match(const struct dp_filter *f, const struct dp_event *ev);

/* The trace that all matching events belong to, or NULL where the filter names none or several. */
const char *dp_filter_trace(const struct dp_filter *f);

#endif
