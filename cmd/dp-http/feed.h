/* The feed: wakes the followers when the database has something new.
 *
 * Nothing is pushed. While there are followers one thread waits for news of the store and asks for
 * its head; a follower that is caught up has its connection suspended and is resumed when the head
 * has moved, or for a heartbeat: a suspended connection notices nothing, only writing reveals that
 * the peer is gone. So one whose peer has closed is looked for, and written to. Without followers
 * it has no connection to the database. */
#ifndef FEED_H
#define FEED_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct feed;

/* A follower's place in the feed; the feed's business but for the first members. */
struct follower {
	struct MHD_Connection *connection;
	struct follower *next;
	struct follower *prev;
	uint64_t seen; /* the generation that it has read up to */
	int fd;
	bool joined;
	bool waiting;
	bool beat;
	bool is_half_closed; /* the peer sends no more, and was written to since */
};

enum feed_wait {
	FEED_SUSPENDED, /* the connection is suspended: return to the library */
	FEED_CHANGED,   /* there may be news: read again */
	FEED_BEAT,      /* a heartbeat is due */
	FEED_STOPPING,  /* the program ends */
};

/* Starts the thread. NULL with *why where the URL is none. `beat_ms`: the time between heartbeats.
 */
struct feed *feed_new(const char *url, size_t max_followers, int64_t beat_ms, const char **why);

/* From here on followers are told to end; waits a moment for those that read to do so. Before
 * MHD_stop_daemon, which takes no suspended connection. */
void feed_stop(struct feed *f);
void feed_free(struct feed **f);

/* Takes a follower in; false where there are too many. It leaves before its memory goes. */
bool feed_join(struct feed *f, struct follower *w);
void feed_leave(struct feed *f, struct follower *w);

/* How many there are. */
size_t feed_count(struct feed *f, size_t *max);

/* The generation, which moves whenever there may be news, and in *head a number of the store below
 * which nothing is new. Take both before reading; put the generation into w->seen. */
uint64_t feed_generation(struct feed *f, int64_t *head);

/* A read failed: the generation moves as soon as the database answers again. */
void feed_report_failure(struct feed *f);

/* For a follower that has read up to w->seen and has nothing to send. From the library's content
 * callback only. */
enum feed_wait feed_wait(struct feed *f, struct follower *w);

#endif
