/* Batches that are not acknowledged, in the order of their sending: what is to be sent again when
 * the connection is lost. */
#ifndef FLIGHT_H
#define FLIGHT_H

#include "feed.h"
#include "frame.h"
#include "tally.h"

#include <stdbool.h>
#include <stdint.h>

struct flight {
	struct batch *first;
	struct batch *last;
	struct batch *unsent; /* the first that was not sent on this connection, or NULL */
	uint64_t sent;        /* messages, on this connection */
	uint64_t acked;
	uint64_t acknowledged; /* events, of all connections */
	struct tally refused;
};

/* {0} is an empty one. */
void flight_release(struct flight *f);

bool flight_is_empty(const struct flight *f);

/* Messages sent on this connection and not acknowledged. */
uint64_t flight_count(const struct flight *f);

/* The next batch to send: one to be sent again, else one of the feed; or NULL. It stays the
 * flight's. */
struct batch *flight_next(struct flight *f, struct feed *feed);

/* That batch has been sent. */
void flight_sent(struct flight *f);

/* The server has acknowledged all messages up to number n of this connection. Returns whether that
 * was news. */
bool flight_ack(struct flight *f, uint64_t n);

/* The server has refused an event, or has summed up several. An event is counted once, though it be
 * sent and refused again. */
void flight_nack(struct flight *f, const struct frame *nack);

/* A batch is not to be sent, for this reason: all its events are refused, and what is sent in its
 * place holds none. */
void flight_refuse(struct flight *f, struct batch *b, const char *code, const char *why);

/* There is a new connection: everything is to be sent again. */
void flight_restart(struct flight *f);

#endif
