#include "flight.h"

void flight_release(struct flight *f)
{
	while (f->first) {
		struct batch *b = f->first;

		f->first = b->next;
		batch_free(&b);
	}
	*f = (struct flight){0};
}

bool flight_is_empty(const struct flight *f)
{
	return !f->first;
}

uint64_t flight_count(const struct flight *f)
{
	return f->sent - f->acked;
}

struct batch *flight_next(struct flight *f, struct feed *feed)
{
	struct batch *b;

	if (f->unsent)
		return f->unsent;
	b = feed_take(feed);
	if (!b)
		return NULL;
	if (f->first)
		f->last->next = b;
	else
		f->first = b;
	f->last = b;
	f->unsent = b;
	return b;
}

void flight_sent(struct flight *f)
{
	f->unsent = f->unsent->next;
	f->sent++;
}

bool flight_ack(struct flight *f, uint64_t n)
{
	const uint64_t before = f->acked;

	while (f->acked < n && f->acked < f->sent) {
		struct batch *b = f->first;

		f->acknowledged += b->count - b->refused;
		f->acked++;
		f->first = b->next;
		batch_free(&b);
	}
	return f->acked > before;
}

/* Refuses event i of a batch unless it is refused already. */
static bool refuse_event(
    struct flight *f, struct batch *b, size_t i, const char *code, const char *why)
{
	if (i >= b->count || b->lines[i] == 0)
		return false;
	tally_add(&f->refused, b->lines[i], code, why);
	b->lines[i] = 0;
	b->refused++;
	return true;
}

void flight_nack(struct flight *f, const struct frame *nack)
{
	struct batch *b = f->first;
	uint64_t left = nack->count;

	if (nack->n <= f->acked || nack->n > f->sent)
		return;
	for (uint64_t n = f->acked + 1; n < nack->n; n++)
		b = b->next;
	if (nack->count == 1) {
		refuse_event(f, b, nack->index, nack->code, nack->why);
		return;
	}
	/* a sum for the rest of a message names no events: the last ones stand for them */
	for (size_t i = b->count; i > 0 && left > 0; i--)
		if (refuse_event(f, b, i - 1, nack->code, nack->why))
			left--;
}

void flight_refuse(struct flight *f, struct batch *b, const char *code, const char *why)
{
	for (size_t i = 0; i < b->count; i++)
		refuse_event(f, b, i, code, why);
	dp_buf_clear(&b->text);
	dp_buf_add_text(&b->text, "[]");
}

void flight_restart(struct flight *f)
{
	f->unsent = f->first;
	f->sent = 0;
	f->acked = 0;
}
