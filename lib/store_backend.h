/* What the back ends of the store share: private to lib/store*.c. A new back end is a file that
 * fills in struct dp_store_backend, and a row in store.c.
 *
 * Writing is up to the back end, by the SQL in lib/sql. Reading is not: store_read.c makes the
 * queries, in SQL that both databases understand, and a back end only runs them. */
#ifndef DP_STORE_BACKEND_H
#define DP_STORE_BACKEND_H

#include "store_draft.h"
#include "store_rollup.h"

enum { DP_STORE_SCHEMA = 7 }; /* the version of the schema that this code knows */

/* One column of a row; borrowed until the callback returns. */
struct dp_store_cell {
	struct dp_str text; /* of text columns and UUIDs; p is NULL where the value is NULL */
	int64_t number;     /* of numbers; of times, in microseconds since the epoch */
	double real;        /* of floating-point numbers; NaN where it is none, or NULL */
};

enum {
	DP_STORE_CELLS_MAX = 16,
	/* a filter, its values once more for what a list's row says, and a few */
	DP_QUERY_VALUES_MAX =
	    DP_FILTER_TERMS_MAX * (DP_FILTER_PATH_MAX + 2 * DP_FILTER_VALUES_MAX) + 16,
};

/* Gets a row; anything but 0 ends the reading. */
typedef int dp_store_cells_fn(void *arg, const struct dp_store_cell *cells);

/* A statement and its parameters $1, $2, … Values are borrowed and never become part of the text.
 * SQLite takes $1 for a name and numbers names in the order of their appearance, so they first
 * appear in order. */
struct dp_query {
	struct dp_buf sql;
	bool is_kept;  /* it is asked again and again in these words: a reader keeps it prepared */
	bool is_short; /* mostly it finds little, which a reader takes as a whole */
	size_t count;
	size_t cap;
	struct dp_query_value {
		enum {
			DP_QUERY_TEXT,
			DP_QUERY_UUID, /* as text */
			DP_QUERY_NUMBER,
			DP_QUERY_TIME,
			DP_QUERY_REAL,
		} type;
		const char *text;
		int64_t number; /* of a time: microseconds since the epoch */
		double real;
	} * values;
};

/* What is asked of the databases in different words (store_filter.c, store_read_*.c). A member's
 * path stands in `depth` parameters from $first on. */
struct dp_store_dialect {
	const char *find;    /* "find(lower(", before a text, the case of ASCII letters aside */
	const char *in_text; /* "), ", behind it, before what is looked for */
	/* Add the text of the body's member as filters see it, and its number; NULL where it has
	 * none. */
	void (*add_text)(struct dp_buf *sql, size_t first, size_t depth);
	void (*add_number)(struct dp_buf *sql, size_t first, size_t depth);
	/* Adds " AND …" for events of a span of time, the second instant being behind it, to a
	 * query that goes by their numbers: an index of times is not to serve it. */
	void (*add_span)(struct dp_query *q, int64_t since_us, int64_t until_us);
	/* Adds what chooses the events of a trace, as far as it is there. */
	void (*add_trace)(struct dp_query *q, const char *trace_id);
	const char *by_time;       /* orders those by time: an index of times is not to */
	const char *of_traces;     /* "trace_id IN (", before ids: the events of some traces */
	const char *of_traces_end; /* ")", behind them */
	const char *trace_key; /* the column that events have in common with the row of their trace
				*/
	const char *elements;  /* "SELECT element_of(", before a JSON array: its strings */
	const char *elements_end; /* ")", behind it */
	const char *epoch;        /* " - epoch", behind a time: the span from 1970 to it */
	const char *us_of;        /* "us_of(", before a span of time: its microseconds */
	const char *us_end;       /* ")", behind it */
};

/* What is to go (store_retain.c). */
struct dp_store_old {
	int64_t before_us; /* events before this time; INT64_MIN: none */
	bool is_over;      /* and the oldest, as the database takes too much: */
	int64_t first_us;  /* before this time, before all others; INT64_MIN: none */
	int64_t now_us;    /* the time by which events grow old */
	size_t limit;      /* the most to tell at a time */
};

struct dp_store_backend {
	/* Frees the handle too. */
	void (*close)(struct dp_store *s);
	/* Makes sure of a connection and the schema; cheap where they are there. Sets the id. The
	 * other operations are called after it. */
	int (*connect)(struct dp_store *s);
	/* Where there is none that is nothing. */
	void (*disconnect)(struct dp_store *s);
	/* Runs statements without parameters and results. */
	int (*execute)(struct dp_store *s, const char *sql);
	const char *begin_alone; /* begins a transaction beside which no other writer writes */
	const char *find_head;   /* asks for the highest number that there ever was */
	const char *find_size;   /* asks for the bytes that the database takes */
	const char *read_by_id;  /* asks for events: $1 their ids as a JSON array, $2 the trace */
	const struct dp_store_dialect *dialect;
	/* What is done in a transaction from begin to commit may fail later than it is asked for:
	 * at the next of these calls, or at settle, which waits for all of it and fails as the call
	 * that was at fault. */
	int (*settle)(struct dp_store *s);
	/* Begins a transaction that writes. */
	int (*begin)(struct dp_store *s);
	/* Commits, and wakes those that wait. Returns 0, -1, or 1 where only the latter failed, and
	 * with it the commit: all that was in the transaction is to be done again. */
	int (*commit)(struct dp_store *s);
	/* Ends the transaction that a failure left open, where there is one. The noted failure
	 * stays. */
	void (*roll_back)(struct dp_store *s);
	/* Before the transaction that stores these: makes room for them. May be NULL. Returns 0; -1
	 * where the connection is lost; or 1 where it is_ahead and there is room to make, which the
	 * batch before may be in. What else fails is of no matter to them. */
	int (*prepare)(struct dp_store *s, const struct dp_entry *entries, size_t n);
	/* In a transaction: stores events. n > 0; is_new is false before and says after it which
	 * are, it seems, not there already. Where they have numbers no lock is taken for these.
	 * One that is_rejected is left out, or becomes so and a dead letter here.
	 * Fails with REJECT where an event is at fault, and what
	 * was done since the last savepoint can be taken back. */
	int (*begin_put)(struct dp_store *s, struct dp_entry *entries, size_t n);
	/* In a transaction, after begin_put has failed with REJECT and was taken back: looks which
	 * of the events are at fault by themselves, without storing any; they are rejected then,
	 * and dead letters. It may leave some. May be NULL where begin_put does it. */
	int (*sieve)(struct dp_store *s, struct dp_entry *entries, size_t n);
	/* The next call, which waits for the end of it. Fails so, too. Returns 0, or 1 where is_new
	 * says something else now. */
	int (*end_put)(struct dp_store *s, struct dp_entry *entries, size_t n);
	/* In a transaction that no other writer runs beside: adds what the tables have to the rows
	 * of the roll-up, and writes them. */
	int (*put_rollup)(struct dp_store *s, struct dp_rollup *r);
	/* Another handle of the same database. May be NULL, as it and what follows, where a second
	 * one would wait for the first. */
	struct dp_store *(*twin)(struct dp_store *s);
	/* In a transaction that stored n events ahead, with numbers up to `last`: takes these
	 * numbers and keeps other writers out from here on. Fails, with REJECT, where they are not
	 * the next ones. */
	int (*take_numbers)(struct dp_store *s, size_t n, int64_t last);
	/* In a transaction. Fails by dp_store_fail_step where the position is not where the step,
	 * which has to live until then, begins. */
	int (*put_position)(struct dp_store *s, const struct dp_store_step *step);
	/* In a transaction. One that is there already stays. */
	int (*put_dead)(struct dp_store *s, const struct dp_event *ev, const char *why);
	/* In a transaction, where the database takes too much: *us becomes o->first_us. */
	int (*find_first)(struct dp_store *s, const struct dp_store_old *o, int64_t *us);
	/* In a transaction that no other writer runs beside: tells the events that go next, as
	 * DP_SELECT_OLD gives them. Sets *more where there may be more although none are told. */
	int (*find_old)(struct dp_store *s, const struct dp_store_old *o, dp_store_cells_fn *fn,
	    void *arg, bool *more);
	/* Runs a query. Returns 0 at its end and where fn ended it. */
	int (*select)(
	    struct dp_store *s, const struct dp_query *q, dp_store_cells_fn *fn, void *arg);
	/* dp_store_wait. */
	int (*wait)(struct dp_store *s, int timeout_ms, int wake_fd);
};

/* The columns of an event that goes, from a table that is to follow. */
#define DP_SELECT_OLD "SELECT seq, ts, trace_id, severity, system, fingerprint FROM "

/* The time by which events grow old: store_retain.h. */
struct dp_retain_clock {
	bool is_set;
	int64_t us;
	int64_t at_ms; /* of dp_clock_monotonic_ms */
};

/* The first member of a back end's own struct. */
struct dp_store {
	const struct dp_store_backend *backend;
	enum dp_store_mode mode;
	struct dp_store_patience patience;
	enum dp_store_fault fault;
	struct dp_buf error;
	char *name;                /* the URL without password */
	char id[DP_UUID_TEXT + 1]; /* "" before the first connection */
	struct dp_store *primary;  /* itself, or that whose twin it is */
	struct dp_systems systems; /* of the primary: that are in minute_counts, of late */
	bool has_systems;
	int64_t systems_hour; /* in which they were read */
	struct dp_retain_clock retain_clock;
	int64_t room_ms; /* when the room of rows that went for the size shows; 0: none did */
	bool is_ahead;   /* what is sent comes before its turn */
	bool is_victim;  /* the last failure was a deadlock with another writer, who goes on now */
};

/* A batch (store_draft.h). */
struct dp_draft {
	size_t n;
	struct dp_entry *entries;
	struct dp_fingerprint *fingerprints; /* of those that are errors */
	enum dp_store_outcome *outcomes;
	struct dp_rollup rollup;
	bool is_summed; /* the roll-up is that of all entries */
};

/* What store_put.c and store_refill.c share: in a transaction, stores events and what they add to
 * the roll-ups. Fails as backend->begin_put does. */
int dp_store_put_entries(struct dp_store *s, struct dp_entry *entries, size_t n);

/* Notes that the position is not where the step begins. Returns -1. */
int dp_store_fail_step(struct dp_store *s, const struct dp_store_step *step);

/* In the transaction of a migration to version 3: brings the events of the table events_2 into
 * `events` with their numbers, and makes the roll-ups. */
int dp_store_refill(struct dp_store *s);

/* An event as it stands in the table: c[0] its trace, then event_id, ts, severity, system, type and
 * body. The columns are what counts: what the body adds to them is left out where it cannot be
 * read. Without its JSON it is small. Release with free(). */
struct dp_event *dp_store_reread(
    struct dp_event_reader *reader, const struct dp_store_cell *c, bool with_json);

/* Adds a row that the back end has read (read_traces.sql, read_groups.sql) to a roll-up. */
void dp_store_add_trace(struct dp_rollup *r, const struct dp_store_cell *c);
void dp_store_add_group(struct dp_rollup *r, const struct dp_store_cell *c);

/* The constructors. NULL with *why where the URL is not one. */
struct dp_store *dp_store_sqlite_new(const char *url, const char **why);
struct dp_store *dp_store_pg_new(const char *url, const char **why);

/* Releases what struct dp_store owns. */
void dp_store_release(struct dp_store *s);

/* Notes why a call failed; the text gets the store's name in front. Returns -1. */
int dp_store_fail(struct dp_store *s, enum dp_store_fault fault, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Turns REJECT into BROKEN: after a failure where there was no event to reject. */
void dp_store_blame_no_event(struct dp_store *s);

/* Judges the version of the schema that was found, 0 being none: 0 where it can be used, 1 where a
 * writer has to migrate it, -1 (failed) where it is newer, or a reader has to wait for a writer. */
int dp_store_judge_schema(struct dp_store *s, int64_t version);

/* Adds to the error of a migration from this version, of which nothing stays, that it was one,
 * unless the same will work later. Returns -1. */
int dp_store_fail_migration(struct dp_store *s, int64_t version);

#endif
