#include "json_extent.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* A quote is the string's end unless an odd number of backslashes stands before it. */
size_t dp_json_string_length(struct dp_str s)
{
	const char *from = s.p + 1;

	for (;;) {
		const char *quote = memchr(from, '"', (size_t)(s.p + s.n - from));
		const char *slash = quote;

		if (!quote)
			return 0;
		while (slash > from && slash[-1] == '\\')
			slash--;
		if ((quote - slash) % 2 == 0)
			return (size_t)(quote - s.p) + 1;
		from = quote + 1;
	}
}

enum { BLOCK = 64 };

/* Where in a block the characters stand that matter to the end of a container; a bit a byte. */
struct block {
	uint64_t quotes;
	uint64_t slashes;
	uint64_t opening; /* brackets */
	uint64_t closing;
};

#ifdef __SSE2__
static uint64_t find_byte(__m128i bytes, char c)
{
	return (uint64_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)));
}

static struct block read_block(const char *p)
{
	struct block b = {0};

	for (int i = 0; i < BLOCK; i += 16) {
		const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
		const __m128i braces = _mm_or_si128(bytes, _mm_set1_epi8(0x20)); /* [ is { */

		b.quotes |= find_byte(bytes, '"') << i;
		b.slashes |= find_byte(bytes, '\\') << i;
		b.opening |= find_byte(braces, '{') << i;
		b.closing |= find_byte(braces, '}') << i;
	}
	return b;
}
#else
static struct block read_block(const char *p)
{
	struct block b = {0};

	for (int i = 0; i < BLOCK; i++) {
		const uint64_t bit = UINT64_C(1) << i;

		b.quotes |= p[i] == '"' ? bit : 0;
		b.slashes |= p[i] == '\\' ? bit : 0;
		b.opening |= (p[i] | 0x20) == '{' ? bit : 0;
		b.closing |= (p[i] | 0x20) == '}' ? bit : 0;
	}
	return b;
}
#endif

/* The quotes that no backslash precedes. `escaped`: whether one at the end of the block before
 * takes the first byte of this one. */
static uint64_t real_quotes(const struct block *b, bool *escaped)
{
	uint64_t slashes = b->slashes;
	uint64_t quotes = b->quotes;

	if (*escaped) {
		slashes &= ~UINT64_C(1);
		quotes &= ~UINT64_C(1);
	}
	*escaped = false;
	while (slashes) {
		const int i = __builtin_ctzll(slashes);

		if (i == BLOCK - 1) {
			*escaped = true;
			break;
		}
		slashes &= ~(UINT64_C(3) << i);
		quotes &= ~(UINT64_C(2) << i);
	}
	return quotes;
}

/* Every bit becomes the parity of those up to it: what is within strings. */
static uint64_t between_quotes(uint64_t quotes)
{
	for (int i = 1; i < BLOCK; i *= 2)
		quotes ^= quotes << i;
	return quotes;
}

/* The index behind the bracket that ends the container, or 0. */
static int block_end(const struct block *b, size_t *depth)
{
	for (uint64_t bits = b->opening | b->closing; bits; bits &= bits - 1) {
		const int i = __builtin_ctzll(bits);

		if (b->opening >> i & 1)
			++*depth;
		else if (--*depth == 0)
			return i + 1;
	}
	return 0;
}

/* A block at a time. */
size_t dp_json_container_length(struct dp_str s)
{
	char last[BLOCK] = {0};
	size_t depth = 0;
	bool escaped = false;
	uint64_t inside = 0;

	for (size_t at = 0;; at += BLOCK) {
		const bool is_last = s.n - at <= BLOCK;
		struct block b;
		int n;

		if (is_last)
			memcpy(last, s.p + at, s.n - at);
		b = read_block(is_last ? last : s.p + at);
		inside = between_quotes(real_quotes(&b, &escaped)) ^ (0 - (inside >> (BLOCK - 1)));
		b.opening &= ~inside;
		b.closing &= ~inside;
		n = block_end(&b, &depth);
		if (n > 0 || is_last)
			return n > 0 ? at + (size_t)n : 0;
	}
}
