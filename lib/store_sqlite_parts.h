/* What the parts of the SQLite back end are for each other and for its table of operations
 * (store_sqlite.c, store_backend.h). Private to lib/store_sqlite*.c. */
#ifndef DP_STORE_SQLITE_PARTS_H
#define DP_STORE_SQLITE_PARTS_H

#include "store_sqlite_conn.h"

void dp_sqlite_read_row(sqlite3_stmt *st, struct dp_store_cell *cells);
int dp_sqlite_select(
    struct dp_store *store, const struct dp_query *q, dp_store_cells_fn *fn, void *arg);
extern const struct dp_store_dialect dp_sqlite_dialect;

/* Lets no query of a reader's connection run for ever. */
void dp_sqlite_limit_queries(struct sqlite_store *s);

/* Gives a connection the functions that the dialect uses. SQLITE_OK, or why it cannot. */
int dp_sqlite_add_functions(sqlite3 *db);

int dp_sqlite_begin_put(struct dp_store *store, struct dp_entry *entries, size_t n);
int dp_sqlite_end_put(struct dp_store *store, struct dp_entry *entries, size_t n);
int dp_sqlite_put_rollup(struct dp_store *store, struct dp_rollup *r);
int dp_sqlite_put_position(struct dp_store *store, const struct dp_store_step *step);
int dp_sqlite_put_dead(struct dp_store *store, const struct dp_event *ev, const char *why);
int dp_sqlite_find_first(struct dp_store *store, const struct dp_store_old *o, int64_t *us);
int dp_sqlite_find_old(struct dp_store *store, const struct dp_store_old *o, dp_store_cells_fn *fn,
    void *arg, bool *more);

#endif
