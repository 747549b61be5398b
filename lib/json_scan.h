/* The tokens of JSON: checks one and writes its canonical form. Used by json_normalize alone. */
#ifndef DP_JSON_SCAN_H
#define DP_JSON_SCAN_H

#include "json.h"

#include <stdbool.h>

/* The canonical form of any part of a text is not longer than that part: what is written never
 * overtakes what is read, so the caller reserves as much as the text has and no write is checked.
 */
struct dp_json_scan {
	const char *text; /* its beginning: offsets are counted from here */
	const char *p;    /* the next byte to read */
	const char *end;
	char *w;   /* the next byte to write */
	int fixed; /* DP_JSON_FIXED_* so far */
	struct dp_refusal *why;
};

/* Refuses what is at `at`; returns -1. */
int dp_json_scan_refuse(struct dp_json_scan *s, const char *at, const char *code, const char *what);

/* Refuses the next byte, naming it where it can be shown; returns -1. */
int dp_json_scan_expected(struct dp_json_scan *s, const char *expected);

/* Take a string (p is at its quote), a number, a word ("true"). Return 0, or -1 where there is
 * none. */
int dp_json_scan_string(struct dp_json_scan *s);
int dp_json_scan_number(struct dp_json_scan *s);
int dp_json_scan_word(struct dp_json_scan *s, const char *word);

static inline void dp_json_scan_space(struct dp_json_scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
		s->p++;
}

static inline bool dp_json_scan_next_is(const struct dp_json_scan *s, char c)
{
	return s->p < s->end && *s->p == c;
}

/* Takes one byte as it is. */
static inline void dp_json_scan_copy(struct dp_json_scan *s)
{
	*s->w++ = *s->p++;
}

#endif
