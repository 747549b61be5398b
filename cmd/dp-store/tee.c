#include "tee.h"

#include "log.h"
#include "proc.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { STOPPED_WAIT_MS = 5000 };

void tee_add(struct tee *t, struct dp_str line)
{
	if (!t->is_on)
		return;
	dp_buf_add_str(&t->waiting, line);
	dp_buf_add_char(&t->waiting, '\n');
}

/* Waits until stdout takes something, or fails. Returns 0, or -1 with errno: ETIMEDOUT where it
 * took nothing for long enough after a stop signal. */
static int await_room(void)
{
	for (;;) {
		bool stopping = dp_proc_stopping();
		struct pollfd p[] = {{.fd = STDOUT_FILENO, .events = POLLOUT},
		    {.fd = stopping ? -1 : dp_proc_stop_fd(), .events = POLLIN}};
		int n = poll(p, 2, stopping ? STOPPED_WAIT_MS : -1);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0 && p[0].revents != 0)
			return 0;
		if (n == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

/* Of a pipe that has room poll(2) promises no more than PIPE_BUF bytes. A larger write could wait
 * inside, where no stop signal is seen. */
static ssize_t write_some(const char *p, size_t n)
{
	if (await_room() < 0)
		return -1;
	return write(STDOUT_FILENO, p, n < PIPE_BUF ? n : PIPE_BUF);
}

/* Writes as much as it can. Returns how much that was. */
static size_t write_all(struct tee *t)
{
	size_t done = 0;

	while (done < t->waiting.len && t->error == 0) {
		ssize_t n = write_some(t->waiting.data + done, t->waiting.len - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR && errno != EAGAIN)
			t->error = errno;
	}
	return done;
}

void tee_flush(struct tee *t)
{
	size_t done = write_all(t);

	for (size_t i = done; i < t->waiting.len; i++)
		t->lost += t->waiting.data[i] == '\n';
	dp_buf_clear(&t->waiting);
}

int tee_end(struct tee *t)
{
	dp_buf_release(&t->waiting);
	if (t->error == 0)
		return 0;
	dp_log(DP_LOG_ERROR,
	    "cannot write to stdout: %s; lines that are stored but were not passed on: %zu",
	    t->error == ETIMEDOUT ? "its reader takes nothing and it is time to stop"
				  : strerror(t->error),
	    t->lost);
	return -1;
}
