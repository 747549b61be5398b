#include "spool.h"

#include "checked.h"
#include "clock.h"
#include "file.h"
#include "mem.h"
#include "spool_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IDENTITY_MAX = 200, SEGMENTS_AT_LEAST = 4, KEEP_SECONDS = 3600, KEEP_PART = 4 };

static const struct dp_str VERSION_1 = DP_STR("devpulse-spool 1 ");

/* The identity */

/* Reads the text of DIR/spool. Returns 0, or -1 with errno where it is no good. */
static int parse_identity(struct dp_spool *s, struct dp_str content)
{
	struct dp_str text;

	errno = EBADMSG;
	if (content.n == 0 || dp_checked_read((struct dp_str){content.p, content.n - 1}, &text) < 0)
		return -1;
	if (text.n < VERSION_1.n || memcmp(text.p, VERSION_1.p, VERSION_1.n) != 0) {
		errno = ENOTSUP; /* it is intact: another version wrote it */
		return -1;
	}
	return dp_uuid_parse((struct dp_str){text.p + VERSION_1.n, text.n - VERSION_1.n}, s->id);
}

static int read_identity(struct dp_spool *s)
{
	struct dp_buf content = {0};
	int rc = dp_file_read(s->dir_fd, "spool", IDENTITY_MAX, &content);

	if (rc == 0)
		rc = parse_identity(s, dp_buf_str(&content));
	dp_buf_release(&content);
	return rc;
}

static int renew_identity(struct dp_spool *s)
{
	struct dp_buf line = {0};
	struct dp_buf text = {0};
	int rc;

	dp_uuid_v7(dp_clock_now_us(), s->id);
	dp_buf_add_str(&text, VERSION_1);
	dp_buf_add_text(&text, s->id);
	dp_checked_add(&line, dp_buf_str(&text));
	rc = dp_file_replace(s->dir_fd, "spool", dp_buf_str(&line));
	dp_buf_release(&line);
	dp_buf_release(&text);
	return rc;
}

/* Returns 0, or -1 with errno and *what. */
static int find_identity(struct dp_spool *s, const char **what)
{
	*what = "use"; /* version 2 or later */
	if (read_identity(s) == 0)
		return 0;
	if (errno == ENOTSUP)
		return -1;
	if (errno != ENOENT || s->count > 0)
		dp_spool_tell(s, "spool-identity",
		    "%s/spool is missing or damaged: all that is in the spool is handed over again",
		    s->dir);
	*what = "write the identity of";
	return renew_identity(s);
}

/* The mark */

/* Under the lock, or before there are threads: whether an offset is the end of a line, so that a
 * damaged mark is not taken for one. */
static bool is_line_end(struct dp_spool *s, uint64_t offset)
{
	const struct dp_spool_segment *segment = s->segments;
	const struct dp_spool_segment *end = s->segments + s->count;
	char name[DP_SPOOL_NAME_MAX];
	char c = '\0';
	int fd;

	while (segment < end && offset > segment->start + segment->size)
		segment++;
	if (segment == end || offset < segment->start)
		return false;
	if (offset == segment->start)
		return true;
	dp_spool_name(segment->start, ".seg", name);
	fd = openat(s->dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (pread(fd, &c, 1, (off_t)(offset - segment->start) - 1) < 0)
		c = '\0';
	close(fd);
	return c == '\n';
}

/* What is wrong with a mark file that gave an error. */
static const char *unreadable(int error)
{
	return error == EBADMSG ? "is damaged" : "cannot be read";
}

static void tell_of_mark(struct dp_spool *s, const char *what, const char *then)
{
	dp_spool_tell(s, "spool-mark", "the mark %s/mark %s%s", s->dir, what, then);
}

/* dp-store may write one at the same time. */
static void make_mark(struct dp_spool *s)
{
	if (dp_file_create(s->dir_fd, "mark", DP_STR("\n")) < 0 && errno != EEXIST)
		dp_spool_tell(
		    s, "spool-mark", "cannot make the mark %s/mark: %s", s->dir, strerror(errno));
}

/* Sets the mark where reading begins. Returns 0, or -1 with errno. */
static int find_mark(struct dp_spool *s)
{
	static const char all[] = ": all that is in the spool is handed over again";
	struct dp_pos pos;
	int rc = dp_pos_read_mark(s->dir_fd, "mark", &pos);

	s->mark = s->count > 0 ? s->segments[0].start : 0;
	if (rc == 0) {
		make_mark(s);
	} else if (rc < 0) {
		tell_of_mark(s, unreadable(errno), all);
	} else if (strcmp(pos.spool, s->id) != 0) {
		tell_of_mark(s, "is of another spool", all);
	} else if (is_line_end(s, pos.offset)) {
		s->mark = pos.offset;
	} else if (pos.offset > dp_spool_end(s)) {
		/* The spool lost what was handed over, or is an older copy: what is appended from
		 * here on must not be taken for what once had its offsets. */
		tell_of_mark(s, "is beyond the end of the spool", all);
		return renew_identity(s);
	} else if (pos.offset > s->mark) {
		tell_of_mark(s, "is not at the end of a line", all);
	}
	return 0;
}

static void raise_mark(struct dp_spool *s, uint64_t offset)
{
	s->mark = offset;
	s->mark_us = dp_clock_now_us();
}

void dp_spool_check_mark(struct dp_spool *s)
{
	const char *wrong = NULL;
	struct dp_pos pos;
	int rc = dp_pos_read_mark(s->dir_fd, "mark", &pos);

	if (rc == 0)
		return;
	pthread_mutex_lock(&s->lock);
	if (rc < 0)
		wrong = unreadable(errno);
	else if (strcmp(pos.spool, s->id) != 0)
		wrong = "is of another spool";
	else if (pos.offset > s->mark && !is_line_end(s, pos.offset))
		wrong = "is not at the end of a line";
	else if (pos.offset > s->mark)
		raise_mark(s, pos.offset);
	dp_spool_remove_passed(s);
	pthread_mutex_unlock(&s->lock);
	if (wrong)
		tell_of_mark(s, wrong, ": it is not believed");
}

/* Open and close */

/* Returns 0, or -1 with errno and *what. */
static int open_folder(struct dp_spool *s, const char **what)
{
	bool is_new = mkdir(s->dir, 0700) == 0;

	*what = "open";
	if (!is_new && errno != EEXIST)
		return -1;
	s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir_fd < 0)
		return -1;
	if (dp_file_sync_folder(s->dir_fd, "../") < 0 && is_new)
		return -1;
	*what = "lock";
	s->lock_fd = openat(s->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return s->lock_fd < 0 ? -1 : flock(s->lock_fd, LOCK_EX | LOCK_NB);
}

static int set_up(struct dp_spool *s, const char **what)
{
	if (open_folder(s, what) < 0 || dp_spool_load(s, what) < 0 || find_identity(s, what) < 0)
		return -1;
	*what = "write the identity of";
	if (find_mark(s) < 0)
		return -1;
	dp_spool_remove_passed(s);
	return 0;
}

static void explain(const struct dp_spool *s, const char *what, int error, char *why)
{
	if (error == EWOULDBLOCK)
		snprintf(why, DP_SPOOL_WHY_MAX,
		    "the spool %s is in use by another process: there is one writer to a spool",
		    s->dir);
	else if (error == ENOTSUP)
		snprintf(why, DP_SPOOL_WHY_MAX,
		    "the spool %s was made by a later version: empty it with that first", s->dir);
	else
		snprintf(why, DP_SPOOL_WHY_MAX, "cannot %s the spool %s: %s", what, s->dir,
		    strerror(error));
}

static void set_limits(struct dp_spool *s, uint64_t max_bytes)
{
	s->max_bytes = max_bytes;
	if (max_bytes == 0)
		s->max_bytes = UINT64_MAX;
	else if (max_bytes < DP_SPOOL_BYTES_LEAST)
		s->max_bytes = DP_SPOOL_BYTES_LEAST;
	s->segment_bytes = DP_SPOOL_SEGMENT_BYTES;
	if (s->max_bytes / SEGMENTS_AT_LEAST < s->segment_bytes)
		s->segment_bytes = s->max_bytes / SEGMENTS_AT_LEAST;
	s->keep_bytes = s->max_bytes / KEEP_PART;
	s->keep_us = (int64_t)KEEP_SECONDS * 1000000;
}

struct dp_spool *dp_spool_open(
    const char *dir, const struct dp_spool_options *options, char why[DP_SPOOL_WHY_MAX])
{
	struct dp_spool *s = dp_mem_new(sizeof *s);
	const char *what;
	int error;

	s->dir = dp_mem_copy(dir, strlen(dir));
	s->dir_fd = s->lock_fd = s->fd = -1;
	set_limits(s, options->max_bytes);
	s->tell = options->tell;
	s->tell_arg = options->tell_arg;
	pthread_mutex_init(&s->lock, NULL);
	if (set_up(s, &what) == 0)
		return s;
	error = errno;
	explain(s, what, error, why);
	dp_spool_close(&s);
	errno = error;
	return NULL;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void dp_spool_close(struct dp_spool **s)
{
	struct dp_spool *old = *s;

	*s = NULL;
	if (!old)
		return;
	close_if_open(old->fd);
	close_if_open(old->dir_fd);
	close_if_open(old->lock_fd);
	pthread_mutex_destroy(&old->lock);
	free(old->segments);
	free(old->dir);
	free(old);
}

const char *dp_spool_id(const struct dp_spool *s)
{
	return s->id;
}

void dp_spool_get_stats(struct dp_spool *s, struct dp_spool_stats *out)
{
	pthread_mutex_lock(&s->lock);
	*out = (struct dp_spool_stats){
	    .bytes = dp_spool_bytes(s, 0),
	    .kept = dp_spool_bytes(s, 0) - dp_spool_bytes(s, s->mark),
	    .oldest = s->count > 0 ? s->segments[0].start : 0,
	    .end = dp_spool_end(s),
	    .mark = s->mark,
	    .mark_us = s->mark_us,
	    .damaged = s->damaged,
	    .failures = s->failures,
	};
	for (size_t i = 0; i < s->count; i++) {
		const struct dp_spool_segment *segment = &s->segments[i];
		const uint64_t end = segment->start + segment->size;

		if (end <= s->mark)
			continue;
		if (out->lag == 0 && segment->size > 0)
			out->lag_since_us = segment->time_us;
		out->lag += end - (s->mark > segment->start ? s->mark : segment->start);
	}
	pthread_mutex_unlock(&s->lock);
}
