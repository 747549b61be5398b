/* A connection to PostgreSQL, and what becomes of it by an error. Private to lib/store_pg*.c. */
#ifndef DP_STORE_PG_CONN_H
#define DP_STORE_PG_CONN_H

#include "store_backend.h"
#include "store_kept.h"

#include <libpq-fe.h>

struct pg_store;

/* Gets the result of a statement that went well. Returns 0 or -1 (failed). */
typedef int dp_pg_take_fn(struct pg_store *s, void *arg, const PGresult *res);

enum {
	PG_QUEUE_MAX = 8,
	PG_LONG_SUMS = 64,
	PG_DAYS = 400,
};

/* Statements that were sent, and are not yet answered (store_pg_run.h). */
struct pg_queue {
	struct pg_taker {
		dp_pg_take_fn *take; /* NULL: nobody asks */
		void *arg;
	} takers[PG_QUEUE_MAX];
	size_t n;
	size_t last; /* that was run, when the queue was settled: where it failed, that one */
};

struct pg_store {
	struct dp_store store;
	char *url;
	int connect_ms;
	PGconn *conn;
	struct pg_queue queue;
	const struct dp_store_step *step; /* whose position is queued */
	int64_t sent_last;                /* the number that those queued are to end with */
	bool is_by_row;                   /* a SELECT was the last */
	bool is_whole;                    /* an answer is on its way that is kept as a whole, */
	size_t room;                      /* of so many bytes more, */
	bool is_overfull;                 /* and had even more: the connection was given up */
	uint32_t long_sums[PG_LONG_SUMS]; /* of queries that had, at their places modulo that */
	struct dp_kept kept;              /* of a reader: what it has prepared by name */
	bool cannot_keep;                 /* a pooler is between that mixes up the names */
	bool is_misnamed;                 /* that was why the last SELECT failed */
	bool is_copying;                  /* events are on their way, and not yet answered for */
	size_t failed_row;                /* of the last COPY, from 1; 0: none, or not known */
	bool expects_old;                 /* the last batch had events that were there already */
	int64_t days_ms;                  /* when to look for missing partitions again */
	int64_t days[PG_DAYS]; /* seen to since, since 1970, at their places modulo PG_DAYS */
	bool is_mute;          /* the server cannot NOTIFY */
	enum { PG_DEAF, PG_LISTENS, PG_CANNOT_LISTEN } ear;
	int64_t emptied_us;    /* a day from which events are being removed: its beginning */
	int64_t emptied_after; /* no number up to this one is left of it */
};

/* Notes the error of a result (or, where it is NULL, of the connection), and gives the connection
 * up where it is lost. Returns -1. */
int dp_pg_fail(struct pg_store *s, const PGresult *res);

/* Notes why there is no connection: the time is over, or what libpq says of it. What only a person
 * can put right is no reason to wait: the password, the role, the database's name, a setting that
 * libpq doesn't understand. Returns -1. */
int dp_pg_fail_connect(struct pg_store *s, bool timed_out);

void dp_pg_disconnect(struct pg_store *s);

#endif
