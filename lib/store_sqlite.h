/* What the files of the SQLite back end share: private to lib/store_sqlite*.c. */
#ifndef DP_STORE_SQLITE_H
#define DP_STORE_SQLITE_H

#include "store_backend.h"
#include "store_kept.h"
#include "store_sqlite_checkpoint.h"

#include <sqlite3.h>

enum {
	SQLITE_STATEMENTS = 12,   /* that are kept prepared (store_sqlite_put.c) */
	SQLITE_ANSWER_MS = 30000, /* that a reader's query may take */
};

struct sqlite_store {
	struct dp_store store;
	char *path;
	sqlite3 *db;
	struct dp_checkpointer *checkpointer; /* of a writer */
	sqlite3_stmt *statements[SQLITE_STATEMENTS];
	struct dp_kept kept;                        /* of a reader */
	sqlite3_stmt *kept_statements[DP_KEPT_MAX]; /* at the places of their texts */
	sqlite3_stmt *ask_version; /* a number that moves with the commits of others */
	int64_t version;           /* what it was when dp_store_wait returned last */
	bool has_waited;
	int64_t last_seq; /* of the events stored, while a batch is */
	int64_t last_trace_n;
	/* A reader's query that runs ends then, by dp_clock_monotonic_ms; INT64_MAX: there is none.
	 */
	int64_t end_ms;
	bool is_stopping; /* as somebody wants to stop */
};

/* Notes the error of the last call on the connection and rolls back. A rejected event takes only
 * its own statement back, and a lock passes; after anything else the next call opens the database
 * anew. Returns -1. */
int dp_sqlite_fail(struct sqlite_store *s);

/* Binds a text, which is borrowed until the statement has run. */
void dp_sqlite_bind(sqlite3_stmt *st, int at, struct dp_str text);

/* store_sqlite_read.c */
void dp_sqlite_read_row(sqlite3_stmt *st, struct dp_store_cell *cells);
int dp_sqlite_select(
    struct dp_store *store, const struct dp_query *q, dp_store_cells_fn *fn, void *arg);
extern const struct dp_store_dialect dp_sqlite_dialect;

/* Ends what is kept prepared. */
void dp_sqlite_forget(struct sqlite_store *s);

/* Whether the program is to stop, as its patience tells (store.h). */
bool dp_sqlite_is_to_stop(const struct sqlite_store *s);

/* Lets no query of a reader's connection run for ever. */
void dp_sqlite_limit_queries(struct sqlite_store *s);

/* Gives a connection the functions that the dialect uses. SQLITE_OK, or why it cannot. */
int dp_sqlite_add_functions(sqlite3 *db);

int dp_sqlite_begin_put(struct dp_store *store, struct dp_entry *entries, size_t n);
int dp_sqlite_end_put(struct dp_store *store, struct dp_entry *entries, size_t n);
int dp_sqlite_put_rollup(struct dp_store *store, struct dp_rollup *r);
int dp_sqlite_put_position(struct dp_store *store, const struct dp_store_step *step);
int dp_sqlite_put_dead(struct dp_store *store, const struct dp_event *ev, const char *why);
int dp_sqlite_find_old(struct dp_store *store, const struct dp_store_old *o, dp_store_cells_fn *fn,
    void *arg, bool *more);

#endif
