#include "outbox.h"

#include <assert.h>
#include <string.h>

/* A size stands before each frame. lws_write scribbles over the LWS_PRE bytes before what it sends:
 * that is this size and, before it, a frame already sent or the room at the front. */
enum { KEEP_BYTES = 64 * 1024 };

void outbox_release(struct outbox *o)
{
	dp_buf_release(&o->buf);
	o->head = 0;
}

void outbox_add(struct outbox *o, struct dp_str text)
{
	if (o->buf.len == 0) {
		static const char room[LWS_PRE];

		dp_buf_add(&o->buf, room, sizeof room);
		o->head = o->buf.len;
	}
	dp_buf_add(&o->buf, (const char *)&text.n, sizeof text.n);
	dp_buf_add_str(&o->buf, text);
}

bool outbox_is_empty(const struct outbox *o)
{
	return o->buf.len == 0;
}

size_t outbox_bytes(const struct outbox *o)
{
	return o->buf.len - o->head;
}

/* Gives back what was sent, at the latest when that is half of the buffer. */
static void forget_sent(struct outbox *o)
{
	if (o->head == o->buf.len) {
		dp_buf_clear(&o->buf);
		o->head = 0;
		if (o->buf.cap > KEEP_BYTES)
			dp_buf_release(&o->buf);
	} else if (o->head > o->buf.len / 2 && o->head > KEEP_BYTES) {
		dp_buf_drop(&o->buf, o->head - LWS_PRE);
		o->head = LWS_PRE;
	}
}

int outbox_send(struct outbox *o, struct lws *wsi)
{
	unsigned char *text;
	size_t n;
	int sent;

	assert(!outbox_is_empty(o));
	memcpy(&n, o->buf.data + o->head, sizeof n);
	text = (unsigned char *)o->buf.data + o->head + sizeof n;
	sent = lws_write(wsi, text, n, LWS_WRITE_TEXT);
	if (sent < (int)n)
		return -1;
	o->head += sizeof n + n;
	forget_sent(o);
	return 0;
}
