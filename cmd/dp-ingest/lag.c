#include "lag.h"

#include <string.h>

static void forget(struct lag *l, uint64_t mark)
{
	size_t n = 0;

	while (n < l->count && l->points[n].offset <= mark)
		n++;
	if (n == 0)
		return;
	l->start = l->points[n - 1].offset;
	l->start_events = l->points[n - 1].events;
	l->count -= n;
	memmove(l->points, l->points + n, l->count * sizeof *l->points);
}

/* Makes one of two neighbours each: half as many, half as exact, and so are those to come. */
static void thin(struct lag *l)
{
	size_t n = 0;

	for (size_t i = 0; i + 1 < l->count; i += 2, n++) {
		const int64_t time_us = l->points[i].time_us;

		l->points[n] = l->points[i + 1];
		l->points[n].time_us = time_us;
	}
	l->count = n;
	l->step_us *= 2;
}

void lag_add(struct lag *l, uint64_t offset, uint64_t events, int64_t now_us, uint64_t mark)
{
	struct lag_point *last;

	forget(l, mark);
	l->events += events;
	if (l->count == 0)
		l->step_us = LAG_STEP_US;
	last = l->count > 0 ? &l->points[l->count - 1] : NULL;
	if (last && now_us - last->time_us < l->step_us) {
		last->offset = offset;
		last->events = l->events;
		return;
	}
	if (l->count == LAG_POINTS_MAX)
		thin(l);
	l->points[l->count++] = (struct lag_point){offset, l->events, now_us};
}

void lag_get(const struct lag *l, uint64_t mark, uint64_t *events, int64_t *since_us)
{
	uint64_t from = l->start;
	uint64_t done = l->start_events;
	size_t i = 0;

	*events = 0;
	*since_us = 0;
	for (; i < l->count && l->points[i].offset <= mark; i++) {
		from = l->points[i].offset;
		done = l->points[i].events;
	}
	if (i == l->count)
		return;
	if (mark > from) {
		const double part = (double)(mark - from) / (double)(l->points[i].offset - from);

		done += (uint64_t)(part * (double)(l->points[i].events - done));
	}
	*events = l->events - done;
	*since_us = l->points[i].time_us;
}
