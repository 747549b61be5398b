/* The store: where events are kept. One interface, a back end by URL:
 *
 *	sqlite:///file.db
 *	sqlite:////var/lib/file.db
 *
 * Three slashes, then a path: with four an absolute one. A writer makes the file (0600) and the
 * folders (0700).
 *
 *	postgresql://user:password@host:port/database
 *
 * As libpq takes it; postgres:// too.
 *
 * Both behave alike and are proven by one test suite (tests/unit/store_test.c).
 *
 * Order. Each event stored gets a sequence number, unique and increasing in the order of commits,
 * across all writers of the database: a reader that has seen number n never finds a smaller one
 * later. It is the cursor of everything that follows. It says nothing about time.
 *
 * Positions. Events that come from a spool (spool.h) are stored together with how far in the spool
 * they reach, for the mark; what is handed over again is stored once, by its key.
 *
 * A handle serves one thread at a time. */
#ifndef DP_STORE_H
#define DP_STORE_H

#include "buf.h"
#include "event.h"
#include "filter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dp_store;

enum dp_store_mode {
	DP_STORE_WRITE, /* creates the database's schema, or migrates an older one */
	DP_STORE_READ,  /* opens read-only and changes nothing */
};

/* Why a call failed: what the caller can do about it. */
enum dp_store_fault {
	DP_STORE_OK,
	DP_STORE_AWAY,   /* not reachable, restarting, locked, full: the same call may work later */
	DP_STORE_REJECT, /* an event cannot be stored, whatever is tried; no call of store.h fails
			    so */
	DP_STORE_BROKEN, /* wrong URL, newer schema, missing privilege: somebody must act */
};

/* The URL used where none is given: devpulse.db in $DEVPULSE_STATE_DIR, else in
 * $XDG_STATE_HOME/devpulse, else in $HOME/.local/state/devpulse. Release with free(). */
char *dp_store_default_url(void);

/* Makes a handle. Does not touch the database: the first call that needs it does, and each call
 * connects again after a connection was lost. NULL with *why where the URL is not one. */
struct dp_store *dp_store_open(const char *url, enum dp_store_mode mode, const char **why);
void dp_store_close(struct dp_store **s);

/* A reader's queries end after 30 s, as BROKEN: the next time they would take as long. The rest is
 * for PostgreSQL, which may be reached and stand still. Without: a reader waits 35 s for an answer,
 * a writer for ever. SQLite's calls wait 5 s at most for a lock, and of a reader's that is to stop
 * a query runs on for stop_ms. */
struct dp_store_patience {
	int stop_fd; /* once it is readable an answer is waited for stop_ms at most; -1: none */
	int end_fd;  /* the same once its other end is closed (POLLHUP) */
	int stop_ms;
	/* Called once for an answer that has not come for 5 s; may be NULL. Not to use s but for
	 * dp_store_name. */
	void (*on_slow)(void *arg, const struct dp_store *s, int64_t waited_ms);
	void *arg;
};

/* From the next call on. An answer that is not waited for any longer is AWAY. */
void dp_store_set_patience(struct dp_store *s, const struct dp_store_patience *p);

/* Of the last call that returned -1: the kind, and a text for people (what, where, why; without
 * password), good until the next call. */
enum dp_store_fault dp_store_fault(const struct dp_store *s);
const char *dp_store_error(const struct dp_store *s);

/* The URL for messages: without password. */
const char *dp_store_name(const struct dp_store *s);

/* Connects where there is no connection and makes sure of the schema. 0 or -1. */
int dp_store_connect(struct dp_store *s);

/* A random id of this database, made with its schema: a cursor of another one is not taken for its
 * own. 36 characters; NULL before the first successful call. */
const char *dp_store_id(const struct dp_store *s);

/* How far in a spool a batch reaches: the offset behind its last event, whether that was stored or
 * refused. */
struct dp_store_step {
	char source[DP_UUID_TEXT + 1]; /* the spool */
	int64_t from; /* where the position is: dp_store_position, or the last step */
	int64_t to;   /* above it */
};

/* What became of an event of a batch. */
enum dp_store_outcome {
	DP_STORE_OLD,  /* one with its (trace_id, event_id) is there already, and stays as it is */
	DP_STORE_NEW,  /* it was stored now */
	DP_STORE_DEAD, /* the database rejects it: it is in the table dead_letters, with the reason
			*/
};

/* Stores n events and, in the same transaction, the step (NULL: none): durably, or nothing of it.
 * outcomes (n, may be NULL) tells what became of each; where one of them is dead, dp_store_error
 * says why the last one is. Returns 0 or -1; after AWAY the same call may be made again (a commit
 * whose outcome is unknown stores nothing twice; what had been stored is OLD then, so who passes on
 * what is new does so at most once). BROKEN where the position is not where the step begins:
 * another program stores from the same spool. */
int dp_store_put(struct dp_store *s, const struct dp_event *const *events, size_t n,
    const struct dp_store_step *step, enum dp_store_outcome *outcomes);

/* How far the events of a spool are stored: the end of the last step, 0 where there was none. */
int dp_store_position(struct dp_store *s, const char *source, int64_t *pos);

/* That of each spool that there ever was, in order of its id. Returning anything but 0 ends it. */
typedef int dp_store_position_fn(void *arg, struct dp_str source, int64_t pos);
int dp_store_positions(struct dp_store *s, dp_store_position_fn *fn, void *arg);

/* How many events are in dead_letters. */
int dp_store_dead(struct dp_store *s, int64_t *n);

/* The bytes that the database takes. */
int dp_store_size(struct dp_store *s, int64_t *bytes);

/* An event as read back; borrowed until the callback returns. */
struct dp_store_row {
	int64_t seq;
	struct dp_str json; /* as dp_store_put took it */
	struct dp_str trace_id;
	struct dp_str system;
	struct dp_str type;
	char event_id[DP_UUID_TEXT + 1];
	enum dp_severity severity;
	int64_t ts_us;
};

/* Returns 0 to go on, or anything else to end the reading, which then returns 0. The handle must
 * not be used meanwhile. Where a reading fails half-way the rows given before stand. */
typedef int dp_store_row_fn(void *arg, const struct dp_store_row *row);

/* Events with a number above `after` that match, in order of number, at most `limit`. A follower
 * asks for the head first: where fewer than `limit` came, it may go on behind that number, and need
 * not look again at all that did not match. */
int dp_store_after(struct dp_store *s, const struct dp_filter *f, int64_t after, size_t limit,
    dp_store_row_fn *fn, void *arg);

/* The same, but once it is end_ms (of dp_clock_monotonic_ms) it looks no further than it has: it
 * returns 1 then, and in *reached the number up to which it did, which is above `after`. */
int dp_store_after_in_time(struct dp_store *s, const struct dp_filter *f, int64_t after,
    size_t limit, int64_t end_ms, dp_store_row_fn *fn, void *arg, int64_t *reached);

/* The number behind which the last n matching events lie (0: all of them do). Returns 0; -1; or 1
 * where it was end_ms before it was found: then behind it lie those that were. */
int dp_store_tail(
    struct dp_store *s, const struct dp_filter *f, size_t n, int64_t end_ms, int64_t *after);

/* The highest number of the database (0: none). Cheap: a follower asks several times a second. */
int dp_store_head(struct dp_store *s, int64_t *seq);

/* Waits until there may be events that were not there when the call before it returned, at most
 * timeout_ms, or until wake_fd (-1: none) is readable. The first call on a connection returns at
 * once. So who waits, then looks for the head, then reads, and begins again, misses nothing. But
 * look after a time-out, too: through a pooler no news comes from PostgreSQL. Returns 0 or -1.
 *
 * PostgreSQL tells (LISTEN; polled on a standby, which cannot); of SQLite a number is asked that
 * moves with each commit of others, 50 times a second. Between calls the news of PostgreSQL is
 * kept by the server: who stops waiting gives up the connection. */
int dp_store_wait(struct dp_store *s, int timeout_ms, int wake_fd);

/* Gives up the connection; the next call makes it again. */
void dp_store_disconnect(struct dp_store *s);

/* All events of a trace in order of (ts, event id), where its row says that these are `limit` at
 * most; else none, without looking at them. */
int dp_store_trace(
    struct dp_store *s, const char *trace_id, size_t limit, dp_store_row_fn *fn, void *arg);

/* The same in parts, whatever its size: in order of event id, those up to the number seq and behind
 * after_id ("": all), at most `limit`. */
int dp_store_trace_part(struct dp_store *s, const char *trace_id, int64_t seq, const char *after_id,
    size_t limit, dp_store_row_fn *fn, void *arg);

/* One event, if it is there. */
int dp_store_event(
    struct dp_store *s, const char *trace_id, const char *event_id, dp_store_row_fn *fn, void *arg);

/* A place in a list, that of one of its rows: what the order looks at. */
struct dp_store_place {
	int64_t rank; /* by duration: in microseconds; by errors: how many; else 0. Of an event
			 its number */
	int64_t us;   /* of the last event of a trace, the last error of a group; of an event */
	char id[DP_EVENT_TRACE_ID_MAX + 1]; /* of a trace or group */
};

/* Orders of a list; equal ones by id, descending. */
enum dp_store_order {
	DP_STORE_BY_TIME,     /* of the last event, newest first */
	DP_STORE_BY_DURATION, /* longest first */
	DP_STORE_BY_ERRORS,   /* most errors first, then newest */
};

/* The worst that happened in a trace. */
enum dp_store_status {
	DP_STORE_ANY_STATUS,
	DP_STORE_SUCCESS, /* neither error nor warning */
	DP_STORE_WARNING,
	DP_STORE_ERROR,
};

/* What is wanted of a list. The first members are of traces alone. */
struct dp_store_list {
	enum dp_store_order order;
	enum dp_store_status status;
	const char *title;                 /* or NULL: any */
	const struct dp_filter *filter;    /* rows of which ONE event (of groups: error) matches it;
					      or NULL: all */
	const struct dp_store_place *from; /* what lies behind it; or NULL: the list's beginning */
	bool is_inclusive;                 /* the row at the place, too */
	bool is_backwards; /* what lies before it, the nearest first; or from the list's end on */
	size_t limit;      /* rows at most */
	int64_t end_ms; /* of dp_clock_monotonic_ms: when not to look any further. Then one row more
			   may be looked at, which takes long where it has very many events */
};

/* A trace in the list; borrowed until the callback returns. */
struct dp_store_trace_row {
	struct dp_str trace_id;
	struct dp_str title;   /* of the first request, else of the first event that has one */
	struct dp_str systems; /* a canonical JSON array of strings, in order of first appearance;
				  not more than DP_ROLLUP_TRACE_SYSTEMS */
	struct dp_str environment; /* may be empty, as last_error */
	struct dp_str last_error;
	int64_t first_us;
	int64_t last_us;
	int64_t events;
	int64_t errors;
	int64_t warnings;
	const struct dp_store_place *at; /* in the list */
};

typedef int dp_store_trace_fn(void *arg, const struct dp_store_trace_row *row);

/* Traces. Returns 0; -1; or 1 where the time was over before the end of the list or the limit was
 * reached, and in *reached the place that was looked at last. */
int dp_store_traces(struct dp_store *s, const struct dp_store_list *l, dp_store_trace_fn *fn,
    void *arg, struct dp_store_place *reached);

/* A group of errors that are the same (fingerprint.h); borrowed until the callback returns. The
 * lists are canonical JSON arrays of strings. */
struct dp_store_group_row {
	struct dp_str fingerprint;
	struct dp_str type;
	struct dp_str place;
	struct dp_str message;
	struct dp_str title; /* of the last error */
	struct dp_str systems;
	struct dp_str environments;
	struct dp_str traces; /* some that had it, spread over time, the oldest first */
	int64_t first_us;
	int64_t last_us;
	int64_t events;
	const struct dp_store_place *at; /* in the list */
};

typedef int dp_store_group_fn(void *arg, const struct dp_store_group_row *row);

/* Groups, by the time of their last error; as dp_store_traces. */
int dp_store_groups(struct dp_store *s, const struct dp_store_list *l, dp_store_group_fn *fn,
    void *arg, struct dp_store_place *reached);

/* One of them, if it is there. */
int dp_store_group(struct dp_store *s, const char *fingerprint, dp_store_group_fn *fn, void *arg);

/* Its errors, the newest first; of *l the place and what is said of it. */
int dp_store_group_events(struct dp_store *s, const char *fingerprint,
    const struct dp_store_list *l, dp_store_row_fn *fn, void *arg);

/* How often a group's error came, in n parts of a time. */
struct dp_store_counts {
	int64_t since_us;
	int64_t part_us;
	size_t n;
	int64_t *counts; /* n, which are added to */
	bool is_partial; /* only the newest DP_STORE_COUNTED errors of that time were counted */
};

enum { DP_STORE_COUNTED = 10000 };

int dp_store_group_counts(struct dp_store *s, const char *fingerprint, struct dp_store_counts *c);

/* Numbers (store_stats.c). */

/* How many events of a system and severity there are; borrowed until the callback returns. */
struct dp_store_count {
	struct dp_str system; /* empty: of all that are not counted apart, as there were too many */
	enum dp_severity severity;
	int64_t events;
};

typedef int dp_store_count_fn(void *arg, const struct dp_store_count *c);

/* Sums up all events of whole minutes, exactly: both times are multiples of a minute, the second is
 * behind the last one. A few rows for each system, in no order. */
int dp_store_minutes(
    struct dp_store *s, int64_t since_us, int64_t until_us, dp_store_count_fn *fn, void *arg);

/* What numbers are made of in an event; borrowed until the callback returns. */
struct dp_store_sample {
	struct dp_str trace_id;
	struct dp_str system;
	int64_t ts_us;
	enum dp_severity severity;
	double duration_ms; /* NaN: none */
};

typedef int dp_store_sample_fn(void *arg, const struct dp_store_sample *sample);

struct dp_store_span {
	int64_t since_us;
	int64_t until_us; /* behind it */
	const struct dp_filter *filter;
	bool is_timed;  /* events with a duration alone */
	size_t limit;   /* events at most */
	int64_t end_ms; /* of dp_clock_monotonic_ms: when not to look any further */
};

/* How far it was read. */
struct dp_store_reach {
	bool is_complete; /* all of the span was: nothing is missing */
	/* Else what came later than that was read, as far as events arrive in order of their time:
	 * it is that of the event, or of the part of the database, at which the reading ended. */
	int64_t since_us;
};

/* Events of a span of time, about in the order in which they arrived, the newest first. It ends
 * when as many were seen as the minutes say there are; where more arrived before or after their
 * time than there is time to look for, *reach is not complete. */
int dp_store_samples(struct dp_store *s, const struct dp_store_span *span, dp_store_sample_fn *fn,
    void *arg, struct dp_store_reach *reach);

/* What is kept. 0: no limit. */
struct dp_store_limits {
	int64_t age_us; /* of events by their own time, of dead letters by that of receipt */
	int64_t bytes;  /* that the database may take */
};

/* Removes a part of what is beyond the limits: in a transaction of its own, of at most a few
 * hundred events, while which other writers wait. *more: there is more to do at once. Returns 0 or
 * -1.
 *
 * Age. now_us is the machine's clock. Events grow old by the latest minute that is not after it and
 * from which on ten different minutes have events, or by what the handle's clock has run since it
 * last was that late: a clock that is years ahead, be it the machine's or a client's, removes
 * nothing unless events of ten minutes agree with it. Events of the future stay until their time
 * comes. What goes is what was before a whole minute.
 *
 * SQLite: the oldest events go first. The size is that of the pages in use; the file stays as large
 * as it was and is filled again.
 * PostgreSQL: a day (UTC) goes when all of it is too old, its partition when it is empty and no
 * reader is in the way; so up to a day more is kept. Events that have no day's partition go by
 * themselves. For the size only the oldest day goes, and never one that is not over. Where somebody
 * laid the table out otherwise, old events go one by one and the size is no limit.
 *
 * What is left stays summed up truly, after each step:
 * - Counts of traces, error groups and minutes are exact; what has none goes. (Where minutes of
 * more than DP_ROLLUP_SYSTEMS systems are counted, which of them a count is taken from may not be.)
 * - A trace of which 1,000 events are left, or fewer, says what it would had they been the only
 *   ones. Of a larger one only the counts change: its times span more than what is left.
 * - first_us and last_us of a group are exact, and its traces are some that have it. Its title and
 * the systems and environments it was seen in stay. */
int dp_store_retain(
    struct dp_store *s, const struct dp_store_limits *l, int64_t now_us, bool *more);

#endif
