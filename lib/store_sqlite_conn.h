/* A connection to a SQLite database, and what becomes of it by an error. Private to
 * lib/store_sqlite*.c. */
#ifndef DP_STORE_SQLITE_CONN_H
#define DP_STORE_SQLITE_CONN_H

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

/* Runs statements without parameters and results. 0 or -1. */
int dp_sqlite_execute(struct sqlite_store *s, const char *sql);

/* Whether the program is to stop, as its patience tells (store.h). */
bool dp_sqlite_is_to_stop(const struct sqlite_store *s);

void dp_sqlite_disconnect(struct sqlite_store *s);

#endif
