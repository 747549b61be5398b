#include "link.h"

#include "clock.h"
#include "feed.h"
#include "flight.h"
#include "frame.h"
#include "log.h"
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libwebsockets.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	WINDOW_MAX = 256, /* messages in flight, whatever the server allows */
	FRAME_MAX = 64 * 1024,
	SEND_BYTES = 2 * 1024 * 1024, /* a message goes to the socket at once */
	CONNECT_SECONDS = 5,
	GREET_SECONDS = 5,
	CLOSE_MS = 1000,
	STOP_MS = 5000,
	OUTAGE_MS = 10000,
	RETRY_FIRST_MS = 100,
	RETRY_MAX_MS = 1000,
	PROGRESS_MS = 250,
};

enum link_state {
	LINK_IDLE, /* nothing to send has come yet */
	LINK_CONNECTS,
	LINK_OPEN,  /* greeted */
	LINK_WAITS, /* to connect again */
	LINK_CLOSES,
	LINK_ENDED,
};

struct link {
	const struct link_config *cfg;
	struct link_result *result;
	enum link_state state;
	struct lws_protocols protocols[3];
	lws_retry_bo_t never_idle;
	struct lws_context *context;
	struct lws_vhost *vhost;
	struct lws *wsi;
	struct feed *feed;

	struct flight flight;
	uint64_t sent; /* events, for the progress line */
	size_t max;
	uint64_t window;
	struct dp_buf in;
	struct dp_buf out;

	bool was_greeted;
	int64_t lost_ms; /* when the connection was lost; 0: there was progress since */
	int retry_ms;
	char why[120];
	uint64_t acked_at_stop;
	lws_sorted_usec_list_t retry;
	lws_sorted_usec_list_t give_up;
	lws_sorted_usec_list_t progress;
};

static void advance(struct link *l);
static void on_lost(struct link *l, int status);

static void schedule(struct link *l, lws_sorted_usec_list_t *sul, sul_cb_t fn, int64_t ms)
{
	lws_sul_schedule(l->context, 0, sul, fn, ms * LWS_US_PER_MS);
}

static void clear_progress(const struct link *l)
{
	if (l->cfg->shows_progress)
		fputs("\r\033[K", stderr);
}

static void show_progress(struct lws_sorted_usec_list *sul)
{
	struct link *l = lws_container_of(sul, struct link, progress);

	fprintf(stderr, "\rsent %" PRIu64 ", acknowledged %" PRIu64 "\033[K", l->sent,
	    l->flight.acknowledged);
	schedule(l, &l->progress, show_progress, PROGRESS_MS);
}

static void end(struct link *l)
{
	l->state = LINK_ENDED;
	lws_cancel_service(l->context);
}

static void fail(struct link *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void fail(struct link *l, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(l->result->failure, sizeof l->result->failure, fmt, args);
	va_end(args);
	end(l);
}

/* Talking with the server */

static int on_hello(struct link *l, const struct frame *f)
{
	l->max = f->max;
	l->window = f->window < WINDOW_MAX ? f->window : WINDOW_MAX;
	if (l->window == 0)
		l->window = 1;
	lws_set_timeout(l->wsi, NO_PENDING_TIMEOUT, 0);
	l->state = LINK_OPEN;
	l->was_greeted = true;
	advance(l);
	return 0;
}

static int on_frame(struct link *l, struct dp_str text)
{
	struct frame f;

	if (frame_parse(text, &f) < 0) {
		snprintf(l->why, sizeof l->why, "it does not speak devpulse.v1");
		return -1;
	}
	if (f.type == FRAME_HELLO && l->state == LINK_CONNECTS)
		return on_hello(l, &f);
	if (f.type == FRAME_NACK)
		flight_nack(&l->flight, &f);
	if (f.type == FRAME_ACK && flight_ack(&l->flight, f.n))
		l->lost_ms = 0;
	advance(l);
	return 0;
}

static int on_receive(struct link *l, struct dp_str part)
{
	int rc;

	if (l->in.len + part.n > FRAME_MAX)
		return -1;
	dp_buf_add_str(&l->in, part);
	if (!lws_is_final_fragment(l->wsi))
		return 0;
	rc = on_frame(l, dp_buf_str(&l->in));
	dp_buf_clear(&l->in);
	return rc;
}

/* libwebsockets masks what it sends in place, and this may have to be sent again: so a copy. */
static int send_batch(struct link *l, struct batch *b)
{
	dp_buf_clear(&l->out);
	dp_buf_reserve(&l->out, LWS_PRE + b->text.len);
	l->out.len = LWS_PRE;
	dp_buf_add_str(&l->out, dp_buf_str(&b->text));
	if (lws_write(l->wsi, (unsigned char *)l->out.data + LWS_PRE, b->text.len, LWS_WRITE_TEXT) <
	    (int)b->text.len)
		return -1;
	flight_sent(&l->flight);
	l->sent += b->count;
	return 0;
}

static int on_writable(struct link *l)
{
	struct batch *b;

	if (l->state == LINK_CLOSES) {
		lws_close_reason(l->wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
		return -1;
	}
	if (l->state != LINK_OPEN || flight_count(&l->flight) >= l->window)
		return 0;
	b = flight_next(&l->flight, l->feed);
	if (!b)
		return 0;
	if (b->text.len > l->max)
		flight_refuse(&l->flight, b, "too-large", "more than the server takes");
	if (send_batch(l, b) < 0)
		return -1;
	lws_callback_on_writable(l->wsi);
	return 0;
}

/* Connecting */

static void connect_now(struct link *l)
{
	const struct url *u = &l->cfg->url;
	struct lws_client_connect_info info = {.context = l->context,
	    .vhost = l->vhost,
	    .address = u->host,
	    .port = u->port,
	    .path = u->path,
	    .host = u->authority,
	    .protocol = "devpulse.v1",
	    .local_protocol_name = "devpulse.v1",
	    .ietf_version_or_minus_one = -1,
	    .retry_and_idle_policy = &l->never_idle,
	    .pwsi = &l->wsi};

	l->state = LINK_CONNECTS;
	snprintf(l->why, sizeof l->why, "the connection was closed");
	/* a failure is told either to the callback or by the result */
	if (!lws_client_connect_via_info(&info) && l->state == LINK_CONNECTS)
		on_lost(l, 0);
}

static void connect_again(struct lws_sorted_usec_list *sul)
{
	connect_now(lws_container_of(sul, struct link, retry));
}

static void fail_to_connect(struct link *l, int status)
{
	const char *url = l->cfg->url.text;
	const char *why;

	if (status == 401 || status == 403)
		fail(l, "%s refuses the connection (HTTP %d): %s", url, status,
		    status == 401 ? "a token is needed, see --token-file" : "not allowed there");
	else if (status > 0 && status != 101)
		fail(l, "%s takes no events (HTTP %d): is it the port of dp-ingest?", url, status);
	else if ((why = url_probe(&l->cfg->url)))
		fail(l, "cannot connect to %s: %s; is ./devpulse up running?", url, why);
	else
		fail(l, "no greeting from %s (%s): is it the port of dp-ingest?", url, l->why);
}

/* There is no connection any more, or none came to be. status: of HTTP, 0: none. */
static void on_lost(struct link *l, int status)
{
	const int64_t now_ms = dp_clock_monotonic_ms();

	l->wsi = NULL;
	flight_restart(&l->flight);
	dp_buf_clear(&l->in);
	if (l->state == LINK_CLOSES || l->state == LINK_ENDED) {
		end(l);
		return;
	}
	if (!l->was_greeted) {
		fail_to_connect(l, status);
		return;
	}
	if (l->lost_ms == 0) {
		l->lost_ms = now_ms;
		l->retry_ms = RETRY_FIRST_MS;
		clear_progress(l);
		dp_log(DP_LOG_WARNING, "the connection to %s is lost: trying again for %d s",
		    l->cfg->url.text, OUTAGE_MS / 1000);
	}
	if (now_ms - l->lost_ms >= OUTAGE_MS) {
		fail(l, "the connection to %s was lost, and could not be made again for %d s",
		    l->cfg->url.text, OUTAGE_MS / 1000);
		return;
	}
	l->state = LINK_WAITS;
	schedule(l, &l->retry, connect_again, l->retry_ms);
	l->retry_ms = 2 * l->retry_ms < RETRY_MAX_MS ? 2 * l->retry_ms : RETRY_MAX_MS;
}

static void closing_took_too_long(struct lws_sorted_usec_list *sul)
{
	end(lws_container_of(sul, struct link, give_up));
}

/* Does what has become possible: the feed has more, or has ended; an ack has come. */
static void advance(struct link *l)
{
	if (l->state == LINK_IDLE && flight_next(&l->flight, l->feed)) {
		connect_now(l);
		return;
	}
	if (flight_is_empty(&l->flight) && feed_is_ended(l->feed) && l->state != LINK_CLOSES) {
		if (l->state != LINK_OPEN) {
			end(l);
			return;
		}
		l->state = LINK_CLOSES;
		schedule(l, &l->give_up, closing_took_too_long, CLOSE_MS);
	}
	if (l->state == LINK_OPEN || l->state == LINK_CLOSES)
		lws_callback_on_writable(l->wsi);
}

static void check_stop(struct lws_sorted_usec_list *sul)
{
	struct link *l = lws_container_of(sul, struct link, give_up);

	if (l->state == LINK_CLOSES)
		return;
	if (l->flight.acknowledged == l->acked_at_stop) {
		fail(l, "stopped, and nothing was acknowledged for %d s", STOP_MS / 1000);
		return;
	}
	l->acked_at_stop = l->flight.acknowledged;
	schedule(l, &l->give_up, check_stop, STOP_MS);
}

/* What was read is still sent. */
static void stop(struct link *l)
{
	feed_stop(l->feed);
	l->acked_at_stop = l->flight.acknowledged;
	if (l->state != LINK_CLOSES)
		schedule(l, &l->give_up, check_stop, STOP_MS);
}

/* Callbacks */

static struct link *link_of(struct lws *wsi)
{
	return lws_context_user(lws_get_context(wsi));
}

static int add_token(const struct link *l, struct lws *wsi, unsigned char **p, size_t room)
{
	char value[160];
	int n = snprintf(value, sizeof value, "Bearer %s", l->cfg->token.text);

	if (!l->cfg->token.text[0])
		return 0;
	return lws_add_http_header_by_token(
	    wsi, WSI_TOKEN_HTTP_AUTHORIZATION, (const unsigned char *)value, n, p, *p + room);
}

static int on_event(
    struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct link *l;

	(void)user;
	switch (reason) {
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		return add_token(link_of(wsi), wsi, in, len);
	case LWS_CALLBACK_CLIENT_HTTP_REDIRECT:
		return -1;
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, GREET_SECONDS);
		return 0;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		return on_receive(link_of(wsi), (struct dp_str){in, len});
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return on_writable(link_of(wsi));
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		l = link_of(wsi);
		if (len > 2)
			snprintf(l->why, sizeof l->why, "%.*s", (int)len - 2, (char *)in + 2);
		return 0;
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		on_lost(link_of(wsi), (int)lws_http_client_http_response(wsi));
		return 0;
	case LWS_CALLBACK_CLIENT_CLOSED:
		on_lost(link_of(wsi), 0);
		return 0;
	case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
		advance(link_of(wsi));
		return 0;
	default:
		return 0;
	}
}

static int on_stop_signal(
    struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	(void)user;
	(void)in;
	(void)len;
	if (reason != LWS_CALLBACK_RAW_RX_FILE)
		return 0;
	stop(link_of(wsi));
	return -1; /* it stays readable: once is enough */
}

static void wake(void *arg)
{
	struct link *l = arg;

	lws_cancel_service(l->context);
}

static void open_context(struct link *l)
{
	const struct lws_protocols protocols[] = {
	    {.name = "devpulse.v1", .callback = on_event, .tx_packet_size = SEND_BYTES},
	    {.name = "the stop descriptor", .callback = on_stop_signal}, {0}};
	struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN,
	    .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
	    .user = l,
	    .timeout_secs = CONNECT_SECONDS,
	    .connect_timeout_secs = CONNECT_SECONDS,
	    .ka_time = 30, /* TCP keep-alive: a server that does not read answers no ping */
	    .ka_probes = 3,
	    .ka_interval = 10};
	lws_sock_file_fd_type file;

	memcpy(l->protocols, protocols, sizeof protocols);
	info.protocols = l->protocols;
	/* the library would send to 127.0.0.1 through these, too */
	unsetenv("http_proxy");
	unsetenv("socks_proxy");
	lws_set_log_level(0, NULL);
	l->context = lws_create_context(&info);
	l->vhost = l->context ? lws_create_vhost(l->context, &info) : NULL;
	file.filefd = fcntl(dp_proc_stop_fd(), F_DUPFD_CLOEXEC, 0);
	if (!l->vhost || !lws_adopt_descriptor_vhost(
			     l->vhost, LWS_ADOPT_RAW_FILE_DESC, file, "the stop descriptor", NULL))
		dp_log_die(DP_EXIT_FAILURE, "libwebsockets does not start");
}

static void release(struct link *l)
{
	flight_release(&l->flight);
	dp_buf_release(&l->in);
	dp_buf_release(&l->out);
}

void link_run(const struct link_config *cfg, struct link_result *result)
{
	struct link l = {.cfg = cfg, .result = result};
	int error;

	*result = (struct link_result){0};
	open_context(&l);
	l.feed = feed_open(STDIN_FILENO, cfg->rate, wake, &l);
	if (cfg->shows_progress)
		show_progress(&l.progress);
	while (l.state != LINK_ENDED)
		if (lws_service(l.context, 0) < 0)
			break;
	error = feed_close(&l.feed, &result->events, &result->refused);
	tally_merge(&result->refused, &l.flight.refused);
	result->acknowledged = l.flight.acknowledged;
	if (error && !result->failure[0])
		snprintf(result->failure, sizeof result->failure, "cannot read standard input: %s",
		    strerror(error));
	l.state = LINK_ENDED;
	lws_sul_cancel(&l.retry);
	lws_sul_cancel(&l.give_up);
	lws_sul_cancel(&l.progress);
	lws_context_destroy(l.context);
	release(&l);
	clear_progress(&l);
}
