/* Time: microseconds since the epoch, UTC, and RFC 3339 both ways. */
#ifndef DP_CLOCK_H
#define DP_CLOCK_H

#include <stddef.h>
#include <stdint.h>

enum { DP_CLOCK_MAX = 40 }; /* bytes that dp_clock_write needs, with the NUL */

/* An instant as somebody wrote it down: us + ns/1000, its fraction with `digits` digits (0..9). */
struct dp_time {
	int64_t us;
	int ns; /* 0..999, below the microsecond */
	int digits;
};

int64_t dp_clock_now_us(void);

/* Milliseconds that only go forward, from an arbitrary start: for time-outs; and microseconds. */
int64_t dp_clock_monotonic_ms(void);
int64_t dp_clock_monotonic_us(void);

/* Reads an RFC 3339 date-time: any offset, any number of fraction digits (those after the ninth
 * are cut off), 't', 'z' or a space as the RFC allows, a leap second as the second after it. Years
 * 1 to 9999 in UTC. Returns 0, or -1 with *out untouched where it is anything else. */
int dp_clock_parse(const char *text, size_t len, struct dp_time *out);

/* Writes an instant in UTC as 2026-01-02T03:04:05.678Z, with t.digits digits. Returns the length.
 * What dp_clock_parse read is written as the same instant with the same digits. */
size_t dp_clock_write(struct dp_time t, char out[DP_CLOCK_MAX]);

#endif
