/* Reading a list, whichever it is: private to lib/store_read*.c.
 *
 * The rows of a list are read in the order of an index. Whether one is wanted is found out on the
 * way: from what the row itself knows where that is enough, else from its events, by their key. As
 * nothing tells where the wanted ones are, they are looked for in windows of so many rows, until
 * the time is over. */
#ifndef DP_STORE_READ_LIST_H
#define DP_STORE_READ_LIST_H

#include "store_query.h"

/* The columns by which a list is ordered, all descending. */
struct dp_list_order {
	const char *rank; /* or NULL; else the first one */
	bool rank_is_span;
	const char *us; /* or NULL */
	const char *id;
	const char *only; /* " AND …": which rows are in this part of the list */
};

struct dp_list_reading;

struct dp_list_kind {
	const char *columns; /* "SELECT …"; behind them, where it is a question, whether the row */
	size_t wanted_at;    /* is wanted, here */
	const char *table;   /* " FROM … AS list" */
	/* Add " AND …" for what the order's index can serve, and for what it cannot. */
	void (*add_range)(struct dp_query *q, const struct dp_list_reading *r);
	void (*add_wishes)(struct dp_query *q, struct dp_list_reading *r);
	/* Sets r->at. */
	void (*note_place)(struct dp_list_reading *r, const struct dp_store_cell *c);
	/* Gives a row to the caller, and returns what that returns. */
	int (*give)(const struct dp_list_reading *r, const struct dp_store_cell *c);
};

/* A list, or a part of one, while it is read: {s, kind, order, list, filter, fn, arg}, the rest 0.
 */
struct dp_list_reading {
	struct dp_store *s;
	const struct dp_list_kind *kind;
	const struct dp_list_order *order;
	const struct dp_store_list *list;
	const struct dp_filter *filter;
	union {
		dp_store_trace_fn *trace;
		dp_store_group_fn *group;
	} fn;
	void *arg;
	struct dp_store_place at; /* where it is */
	bool has_place;
	bool is_inclusive;
	bool of_events;  /* events are looked at */
	bool is_plain;   /* each row is wanted */
	bool has_passed; /* some were not */
	size_t seen;     /* rows of the window */
	size_t rows;     /* given */
	bool is_ended;   /* by fn or the limit */
	bool is_late;
};

/* Begins where the list is asked for. */
void dp_list_begin(struct dp_list_reading *r, struct dp_store *s, const struct dp_store_list *l);

/* Reads on from r->at, or from the beginning where it has no place. 0 or -1. */
int dp_list_read(struct dp_list_reading *r);

/* What dp_store_traces returns, after dp_list_read returned rc. */
int dp_list_end(const struct dp_list_reading *r, int rc, struct dp_store_place *reached);

/* What a filter says of a list's row, " AND …" each. */

/* That its times leave room for an event: the last one for those since, else the first one for
 * those until. */
void dp_list_add_since(struct dp_query *q, const struct dp_filter *f);
void dp_list_add_until(struct dp_query *q, const struct dp_filter *f);

/* That its list of at most `max` systems has one, as far as that can be told. */
void dp_list_add_systems(struct dp_query *q, const struct dp_filter *f, size_t max);

/* That one event matches which has the same `key`. */
void dp_list_add_events(struct dp_query *q, struct dp_list_reading *r, const char *key);

/* The severities that an event may have which matches; bits as those of a term. */
unsigned dp_list_severities(const struct dp_filter *f);

/* Whether it looks at any field but these: bits 1 << enum dp_filter_field. */
bool dp_list_looks_beyond(const struct dp_filter *f, unsigned fields);

#endif
