#include "arena.h"

#include "mem.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 32 * 1024 };

struct dp_arena_block {
	struct dp_arena_block *before;
	size_t used;
	size_t size;
	char data[];
};

void dp_arena_release(struct dp_arena *a)
{
	while (a->last) {
		struct dp_arena_block *before = a->last->before;

		free(a->last);
		a->last = before;
	}
}

struct dp_str dp_arena_copy(struct dp_arena *a, struct dp_str s)
{
	struct dp_arena_block *b = a->last;
	struct dp_str copy = {NULL, s.n};

	if (s.n == 0)
		return copy;
	if (!b || b->size - b->used < s.n) {
		const size_t size = s.n > BLOCK_BYTES ? s.n : BLOCK_BYTES;

		b = dp_mem_resize(NULL, sizeof *b + size);
		*b = (struct dp_arena_block){.before = a->last, .size = size};
		a->last = b;
	}
	copy.p = memcpy(b->data + b->used, s.p, s.n);
	b->used += s.n;
	return copy;
}
