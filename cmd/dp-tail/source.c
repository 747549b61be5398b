#include "source.h"

#include "clock.h"

#include <limits.h>

int source_wait_ms(const struct source_end *end, int most)
{
	const int64_t left = end->at_ms - dp_clock_monotonic_ms();

	if (end->at_ms == 0)
		return most;
	if (left <= 0)
		return 0;
	if (most >= 0 && left > most)
		return most;
	return left < INT_MAX ? (int)left : INT_MAX;
}
