/* What the files that read events share: private to lib/store_read*.c. */
#ifndef DP_STORE_READ_H
#define DP_STORE_READ_H

#include "store_query.h"

/* The columns of an event, as dp_read_event takes them. */
#define DP_SELECT_EVENTS \
	"SELECT seq, trace_id, event_id, ts, severity, system, type, body FROM events WHERE "

/* The caller's function and argument, behind a dp_store_cells_fn. */
struct dp_event_reading {
	dp_store_row_fn *fn;
	void *arg;
	size_t rows;
	bool is_ended; /* by fn */
};

/* Gives a row to the reading that arg is. */
int dp_read_event(void *arg, const struct dp_store_cell *c);

#endif
