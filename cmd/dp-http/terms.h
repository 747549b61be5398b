/* The parameters of a query that are terms of a filter, as all routes take them. */
#ifndef TERMS_H
#define TERMS_H

#include "buf.h"
#include "filter.h"
#include "query.h"

#include <stdbool.h>

/* Whether a parameter is one: `filter`, which holds a whole one, `since`, `until`, `trace`,
 * `severity`, `system` or `type`. */
bool terms_know(const char *name);

/* Adds what such a parameter says to the filter. What is wrong with it is added to *errors. */
void terms_add(struct dp_filter *f, const struct param *p, struct dp_buf *errors);

/* Those among the parameters of a list: `filter`, `since` and `until`. */
void terms_read(struct dp_filter *f, const struct query *q, struct dp_buf *errors);

#endif
