#include "quantile.h"

#include <stdlib.h>

static int compare(const void *pa, const void *pb)
{
	const double a = *(const double *)pa;
	const double b = *(const double *)pb;

	return (a > b) - (a < b);
}

void dp_quantile_sort(double *numbers, size_t n)
{
	if (n > 1)
		qsort(numbers, n, sizeof *numbers, compare);
}

double dp_quantile(const double *sorted, size_t n, unsigned percent)
{
	return sorted[(n * percent + 99) / 100 - 1];
}
