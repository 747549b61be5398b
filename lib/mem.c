#include "mem.h"

#include "log.h"

#include <stdlib.h>
#include <string.h>

static void *or_die(void *p, size_t n)
{
	if (!p)
		dp_log_die(DP_EXIT_FAILURE, "out of memory (%zu bytes wanted)", n);
	return p;
}

void *dp_mem_new(size_t n)
{
	return or_die(calloc(1, n ? n : 1), n);
}

void *dp_mem_resize(void *p, size_t n)
{
	return or_die(realloc(p, n ? n : 1), n);
}

void *dp_mem_resize_array(void *p, size_t count, size_t size)
{
	void *resized = reallocarray(p, count ? count : 1, size ? size : 1);

	if (!resized)
		dp_log_die(
		    DP_EXIT_FAILURE, "out of memory (%zu times %zu bytes wanted)", count, size);
	return resized;
}

char *dp_mem_copy(const char *p, size_t n)
{
	char *copy = dp_mem_resize(NULL, n + 1);

	if (n > 0)
		memcpy(copy, p, n);
	copy[n] = '\0';
	return copy;
}
