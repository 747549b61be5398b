/* Allocation that succeeds or ends the program (exit 1, "out of memory"). Everything a peer can
 * grow has a limit elsewhere, so running out is a broken machine and not a condition to handle. */
#ifndef DP_MEM_H
#define DP_MEM_H

#include <stddef.h>

/* Memory of n zero bytes; release with free(). */
void *dp_mem_new(size_t n);

/* As realloc(3). */
void *dp_mem_resize(void *p, size_t n);

/* An array of `count` elements of `size` bytes, resized; dies when the product overflows. */
void *dp_mem_resize_array(void *p, size_t count, size_t size);

/* A copy of n bytes with a NUL behind it; release with free(). */
char *dp_mem_copy(const char *p, size_t n);

#endif
