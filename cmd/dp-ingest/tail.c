#include "tail.h"

#include "filter.h"
#include "outbox.h"
#include "request.h"

#include <inttypes.h>

enum { OUTBOX_MAX = 1024 * 1024 };

struct tail {
	struct lws_dll2 list; /* of the server */
	struct server *server;
	struct lws *wsi;
	struct dp_filter filter;
	struct outbox out;
	uint64_t dropped; /* and not yet told */
	bool is_ending;
};

size_t tail_session_size(void)
{
	return sizeof(struct tail);
}

static void tell_dropped(struct tail *t)
{
	struct dp_buf text = {0};

	if (t->dropped == 0)
		return;
	dp_buf_addf(&text, "{\"t\":\"dropped\",\"n\":%" PRIu64 "}", t->dropped);
	outbox_add(&t->out, dp_buf_str(&text));
	dp_buf_release(&text);
	t->dropped = 0;
}

/* An empty outbox takes an event of any size, so that each can be seen by a reader that is quick.
 */
static void offer(struct tail *t, struct dp_str event)
{
	if (!outbox_is_empty(&t->out) && outbox_bytes(&t->out) + event.n > OUTBOX_MAX) {
		t->dropped++;
		return;
	}
	tell_dropped(t);
	outbox_add(&t->out, event);
	lws_callback_on_writable(t->wsi);
}

void tail_publish(struct server *s, const struct dp_event *ev)
{
	for (struct lws_dll2 *d = s->tails.head; d; d = d->next) {
		struct tail *t = lws_container_of(d, struct tail, list);

		if (!t->is_ending && dp_filter_match(&t->filter, ev))
			offer(t, ev->json);
	}
}

static int close_now(struct tail *t, enum lws_close_status code, const char *why)
{
	struct dp_buf text = {0};

	dp_buf_add_text(&text, why);
	lws_close_reason(t->wsi, code, (unsigned char *)text.data, text.len);
	dp_buf_release(&text);
	return -1;
}

static int on_writable(struct tail *t)
{
	if (t->is_ending)
		return close_now(t, LWS_CLOSE_STATUS_GOINGAWAY, "going away");
	if (outbox_is_empty(&t->out))
		tell_dropped(t);
	if (outbox_is_empty(&t->out))
		return 0;
	if (outbox_send(&t->out, t->wsi) < 0)
		return -1;
	lws_callback_on_writable(t->wsi);
	return 0;
}

/* Returns 0, or -1 where the filter is no good, which was found before the upgrade already. */
static int open_tail(struct tail *t, struct lws *wsi)
{
	char why[200];

	*t = (struct tail){.server = server_of(wsi), .wsi = wsi};
	lws_dll2_add_tail(&t->list, &t->server->tails);
	return request_filter(wsi, &t->filter, why);
}

static void close_tail(struct tail *t)
{
	if (!t || !t->server)
		return; /* refused before it was established */
	dp_filter_release(&t->filter);
	outbox_release(&t->out);
	lws_dll2_remove(&t->list);
	server_client_left(t->server);
	t->server = NULL;
}

int tail_callback(
    struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct tail *t = user;

	(void)in;
	(void)len;
	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED:
		return open_tail(t, wsi);
	case LWS_CALLBACK_RECEIVE:
		return close_now(
		    t, LWS_CLOSE_STATUS_POLICY_VIOLATION, "a subscriber sends nothing");
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return on_writable(t);
	case LWS_CALLBACK_CLOSED:
		close_tail(t);
		return 0;
	default:
		return server_callback(wsi, reason);
	}
}

void tail_goodbye(struct server *s)
{
	for (struct lws_dll2 *d = s->tails.head; d; d = d->next) {
		struct tail *t = lws_container_of(d, struct tail, list);

		t->is_ending = true;
		server_hasten(t->wsi);
	}
}
