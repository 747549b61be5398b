#include "spool.h"

#include "clock.h"
#include "spool_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum outcome { DURABLE, NOT_WRITTEN, NOT_SYNCED };

/* Notes what failed. Returns -1. */
static int fail(struct dp_spool *s, const char *what, int error)
{
	s->is_full = error == ENOSPC || error == EDQUOT;
	snprintf(
	    s->error, sizeof s->error, "cannot %s the spool %s: %s", what, s->dir, strerror(error));
	pthread_mutex_lock(&s->lock);
	s->failures++;
	pthread_mutex_unlock(&s->lock);
	return -1;
}

/* Shows the open segment, as it is now, to those who read. */
static void publish(struct dp_spool *s)
{
	pthread_mutex_lock(&s->lock);
	s->segments[s->count - 1] = s->open;
	pthread_mutex_unlock(&s->lock);
}

/* Ends the open segment, all of which is durable: it can be removed once the mark has passed it. */
static void seal(struct dp_spool *s)
{
	close(s->fd);
	s->fd = -1;
	s->next = s->open.start + s->open.size;
	s->open.is_open = false;
	publish(s);
}

/* Takes the open segment away, of which nobody was shown anything: the next one may begin where it
 * did. Not the only one, which says where the log ends. Returns 0, or -1. */
static int take_away(struct dp_spool *s, const char *name)
{
	if (s->open.size > 0 || s->count == 1 || unlinkat(s->dir_fd, name, 0) < 0)
		return -1;
	close(s->fd);
	s->fd = -1;
	s->next = s->open.start;
	pthread_mutex_lock(&s->lock);
	s->count--;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

/* Ends the open segment after a failure: up to `attempted` nobody knows what it holds. What is
 * beyond the durable is cut off where that still works. */
static void abandon(struct dp_spool *s, uint64_t attempted)
{
	char name[DP_SPOOL_NAME_MAX];

	dp_spool_name(s->open.start, ".seg", name);
	if (take_away(s, name) == 0)
		return;
	if (ftruncate(s->fd, (off_t)s->open.size) < 0)
		dp_spool_tell(s, "spool-cut", "cannot cut off what failed in %s/%s: %s", s->dir,
		    name, strerror(errno));
	seal(s);
	s->next = dp_spool_jump(attempted);
}

/* Makes a new segment; its name is durable before anything in it counts. Returns 0, or -1 with
 * s->error. */
static int begin(struct dp_spool *s)
{
	char name[DP_SPOOL_NAME_MAX];

	if (s->next > DP_SPOOL_OFFSET_MAX)
		return fail(s, "number what comes into", EOVERFLOW);
	dp_spool_name(s->next, ".seg", name);
	s->fd = openat(s->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (s->fd < 0) {
		int error = errno;

		if (error == EEXIST)
			s->next = dp_spool_jump(s->next);
		return fail(s, "begin a segment of", error);
	}
	s->open = (struct dp_spool_segment){.start = s->next, .is_open = true};
	dp_spool_add_segment(s, s->open);
	if (fsync(s->dir_fd) < 0) {
		int error = errno;

		abandon(s, s->open.start);
		return fail(s, "sync the folder of", error);
	}
	pthread_mutex_lock(&s->lock);
	dp_spool_remove_passed(s);
	pthread_mutex_unlock(&s->lock);
	return 0;
}

/* Returns 0, or -1 with errno. */
static int write_all(int fd, struct dp_str bytes, uint64_t at)
{
	while (bytes.n > 0) {
		ssize_t n = pwrite(fd, bytes.p, bytes.n, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = ENOSPC;
		if (n <= 0)
			return -1;
		bytes = (struct dp_str){bytes.p + n, bytes.n - (size_t)n};
		at += (uint64_t)n;
	}
	return 0;
}

/* Writes a batch to the open segment. Where that fails, s->error says what, nothing of it counts,
 * and the segment is as it was or is ended. */
static enum outcome write_batch(struct dp_spool *s, struct dp_str batch)
{
	const uint64_t size = s->open.size;
	const uint64_t attempted = s->open.start + size + batch.n;

	if (write_all(s->fd, batch, size) < 0) {
		fail(s, "write to", errno);
		if (ftruncate(s->fd, (off_t)size) < 0)
			abandon(s, attempted);
		else if (size > 0)
			seal(s); /* so that it can be removed if room is wanted */
		return NOT_WRITTEN;
	}
	if (fdatasync(s->fd) < 0) {
		fail(s, "sync", errno);
		abandon(s, attempted);
		return NOT_SYNCED;
	}
	s->open.size += batch.n;
	s->open.time_us = dp_clock_now_us();
	publish(s);
	return DURABLE;
}

/* What counts to the limit: whole segments, as files are removed whole; not those that the mark has
 * passed, which go where room is wanted, the last one when the next is begun. */
static bool is_over_limit(struct dp_spool *s, size_t more)
{
	uint64_t bytes;

	pthread_mutex_lock(&s->lock);
	bytes = dp_spool_bytes(s, s->mark) + more;
	pthread_mutex_unlock(&s->lock);
	return bytes > s->max_bytes;
}

/* Returns 0, or -1 with s->error. */
static int append_batch(struct dp_spool *s, struct dp_str batch)
{
	enum outcome outcome = NOT_SYNCED;

	if (s->fd >= 0 && s->open.size > 0 && s->open.size + batch.n > s->segment_bytes)
		seal(s);
	if (is_over_limit(s, batch.n)) {
		if (s->fd >= 0 && s->open.size > 0)
			seal(s);
		s->is_full = true;
		snprintf(s->error, sizeof s->error, "the spool %s has its %" PRIu64 " bytes",
		    s->dir, s->max_bytes);
		return -1;
	}
	/* After a failed sync once more, in a new segment; never again in the old one. */
	for (int tries = 0; tries < 2 && outcome == NOT_SYNCED; tries++) {
		if (s->fd < 0 && begin(s) < 0)
			return -1;
		outcome = write_batch(s, batch);
		if (outcome == NOT_SYNCED)
			dp_spool_tell(s, "spool-sync", "%s; a new segment is begun", s->error);
	}
	return outcome == DURABLE ? 0 : -1;
}

/* As many whole lines as a batch may have; one is never longer than that. */
static struct dp_str first_batch(const struct dp_spool *s, struct dp_str lines)
{
	const size_t max =
	    s->segment_bytes < DP_SPOOL_BATCH_MAX ? (size_t)s->segment_bytes : DP_SPOOL_BATCH_MAX;
	const char *newline;

	if (lines.n <= max)
		return lines;
	newline = memrchr(lines.p, '\n', max);
	return (struct dp_str){lines.p, (size_t)(newline - lines.p) + 1};
}

size_t dp_spool_append(struct dp_spool *s, struct dp_str lines)
{
	size_t done = 0;

	while (done < lines.n) {
		struct dp_str batch =
		    first_batch(s, (struct dp_str){lines.p + done, lines.n - done});

		while (append_batch(s, batch) < 0)
			if (!s->is_full || !dp_spool_make_room(s))
				return done;
		done += batch.n;
	}
	return done;
}

const char *dp_spool_error(const struct dp_spool *s)
{
	return s->error;
}

bool dp_spool_is_full(const struct dp_spool *s)
{
	return s->is_full;
}
