#include "server.h"

#include "answer.h"
#include "api.h"
#include "check.h"
#include "clock.h"
#include "log.h"
#include "mem.h"
#include "metrics.h"

#include <linux/sockios.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	REQUEST_MS = 10 * 1000, /* to send a request's header section */
	/* Where room is wanted: without a request, and without taking anything of an answer. */
	WAIT_MS = 250,
	STILL_MS = 2000,
	IDLE_SECONDS = 30, /* a connection on which nothing moves */
	MEMORY_BYTES = 64 * 1024,
	RESERVE = 256, /* connections taken before others have given way to them */
	STOP_MS = 900,
};

enum state {
	STATE_REQUEST, /* a request is awaited, or on its way */
	STATE_ANSWER,  /* since its last piece was taken */
	STATE_FOLLOW,  /* an answer without an end */
	STATE_END,     /* its end was begun here */
};

/* One connection. Held by the library as the connection's context. */
struct conn {
	struct server *server;
	struct conn *next;
	struct conn *prev;
	int fd;
	enum state state;
	int64_t since_ms; /* it is in that state */
	int unsent;       /* bytes that its socket held when it was looked at last */
	char *target;     /* of the present request, as it was sent */
	bool begun;       /* the handler has seen it */
	int64_t begun_us; /* when, by dp_clock_monotonic_us */
};

struct server {
	struct MHD_Daemon *daemon;
	const struct service *service;
	int quiesced_fd;
	pthread_mutex_t lock;
	struct conn *first;
	unsigned count;
	unsigned max;
};

static void set_state(struct server *s, struct conn *c, enum state state)
{
	pthread_mutex_lock(&s->lock);
	if (c->state != STATE_END)
		c->state = state;
	c->since_ms = dp_clock_monotonic_ms();
	pthread_mutex_unlock(&s->lock);
}

static struct conn *conn_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void end_conn(struct conn *c)
{
	shutdown(c->fd, SHUT_RDWR);
	c->state = STATE_END;
}

/* Whether the client has sent what was not read yet: then it is not the one who is slow. */
static bool has_unread(const struct conn *c)
{
	int bytes = 0;

	return ioctl(c->fd, FIONREAD, &bytes) == 0 && bytes > 0;
}

/* Notes whether the client has taken anything of what its socket holds, which may be megabytes: so
 * long the library asks for no more. */
static void look_at(struct conn *c, int64_t now_ms)
{
	int unsent = 0;

	if (ioctl(c->fd, SIOCOUTQ, &unsent) == 0 && unsent != c->unsent && c->state == STATE_ANSWER)
		c->since_ms = now_ms;
	c->unsent = unsent;
}

static bool may_end(const struct conn *c, int64_t now_ms)
{
	return (c->state == STATE_REQUEST && now_ms - c->since_ms >= WAIT_MS && !has_unread(c)) ||
	       (c->state == STATE_ANSWER && now_ms - c->since_ms >= STILL_MS);
}

/* Ends the connection that has longest waited for a request or stood still with its answer. Returns
 * whether there was one. */
static bool make_room(struct server *s)
{
	const int64_t now_ms = dp_clock_monotonic_ms();
	struct conn *idlest = NULL;

	for (struct conn *c = s->first; c; c = c->next)
		if ((!idlest || c->since_ms < idlest->since_ms) && may_end(c, now_ms))
			idlest = c;
	if (idlest)
		end_conn(idlest);
	return idlest;
}

static struct conn *open_conn(struct server *s, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct conn *c = dp_mem_new(sizeof *c);

	c->server = s;
	c->fd = info ? info->connect_fd : -1;
	c->since_ms = dp_clock_monotonic_ms();
	pthread_mutex_lock(&s->lock);
	if (++s->count > s->max)
		make_room(s);
	c->next = s->first;
	if (s->first)
		s->first->prev = c;
	s->first = c;
	pthread_mutex_unlock(&s->lock);
	return c;
}

void server_note_progress(struct MHD_Connection *connection)
{
	struct conn *c = conn_of(connection);

	if (c)
		set_state(c->server, c, STATE_ANSWER);
}

static void close_conn(struct server *s, struct conn *c)
{
	pthread_mutex_lock(&s->lock);
	s->count--;
	if (c->prev)
		c->prev->next = c->next;
	else
		s->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	pthread_mutex_unlock(&s->lock);
	free(c->target);
	free(c);
}

/* Called by the library when a connection begins, and before its socket is closed. */
static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode code)
{
	struct server *s = cls;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = open_conn(s, connection);
		metrics_count_connection(s->service->metrics, 1);
	} else if (*context) {
		metrics_count_connection(s->service->metrics, -1);
		close_conn(s, *context);
		*context = NULL;
	}
}

/* Called when a request line was read; what it returns becomes the request's context. The target is
 * kept with the connection and not there, because a request that never becomes complete is never
 * reported as completed. */
static void *on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
	struct conn *c = conn_of(connection);

	(void)cls;
	if (c) {
		free(c->target);
		c->target = dp_mem_copy(target, strlen(target));
		c->begun = false;
	}
	return c;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
    enum MHD_RequestTerminationCode why)
{
	struct conn *c = conn_of(connection);

	(void)why;
	*context = NULL;
	if (c)
		set_state(cls, c, STATE_REQUEST);
}

static enum MHD_Result on_header(
    void *cls, enum MHD_ValueKind kind, const char *name, size_t n, const char *value, size_t size)
{
	(void)kind;
	headers_add(cls, (struct dp_str){name, n}, (struct dp_str){value ? value : "", size});
	return MHD_YES;
}

/* Checks a request whose header section has been read. Returns whether it was refused, with the
 * outcome in *result. */
static bool refuse(struct request *r, enum MHD_Result *result)
{
	struct headers headers = {0};
	struct refusal refusal;

	MHD_get_connection_values_n(r->connection, MHD_HEADER_KIND, on_header, &headers);
	if (check_request(r->service->guard, r->method, r->target, &headers, &refusal) == 0)
		return false;
	dp_log_limited(DP_LOG_WARNING, "refused", "refused a request: %s", refusal.detail);
	*result = answer_refusal(r, refusal.problem, refusal.detail);
	return true;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *body, size_t *body_size, void **context)
{
	struct server *s = cls;
	struct conn *c = *context;
	struct request r = {.service = s->service, .connection = connection, .method = method};
	const bool first = c && !c->begun;
	enum MHD_Result result;

	(void)url;
	(void)version;
	(void)body;
	if (!c || !c->target)
		return MHD_NO;
	if (first)
		c->begun_us = dp_clock_monotonic_us();
	r.target = c->target;
	r.begun_us = c->begun_us;
	c->begun = true;
	if (first) {
		set_state(s, c, STATE_ANSWER);
		if (refuse(&r, &result))
			return result;
		/* No route takes a body, and an answer now leaves it unread. */
		return strcmp(method, "POST") == 0 ? api_answer(&r) : MHD_YES;
	}
	if (*body_size > 0)
		return MHD_NO;
	result = api_answer(&r);
	if (r.is_endless)
		set_state(s, c, STATE_FOLLOW);
	return result;
}

static void on_log(void *cls, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));

static void on_log(void *cls, const char *fmt, va_list args)
{
	char text[300];

	(void)cls;
	vsnprintf(text, sizeof text, fmt, args);
	text[strcspn(text, "\n")] = '\0';
	dp_log_limited(DP_LOG_WARNING, "libmicrohttpd", "%s", text);
}

unsigned server_descriptors(const struct server_settings *settings)
{
	return settings->connections + RESERVE + 8 * settings->threads;
}

struct server *server_new(
    int listen_fd, const struct server_settings *settings, const struct service *service)
{
	struct server *s = dp_mem_new(sizeof *s);
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
			 MHD_USE_ERROR_LOG | (settings->ipv6 ? MHD_USE_IPv6 : 0);
	struct MHD_OptionItem pool[] = {
	    {MHD_OPTION_THREAD_POOL_SIZE, settings->threads, NULL}, {MHD_OPTION_END, 0, NULL}};

	s->service = service;
	s->max = settings->connections;
	s->quiesced_fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	if (settings->threads == 1) /* the library has no pool of one */
		pool[0] = pool[1];
	s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, s,
	    MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, listen_fd,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_LIMIT,
	    settings->connections + RESERVE, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
	    settings->per_address, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_URI_LOG_CALLBACK,
	    on_target, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_ARRAY, pool, MHD_OPTION_END);
	if (!s->daemon) {
		pthread_mutex_destroy(&s->lock);
		free(s);
		return NULL;
	}
	return s;
}

void server_tick(struct server *s)
{
	int64_t now = dp_clock_monotonic_ms();

	pthread_mutex_lock(&s->lock);
	for (struct conn *c = s->first; c; c = c->next) {
		look_at(c, now);
		if (c->state == STATE_REQUEST && now >= c->since_ms + REQUEST_MS)
			end_conn(c);
	}
	/* Where all stood still at once nobody comes any more, to make room for. */
	for (unsigned n = s->count; n > s->max && make_room(s); n--)
		;
	pthread_mutex_unlock(&s->lock);
}

static void *end_late(void *arg)
{
	const struct timespec wait = {0, STOP_MS * 1000000L};

	(void)arg;
	nanosleep(&wait, NULL);
	dp_log(DP_LOG_WARNING, "stopped without waiting for the database any longer");
	_exit(0);
}

void server_quiesce(struct server *s)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, end_late, NULL) == 0)
		pthread_detach(thread);
	s->quiesced_fd = MHD_quiesce_daemon(s->daemon);
}

void server_free(struct server **s)
{
	if (!*s)
		return;
	MHD_stop_daemon((*s)->daemon);
	if ((*s)->quiesced_fd >= 0)
		close((*s)->quiesced_fd);
	pthread_mutex_destroy(&(*s)->lock);
	free(*s);
	*s = NULL;
}
