#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Closes, and keeps errno. Returns `rc`. */
static int close_with(int fd, int rc)
{
	int error = errno;

	close(fd);
	errno = error;
	return rc;
}

static int write_durably(int fd, struct dp_str content)
{
	ssize_t n = write(fd, content.p, content.n);

	if (n >= 0 && (size_t)n < content.n)
		errno = ENOSPC; /* of so few bytes nothing else writes a part */
	if (n < 0 || (size_t)n < content.n)
		return -1;
	return fdatasync(fd);
}

int dp_file_sync_folder(int dir_fd, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct dp_buf folder = {0};
	int fd;

	if (slash)
		dp_buf_add(&folder, path, (size_t)(slash - path) + 1);
	else
		dp_buf_add_char(&folder, '.');
	fd = openat(dir_fd, dp_buf_text(&folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dp_buf_release(&folder);
	return fd < 0 ? -1 : close_with(fd, fsync(fd));
}

/* Returns 0, or -1 with errno and nothing left behind. */
static int write_new(int dir_fd, const char *path, struct dp_str content)
{
	int fd = openat(dir_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return -1;
	rc = close_with(fd, write_durably(fd, content));
	if (rc < 0) {
		int error = errno;

		unlinkat(dir_fd, path, 0);
		errno = error;
	}
	return rc;
}

int dp_file_replace(int dir_fd, const char *path, struct dp_str content)
{
	struct dp_buf fresh = {0};
	int rc;

	dp_buf_addf(&fresh, "%s.new", path);
	rc = write_new(dir_fd, dp_buf_text(&fresh), content);
	if (rc == 0)
		rc = renameat(dir_fd, dp_buf_text(&fresh), dir_fd, path);
	dp_buf_release(&fresh);
	return rc < 0 ? -1 : dp_file_sync_folder(dir_fd, path);
}

int dp_file_create(int dir_fd, const char *path, struct dp_str content)
{
	int fd = openat(dir_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || close_with(fd, write_durably(fd, content)) < 0)
		return -1;
	return dp_file_sync_folder(dir_fd, path);
}

int dp_file_overwrite(int dir_fd, const char *path, struct dp_str content)
{
	int fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (write_durably(fd, content) < 0 || ftruncate(fd, (off_t)content.n) < 0)
		return close_with(fd, -1);
	return close_with(fd, fdatasync(fd));
}

int dp_file_read(int dir_fd, const char *path, size_t max, struct dp_buf *out)
{
	int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	dp_buf_reserve(out, max);
	n = read(fd, out->data + out->len, max);
	if (n < 0)
		return close_with(fd, -1);
	out->len += (size_t)n;
	close(fd);
	return 0;
}
