/* The system calls of the spool, wrapped by the linker (Makefile, DISK_CALLS), so that each can be
 * made to fail, and so that a test knows what is durable. */
#ifndef DP_TEST_DISK_H
#define DP_TEST_DISK_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

struct disk {
	const char *call; /* the one to fail, or NULL */
	int at;           /* its calls from this one on, counted from 1 */
	int times;        /* so many of them */
	int error;
	bool is_short; /* write a part first, or all but say nothing was written (error 0) */
	int calls;     /* of `call`, so far */
	int failed;
	/* called for each call that is to come, where set: returns an errno to fail it with, or 0
	 */
	int (*judge)(const char *call, int fd);
	/* called behind each one that succeeded */
	void (*note)(const char *call, int fd, const char *path);
};

static struct disk disk;

static inline void disk_fail(const char *call, int at, int times, int error)
{
	disk = (struct disk){.call = call, .at = at, .times = times, .error = error};
}

static inline bool disk_fails(const char *call, int fd)
{
	int error = disk.judge ? disk.judge(call, fd) : 0;

	if (disk.call && strcmp(call, disk.call) == 0 && ++disk.calls >= disk.at &&
	    disk.calls - disk.at < disk.times) {
		disk.failed++;
		errno = disk.error;
		return true;
	}
	if (error)
		errno = error;
	return error != 0;
}

#define DISK_REAL(result, name, ...)       \
	result __real_##name(__VA_ARGS__); \
	result __wrap_##name(__VA_ARGS__); \
	result __wrap_##name(__VA_ARGS__)

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-*): the linker's names */
int __real_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;
	int fd;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (disk_fails(flags & O_CREAT ? "create" : "openat", -1))
		return -1;
	fd = __real_openat(dir, path, flags, mode);
	if (fd >= 0 && disk.note)
		disk.note("openat", fd, path);
	return fd;
}

DISK_REAL(ssize_t, pwrite, int fd, const void *p, size_t n, off_t at)
{
	if (disk_fails("pwrite", fd)) {
		if (disk.is_short)
			return __real_pwrite(fd, p, n / 2 + 1, at);
		return errno ? -1 : 0;
	}
	return __real_pwrite(fd, p, n, at);
}

DISK_REAL(ssize_t, pread, int fd, void *p, size_t n, off_t at)
{
	return disk_fails("pread", fd) ? -1 : __real_pread(fd, p, n, at);
}

DISK_REAL(ssize_t, write, int fd, const void *p, size_t n)
{
	if (fd > 2 && disk_fails("write", fd))
		return disk.is_short ? __real_write(fd, p, n / 2) : -1;
	return __real_write(fd, p, n);
}

DISK_REAL(int, fsync, int fd)
{
	return disk_fails("fsync", fd) ? -1 : __real_fsync(fd);
}

DISK_REAL(int, fdatasync, int fd)
{
	int rc = disk_fails("fdatasync", fd) ? -1 : __real_fdatasync(fd);

	if (rc == 0 && disk.note)
		disk.note("fdatasync", fd, NULL);
	return rc;
}

DISK_REAL(int, ftruncate, int fd, off_t size)
{
	return disk_fails("ftruncate", fd) ? -1 : __real_ftruncate(fd, size);
}

DISK_REAL(int, unlinkat, int dir, const char *path, int flags)
{
	int rc = disk_fails("unlinkat", -1) ? -1 : __real_unlinkat(dir, path, flags);

	if (rc == 0 && disk.note)
		disk.note("unlinkat", -1, path);
	return rc;
}

DISK_REAL(int, renameat, int from_dir, const char *from, int to_dir, const char *to)
{
	return disk_fails("renameat", -1) ? -1 : __real_renameat(from_dir, from, to_dir, to);
}

DISK_REAL(int, fstat, int fd, struct stat *st)
{
	return disk_fails("fstat", fd) ? -1 : __real_fstat(fd, st);
}

DISK_REAL(DIR *, fdopendir, int fd)
{
	return disk_fails("fdopendir", fd) ? NULL : __real_fdopendir(fd);
}

DISK_REAL(struct dirent *, readdir, DIR *dir)
{
	return disk_fails("readdir", -1) ? NULL : __real_readdir(dir);
}
/* NOLINTEND(bugprone-reserved-identifier,cert-*) */

#endif
