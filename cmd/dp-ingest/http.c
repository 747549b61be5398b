#include "http.h"

#include "intake.h"
#include "json.h"
#include "log.h"
#include "metrics.h"
#include "request.h"
#include "writer.h"

#include <stdio.h>
#include <string.h>

enum { REFUSALS_MAX = 100 };

enum post_state {
	POST_READS,
	POST_WAITS_FOR_ROOM,   /* complete, and the writer is full */
	POST_WAITS_FOR_WRITER, /* its events are not written yet */
	POST_ANSWERS,
	POST_ANSWERED,
};

struct post {
	struct lws_dll2 list; /* of the server */
	struct server *server;
	struct lws *wsi;
	enum post_state state;
	struct verdict verdict; /* a refusal that is answered when the body has been read */
	struct dp_buf body;
	size_t missing; /* bytes of the body that have not come */
	lws_sorted_usec_list_t deadline;
	uint64_t offset; /* of the writer: behind its events */
	size_t accepted;
	size_t refused;
	struct dp_buf refusals; /* JSON objects, comma-separated */
};

size_t http_session_size(void)
{
	return sizeof(struct post);
}

static void forget_body(struct post *p)
{
	server_unkeep(p->server, p->body.len);
	dp_buf_release(&p->body);
}

static void close_post(struct post *p)
{
	if (!p->server)
		return;
	lws_sul_cancel(&p->deadline);
	forget_body(p);
	dp_buf_release(&p->refusals);
	lws_dll2_remove(&p->list);
	server_client_left(p->server);
	p->server = NULL;
}

/* A held HTTP connection is not called back when it is writable: so reading goes on, too. */
static void answer_soon(struct post *p)
{
	p->state = POST_ANSWERS;
	lws_rx_flow_control(p->wsi, 1);
	server_hasten(p->wsi);
}

static void refuse_soon(struct post *p, int status, const char *why)
{
	p->verdict = (struct verdict){.status = status};
	snprintf(p->verdict.why, sizeof p->verdict.why, "%s", why);
	answer_soon(p);
}

static void on_deadline(struct lws_sorted_usec_list *sul)
{
	struct post *p = lws_container_of(sul, struct post, deadline);

	if (p->state == POST_READS)
		refuse_soon(p, 408, "a body must be complete in 10 s");
}

static void on_refused(void *arg, const struct intake_refusal *r)
{
	struct post *p = arg;

	if (++p->refused > REFUSALS_MAX)
		return;
	dp_buf_addf(&p->refusals,
	    "%s{\"index\":%zu,\"code\":\"%s\",\"why\":", p->refused > 1 ? "," : "", r->index,
	    r->why->code);
	dp_json_write_string(&p->refusals, dp_str_from(r->why->why));
	dp_buf_add_char(&p->refusals, '}');
}

static void take_body(struct post *p)
{
	char peer[48];

	server_peer(p->wsi, peer, sizeof peer);
	p->accepted = intake_message(&p->server->intake, dp_buf_str(&p->body), peer, on_refused, p);
	forget_body(p);
	p->offset = writer_added(p->server->writer);
	p->state = POST_WAITS_FOR_WRITER;
}

/* Goes on as far as the writer allows. */
static void proceed(struct post *p)
{
	const struct writer *writer = p->server->writer;

	if (p->state == POST_WAITS_FOR_ROOM && !writer_is_full(writer))
		take_body(p);
	if (p->state == POST_WAITS_FOR_WRITER && writer_done(writer) >= p->offset)
		answer_soon(p);
}

static int write_result(struct post *p)
{
	const int status = p->accepted == 0 && p->refused > 0 ? 400 : 200;
	struct dp_buf body = {0};

	dp_buf_add_char(&body, '{');
	if (status == 400)
		dp_buf_add_text(&body,
		    "\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
		    "\"detail\":\"no event of the body was accepted\",");
	dp_buf_addf(
	    &body, "\"accepted\":%zu,\"refusedCount\":%zu,\"refused\":[", p->accepted, p->refused);
	dp_buf_add_str(&body, dp_buf_str(&p->refusals));
	dp_buf_add_text(&body, "]}\n");
	request_answer(p->wsi, status,
	    status == 400 ? "application/problem+json" : "application/json", NULL,
	    dp_buf_str(&body));
	dp_buf_release(&body);
	return -1;
}

static int on_writable(struct post *p)
{
	if (p->state != POST_ANSWERS)
		return 0;
	p->state = POST_ANSWERED;
	if (p->verdict.status)
		return request_refuse(p->wsi, &p->verdict);
	return write_result(p);
}

static void say_continue(struct lws *wsi)
{
	unsigned char line[LWS_PRE + 32] = "";
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

	memcpy(line + LWS_PRE, text, sizeof text - 1);
	lws_write(wsi, line + LWS_PRE, sizeof text - 1, LWS_WRITE_HTTP_HEADERS);
}

static void open_post(struct post *p, struct lws *wsi, const struct verdict *v, size_t length)
{
	*p = (struct post){.server = server_of(wsi), .wsi = wsi, .verdict = *v, .missing = length};
	lws_dll2_add_tail(&p->list, &p->server->posts);
	lws_sul_schedule(lws_get_context(wsi), 0, &p->deadline, on_deadline,
	    SERVER_MESSAGE_SECONDS * LWS_US_PER_SEC);
}

static int answer_metrics(struct lws *wsi, const struct server *s)
{
	struct dp_buf text = {0};

	metrics_write(s, &text);
	request_answer(wsi, 200, METRICS_TYPE, NULL, dp_buf_str(&text));
	dp_buf_release(&text);
	return -1;
}

/* The head of a request has come. A refusal of a POST waits for its body where that is on the way:
 * closing on unread bytes would reset the connection under the answer. */
static int on_request(struct post *p, struct lws *wsi)
{
	struct server *s = server_of(wsi);
	struct request_body body;
	struct verdict v = request_check_http(wsi, s->guard, &body);

	if (body.wants_metrics)
		return answer_metrics(wsi, s);
	if (s->state != SERVER_RUNS)
		v = (struct verdict){503, "the server is stopping", NULL};
	if (v.status && v.status != 200)
		dp_log_limited(DP_LOG_WARNING, "http", "a request was refused: %s", v.why);
	if (v.status && (body.length == 0 || body.expects_continue))
		return request_refuse(wsi, &v);
	if (body.expects_continue)
		say_continue(wsi);
	open_post(p, wsi, &v, body.length);
	return 0;
}

static void keep_part(struct post *p, struct dp_str part)
{
	if (server_keep(p->server, part.n)) {
		dp_buf_add_str(&p->body, part);
		return;
	}
	forget_body(p);
	refuse_soon(p, 503, "too many messages are incomplete: try again later");
}

/* libwebsockets 4.1.6 calls this again for every byte behind the body: only once is acted, and
 * nothing more is read. */
static int on_body_complete(struct post *p)
{
	if (!p->server)
		return -1;
	if (p->state != POST_READS)
		return 0;
	lws_sul_cancel(&p->deadline);
	if (p->verdict.status) {
		answer_soon(p);
		return 0;
	}
	lws_rx_flow_control(p->wsi, 0);
	p->state = POST_WAITS_FOR_ROOM;
	proceed(p);
	return 0;
}

/* libwebsockets 4.3.5 takes bytes behind the body for more of it, and then never tells that it is
 * complete: so its length is minded here. */
static int on_body(struct post *p, struct dp_str part)
{
	if (!p->server)
		return -1;
	if (p->state != POST_READS)
		return 0;
	if (part.n > p->missing)
		part.n = p->missing;
	p->missing -= part.n;
	if (!p->verdict.status)
		keep_part(p, part);
	return p->missing == 0 ? on_body_complete(p) : 0;
}

int http_callback(
    struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct post *p = user;

	switch (reason) {
	case LWS_CALLBACK_HTTP:
		return on_request(p, wsi);
	case LWS_CALLBACK_HTTP_BODY:
		return on_body(p, (struct dp_str){in, len});
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		return on_body_complete(p);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return on_writable(p);
	case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
	case LWS_CALLBACK_CLOSED_HTTP:
		if (p)
			close_post(p);
		return 0;
	default:
		return server_callback(wsi, reason);
	}
}

void http_written(struct server *s)
{
	for (struct lws_dll2 *d = s->posts.head; d; d = d->next)
		proceed(lws_container_of(d, struct post, list));
}

void http_stop(struct server *s)
{
	for (struct lws_dll2 *d = s->posts.head; d; d = d->next) {
		struct post *p = lws_container_of(d, struct post, list);

		if (p->state == POST_READS || p->state == POST_WAITS_FOR_ROOM ||
		    writer_error(s->writer))
			refuse_soon(p, 503, "the server is stopping");
	}
}
