/* What the parts of the PostgreSQL back end are for each other and for its table of operations
 * (store_pg.c, store_backend.h). Private to lib/store_pg*.c. */
#ifndef DP_STORE_PG_PARTS_H
#define DP_STORE_PG_PARTS_H

#include "store_pg_conn.h"

/* Now and then makes the partitions of the days to come. 0, or -1 where the connection is lost. */
int dp_pg_add_days(struct pg_store *s);
int dp_pg_prepare(struct dp_store *store, const struct dp_entry *entries, size_t n);

int dp_pg_begin_put(struct dp_store *store, struct dp_entry *entries, size_t n);
int dp_pg_end_put(struct dp_store *store, struct dp_entry *entries, size_t n);
int dp_pg_put_rollup(struct dp_store *store, struct dp_rollup *r);
/* In a transaction: copies events into the table, and takes that back. Returns 0, 1 where one of
 * them is there already, or -1; *row: which of them was at fault, from 1, or 0 where that is not
 * known. */
int dp_pg_try_copy(struct pg_store *s, const struct dp_entry *entries, size_t n, size_t *row);
int dp_pg_sieve(struct dp_store *store, struct dp_entry *entries, size_t n);
int dp_pg_take_numbers(struct dp_store *store, size_t n, int64_t last);
int dp_pg_put_position(struct dp_store *store, const struct dp_store_step *step);
int dp_pg_put_dead(struct dp_store *store, const struct dp_event *ev, const char *why);
int dp_pg_find_first(struct dp_store *store, const struct dp_store_old *o, int64_t *us);
int dp_pg_find_old(struct dp_store *store, const struct dp_store_old *o, dp_store_cells_fn *fn,
    void *arg, bool *more);
int dp_pg_wait(struct dp_store *store, int timeout_ms, int wake_fd);
extern const struct dp_store_dialect dp_pg_dialect;
int dp_pg_select(
    struct dp_store *store, const struct dp_query *q, dp_store_cells_fn *fn, void *arg);

#endif
