/* Running statements: each by itself, or one behind the other in libpq's pipeline, which are
 * answered together: a round trip for all of them, and the server begins with the first while the
 * others are made. Private to lib/store_pg*.c. */
#ifndef DP_STORE_PG_RUN_H
#define DP_STORE_PG_RUN_H

#include "store_pg_columns.h"
#include "store_pg_talk.h"

/* Runs one or more statements without parameters and results. 0 or -1. */
int dp_pg_execute(struct pg_store *s, const char *sql);

/* Runs a statement with the columns as its parameters, and releases them. NULL (failed), or the
 * result. */
PGresult *dp_pg_run(struct pg_store *s, const char *sql, struct pg_columns *c);

/* The same where the result doesn't matter. */
int dp_pg_run_only(struct pg_store *s, const char *sql, struct pg_columns *c);

/* Sends a statement behind others, and releases the columns; the answer is for dp_pg_settle. Not
 * more than PG_QUEUE_MAX in between. 0 or -1. */
int dp_pg_queue(
    struct pg_store *s, const char *sql, struct pg_columns *c, dp_pg_take_fn *take, void *arg);

/* The same without parameters, where the result doesn't matter. */
int dp_pg_queue_only(struct pg_store *s, const char *sql);

/* Waits for what was queued (dp_pg_queue). 0, or -1 where one of the statements failed. All else
 * that runs statements does so first. */
int dp_pg_settle(struct pg_store *s);

#endif
