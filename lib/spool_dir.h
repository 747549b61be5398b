/* The folder of a spool: what spool*.c share, and nobody else sees. */
#ifndef DP_SPOOL_DIR_H
#define DP_SPOOL_DIR_H

#include "spool.h"

#include <pthread.h>

enum {
	DP_SPOOL_NAME_MAX = 32,
	DP_SPOOL_JUMP = 64 * 1024 * 1024,
};

/* Offsets stay below it, so that no sum of them overflows. */
#define DP_SPOOL_OFFSET_MAX (UINT64_C(1) << 62)

struct dp_spool_segment {
	uint64_t start;
	uint64_t size;   /* of what is durable */
	int64_t time_us; /* of the last write */
	bool is_open;    /* appended to: the last one only */
};

struct dp_spool {
	char *dir;
	int dir_fd;
	int lock_fd;
	char id[DP_UUID_TEXT + 1];
	uint64_t max_bytes;
	uint64_t segment_bytes;
	uint64_t keep_bytes; /* above it, of all segments, those that the mark has passed go */
	int64_t keep_us;     /* as do those that were last written to longer ago */
	dp_spool_tell_fn *tell;
	void *tell_arg;

	/* of the thread that appends */
	int fd;                       /* of the open segment, or -1 */
	struct dp_spool_segment open; /* that segment, the last of the table */
	uint64_t next;                /* where a new one begins */
	char error[DP_SPOOL_WHY_MAX];
	bool is_full;

	pthread_mutex_t lock;              /* for what follows */
	struct dp_spool_segment *segments; /* in order of start */
	size_t count;
	size_t cap;
	uint64_t mark;
	int64_t mark_us; /* when it rose last */
	uint64_t damaged;
	uint64_t failures;
};

/* Tells news, with the place where they come from. */
void dp_spool_tell(struct dp_spool *s, const char *kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A name in the folder: that of the segment at an offset, or of damage (".bad"). */
void dp_spool_name(uint64_t offset, const char *suffix, char out[DP_SPOOL_NAME_MAX]);

/* Where a segment begins that doesn't continue the one before: beyond `attempted`, more than one
 * and at most two of DP_SPOOL_JUMP away. */
uint64_t dp_spool_jump(uint64_t attempted);

/* Whether nothing is missing between the end of a segment and the start of the next. */
bool dp_spool_follows(uint64_t end, uint64_t start);

/* Fills the table from the folder: the size of each segment, made durable as far as that goes. The
 * torn line at the end of the last one is cut off. Returns 0, or -1 with errno and `what`. */
int dp_spool_load(struct dp_spool *s, const char **what);

void dp_spool_add_segment(struct dp_spool *s, struct dp_spool_segment segment);

/* Under the lock: removes from the table and the folder, oldest first, what the mark has passed and
 * need not be kept, never the last segment, whose end is the end of the log. */
void dp_spool_remove_passed(struct dp_spool *s);

/* Removes what the mark has passed, though it is to be kept: room is wanted. Returns whether there
 * was such. */
bool dp_spool_make_room(struct dp_spool *s);

/* Under the lock: the size of the segments that end behind a mark. */
uint64_t dp_spool_bytes(const struct dp_spool *s, uint64_t mark);

/* Under the lock: the end of the log, 0 where there are no segments. */
uint64_t dp_spool_end(const struct dp_spool *s);

#endif
