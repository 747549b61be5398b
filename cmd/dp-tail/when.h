/* How the time of an event is told. Pure, but for TZ. */
#ifndef DP_TAIL_WHEN_H
#define DP_TAIL_WHEN_H

#include <stdint.h>

enum when_mode {
	WHEN_LOCAL,
	WHEN_UTC,
	WHEN_RELATIVE, /* how long ago */
	WHEN_DELTA,    /* how long after the event before it */
	WHEN_NONE,
};

enum { WHEN_MAX = 64 }; /* bytes of a text, with its NUL */

/* What times are told by; in microseconds since the epoch. */
struct when {
	enum when_mode mode;
	int64_t now_us;
	int64_t last_us; /* of the event before; for the first one its own */
};

/* The columns that when_write fills, with a space behind; 0 where it writes nothing. */
int when_columns(enum when_mode mode);

/* The time of day, in few columns: "07:12:00.000", "07:12:00.000Z", "    3.2s ago", "     +0.120s".
 */
void when_write(const struct when *w, int64_t us, char out[WHEN_MAX]);

/* The same with its date, where it is a time of day: "2026-01-02 07:12:00.000". */
void when_write_whole(const struct when *w, int64_t us, char out[WHEN_MAX]);

/* The day of an instant as a number, in local time or in UTC. */
int when_day(enum when_mode mode, int64_t us);

/* That day for people: "Tue 2025-09-16". */
void when_write_day(enum when_mode mode, int64_t us, char out[WHEN_MAX]);

#endif
