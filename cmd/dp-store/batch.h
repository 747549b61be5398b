/* Reads events, one a line, and stores them in batches: "commit when the next read would block".
 * A busy stream batches itself, an event of a quiet one is committed at once. */
#ifndef DP_BATCH_H
#define DP_BATCH_H

#include "mark.h"
#include "retain.h"
#include "store.h"

#include <stdbool.h>
#include <stddef.h>

struct batch_options {
	size_t events_max; /* the most events of a transaction */
	bool tee;          /* write each event that was newly stored to stdout, after its commit */
	struct dp_store_limits limits; /* what is kept */
};

/* Connects, waiting while the database is away. `of_spool`: the end of stdin ends the wait, too.
 * Returns 0, or -1 where the database is broken or the wait was ended: the store tells. */
int batch_connect(struct dp_store *store, bool of_spool);

/* Stores what comes from `fd` until its end or a stop signal; the mark follows the positions of the
 * lines that are committed. What cannot be stored for now is tried again for ever, and nothing more
 * is read meanwhile. Reports by dp_log what happens, and at the end what was done. Returns 0, or -1
 * where something that was read could not be stored, read or passed on, or where the positions make
 * no sense. */
int batch_run(
    int fd, struct dp_store *store, struct mark *mark, const struct batch_options *options);

#endif
