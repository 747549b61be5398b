/* The spool: a durable log of records in a folder, between one that appends and one that reads. It
 * knows nothing of what a record is, but that it holds no newline.
 *
 *	DIR/spool                     a checked line: "devpulse-spool 1 UUID"
 *	DIR/00000000000000000000.seg  a segment: checked lines (checked.h), named by the offset of
 *	                              its first byte in the whole log
 *	DIR/mark                      how far the reader's reader has come (pos.h)
 *	DIR/lock                      flock(2)ed by the one process that has the spool open
 *	DIR/00000000000000001234.bad  bytes at that offset that are damaged, set apart
 *
 * What holds:
 * - Appended means durable: written and fdatasync(2)ed, the names of files too.
 * - What failed is not believed. After a failed fdatasync nothing more is written to that segment,
 *   and what was not acknowledged is written again to a new one. A failed write is cut off again.
 * - An offset never names two records. A segment begins where the one before it ends, or, after a
 *   start or a failure, at a multiple of 64 MiB that is beyond all that was ever attempted.
 * - A file that another process wrote is never appended to.
 * - Nothing is read that is not durable.
 * - A torn line at the end of what a process wrote is cut off silently: it was never acknowledged.
 *   Any other line that is damaged costs itself: its bytes are set apart, counted and told, and
 *   reading goes on at the next line. A segment that is missing is told, too.
 * - Only whole segments are removed, when the mark has passed them: making room needs none. They
 *   are kept for an hour, for a reader's reader that is set back, but only as long as all segments
 *   are not more than a quarter of max_bytes, and nobody waits for room.
 * - A spool that is opened has a mark, which may say nothing yet, and can be overwritten where the
 *   disk is full.
 * - What cannot be read of the mark or of DIR/spool never loses a record: it means that all that is
 *   there is read again, the latter under a new UUID.
 * - Opening takes time linear in the number of segments, not in their size.
 *
 * One thread appends, one has the reader; the rest may be called by any. */
#ifndef DP_SPOOL_H
#define DP_SPOOL_H

#include "buf.h"
#include "pos.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DP_SPOOL_SEGMENT_BYTES = 64 * 1024 * 1024,
	DP_SPOOL_BATCH_MAX = 8 * 1024 * 1024, /* written and synced at once */
	DP_SPOOL_RECORD_MAX = 2 * 1024 * 1024,
	DP_SPOOL_BYTES_LEAST = 16 * 1024 * 1024, /* of max_bytes; less is taken for it */
	DP_SPOOL_WHY_MAX = 400,
};

/* What a spool has to tell. `kind` is a constant string for each sort of news. Called from
 * whatever thread found it. */
typedef void dp_spool_tell_fn(void *arg, const char *kind, const char *text);

struct dp_spool_options {
	uint64_t max_bytes; /* of segments not passed: at this size the spool is full; 0: no limit
			     */
	dp_spool_tell_fn *tell;
	void *tell_arg;
};

struct dp_spool;

/* Opens a spool, and makes it where there is none (not the folders above it). Cuts off a torn line,
 * reads the mark, removes what it has passed and is not kept. Returns NULL with `why` and errno:
 * EWOULDBLOCK where another process has it open, ENOTSUP where a later version made it. */
struct dp_spool *dp_spool_open(
    const char *dir, const struct dp_spool_options *options, char why[DP_SPOOL_WHY_MAX]);
void dp_spool_close(struct dp_spool **s);

/* The UUID of positions in it. */
const char *dp_spool_id(const struct dp_spool *s);

/* Appends lines, each made by dp_checked_add of a record of at most DP_SPOOL_RECORD_MAX bytes.
 * Returns how many of their bytes are durable now: all, or whole lines of fewer where something
 * failed. Then nothing of the rest counts; the same is to be tried again after a while, which heals
 * by itself when the cause is gone. */
size_t dp_spool_append(struct dp_spool *s, struct dp_str lines);

/* After an append that failed: what did, and whether it is room that is wanted (max_bytes, ENOSPC,
 * EDQUOT). For the thread that appends. */
const char *dp_spool_error(const struct dp_spool *s);
bool dp_spool_is_full(const struct dp_spool *s);

/* Looks at the mark file again, and removes segments that it has passed. A mark that is not of
 * this spool or not at the end of a line of it is told and not believed; one that is behind the
 * last one believed neither. */
void dp_spool_check_mark(struct dp_spool *s);

struct dp_spool_stats {
	uint64_t bytes;       /* of all segments */
	uint64_t kept;        /* of these, of those that the mark has passed */
	uint64_t oldest;      /* the offset of the first byte there is */
	uint64_t end;         /* that of the byte behind the last durable one */
	uint64_t mark;        /* where reading began, or the latest mark believed */
	int64_t mark_us;      /* when it rose last; 0: not since the spool was opened */
	uint64_t lag;         /* bytes between mark and end */
	int64_t lag_since_us; /* when the segment with the first byte behind the mark was last
				 written to; 0 where lag is */
	uint64_t damaged;     /* places found, by this process */
	uint64_t failures;    /* of writing and syncing */
};

void dp_spool_get_stats(struct dp_spool *s, struct dp_spool_stats *out);

/* Reading, from the mark as it was at the start, each record once. */
struct dp_spool_reader;

struct dp_spool_record {
	struct dp_str text; /* good until the next call */
	uint64_t next;      /* the offset behind it: the position that says it was handed over */
};

struct dp_spool_reader *dp_spool_reader_new(struct dp_spool *s);
void dp_spool_reader_free(struct dp_spool_reader **r);

enum { DP_SPOOL_READ_TRIES = 30 };

/* The next record. Returns 1; 0 where nothing more is durable now; -1 with errno where reading
 * failed: to be tried again in a second or so. 4 KiB that gave EIO DP_SPOOL_READ_TRIES times in a
 * row are passed over as damage, and so is a segment that is not there any more. */
int dp_spool_read(struct dp_spool_reader *r, struct dp_spool_record *out);

#endif
