/* Small files that are replaced whole, so that a reader or a crash meets the old one or the new one
 * and nothing between; where the disk is full they can be overwritten. A relative path is one from
 * dir_fd, as openat(2) takes it. */
#ifndef DP_FILE_H
#define DP_FILE_H

#include "buf.h"

/* Writes PATH.new, fdatasync, renames it over PATH, fsync of the folder. Returns 0, and the content
 * is durable; or -1 with errno. */
int dp_file_replace(int dir_fd, const char *path, struct dp_str content);

/* Makes the file where there is none, durably. Returns 0; or -1 with errno, and there is none, one
 * that was there (EEXIST), or an empty one. */
int dp_file_create(int dir_fd, const char *path, struct dp_str content);

/* Writes over the file that is there, which takes no block of a full disk; fdatasync. Whoever reads
 * it meanwhile, or after a crash, may find a part of both: the content has to be checked. Returns
 * 0, or -1 with errno. */
int dp_file_overwrite(int dir_fd, const char *path, struct dp_str content);

/* Reads at most `max` bytes of a file. Returns 0, or -1 with errno and *out as it was. */
int dp_file_read(int dir_fd, const char *path, size_t max, struct dp_buf *out);

/* fsync of the folder that holds `path`: new names in it are durable. Returns 0, or -1 with errno.
 */
int dp_file_sync_folder(int dir_fd, const char *path);

#endif
