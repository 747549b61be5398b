/* Checkpoints: brings what was committed from SQLite's log (FILE-wal) into the database, in a
 * thread, so that a commit writes to the log and no more. While others write no checkpoint comes to
 * the end of the log, which then grows on: at DP_CHECKPOINT_PAGES_MAX a commit waits for the thread
 * and does what little is left, and the log begins anew. Where a reader stays in one transaction
 * the log grows until it ends. */
#ifndef DP_STORE_SQLITE_CHECKPOINT_H
#define DP_STORE_SQLITE_CHECKPOINT_H

#include <sqlite3.h>

enum {
	DP_CHECKPOINT_PAGES = 1000, /* of the log, for the thread to begin: SQLite's own figure */
	DP_CHECKPOINT_PAGES_MAX = 8192, /* 32 MiB */
};

struct dp_checkpointer;

/* From now on looks after the commits of this connection, which was opened by `path`; both are
 * borrowed. The thread begins with the first checkpoint. */
struct dp_checkpointer *dp_checkpointer_new(sqlite3 *db, const char *path);

/* Ends it, before its connection is closed. */
void dp_checkpointer_free(struct dp_checkpointer **c);

#endif
