/* How far the mark is behind, in events and in time: the spool knows bytes only. Some hundred
 * points say what was appended when; between two of them it is taken to be even. */
#ifndef LAG_H
#define LAG_H

#include <stddef.h>
#include <stdint.h>

enum { LAG_POINTS_MAX = 512, LAG_STEP_US = 100 * 1000 };

/* Of the events before an offset and behind the offset of the point before. */
struct lag_point {
	uint64_t offset;
	uint64_t events; /* all up to here */
	int64_t time_us; /* of the first of them */
};

struct lag {
	struct lag_point points[LAG_POINTS_MAX];
	size_t count;
	int64_t step_us; /* between two points */
	uint64_t events; /* all, ever */
	uint64_t start;  /* the offset before the first point */
	uint64_t start_events;
};

/* `events` more end at `offset`; the mark tells what may be forgotten. */
void lag_add(struct lag *l, uint64_t offset, uint64_t events, int64_t now_us, uint64_t mark);

/* How many events are behind the mark, and since when the first of them is there (0: none). */
void lag_get(const struct lag *l, uint64_t mark, uint64_t *events, int64_t *since_us);

#endif
