#include "spool.h"

#include "checked.h"
#include "mem.h"
#include "spool_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	READ_BYTES = 256 * 1024,
	LINE_MAX_BYTES = DP_SPOOL_RECORD_MAX + DP_CHECKED_ADDS,
	BLOCK_BYTES = 4096,
	CANDIDATES_MAX = 64, /* for the rest of a damaged line to be whole */
	SET_APART_MAX = 100, /* files */
};

struct dp_spool_reader {
	struct dp_spool *spool;
	int fd;                          /* of the segment, or -1: between two */
	struct dp_spool_segment segment; /* as it was known last */
	uint64_t least;                  /* the next one starts here or later */
	uint64_t at;                     /* the offset of what is in buf */
	struct dp_buf buf;
	size_t head;    /* of the first line not yet returned */
	size_t scanned; /* behind it: no newline before */
	bool in_damage; /* the line began in what was dropped */
	int failures;   /* in a row */
	int set_apart;
};

struct dp_spool_reader *dp_spool_reader_new(struct dp_spool *s)
{
	struct dp_spool_reader *r = dp_mem_new(sizeof *r);

	r->spool = s;
	r->fd = -1;
	r->at = s->mark;
	dp_buf_reserve(&r->buf, READ_BYTES);
	return r;
}

void dp_spool_reader_free(struct dp_spool_reader **r)
{
	struct dp_spool_reader *old = *r;

	*r = NULL;
	if (!old)
		return;
	if (old->fd >= 0)
		close(old->fd);
	dp_buf_release(&old->buf);
	free(old);
}

/* Damage */

static uint64_t head_offset(const struct dp_spool_reader *r)
{
	return r->at + r->head;
}

static void set_apart(struct dp_spool_reader *r, struct dp_str bytes)
{
	char name[DP_SPOOL_NAME_MAX];
	int fd;

	if (bytes.n == 0 || ++r->set_apart > SET_APART_MAX)
		return;
	dp_spool_name(head_offset(r), ".bad", name);
	fd = openat(r->spool->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return; /* from the last time it was read, or no room: it is told in any case */
	if (write(fd, bytes.p, bytes.n) < 0)
		dp_spool_tell(r->spool, "spool-bad", "cannot write %s/%s: %s", r->spool->dir, name,
		    strerror(errno));
	close(fd);
}

static void count_damage(struct dp_spool_reader *r, const char *what, size_t bytes)
{
	pthread_mutex_lock(&r->spool->lock);
	r->spool->damaged++;
	pthread_mutex_unlock(&r->spool->lock);
	dp_spool_tell(r->spool, "spool-damage",
	    "%s at offset %" PRIu64 " of the spool %s: %zu bytes are passed over", what,
	    head_offset(r), r->spool->dir, bytes);
}

/* Drops n bytes at the head that are no line. */
static void drop_damage(struct dp_spool_reader *r, size_t n)
{
	set_apart(r, (struct dp_str){r->buf.data + r->head, n});
	if (!r->in_damage)
		count_damage(r, "damage", n);
	r->head += n;
	r->scanned = 0;
}

/* Where in a damaged line a whole one begins: the newline before it was damaged. Returns the length
 * of the line where there is none. */
static size_t find_whole_rest(struct dp_str line)
{
	struct dp_str text;
	int candidates = 0;

	for (size_t i = 1; i < line.n && candidates < CANDIDATES_MAX; i++) {
		struct dp_str rest = {line.p + i, line.n - i};

		if (!dp_checked_has_form(rest))
			continue;
		candidates++;
		if (dp_checked_read(rest, &text) == 0)
			return i;
	}
	return line.n;
}

/* Lines */

/* The next line of the buffer. Returns 1, or 0 where there is none that is complete. */
static int take_line(struct dp_spool_reader *r, struct dp_spool_record *out)
{
	for (;;) {
		struct dp_str rest = {r->buf.data + r->head, r->buf.len - r->head};
		const char *newline = memchr(rest.p + r->scanned, '\n', rest.n - r->scanned);
		struct dp_str line = {rest.p, newline ? (size_t)(newline - rest.p) : 0};
		size_t damaged;

		r->scanned = rest.n;
		if (!newline)
			return 0;
		r->scanned = 0;
		if (dp_checked_read(line, &out->text) == 0) {
			r->head += line.n + 1;
			r->in_damage = false;
			out->next = head_offset(r);
			return 1;
		}
		damaged = find_whole_rest(line);
		drop_damage(r, damaged < line.n ? damaged : line.n + 1);
		r->in_damage = false;
	}
}

/* Forgets what was returned, and of a line without end all but what may still be one. */
static void make_room(struct dp_spool_reader *r)
{
	size_t pending = r->buf.len - r->head;

	if (pending > 2 * (size_t)LINE_MAX_BYTES) {
		size_t scanned = r->scanned;

		drop_damage(r, pending - LINE_MAX_BYTES);
		r->in_damage = true;
		r->scanned = scanned - (pending - LINE_MAX_BYTES);
	}
	dp_buf_drop(&r->buf, r->head);
	r->at += r->head;
	r->head = 0;
}

/* Segments */

/* Looks the segment up again: it may have grown, or be ended. One that was removed meanwhile stays
 * as it was known last, but ended. */
static void refresh(struct dp_spool_reader *r)
{
	struct dp_spool *s = r->spool;

	pthread_mutex_lock(&s->lock);
	r->segment.is_open = false;
	for (size_t i = s->count; i > 0 && s->segments[i - 1].start >= r->segment.start; i--)
		if (s->segments[i - 1].start == r->segment.start)
			r->segment = s->segments[i - 1];
	pthread_mutex_unlock(&s->lock);
}

/* The segment with the byte at r->at, or the next one. */
static bool find_segment(struct dp_spool_reader *r)
{
	struct dp_spool *s = r->spool;
	bool is_found = false;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->count && !is_found; i++) {
		const struct dp_spool_segment *segment = &s->segments[i];

		is_found = segment->start >= r->least &&
			   (segment->start >= r->at || segment->start + segment->size > r->at);
		if (is_found)
			r->segment = *segment;
	}
	pthread_mutex_unlock(&s->lock);
	return is_found;
}

static void leave_segment(struct dp_spool_reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	r->least = r->segment.start + 1;
}

/* Comes to the start of the segment, or to the place in it where reading begins. */
static void come_to_segment(struct dp_spool_reader *r, const char *name)
{
	if (r->at >= r->segment.start)
		return;
	if (!dp_spool_follows(r->at, r->segment.start))
		dp_spool_tell(r->spool, "spool-gap",
		    "before %s/%s a segment is missing: offsets from %" PRIu64 " on", r->spool->dir,
		    name, r->at);
	r->at = r->segment.start;
}

/* One that is open may yet be taken away, so it is waited for; any other was left by a process that
 * died there. Returns as enter_segment does. */
static int pass_empty_segment(struct dp_spool_reader *r, const char *name)
{
	if (r->segment.is_open)
		return 0;
	come_to_segment(r, name);
	leave_segment(r);
	return 1;
}

/* Opens the next segment. Returns 1, 0 where there is none yet, -1 with errno. */
static int enter_segment(struct dp_spool_reader *r)
{
	char name[DP_SPOOL_NAME_MAX];

	if (!find_segment(r))
		return 0;
	dp_spool_name(r->segment.start, ".seg", name);
	if (r->segment.size == 0)
		return pass_empty_segment(r, name);
	r->fd = openat(r->spool->dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (r->fd >= 0) {
		come_to_segment(r, name);
		return 1;
	}
	if (errno != ENOENT)
		return -1;
	count_damage(r, "a segment that is missing", (size_t)r->segment.size);
	leave_segment(r);
	return 1;
}

/* Whether the log goes on where this segment ends: then a line that has no end was damaged, and not
 * torn at the end of a process. */
static bool goes_on(struct dp_spool_reader *r)
{
	struct dp_spool *s = r->spool;
	bool found = false;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->count; i++)
		found |= s->segments[i].start == r->segment.start + r->segment.size;
	pthread_mutex_unlock(&s->lock);
	return found;
}

/* All of the segment has been read, and nothing more will come to it. */
static void end_segment(struct dp_spool_reader *r)
{
	leave_segment(r);
	if (r->buf.len > r->head && goes_on(r))
		drop_damage(r, r->buf.len - r->head);
	dp_buf_clear(&r->buf);
	r->head = r->scanned = 0;
	r->in_damage = false;
	r->at = r->segment.start + r->segment.size;
}

/* Passes over a block that cannot be read, and the line that it is in. */
static void skip_block(struct dp_spool_reader *r, uint64_t behind)
{
	const uint64_t in_file = behind - r->segment.start;
	const uint64_t next = (in_file / BLOCK_BYTES + 1) * BLOCK_BYTES;

	if (!r->in_damage)
		count_damage(r, "a block that cannot be read", BLOCK_BYTES);
	r->in_damage = true;
	r->failures = 0;
	set_apart(r, (struct dp_str){r->buf.data + r->head, r->buf.len - r->head});
	dp_buf_clear(&r->buf);
	r->head = r->scanned = 0;
	r->at = r->segment.start + (next < r->segment.size ? next : r->segment.size);
}

/* Reads more of the segment. Returns 1, 0 at the end of what is durable of it, -1 with errno. */
static int fill(struct dp_spool_reader *r)
{
	uint64_t behind;
	uint64_t left;
	ssize_t n;

	make_room(r);
	behind = r->at + r->buf.len;
	left = r->segment.start + r->segment.size - behind;
	if (left == 0)
		return 0;
	dp_buf_reserve(&r->buf, READ_BYTES);
	n = pread(r->fd, r->buf.data + r->buf.len, left < READ_BYTES ? (size_t)left : READ_BYTES,
	    (off_t)(behind - r->segment.start));
	if (n < 0 && errno != EINTR) {
		if (errno != EIO || ++r->failures < DP_SPOOL_READ_TRIES)
			return -1;
		skip_block(r, behind);
	}
	if (n < 0)
		return 1;
	r->failures = 0;
	r->buf.len += (size_t)n;
	return n > 0; /* somebody cut it: what is there is all */
}

int dp_spool_read(struct dp_spool_reader *r, struct dp_spool_record *out)
{
	int rc;

	for (;;) {
		if (r->fd < 0) {
			rc = enter_segment(r);
			if (rc <= 0)
				return rc;
			continue;
		}
		if (take_line(r, out))
			return 1;
		rc = fill(r);
		if (rc == 0) {
			refresh(r);
			rc = fill(r);
		}
		if (rc < 0)
			return -1;
		if (rc == 0 && r->segment.is_open)
			return 0;
		if (rc == 0)
			end_segment(r);
	}
}
