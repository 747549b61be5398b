#include "loop.h"

#include "buf.h"
#include "drain.h"
#include "http.h"
#include "listen.h"
#include "listener.h"
#include "log.h"
#include "proc.h"
#include "tail.h"
#include "ws.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	HANDSHAKE_SECONDS = 5,
	HEADERS_MAX = 4096,
	HANDSHAKES_MAX = 64,
	READ_BYTES = 32 * 1024,
	SPARE_DESCRIPTORS = 64,
};

/* The library's own complaints: about peers mostly, so at most one a minute. */
static void log_library(int level, const char *line)
{
	(void)level;
	dp_log_limited(
	    DP_LOG_WARNING, "libwebsockets", "libwebsockets: %.*s", (int)strcspn(line, "\n"), line);
}

/* Called by the threads of the pump and the writer. */
static void wake(void *arg)
{
	struct server *s = arg;

	lws_cancel_service(s->context);
}

/* Called by the writer's thread, which ends before the pump. */
static void wake_both(void *arg)
{
	struct server *s = arg;

	pump_poke(s->pump);
	wake(s);
}

/* Callbacks */

/* The listening socket and the stop descriptor are adopted as files. This callback also hears when
 * a thread wakes the loop; all protocols do, so only this one acts. */
static int listener_callback(
    struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	(void)user;
	(void)in;
	(void)len;
	if (reason == LWS_CALLBACK_RAW_RX_FILE)
		listener_take(server_of(wsi));
	else if (reason == LWS_CALLBACK_EVENT_WAIT_CANCELLED)
		drain_woken(server_of(wsi));
	return 0;
}

static int stop_callback(
    struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	(void)user;
	(void)in;
	(void)len;
	if (reason != LWS_CALLBACK_RAW_RX_FILE)
		return 0;
	drain_begin(server_of(wsi));
	return -1; /* it stays readable: once is enough */
}

static void confirm_held(struct lws_sorted_usec_list *sul)
{
	struct server *s = lws_container_of(sul, struct server, idle_timer);

	ws_confirm_held(s);
	lws_sul_schedule(
	    s->context, 0, sul, confirm_held, (lws_usec_t)s->cfg.idle_seconds * LWS_US_PER_SEC / 4);
}

/* Start and end */

/* libwebsockets makes arrays as large as the limit of descriptors, which in containers may be a
 * thousand million: so the limit becomes what is needed. */
static void limit_descriptors(const struct server_config *cfg)
{
	const rlim_t need = (rlim_t)cfg->max_connections + SPARE_DESCRIPTORS;
	const rlim_t want = need > 1024 ? need : 1024;
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	if (r.rlim_max < need)
		dp_log_die(DP_EXIT_USAGE,
		    "--max-connections %d needs %ju descriptors, and the limit is %ju; see ulimit "
		    "-n",
		    cfg->max_connections, (uintmax_t)need, (uintmax_t)r.rlim_max);
	r.rlim_cur = r.rlim_max < want ? r.rlim_max : want;
	setrlimit(RLIMIT_NOFILE, &r);
}

static void accept_event(void *arg, const struct dp_event *ev)
{
	struct server *s = arg;

	writer_add(s->writer, ev->json);
	tail_publish(s, ev);
}

static struct lws *adopt(struct server *s, int fd, const char *protocol)
{
	lws_sock_file_fd_type file;
	struct lws *wsi;

	file.filefd = fd;
	wsi = lws_adopt_descriptor_vhost(s->vhost, LWS_ADOPT_RAW_FILE_DESC, file, protocol, NULL);
	if (!wsi)
		dp_log_die(DP_EXIT_FAILURE, "libwebsockets does not take the %s", protocol);
	return wsi;
}

/* The order is that of the PROTOCOL_ ids. Names with a space can never be offered by a client. */
static void open_context(struct server *s)
{
	static struct lws_protocol_vhost_options is_default = {NULL, NULL, "default", "1"};
	static const struct lws_protocol_vhost_options plain = {
	    NULL, &is_default, "no subprotocol", ""};
	const struct lws_protocols protocols[] = {{.name = "http only",
						      .callback = http_callback,
						      .per_session_data_size = http_session_size(),
						      .id = PROTOCOL_HTTP},
	    {.name = "no subprotocol",
		.callback = ws_callback,
		.per_session_data_size = ws_session_size(),
		.id = PROTOCOL_PLAIN},
	    {.name = "devpulse.v1",
		.callback = ws_callback,
		.per_session_data_size = ws_session_size(),
		.id = PROTOCOL_V1},
	    {.name = "devpulse.tail.v1",
		.callback = tail_callback,
		.per_session_data_size = tail_session_size(),
		.id = PROTOCOL_TAIL},
	    {.name = "the listener", .callback = listener_callback, .id = PROTOCOL_LISTENER},
	    {.name = "the stop descriptor", .callback = stop_callback, .id = PROTOCOL_STOP}, {0}};
	struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN_SERVER,
	    .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
	    .user = s,
	    .timeout_secs = HANDSHAKE_SECONDS,
	    .max_http_header_data = HEADERS_MAX,
	    .max_http_header_pool = HANDSHAKES_MAX,
	    .pt_serv_buf_size = READ_BYTES,
	    .pvo = &plain,
	    .retry_and_idle_policy = &s->idle_policy};

	memcpy(s->protocols, protocols, sizeof protocols);
	info.protocols = s->protocols;
	lws_set_log_level(0, NULL);
	s->context = lws_create_context(&info);
	s->vhost = s->context ? lws_create_vhost(s->context, &info) : NULL;
	if (!s->vhost)
		dp_log_die(DP_EXIT_FAILURE, "libwebsockets does not start");
	lws_set_log_level(LLL_ERR | LLL_WARN, log_library);
}

static void start(struct server *s, int listen_fd)
{
	char text[DP_LISTEN_NAME_MAX];

	limit_descriptors(&s->cfg);
	/* A client is asked for a sign of life at half of the time. Data counts as one, see ws.c.
	 */
	s->idle_policy.secs_since_valid_ping = (uint16_t)((s->cfg.idle_seconds + 1) / 2);
	s->idle_policy.secs_since_valid_hangup = (uint16_t)s->cfg.idle_seconds;
	s->guard = dp_guard_new(s->cfg.allow_hosts, &s->cfg.listen, s->cfg.token.text);
	intake_init(&s->intake, accept_event, s);
	open_context(s);
	if (s->spool)
		s->pump = pump_open(s->spool, STDOUT_FILENO, wake, s);
	s->writer = writer_open(s->spool, STDOUT_FILENO, s->spool ? wake_both : wake, s);
	adopt(s, fcntl(dp_proc_stop_fd(), F_DUPFD_CLOEXEC, 0), "the stop descriptor");
	s->listener = adopt(s, listen_fd, "the listener");
	confirm_held(&s->idle_timer);
	dp_log(DP_LOG_INFO, "listening on ws://%s/ (events, also POST /events)",
	    dp_listen_name(&s->cfg.listen, text));
	dp_proc_ready(s->cfg.ready_fd);
}

static void report(const struct server *s)
{
	const struct intake_counts *c = &s->intake.counts;
	struct dp_buf text = {0};

	if (c->received > 0) {
		dp_buf_addf(&text,
		    "connections %" PRIu64 ", events received %" PRIu64 ", accepted %" PRIu64,
		    s->connections_taken, c->received, c->accepted);
		if (c->refused > 0) {
			dp_buf_add_text(&text, ", ");
			intake_describe_refused(c, &text);
		}
		dp_log(DP_LOG_INFO, "%s", dp_buf_text(&text));
	}
	dp_buf_release(&text);
}

/* What waits in the spool is told, so that nobody takes it for lost. */
static void report_spool(struct server *s)
{
	struct dp_spool_stats spool;

	dp_spool_check_mark(s->spool);
	dp_spool_get_stats(s->spool, &spool);
	if (pump_position(s->pump) < spool.end && spool.lag > 0)
		dp_log(DP_LOG_INFO,
		    "the spool %s keeps %" PRIu64 " bytes of events for the next start",
		    s->cfg.spool, spool.lag);
}

static void finish(struct server *s)
{
	if (s->spool)
		report_spool(s);
	writer_close(&s->writer);
	if (pump_close(&s->pump))
		dp_spool_close(&s->spool);
	lws_sul_cancel(&s->timer);
	lws_sul_cancel(&s->accept_timer);
	lws_sul_cancel(&s->idle_timer);
	lws_set_log_level(0, NULL);
	lws_context_destroy(s->context);
	report(s);
	intake_release(&s->intake);
	dp_guard_free(&s->guard);
}

static void tell_spool(void *arg, const char *kind, const char *text)
{
	(void)arg;
	dp_log_limited(DP_LOG_WARNING, kind, "%s", text);
}

/* Opens the spool, if there is to be one. Ends the program where it cannot. */
static void open_spool(struct server *s)
{
	const struct dp_spool_options options = {
	    .max_bytes = s->cfg.spool_max_bytes, .tell = tell_spool};
	char why[DP_SPOOL_WHY_MAX];

	if (!s->cfg.spool)
		return;
	s->spool = dp_spool_open(s->cfg.spool, &options, why);
	if (s->spool)
		return;
	switch (errno) {
	case ENOTSUP:
	case ENOENT:
	case ENOTDIR:
	case EACCES:
	case EROFS:
		dp_log_die(DP_EXIT_USAGE, "--spool: %s", why);
	default: /* what may have gone away by the next start */
		dp_log_die(DP_EXIT_FAILURE, "%s", why);
	}
}

int loop_run(const struct server_config *cfg)
{
	struct server s = {.cfg = *cfg};
	char text[DP_LISTEN_NAME_MAX];
	int fd;

	open_spool(&s);
	fd = dp_listen_open(&s.cfg.listen);
	if (fd < 0) {
		dp_log(DP_LOG_ERROR, "cannot listen on %s: %s%s",
		    dp_listen_name(&s.cfg.listen, text), strerror(errno),
		    errno == EADDRINUSE ? "; is another dp-ingest running? Stop it, or choose "
					  "another address with --listen"
					: "; choose another address with --listen");
		dp_spool_close(&s.spool);
		return DP_EXIT_FAILURE;
	}
	start(&s, fd);
	while (s.state != SERVER_ENDED)
		if (lws_service(s.context, 0) < 0)
			break;
	finish(&s);
	return s.status;
}
