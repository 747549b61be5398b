#include "spool_dir.h"

#include "clock.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_DIGITS = 20, TAIL_BYTES = 64 * 1024 };

void dp_spool_tell(struct dp_spool *s, const char *kind, const char *fmt, ...)
{
	char text[DP_SPOOL_WHY_MAX];
	va_list args;

	if (!s->tell)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	s->tell(s->tell_arg, kind, text);
}

void dp_spool_name(uint64_t offset, const char *suffix, char out[DP_SPOOL_NAME_MAX])
{
	snprintf(out, DP_SPOOL_NAME_MAX, "%020" PRIu64 "%s", offset, suffix);
}

uint64_t dp_spool_jump(uint64_t attempted)
{
	return (attempted / DP_SPOOL_JUMP + 2) * DP_SPOOL_JUMP;
}

/* At most a batch is attempted and not durable: from further away no single jump leads here. */
bool dp_spool_follows(uint64_t end, uint64_t start)
{
	if (start == end)
		return true;
	return start % DP_SPOOL_JUMP == 0 && start <= dp_spool_jump(end + DP_SPOOL_BATCH_MAX);
}

/* The table */

void dp_spool_add_segment(struct dp_spool *s, struct dp_spool_segment segment)
{
	pthread_mutex_lock(&s->lock);
	if (s->count == s->cap) {
		s->cap = s->cap * 2 + 16;
		s->segments = dp_mem_resize_array(s->segments, s->cap, sizeof *s->segments);
	}
	s->segments[s->count++] = segment;
	pthread_mutex_unlock(&s->lock);
}

uint64_t dp_spool_bytes(const struct dp_spool *s, uint64_t mark)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < s->count; i++)
		if (s->segments[i].start + s->segments[i].size > mark)
			bytes += s->segments[i].size;
	return bytes;
}

uint64_t dp_spool_end(const struct dp_spool *s)
{
	const struct dp_spool_segment *last;

	if (s->count == 0)
		return 0;
	last = &s->segments[s->count - 1];
	return last->start + last->size;
}

/* Under the lock: removes what the mark has passed from the oldest segment on, while there are more
 * than `keep_bytes` or the next one was last written to before `keep_us`. That the names are gone
 * need not be durable: what comes back is removed again. Returns whether there was such. */
static bool remove_passed(struct dp_spool *s, uint64_t keep_bytes, int64_t keep_us)
{
	uint64_t bytes = dp_spool_bytes(s, 0);
	char name[DP_SPOOL_NAME_MAX];
	size_t n = 0;

	while (n + 1 < s->count && s->segments[n].start + s->segments[n].size <= s->mark &&
	       (bytes > keep_bytes || s->segments[n].time_us < keep_us)) {
		dp_spool_name(s->segments[n].start, ".seg", name);
		if (unlinkat(s->dir_fd, name, 0) < 0 && errno != ENOENT)
			break;
		bytes -= s->segments[n++].size;
	}
	s->count -= n;
	if (n > 0)
		memmove(s->segments, s->segments + n, s->count * sizeof *s->segments);
	return n > 0;
}

void dp_spool_remove_passed(struct dp_spool *s)
{
	remove_passed(s, s->keep_bytes, dp_clock_now_us() - s->keep_us);
}

bool dp_spool_make_room(struct dp_spool *s)
{
	bool is_made;

	pthread_mutex_lock(&s->lock);
	is_made = remove_passed(s, 0, INT64_MAX);
	pthread_mutex_unlock(&s->lock);
	return is_made;
}

/* Loading */

/* Returns 0, or -1 where it is no name of a segment. */
static int parse_name(const char *name, uint64_t *start)
{
	char *end;

	if (strspn(name, "0123456789") != NAME_DIGITS || strcmp(name + NAME_DIGITS, ".seg") != 0)
		return -1;
	errno = 0;
	*start = strtoull(name, &end, 10);
	return errno || *start > DP_SPOOL_OFFSET_MAX ? -1 : 0;
}

static int by_start(const void *a, const void *b)
{
	const struct dp_spool_segment *x = a;
	const struct dp_spool_segment *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Returns 0, or -1 with errno. */
static int list(struct dp_spool *s)
{
	int fd = openat(s->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	uint64_t start;
	int error;

	if (!folder) {
		error = errno;
		if (fd >= 0)
			close(fd);
		errno = error;
		return -1;
	}
	errno = 0;
	while ((entry = readdir(folder))) {
		if (parse_name(entry->d_name, &start) == 0)
			dp_spool_add_segment(s, (struct dp_spool_segment){.start = start});
		errno = 0;
	}
	error = errno;
	closedir(folder);
	errno = error;
	if (error)
		return -1;
	if (s->count > 0)
		qsort(s->segments, s->count, sizeof *s->segments, by_start);
	return 0;
}

/* Its size, and all of it durable: what another process wrote and had not synced may be read and
 * handed over from here on. Where that fails it is told: it was not acknowledged, and the offsets
 * of what may yet be lost are not used again. Returns 0, or -1 with errno. */
static int load_segment(struct dp_spool *s, struct dp_spool_segment *segment)
{
	char name[DP_SPOOL_NAME_MAX];
	struct stat st;
	int error;
	int rc;
	int fd;

	dp_spool_name(segment->start, ".seg", name);
	fd = openat(s->dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	rc = fstat(fd, &st);
	if (rc == 0) {
		segment->size = (uint64_t)st.st_size;
		segment->time_us = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
		if (fdatasync(fd) < 0)
			dp_spool_tell(s, "spool-sync", "cannot sync %s/%s: %s", s->dir, name,
			    strerror(errno));
	}
	error = errno;
	close(fd);
	errno = error;
	return rc;
}

/* The size up to the last newline. Returns 0, or -1 with errno. */
static int find_whole(int fd, uint64_t size, uint64_t *whole)
{
	char tail[TAIL_BYTES];

	while (size > 0) {
		size_t n = size < TAIL_BYTES ? (size_t)size : TAIL_BYTES;
		ssize_t got = pread(fd, tail, n, (off_t)(size - n));
		const char *newline;

		if (got < 0)
			return -1;
		newline = memrchr(tail, '\n', (size_t)got);
		if (newline) {
			size = size - n + (size_t)(newline - tail) + 1;
			break;
		}
		size -= n;
	}
	*whole = size;
	return 0;
}

/* Cuts off the torn line at the end of the last segment, so that `cat *.seg` is whole lines. That
 * may fail: the reader passes over it in any case. */
static void cut_torn(struct dp_spool *s)
{
	struct dp_spool_segment *last = s->segments + s->count - 1;
	char name[DP_SPOOL_NAME_MAX];
	uint64_t whole;
	int fd;

	dp_spool_name(last->start, ".seg", name);
	fd = openat(s->dir_fd, name, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	if (find_whole(fd, last->size, &whole) == 0 && whole < last->size &&
	    ftruncate(fd, (off_t)whole) == 0) {
		fdatasync(fd);
		last->size = whole;
	}
	close(fd);
}

int dp_spool_load(struct dp_spool *s, const char **what)
{
	*what = "list";
	if (list(s) < 0)
		return -1;
	*what = "open a segment of";
	for (size_t i = 0; i < s->count; i++)
		if (load_segment(s, &s->segments[i]) < 0)
			return -1;
	if (s->count == 0)
		return 0;
	s->next = dp_spool_jump(dp_spool_end(s));
	cut_torn(s);
	return 0;
}
