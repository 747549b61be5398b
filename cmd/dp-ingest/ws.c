#include "ws.h"

#include "clock.h"
#include "intake.h"
#include "json.h"
#include "outbox.h"
#include "text.h"
#include "writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	FRAGMENTS_MAX = 1024,
	NACKS_MAX = 100, /* a message; one more says how many were left out */
	KEEP_BYTES = 64 * 1024,
	OUTBOX_MAX = 256 * 1024, /* above it nothing more is read from this client */
	ALIVE_MS = 1000,
	CLOSE_TRY_AGAIN_LATER = 1013, /* of IANA's registry; the library has no name for it */
};

/* Why a client is not read from, bits. */
enum { HOLD_WRITER = 1, HOLD_OUTBOX = 2 };

/* Messages up to number n count as taken when the writer has done `offset` bytes. */
struct checkpoint {
	uint64_t n;
	uint64_t offset;
};

struct session {
	struct lws_dll2 list;    /* of the server */
	struct lws_dll2 waiting; /* of the server, while it waits for the writer */
	struct server *server;
	struct lws *wsi;
	char peer[48];
	bool acknowledges;
	unsigned holds;

	struct dp_buf message; /* the fragments so far */
	int fragments;
	bool is_timed; /* the deadline runs */
	lws_sorted_usec_list_t deadline;
	int64_t alive_ms;

	uint64_t messages; /* complete ones */
	size_t nacks;      /* of the message at hand */
	uint64_t ackable;
	uint64_t acked;
	/* Two checkpoints do for any number of messages: one that the writer comes to next, and
	 * the latest. */
	struct checkpoint next;
	struct checkpoint latest;
	struct outbox out;
	int close_code; /* once the outbox is empty; 0: none */
	const char *close_why;
};

size_t ws_session_size(void)
{
	return sizeof(struct session);
}

/* Reading and not reading */

/* Has the session looked at when the writer has come further: of thousands few wait. */
static void await_writer(struct session *s)
{
	if (lws_dll2_is_detached(&s->waiting))
		lws_dll2_add_tail(&s->waiting, &s->server->waiting);
}

static void hold(struct session *s, unsigned why)
{
	if (!s->holds)
		lws_rx_flow_control(s->wsi, 0);
	s->holds |= why;
	if (why == HOLD_WRITER)
		await_writer(s);
}

static void release(struct session *s, unsigned why)
{
	if (!(s->holds & why))
		return;
	s->holds &= ~why;
	if (s->holds)
		return;
	lws_validity_confirmed(s->wsi);
	lws_rx_flow_control(s->wsi, 1);
}

/* Only a pong counts as a sign of life for libwebsockets; a client that never reads sends none. */
static void confirm_alive(struct session *s)
{
	int64_t now_ms = dp_clock_monotonic_ms();

	if (now_ms - s->alive_ms < ALIVE_MS)
		return;
	s->alive_ms = now_ms;
	lws_validity_confirmed(s->wsi);
}

/* Closes from inside a callback, which is to return the result. */
static int close_now(struct session *s, int code, const char *why)
{
	unsigned char text[100];
	int n = snprintf((char *)text, sizeof text, "%s", why);

	lws_close_reason(s->wsi, (enum lws_close_status)code, text, (size_t)n);
	return -1;
}

/* Closes after what is still to be sent. */
static void close_soon(struct session *s, int code, const char *why)
{
	if (s->close_code)
		return;
	s->close_code = code;
	s->close_why = why;
	server_hasten(s->wsi);
}

static int refuse_message(struct session *s, int code, const char *name, const char *why)
{
	intake_refuse(&s->server->intake, name, s->peer, why);
	return close_now(s, code, why);
}

static void forget_message(struct session *s)
{
	server_unkeep(s->server, s->message.len);
	dp_buf_clear(&s->message);
	if (s->message.cap > KEEP_BYTES)
		dp_buf_release(&s->message);
	s->fragments = 0;
	if (s->is_timed)
		lws_sul_cancel(&s->deadline);
	s->is_timed = false;
}

static void on_deadline(struct lws_sorted_usec_list *sul)
{
	struct session *s = lws_container_of(sul, struct session, deadline);

	if (s->holds) { /* it is us who do not read */
		lws_sul_schedule(lws_get_context(s->wsi), 0, sul, on_deadline,
		    SERVER_MESSAGE_SECONDS * LWS_US_PER_SEC);
		return;
	}
	intake_refuse(
	    &s->server->intake, "too-slow", s->peer, "a message was not finished in time");
	forget_message(s);
	close_soon(s, LWS_CLOSE_STATUS_POLICY_VIOLATION, "a message must be complete in 10 s");
}

/* Answers */

static void send_hello(struct session *s)
{
	struct dp_buf text = {0};

	dp_buf_addf(&text, "{\"t\":\"hello\",\"v\":1,\"max\":%d,\"win\":%d}", DP_EVENT_BYTES_MAX,
	    s->server->cfg.window);
	outbox_add(&s->out, dp_buf_str(&text));
	dp_buf_release(&text);
	lws_callback_on_writable(s->wsi);
}

static void add_nack(struct session *s, const struct intake_refusal *r)
{
	struct dp_buf text = {0};

	dp_buf_addf(&text, "{\"t\":\"nack\",\"n\":%" PRIu64, s->messages);
	if (!r->is_alone)
		dp_buf_addf(&text, ",\"i\":%zu", r->index);
	dp_buf_add_text(&text, ",\"eventId\":");
	if (r->event_id[0])
		dp_json_write_string(&text, dp_str_from(r->event_id));
	else
		dp_buf_add_text(&text, "null");
	dp_buf_addf(&text, ",\"code\":\"%s\",\"why\":", r->why->code);
	dp_json_write_string(&text, dp_str_from(r->why->why));
	dp_buf_add_char(&text, '}');
	outbox_add(&s->out, dp_buf_str(&text));
	dp_buf_release(&text);
}

static void on_refused(void *arg, const struct intake_refusal *r)
{
	struct session *s = arg;

	if (s->acknowledges && ++s->nacks <= NACKS_MAX)
		add_nack(s, r);
}

static void add_nack_of_the_rest(struct session *s)
{
	struct dp_buf text = {0};

	dp_buf_addf(&text,
	    "{\"t\":\"nack\",\"n\":%" PRIu64 ",\"eventId\":null,\"code\":\"more\",\"count\":%zu,"
	    "\"why\":\"%zu more events of this message were refused\"}",
	    s->messages, s->nacks - NACKS_MAX, s->nacks - NACKS_MAX);
	outbox_add(&s->out, dp_buf_str(&text));
	dp_buf_release(&text);
}

static void advance(struct session *s, uint64_t written)
{
	if (s->next.offset <= written) {
		s->ackable = s->next.n;
		s->next = s->latest;
	}
	if (s->latest.offset <= written)
		s->ackable = s->latest.n;
	if (s->ackable > s->acked)
		lws_callback_on_writable(s->wsi);
}

static void note_taken(struct session *s)
{
	const struct server *server = s->server;

	if (!s->acknowledges)
		return;
	if (s->nacks > NACKS_MAX)
		add_nack_of_the_rest(s);
	s->latest = (struct checkpoint){s->messages, writer_added(server->writer)};
	if (s->next.n <= s->ackable)
		s->next = s->latest;
	advance(s, writer_done(server->writer));
	if (s->ackable < s->latest.n)
		await_writer(s);
	if (outbox_is_empty(&s->out))
		return;
	lws_callback_on_writable(s->wsi);
	if (outbox_bytes(&s->out) > OUTBOX_MAX)
		hold(s, HOLD_OUTBOX);
}

/* Messages */

static int take_message(struct session *s, struct dp_str text)
{
	s->messages++;
	s->nacks = 0;
	if (!dp_text_is_valid(text.p, text.n))
		return refuse_message(s, LWS_CLOSE_STATUS_INVALID_PAYLOAD, "bad-utf8",
		    "a text message must be UTF-8");
	intake_message(&s->server->intake, text, s->peer, on_refused, s);
	note_taken(s);
	return 0;
}

/* Keeps a fragment of a message that is not complete. */
static int keep_fragment(struct session *s, struct dp_str part)
{
	if (!server_keep(s->server, part.n))
		return refuse_message(s, CLOSE_TRY_AGAIN_LATER, "overload",
		    "too many messages are incomplete: try again later");
	dp_buf_add_str(&s->message, part);
	if (!s->is_timed)
		lws_sul_schedule(lws_get_context(s->wsi), 0, &s->deadline, on_deadline,
		    SERVER_MESSAGE_SECONDS * LWS_US_PER_SEC);
	s->is_timed = true;
	return 0;
}

/* A piece of a frame. What is decided here is decided before anything is copied. */
static int on_receive(struct session *s, struct dp_str part)
{
	const size_t rest = lws_remaining_packet_payload(s->wsi); /* of this frame */
	int rc;

	if (s->close_code || s->server->state != SERVER_RUNS)
		return 0; /* read all the same: closing on unread bytes would reset the connection
			   */
	confirm_alive(s);
	if (writer_is_full(s->server->writer))
		hold(s, HOLD_WRITER);
	if (lws_is_first_fragment(s->wsi))
		forget_message(s);
	if (lws_frame_is_binary(s->wsi))
		return refuse_message(
		    s, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, "binary", "events are text messages");
	if (rest == 0 && ++s->fragments > FRAGMENTS_MAX)
		return refuse_message(s, LWS_CLOSE_STATUS_POLICY_VIOLATION, "too-many-fragments",
		    "a message has at most 1024 fragments");
	if (rest > DP_EVENT_BYTES_MAX || s->message.len + part.n + rest > DP_EVENT_BYTES_MAX)
		return refuse_message(s, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "too-large",
		    "a message has at most 1048576 bytes");
	if (!lws_is_final_fragment(s->wsi))
		return keep_fragment(s, part);
	if (s->message.len == 0) {
		rc = take_message(s, part);
	} else {
		rc = keep_fragment(s, part);
		if (rc == 0)
			rc = take_message(s, dp_buf_str(&s->message));
	}
	forget_message(s);
	return rc;
}

/* One frame a callback: nacks, then the ack that covers them, then the end. */
static int on_writable(struct session *s)
{
	char text[64];
	unsigned char frame[LWS_PRE + sizeof text];
	int n;

	if (!outbox_is_empty(&s->out)) {
		if (outbox_send(&s->out, s->wsi) < 0)
			return -1;
		if (outbox_bytes(&s->out) < OUTBOX_MAX / 2)
			release(s, HOLD_OUTBOX);
		lws_callback_on_writable(s->wsi);
		return 0;
	}
	if (s->ackable > s->acked) {
		n = snprintf(text, sizeof text, "{\"t\":\"ack\",\"n\":%" PRIu64 "}", s->ackable);
		memcpy(frame + LWS_PRE, text, (size_t)n);
		if (lws_write(s->wsi, frame + LWS_PRE, (size_t)n, LWS_WRITE_TEXT) < n)
			return -1;
		s->acked = s->ackable;
		if (s->close_code)
			lws_callback_on_writable(s->wsi);
		return 0;
	}
	return s->close_code ? close_now(s, s->close_code, s->close_why) : 0;
}

static void open_session(struct session *s, struct lws *wsi)
{
	*s = (struct session){.server = server_of(wsi), .wsi = wsi};
	s->acknowledges = lws_get_protocol(wsi)->id == PROTOCOL_V1;
	server_peer(wsi, s->peer, sizeof s->peer);
	lws_dll2_add_tail(&s->list, &s->server->sessions);
	if (s->acknowledges)
		send_hello(s);
}

static void close_session(struct session *s)
{
	if (!s || !s->server)
		return; /* refused before it was established */
	forget_message(s);
	dp_buf_release(&s->message);
	outbox_release(&s->out);
	lws_dll2_remove(&s->list);
	lws_dll2_remove(&s->waiting);
	server_client_left(s->server);
	s->server = NULL;
}

int ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct session *s = user;

	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED:
		open_session(s, wsi);
		return 0;
	case LWS_CALLBACK_RECEIVE:
		return on_receive(s, (struct dp_str){in, len});
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return on_writable(s);
	case LWS_CALLBACK_CLOSED:
		close_session(s);
		return 0;
	default:
		return server_callback(wsi, reason);
	}
}

/* What the server does with all of them */

static struct session *session_at(struct lws_dll2 *d)
{
	return lws_container_of(d, struct session, list);
}

void ws_written(struct server *server)
{
	const uint64_t done = writer_done(server->writer);
	const bool has_room = writer_has_room(server->writer);
	struct lws_dll2 *next;

	for (struct lws_dll2 *d = server->waiting.head; d; d = next) {
		struct session *s = lws_container_of(d, struct session, waiting);

		next = d->next;
		advance(s, done);
		if (has_room)
			release(s, HOLD_WRITER);
		if (s->ackable == s->latest.n && !(s->holds & HOLD_WRITER))
			lws_dll2_remove(d);
	}
}

void ws_confirm_held(struct server *server)
{
	for (struct lws_dll2 *d = server->sessions.head; d; d = d->next)
		if (session_at(d)->holds)
			lws_validity_confirmed(session_at(d)->wsi);
}

void ws_goodbye(struct server *server)
{
	for (struct lws_dll2 *d = server->sessions.head; d; d = d->next)
		close_soon(session_at(d), LWS_CLOSE_STATUS_GOINGAWAY, "going away");
}
