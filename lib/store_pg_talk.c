#include "store_pg_talk.h"

#include "clock.h"

#include <poll.h>
#include <sys/ioctl.h>

enum {
	ANSWER_MS = 35000, /* of a reader: more than its statement_timeout */
	SLOW_MS = 5000,
	UNWANTED_MS = 20, /* for the few rows that are mostly left of a query */
};

void dp_pg_begin_wait(struct pg_wait *w, int max_ms)
{
	w->begin_ms = dp_clock_monotonic_ms();
	w->end_ms = max_ms < 0 ? INT64_MAX : w->begin_ms + max_ms;
	w->told = false;
	w->is_stopping = false;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Until when to sleep at most. */
static int sleep_ms(const struct pg_wait *w, const struct dp_store_patience *p)
{
	const int64_t slow_ms = w->told || !p->on_slow ? INT64_MAX : w->begin_ms + SLOW_MS;
	const int64_t left = least(w->end_ms, slow_ms) - dp_clock_monotonic_ms();

	return left > 0 ? (int)least(left, INT32_MAX) : 0;
}

/* Returns whether to go on waiting. */
static bool is_patient(struct pg_store *s, struct pg_wait *w, bool is_stopping)
{
	const struct dp_store_patience *p = &s->store.patience;
	const int64_t now_ms = dp_clock_monotonic_ms();

	if (is_stopping) {
		w->is_stopping = true;
		w->end_ms = least(w->end_ms, now_ms + p->stop_ms);
	}
	if (!w->told && p->on_slow && now_ms >= w->begin_ms + SLOW_MS) {
		w->told = true;
		p->on_slow(p->arg, &s->store, now_ms - w->begin_ms);
	}
	return now_ms < w->end_ms;
}

int dp_pg_wait_for_socket(struct pg_store *s, struct pg_wait *w, short events)
{
	const struct dp_store_patience *p = &s->store.patience;
	int n;

	do {
		struct pollfd fds[] = {{.fd = PQsocket(s->conn), .events = events},
		    {.fd = w->is_stopping ? -1 : p->stop_fd, .events = POLLIN},
		    {.fd = w->is_stopping ? -1 : p->end_fd}};

		n = poll(fds, 3, sleep_ms(w, p));
		if (n > 0 && fds[0].revents)
			return 0;
	} while (is_patient(s, w, n > 0));
	return 1;
}

static int give_up(struct pg_store *s, const struct pg_wait *w)
{
	dp_store_fail(&s->store, DP_STORE_AWAY, "no answer for %.1f s",
	    (double)(dp_clock_monotonic_ms() - w->begin_ms) / 1000);
	dp_pg_disconnect(s);
	return -1;
}

/* Whether there is room for what is about to be read. */
static bool has_room(struct pg_store *s)
{
	int bytes = 0;

	if (!s->is_whole || ioctl(PQsocket(s->conn), FIONREAD, &bytes) < 0)
		return true;
	s->is_overfull = (size_t)bytes > s->room;
	s->room -= s->is_overfull ? s->room : (size_t)bytes;
	return !s->is_overfull;
}

/* Waits until PQgetResult doesn't. Returns 0, or 1 where the patience or the room is over. What is
 * wrong with the connection is in its result. */
static int await_result(struct pg_store *s, struct pg_wait *w)
{
	for (;;) {
		const int unsent = PQflush(s->conn);

		if (unsent < 0 || (unsent == 0 && !PQisBusy(s->conn)))
			return 0;
		if (dp_pg_wait_for_socket(s, w, unsent ? POLLIN | POLLOUT : POLLIN) != 0 ||
		    !has_room(s))
			return 1;
		if (!PQconsumeInput(s->conn))
			return 0;
	}
}

int dp_pg_flush(struct pg_store *s)
{
	struct pg_wait w;
	int unsent;

	dp_pg_begin_wait(&w, -1);
	while ((unsent = PQflush(s->conn)) > 0) {
		if (dp_pg_wait_for_socket(s, &w, POLLIN | POLLOUT) != 0)
			return give_up(s, &w);
		if (!PQconsumeInput(s->conn))
			return dp_pg_fail(s, NULL);
	}
	return unsent == 0 ? 0 : dp_pg_fail(s, NULL);
}

PGresult *dp_pg_next_result(struct pg_store *s)
{
	struct pg_wait w;

	dp_pg_begin_wait(&w, s->store.mode == DP_STORE_READ ? ANSWER_MS : -1);
	if (await_result(s, &w) == 0)
		return PQgetResult(s->conn);
	if (s->is_overfull)
		dp_pg_disconnect(s);
	else
		give_up(s, &w);
	return NULL;
}

/* Not by PQcancel: it takes a connection and a process of the server's, too, and waits for ever for
 * one that stands still. */
void dp_pg_drop_results(struct pg_store *s)
{
	struct pg_wait w;
	PGresult *res;

	dp_pg_begin_wait(&w, UNWANTED_MS);
	while (dp_clock_monotonic_ms() < w.end_ms && await_result(s, &w) == 0) {
		res = PQgetResult(s->conn);
		if (!res)
			return;
		PQclear(res);
	}
	dp_pg_disconnect(s);
}

PGresult *dp_pg_last_result(struct pg_store *s, int is_sent)
{
	PGresult *last = NULL;
	PGresult *res;

	if (!is_sent) {
		dp_pg_fail(s, NULL);
		return NULL;
	}
	while ((res = dp_pg_next_result(s))) {
		PQclear(last);
		last = res;
		if (PQresultStatus(res) == PGRES_COPY_IN)
			break;
	}
	if (!s->conn) {
		PQclear(last);
		return NULL;
	}
	return last;
}
