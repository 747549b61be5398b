#include "server.h"

#include "answer.h"
#include "api.h"
#include "check.h"
#include "clock.h"
#include "log.h"
#include "mem.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	REQUEST_MS = 10 * 1000, /* to send a request's header section */
	IDLE_SECONDS = 30,      /* a connection on which nothing moves */
	MEMORY_BYTES = 32 * 1024,
	STOP_MS = 900,
};

/* One connection. Held by the library as the connection's context. */
struct conn {
	struct conn *next;
	struct conn *prev;
	int fd;
	int64_t deadline_ms; /* of the request that is being sent; 0: it is complete */
	char *target;        /* of the present request, as it was sent */
	bool begun;          /* the handler has seen it */
};

struct server {
	struct MHD_Daemon *daemon;
	const struct service *service;
	int quiesced_fd;
	pthread_mutex_t lock;
	struct conn *first;
};

static void set_deadline(struct server *s, struct conn *c, int64_t deadline_ms)
{
	pthread_mutex_lock(&s->lock);
	c->deadline_ms = deadline_ms;
	pthread_mutex_unlock(&s->lock);
}

static struct conn *conn_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static struct conn *open_conn(struct server *s, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct conn *c = dp_mem_new(sizeof *c);

	c->fd = info ? info->connect_fd : -1;
	c->deadline_ms = dp_clock_monotonic_ms() + REQUEST_MS;
	pthread_mutex_lock(&s->lock);
	c->next = s->first;
	if (s->first)
		s->first->prev = c;
	s->first = c;
	pthread_mutex_unlock(&s->lock);
	return c;
}

static void close_conn(struct server *s, struct conn *c)
{
	pthread_mutex_lock(&s->lock);
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
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = open_conn(cls, connection);
	} else if (*context) {
		close_conn(cls, *context);
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
		set_deadline(cls, c, dp_clock_monotonic_ms() + REQUEST_MS);
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
	bool first = c && !c->begun;
	enum MHD_Result result;

	(void)url;
	(void)version;
	(void)body;
	if (!c || !c->target)
		return MHD_NO;
	r.target = c->target;
	c->begun = true;
	if (first) {
		set_deadline(s, c, 0);
		if (refuse(&r, &result))
			return result;
		/* No route takes a body, and an answer now leaves it unread. */
		return strcmp(method, "POST") == 0 ? api_answer(&r) : MHD_YES;
	}
	if (*body_size > 0)
		return MHD_NO;
	return api_answer(&r);
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

struct server *server_new(
    int listen_fd, const struct server_settings *settings, const struct service *service)
{
	struct server *s = dp_mem_new(sizeof *s);
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
			 MHD_USE_ERROR_LOG | (settings->ipv6 ? MHD_USE_IPv6 : 0);
	struct MHD_OptionItem pool[] = {
	    {MHD_OPTION_THREAD_POOL_SIZE, settings->threads, NULL}, {MHD_OPTION_END, 0, NULL}};

	s->service = service;
	s->quiesced_fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	if (settings->threads == 1) /* the library has no pool of one */
		pool[0] = pool[1];
	s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, s,
	    MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, listen_fd,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_LIMIT, settings->connections,
	    MHD_OPTION_PER_IP_CONNECTION_LIMIT, settings->connections / 2,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
	    (unsigned)IDLE_SECONDS, MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_NOTIFY_COMPLETED,
	    on_completed, s, MHD_OPTION_ARRAY, pool, MHD_OPTION_END);
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
	for (struct conn *c = s->first; c; c = c->next)
		if (c->deadline_ms > 0 && now >= c->deadline_ms) {
			shutdown(c->fd, SHUT_RDWR);
			c->deadline_ms = 0;
		}
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
