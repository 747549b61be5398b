/* What the files of the PostgreSQL back end share: private to lib/store_pg*.c.
 *
 * Times travel as PostgreSQL keeps them, and so does everything else that is not text: parameters
 * and results are binary, which is exact and needs no parsing. */
#ifndef DP_STORE_PG_H
#define DP_STORE_PG_H

#include "store_backend.h"
#include "store_kept.h"

#include <libpq-fe.h>

/* Types of the server (pg_type.dat). */
enum {
	PG_BYTEA = 17,
	PG_INT8 = 20,
	PG_TEXT = 25,
	PG_JSON = 114,
	PG_JSON_ARRAY = 199,
	PG_FLOAT8 = 701,
	PG_TEXT_ARRAY = 1009,
	PG_INT8_ARRAY = 1016,
	PG_FLOAT8_ARRAY = 1022,
	PG_TIMESTAMPTZ = 1184,
	PG_TIMESTAMPTZ_ARRAY = 1185,
	PG_UUID = 2950,
	PG_UUID_ARRAY = 2951,
};

struct pg_store;

/* Gets the result of a statement that went well. Returns 0 or -1 (failed). */
typedef int dp_pg_take_fn(struct pg_store *s, void *arg, const PGresult *res);

enum {
	PG_QUEUE_MAX = 8,
	PG_WHOLE_BYTES = 4 * 1024 * 1024, /* of an answer that is taken as a whole, about */
	PG_LONG_SUMS = 64,
};

/* Statements that were sent, and are not yet answered (store_pg_queue.c). */
struct pg_queue {
	struct pg_taker {
		dp_pg_take_fn *take; /* NULL: nobody asks */
		void *arg;
	} takers[PG_QUEUE_MAX];
	size_t n;
	size_t last; /* that was run, when the queue was settled: where it failed, that one */
};

enum { PG_DAYS = 400 };

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

void dp_pg_disconnect(struct pg_store *s);

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

/* Waits for what was queued (dp_pg_queue). 0, or -1 where one of the statements failed. All else
 * that runs statements does so first. */
int dp_pg_settle(struct pg_store *s);

/* Runs one or more statements without parameters and results. 0 or -1. */
int dp_pg_execute(struct pg_store *s, const char *sql);

/* 64 bits in the order of the network. */
void dp_pg_write_int8(int64_t v, char out[8]);
int64_t dp_pg_read_int8(const char *p);

/* Microseconds since 1970 as a timestamptz and back. What no timestamptz can be becomes the nearest
 * one that is finite. */
int64_t dp_pg_time(int64_t us);
int64_t dp_pg_time_us(int64_t pg_time);

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
int dp_pg_find_old(struct dp_store *store, const struct dp_store_old *o, dp_store_cells_fn *fn,
    void *arg, bool *more);
/* Reads a row of a binary result; uuid is the place for the text of the only UUID. */
void dp_pg_read_row(
    const PGresult *res, int row, struct dp_store_cell *cells, char uuid[DP_UUID_TEXT + 1]);
int dp_pg_wait(struct dp_store *store, int timeout_ms, int wake_fd);
extern const struct dp_store_dialect dp_pg_dialect;
int dp_pg_select(
    struct dp_store *store, const struct dp_query *q, dp_store_cells_fn *fn, void *arg);

#endif
