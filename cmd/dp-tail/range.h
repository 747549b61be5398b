/* The time between which events are wanted. */
#ifndef DP_TAIL_RANGE_H
#define DP_TAIL_RANGE_H

#include "clock.h"
#include "filter.h"

#include <stdbool.h>
#include <stdint.h>

/* Puts the instant that a time of devpulse-filter(7) means now into `instant`: "15m" shall mean the
 * same when the filter is read again, because dp-http was away. Returns 0, or -1 with *why (a
 * constant string). */
int range_resolve(const char *time, char instant[DP_CLOCK_MAX], const char **why);

/* Whether the filter has a first instant. Puts the one before which all must be into *until_us;
 * INT64_MAX: there is none. */
bool range_has_since(const struct dp_filter *f, int64_t *until_us);

#endif
