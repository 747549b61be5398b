/* Making a query (struct dp_query) piece by piece: text is appended to q.sql, and values by these,
 * each as $n. Private to lib/store*.c. */
#ifndef DP_STORE_QUERY_H
#define DP_STORE_QUERY_H

#include "store_backend.h"

void dp_query_add(struct dp_query *q, struct dp_query_value v);

/* The value alone: the text names it elsewhere. */
void dp_query_bind(struct dp_query *q, struct dp_query_value v);
void dp_query_bind_text(struct dp_query *q, const char *text);

void dp_query_add_text(struct dp_query *q, const char *text);
void dp_query_add_uuid(struct dp_query *q, const char *uuid);
void dp_query_add_number(struct dp_query *q, int64_t number);
void dp_query_add_time(struct dp_query *q, int64_t us);

/* Adds " LIMIT …". */
void dp_query_add_limit(struct dp_query *q, size_t limit);

/* Adds " AND …" for each term, of events. Borrows the filter. `by_key`: let the key find chosen
 * traces; else nothing but the order in which events are read anyway is to serve. */
void dp_query_add_filter(
    struct dp_query *q, const struct dp_store_dialect *d, const struct dp_filter *f, bool by_key);

/* The same of the rows of a list, by the terms of some fields alone: bits 1 << enum
 * dp_filter_field. Their key may find them. */
void dp_query_add_terms(struct dp_query *q, const struct dp_store_dialect *d,
    const struct dp_filter *f, unsigned fields);

/* What is run is released by that. */
void dp_query_release(struct dp_query *q);

/* Runs it and releases it. Rows that come are ignored where fn is NULL. No failure is an event's.
 */
int dp_query_run(struct dp_store *s, struct dp_query *q, dp_store_cells_fn *fn, void *arg);

/* Runs it for one number, 0 where none comes. */
int dp_query_run_for_number(struct dp_store *s, struct dp_query *q, int64_t *number);

/* The same, but connects first where that is needed. */
int dp_query_ask(struct dp_store *s, struct dp_query *q, dp_store_cells_fn *fn, void *arg);
int dp_query_ask_for_number(struct dp_store *s, struct dp_query *q, int64_t *number);

#endif
