/* Waiting for news from PostgreSQL: writers NOTIFY by their commits (notify.sql). */
#include "store_pg_parts.h"
#include "store_pg_run.h"

#include "clock.h"

#include <poll.h>

enum { LOOK_MS = 50 }; /* between looks where the server doesn't tell */

/* A standby, or what is not quite PostgreSQL, may refuse; a lost connection is a failure. */
static int listen_to(struct pg_store *s)
{
	int rc = dp_pg_execute(s, "LISTEN devpulse");

	if (rc < 0 && !s->conn)
		return -1;
	s->ear = rc == 0 ? PG_LISTENS : PG_CANNOT_LISTEN;
	return 0;
}

/* Returns 1 where there was news, 0 or -1. */
static int take_news(struct pg_store *s)
{
	PGnotify *n;
	int found = 0;

	if (!PQconsumeInput(s->conn))
		return dp_pg_fail(s, NULL);
	while ((n = PQnotifies(s->conn))) {
		found = 1;
		PQfreemem(n);
	}
	return found;
}

int dp_pg_wait(struct dp_store *store, int timeout_ms, int wake_fd)
{
	struct pg_store *s = (struct pg_store *)store;
	int64_t end_ms = dp_clock_monotonic_ms() + timeout_ms;

	if (s->ear == PG_DEAF)
		return listen_to(s);
	if (s->ear == PG_CANNOT_LISTEN && timeout_ms > LOOK_MS)
		end_ms += LOOK_MS - timeout_ms;
	for (;;) {
		struct pollfd fds[] = {
		    {.fd = PQsocket(s->conn), .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};
		int rc = take_news(s);
		int64_t left = end_ms - dp_clock_monotonic_ms();

		if (rc != 0)
			return rc < 0 ? -1 : 0;
		if (left <= 0 || poll(fds, 2, (int)left) == 0 || fds[1].revents)
			return 0;
	}
}
