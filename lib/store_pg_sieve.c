/* Finding the events that PostgreSQL rejects: of a COPY it tells the row, and the next one goes on
 * behind that. So a batch is sent about twice, however many there are, where bisection would send
 * its halves for each of them. */
#include "store_pg_parts.h"

enum {
	ROWS = 500,        /* of a COPY: those behind the row at fault are sent for nothing */
	FAULTS_MAX = 2000, /* rows that stop it, in a batch: then the rest is left */
};

/* Whether it is at fault by itself: the row that was told may not be the one. Returns 0 where it
 * is, 1 where not, or -1. */
static int bury_alone(struct pg_store *s, struct dp_entry *e)
{
	size_t row;

	if (dp_pg_try_copy(s, e, 1, &row) >= 0)
		return 1;
	if (s->store.fault != DP_STORE_REJECT)
		return -1;
	e->is_rejected = true;
	return dp_pg_put_dead(&s->store, e->ev, dp_store_error(&s->store));
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

int dp_pg_sieve(struct dp_store *store, struct dp_entry *entries, size_t n)
{
	struct pg_store *s = (struct pg_store *)store;
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		entries[i].is_old = entries[i].is_rejected = false;
	for (int faults = 0; at < n && faults < FAULTS_MAX;) {
		const size_t count = least(n - at, ROWS);
		size_t row = 0;
		int rc = dp_pg_try_copy(s, entries + at, count, &row);

		if (rc == 0) {
			at += count;
			continue;
		}
		if (rc < 0 && store->fault != DP_STORE_REJECT)
			return -1;
		if (row == 0 || row > count)
			return 0;
		if (rc < 0 && (rc = bury_alone(s, &entries[at + row - 1])) != 0)
			return rc < 0 ? -1 : 0;
		at += row;
		faults++;
	}
	return 0;
}
