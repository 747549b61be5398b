/* A filter over events: the one query language of dp-http, dp-tail and the devpulse.tail.v1
 * subscription, so that a query means the same everywhere. devpulse-filter(7) is its manual.
 *
 *	filter   = [ term *( space term ) ]              all terms must hold
 *	term     = name operator value *( "," value )    one of the values must
 *	         | [ "-" | "!" ] value                   text anywhere in the event
 *	operator = "=" | "!=" | "~" | "!~" | ">" | ">=" | "<" | "<="
 *	name     = part *( "." part )
 *	part     = 1*( any character but space , . " \ = ~ < > ! ) | string
 *	value    = 1*( any but space and comma | "\" any ) | string
 *	string   = a JSON string; as a part of a name without \
 *
 * A filter is parsed once. store_filter.c makes SQL of it, dp_filter_match runs it in memory; both
 * give the same answer to every event (filter_property_test.c), which is why all that they do is
 * defined to the byte. */
#ifndef DP_FILTER_H
#define DP_FILTER_H

#include "buf.h"
#include "event.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	DP_FILTER_TEXT_MAX = 16 * 1024, /* bytes of a filter */
	DP_FILTER_TERMS_MAX = 16,
	DP_FILTER_VALUES_MAX = 32,   /* of a term */
	DP_FILTER_SEARCHES_MAX = 16, /* the same, of one with ~ */
	DP_FILTER_VALUE_MAX = 1024,  /* bytes */
	DP_FILTER_PATH_MAX = 8,      /* parts of a name */
};

/* What a term looks at; the cheap ones first. */
enum dp_filter_field {
	DP_FILTER_TRACE,
	DP_FILTER_SEVERITY,
	DP_FILTER_TIME,
	DP_FILTER_SYSTEM,
	DP_FILTER_TYPE,
	DP_FILTER_ENVIRONMENT, /* missing where it is empty, which no value is */
	DP_FILTER_DURATION,
	DP_FILTER_EVENT_ID,
	DP_FILTER_FINGERPRINT, /* missing where the severity is not error */
	DP_FILTER_MEMBER,      /* of the event's objects, by its path */
	DP_FILTER_ANYWHERE,    /* the event's text, dp_event.json */
};

enum dp_filter_test {
	DP_FILTER_IS,  /* equal: texts by their bytes, times and durations as numbers */
	DP_FILTER_HAS, /* the text contains it, the case of ASCII letters aside */
	DP_FILTER_ABOVE,
	DP_FILTER_FROM, /* equal or above */
	DP_FILTER_BELOW,
	DP_FILTER_UPTO, /* equal or below */
};

/* A value, as its field and test want it. */
struct dp_filter_value {
	char *text; /* of texts. For HAS its ASCII letters are small; for ANYWHERE it is escaped as
		       within a canonical JSON string. Else NULL */
	int64_t us; /* of TIME */
	double number; /* of DURATION, in ms; of MEMBER from ABOVE on */
};

/* A member's text is that of a string, else its canonical JSON, to the letter. Only numbers of JSON
 * are above or below something. What is missing has no text and no number, and no test holds for
 * it. */
struct dp_filter_term {
	enum dp_filter_field field;
	enum dp_filter_test test; /* from ABOVE on with one value */
	bool negated;             /* holds where the test does not */
	unsigned severities;      /* of SEVERITY, which has no values: bits 1 << enum dp_severity */
	size_t count;
	struct dp_filter_value *values;
	size_t depth;                   /* of MEMBER */
	char *path[DP_FILTER_PATH_MAX]; /* names, without control characters, quotes, backslashes */
};

/* {0} is the filter that lets everything pass. Owns its strings. Its terms are in order of their
 * fields, those of one field as they were added. */
struct dp_filter {
	size_t count;
	struct dp_filter_term terms[DP_FILTER_TERMS_MAX];
};

void dp_filter_release(struct dp_filter *f);

/* What is wrong with a filter. */
struct dp_filter_error {
	size_t offset;   /* in bytes, from 0; at most the length of the text */
	size_t column;   /* in characters, from 1 */
	const char *why; /* a constant string: what was expected there */
};

/* Adds the terms of a text to *f, in which times like "15m" are before now_us. Returns 0, or -1
 * with *error and *f as before. */
int dp_filter_parse(
    struct dp_filter *f, struct dp_str text, int64_t now_us, struct dp_filter_error *error);

/* Appends two lines for people: the text, cut to what stands around the place, and a caret below
 * it. Safe for a terminal. */
void dp_filter_write_place(
    struct dp_buf *out, struct dp_str text, const struct dp_filter_error *error);

/* Whether `name` is a field of dp_filter_add ("trace", "severity", "system", "type"). */
bool dp_filter_knows(const char *name);

/* Adds the term name=values, as options and parameters of a query have them: values separated by
 * commas; a comma or backslash that belongs to a value has a backslash before it, and white space
 * and quotes mean nothing. Returns 0, or -1 with *why (a constant string) where the name is
 * unknown, a value is empty, too long or no UTF-8 text, a severity is none, or there are too many.
 */
int dp_filter_add(struct dp_filter *f, const char *name, struct dp_str values, const char **why);

/* Reads an instant as a filter has it: "15m" before now_us, one of RFC 3339, which may lack its
 * seconds and its offset, or a date; in UTC where it does not say. Returns 0 or -1. */
int dp_filter_read_time(struct dp_str text, int64_t now_us, int64_t *us);

/* Whether a normalised event (dp_event_read) matches. Takes time linear in the event, for each
 * value; no memory but for strings with escapes that a term looks at. */
bool dp_filter_match(const struct dp_filter *f, const struct dp_event *ev);

/* Whether the filter names the traces that matching events belong to. */
bool dp_filter_names_traces(const struct dp_filter *f);

/* The trace that all matching events belong to, or NULL where the filter names none or several. */
const char *dp_filter_trace(const struct dp_filter *f);

#endif
