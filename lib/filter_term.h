/* A term while it is made: what filter.c and filter_parse.c share. */
#ifndef DP_FILTER_TERM_H
#define DP_FILTER_TERM_H

#include "filter.h"

/* A name that is no member's path but has a meaning of its own. */
struct dp_filter_rule {
	const char *name;
	enum dp_filter_field field;
	unsigned tests;     /* bits 1 << enum dp_filter_test */
	const char *wanted; /* the operators for them */
	size_t max;         /* bytes of a text */
	const char *member; /* of MEMBER: that it stands for */
};

/* NULL where there is none of that name. */
const struct dp_filter_rule *dp_filter_find_rule(struct dp_str name);

/* The rule of all members, and of text anywhere. */
extern const struct dp_filter_rule dp_filter_any_member;
extern const struct dp_filter_rule dp_filter_anywhere;

/* Adds a value to a term whose field and test are set. Returns 0, or -1 with *why. */
int dp_filter_add_value(struct dp_filter_term *t, const struct dp_filter_rule *rule,
    struct dp_str value, int64_t now_us, const char **why);

/* Puts a term into the filter, at its place; the filter owns it then. There is room. */
void dp_filter_put_term(struct dp_filter *f, struct dp_filter_term *t);

void dp_filter_release_term(struct dp_filter_term *t);

/* "500ms", "1.5s", "250": milliseconds. */
int dp_filter_read_duration(struct dp_str text, double *ms);

/* A number as JSON has it. */
int dp_filter_read_number(struct dp_str text, double *number);

#endif
