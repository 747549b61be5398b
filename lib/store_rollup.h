/* What a batch adds to the tables that are lists: `traces`, `error_groups` and `minute_counts`.
 * It is summed up before it reaches the database, one row a trace instead of one an event; then a
 * back end, which lets no other writer in meanwhile, reads the rows that are there, has them added,
 * and writes all anew. Pure. */
#ifndef DP_STORE_ROLLUP_H
#define DP_STORE_ROLLUP_H

#include "arena.h"
#include "event.h"
#include "fingerprint.h"
#include "store_names.h"

enum {
	DP_ROLLUP_TRACE_SYSTEMS = 100,
	DP_ROLLUP_GROUP_NAMES = 20,   /* systems or environments of an error group */
	DP_ROLLUP_GROUP_SAMPLES = 10, /* traces that stand for it */
	DP_ROLLUP_SYSTEMS = 1000,     /* whose minutes are counted apart */
};

/* An event on its way into the database. */
struct dp_entry {
	const struct dp_event *ev;
	const struct dp_fingerprint *fingerprint; /* NULL: no error */
	int64_t seq;                              /* its number; 0: the next one is taken */
	int64_t trace_n;  /* in SQLite, once it is looked for: the number of its trace; or 0 */
	bool is_old;      /* it is known to be there already */
	bool is_new;      /* it was not */
	bool is_rejected; /* it goes not there but into dead_letters */
};

/* A row of `traces`. */
struct dp_trace_row {
	struct dp_str trace_id;
	const struct dp_entry *entry; /* of one of its events */
	int64_t first_us;
	int64_t last_us;
	int64_t events;
	int64_t errors;
	int64_t warnings;
	int64_t debugs;      /* the rest are of severity info */
	struct dp_str title; /* of the first request, else of the first event that has one */
	int64_t title_us;
	int64_t title_rank;        /* 0: of a request, 1: of another event, 2: there is none */
	struct dp_str environment; /* of the event stored first that names one */
	struct dp_str
	    last_error; /* name and details of the last error; empty where there is none */
	int64_t last_error_us;
	struct dp_names systems; /* with the time of the first event of each */
};

/* A row of `error_groups`. */
struct dp_group_row {
	struct dp_str fingerprint; /* 16 hexadecimal digits */
	struct dp_str type;
	struct dp_str place;
	struct dp_str message; /* as the fingerprint sees it */
	struct dp_str title;   /* name and details of the last error */
	int64_t first_us;
	int64_t last_us;
	int64_t events;
	struct dp_names systems;
	struct dp_names environments;
	struct dp_names traces; /* some, spread over time */
};

/* What is added to a row of `minute_counts`. */
struct dp_minute_row {
	int64_t minute_us;    /* its beginning */
	struct dp_str system; /* empty: of all for which there is no room */
	enum dp_severity severity;
	int64_t events;
};

/* The systems whose minutes are counted apart. {0} has none. */
struct dp_systems {
	struct dp_arena arena;
	struct dp_str *slots; /* a hash table; p is NULL where one is free */
	size_t n;
};

/* Each sorted by its key: so writers lock rows in the same order. Borrows from the events. */
struct dp_rollup {
	bool is_whole; /* it has all events of its traces: their rows are replaced, not added to */
	struct dp_trace_row *traces;
	size_t trace_count;
	struct dp_group_row *groups;
	size_t group_count;
	struct dp_minute_row *minutes;
	size_t minute_count;
	struct dp_arena arena;
};

/* An entry among those of its trace. */
struct dp_traced {
	uint64_t head; /* the first bytes of the id, which mostly tell two traces apart */
	const struct dp_entry *entry;
};

/* Sorts entries, all or those that are new, by the ids of their traces; those of one stay in their
 * order. Returns how many they are; sorted has room for n. */
size_t dp_entries_sort(
    const struct dp_entry *entries, size_t n, bool only_new, struct dp_traced *sorted);

/* Whether what is sorted begins another trace at i. */
bool dp_traced_begins(const struct dp_traced *sorted, size_t i);

/* Sums up the entries that are new, by trace and group. */
void dp_rollup_init(struct dp_rollup *r, const struct dp_entry *entries, size_t n);
/* And by minute, once. `systems` takes those it meets, and has to live as long. */
void dp_rollup_count(
    struct dp_rollup *r, const struct dp_entry *entries, size_t n, struct dp_systems *systems);
void dp_rollup_release(struct dp_rollup *r);

/* Adds a row that the database has; its names as dp_names_write writes them. One of no trace, or
 * group, of this roll-up is ignored. */
void dp_rollup_add_trace(struct dp_rollup *r, const struct dp_trace_row *stored,
    struct dp_str systems, struct dp_str system_times);
struct dp_group_texts {
	struct dp_str systems, system_times;
	struct dp_str environments, environment_times;
	struct dp_str traces, trace_times;
};
void dp_rollup_add_group(
    struct dp_rollup *r, const struct dp_group_row *stored, const struct dp_group_texts *names);

/* The name under which a system's minutes are counted: its own, or an empty one. */
struct dp_str dp_systems_take(struct dp_systems *s, struct dp_str name);
void dp_systems_release(struct dp_systems *s);

#endif
