/* Percentiles of numbers that are all there: exact, by the nearest rank. Pure. */
#ifndef DP_QUANTILE_H
#define DP_QUANTILE_H

#include <stddef.h>

/* Sorts, the least first. None of the numbers is NaN. */
void dp_quantile_sort(double *numbers, size_t n);

/* The least of the sorted numbers that `percent` in a hundred of them do not exceed. n > 0, percent
 * 1 to 100. */
double dp_quantile(const double *sorted, size_t n, unsigned percent);

#endif
