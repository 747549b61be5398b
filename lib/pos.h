/* Positions: how far a spool has been handed over, as "UUID:OFFSET". The UUID names the spool, the
 * offset is that of the byte behind a line (spool.h). dp-ingest writes one into each event of the
 * pipe (`_pos`), dp-store keeps that of the last event it has committed and tells it in the mark
 * file, which dp-ingest reads.
 *
 * The mark file holds one checked line (checked.h) whose text is the position:
 *
 *	5d3a1c02 019a0000-0000-7000-8000-000000000001:1048576
 *
 * or an empty line, by which dp-ingest keeps its place on the disk, and which says as much as no
 * file; so does an empty one, whose maker died. It is replaced whole, and may lag behind what is
 * committed but must never lead. */
#ifndef DP_POS_H
#define DP_POS_H

#include "buf.h"
#include "uuid.h"

#include <stdint.h>

enum { DP_POS_TEXT = DP_UUID_TEXT + 1 + 20 };

struct dp_pos {
	char spool[DP_UUID_TEXT + 1];
	uint64_t offset;
};

/* Reads "UUID:OFFSET". Returns 0, or -1 with *out untouched where it is anything else. */
int dp_pos_parse(struct dp_str text, struct dp_pos *out);

/* Writes it with a NUL. Returns the length. */
size_t dp_pos_write(const struct dp_pos *pos, char out[DP_POS_TEXT + 1]);

/* Replaces the mark file as file.h does, or overwrites it where the disk is full: it may be that
 * only the mark can make room there. Returns 0, or 1 with errno where it was overwritten, and the
 * mark is durable; or -1 with errno, and the old mark (or the new one, or one that is damaged)
 * stands. Commit first. */
int dp_pos_write_mark(int dir_fd, const char *path, const struct dp_pos *pos);

/* Reads a mark file; a relative path is one from dir_fd (AT_FDCWD: the working directory). Returns
 * 1 with *out; 0 where there is none; -1 with errno where it cannot be read, EBADMSG where what it
 * holds is damaged. */
int dp_pos_read_mark(int dir_fd, const char *path, struct dp_pos *out);

#endif
