#include "mark.h"

#include "clock.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PAUSE_MS = 100, /* between two writings */
	PAUSE_AFTER_ERROR_MS = 1000,
};

/* Returns 0, or -1 with errno. */
static int make_folder(const char *path)
{
	char copy[PATH_MAX];

	if ((size_t)snprintf(copy, sizeof copy, "%s", path) >= sizeof copy) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return mkdir(dirname(copy), 0700) == 0 || errno == EEXIST ? 0 : -1;
}

static int lock(const char *path)
{
	struct dp_buf name = {0};
	int fd;

	dp_buf_addf(&name, "%s.lock", path);
	fd = open(dp_buf_text(&name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	dp_buf_release(&name);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

int mark_open(struct mark *m, const char *path)
{
	*m = (struct mark){.lock_fd = -1};
	if (!path)
		return 0;
	if (make_folder(path) < 0 || (m->lock_fd = lock(path)) < 0)
		return -1;
	m->path = path;
	/* one that cannot be read says nothing to dp-ingest either */
	dp_pos_read_mark(AT_FDCWD, path, &m->stands);
	return 0;
}

void mark_close(struct mark *m)
{
	if (m->lock_fd >= 0)
		close(m->lock_fd);
	*m = (struct mark){.lock_fd = -1};
}

void mark_flush(struct mark *m)
{
	int rc;

	if (!m->wanted.spool[0])
		return;
	rc = dp_pos_write_mark(AT_FDCWD, m->path, &m->wanted);
	if (rc > 0)
		dp_log_limited(DP_LOG_WARNING, "mark-full",
		    "cannot replace the mark %s: %s; it was written over the old one", m->path,
		    strerror(errno));
	if (rc < 0) {
		dp_log_limited(DP_LOG_WARNING, "mark",
		    "cannot write the mark %s: %s; trying again, until then it is behind what is "
		    "stored",
		    m->path, strerror(errno));
		m->not_before_ms = dp_clock_monotonic_ms() + PAUSE_AFTER_ERROR_MS;
		return;
	}
	m->stands = m->wanted;
	m->wanted.spool[0] = '\0';
	m->not_before_ms = dp_clock_monotonic_ms() + PAUSE_MS;
}

void mark_move(struct mark *m, const struct dp_pos *pos)
{
	if (!m->path ||
	    (strcmp(pos->spool, m->stands.spool) == 0 && pos->offset <= m->stands.offset))
		return;
	m->wanted = *pos;
	if (mark_wait_ms(m) == 0)
		mark_flush(m);
}

int mark_wait_ms(const struct mark *m)
{
	int64_t left = m->not_before_ms - dp_clock_monotonic_ms();

	if (!m->wanted.spool[0])
		return -1;
	return left > 0 ? (int)left : 0;
}
