/* Talking to PostgreSQL without waiting for ever: a server that stands still (SIGSTOP, a dead disk)
 * keeps its sockets, so no call of libpq that waits for it would end. Private to lib/store_pg*.c.
 */
#ifndef DP_STORE_PG_TALK_H
#define DP_STORE_PG_TALK_H

#include "store_pg_conn.h"

/* A wait for the server. */
struct pg_wait {
	int64_t begin_ms;
	int64_t end_ms;
	bool told; /* that it is slow */
	bool is_stopping;
};

void dp_pg_begin_wait(struct pg_wait *w, int max_ms); /* < 0: without end */

/* Waits for the connection's socket to be ready. Returns 0, or 1 where the patience is
 * over. */
int dp_pg_wait_for_socket(struct pg_store *s, struct pg_wait *w, short events);

/* PQgetResult. NULL at the end of the results, and, failed, without a connection any more, where
 * the server is not waited for any longer. */
PGresult *dp_pg_next_result(struct pg_store *s);

/* Ends a query whose results are not wanted any more: reads what is left, or gives the connection
 * up, which ends it too. */
void dp_pg_drop_results(struct pg_store *s);

/* The last result of what was sent (or not: `is_sent` is what PQsend… returned), or the one that
 * asks for rows to copy. NULL (failed), or one that may tell of a failure. */
PGresult *dp_pg_last_result(struct pg_store *s, int is_sent);

/* Sends what libpq still holds. 0 or -1. */
int dp_pg_flush(struct pg_store *s);

#endif
