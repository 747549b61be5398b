/* The place in the stream of events that the next run goes on from, in a file. */
#ifndef DP_TAIL_CURSOR_FILE_H
#define DP_TAIL_CURSOR_FILE_H

#include "buf.h"

/* Puts the cursor in the file into *cursor; nothing where there is no such file, or it is empty.
 * Returns 0, or -1 with *why. */
int cursor_file_read(const char *path, struct dp_buf *cursor, const char **why);

/* Replaces the file; a reader or a crash meets the old one or the new one. Returns 0, or -1 with
 * errno. */
int cursor_file_write(const char *path, struct dp_str cursor);

#endif
