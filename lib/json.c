#include "json.h"

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static enum dp_json_type type_of(char first)
{
	switch (first) {
	case '{':
		return DP_JSON_OBJECT;
	case '[':
		return DP_JSON_ARRAY;
	case '"':
		return DP_JSON_STRING;
	case 't':
		return DP_JSON_TRUE;
	case 'f':
		return DP_JSON_FALSE;
	case 'n':
		return DP_JSON_NULL;
	default:
		return DP_JSON_NUMBER;
	}
}

/* Behind the string that begins at p. A quote is the string's end unless an odd number of
 * backslashes stands before it. */
static const char *string_end(const char *p, const char *end)
{
	const char *from = p + 1;

	for (;;) {
		const char *quote = memchr(from, '"', (size_t)(end - from));
		const char *slash = quote;

		if (!quote)
			return end;
		while (slash > from && slash[-1] == '\\')
			slash--;
		if ((quote - slash) % 2 == 0)
			return quote + 1;
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

/* Behind the array or object that begins at p, a block at a time. */
static const char *container_end(const char *p, const char *end)
{
	char last[BLOCK] = {0};
	size_t depth = 0;
	bool escaped = false;
	uint64_t inside = 0;

	for (;; p += BLOCK) {
		const bool is_last = end - p <= BLOCK;
		struct block b;
		int n;

		if (is_last)
			memcpy(last, p, (size_t)(end - p));
		b = read_block(is_last ? last : p);
		inside = between_quotes(real_quotes(&b, &escaped)) ^ (0 - (inside >> (BLOCK - 1)));
		b.opening &= ~inside;
		b.closing &= ~inside;
		n = block_end(&b, &depth);
		if (n > 0)
			return p + n;
		if (is_last)
			return end;
	}
}

static const char *value_end(const char *p, const char *end)
{
	if (*p == '"')
		return string_end(p, end);
	if (*p == '{' || *p == '[')
		return container_end(p, end);
	while (p < end && *p != ',')
		p++;
	return p;
}

struct dp_json dp_json_value(struct dp_str text)
{
	return (struct dp_json){text.n ? type_of(*text.p) : DP_JSON_END, {0}, text};
}

struct dp_json_cursor dp_json_children(const struct dp_json *v)
{
	const char *p = v->text.p;

	if (v->type != DP_JSON_ARRAY && v->type != DP_JSON_OBJECT)
		return (struct dp_json_cursor){p, p, false};
	return (struct dp_json_cursor){p + 1, p + v->text.n - 1, v->type == DP_JSON_OBJECT};
}

bool dp_json_next(struct dp_json_cursor *c, struct dp_json *v)
{
	const char *start = c->p;
	struct dp_str key = {0};

	if (c->p >= c->end)
		return false;
	if (c->in_object) {
		const char *key_end = string_end(start, c->end);

		key = (struct dp_str){start + 1, (size_t)(key_end - start) - 2};
		start = key_end + 1;
	}
	c->p = value_end(start, c->end);
	*v = (struct dp_json){type_of(*start), key, {start, (size_t)(c->p - start)}};
	c->p += c->p < c->end;
	return true;
}

struct dp_json dp_json_member(const struct dp_json *object, const char *key)
{
	struct dp_json_cursor c = dp_json_children(object);
	struct dp_json v;

	if (object->type == DP_JSON_OBJECT)
		while (dp_json_next(&c, &v))
			if (dp_str_is(v.key, key))
				return v;
	return (struct dp_json){.type = DP_JSON_END};
}

/* Takes the escape at p and appends what it stands for; returns behind it. Canonical text has
 * only \u00xx of the long ones. */
static const char *decode_escape(const char *p, struct dp_buf *out)
{
	static const char digits[] = "0123456789abcdef";

	switch (p[1]) {
	case 'b':
		dp_buf_add_char(out, '\b');
		break;
	case 'f':
		dp_buf_add_char(out, '\f');
		break;
	case 'n':
		dp_buf_add_char(out, '\n');
		break;
	case 'r':
		dp_buf_add_char(out, '\r');
		break;
	case 't':
		dp_buf_add_char(out, '\t');
		break;
	case 'u':
		dp_buf_add_char(out, (char)((p[4] - '0') << 4 | (strchr(digits, p[5]) - digits)));
		return p + 6;
	default:
		dp_buf_add_char(out, p[1]);
		break;
	}
	return p + 2;
}

void dp_json_decode_key(struct dp_str key, struct dp_buf *out)
{
	const char *p = key.p;
	const char *end = p + key.n;

	while (p < end) {
		const char *slash = memchr(p, '\\', (size_t)(end - p));
		const char *run_end = slash ? slash : end;

		dp_buf_add(out, p, (size_t)(run_end - p));
		p = slash ? decode_escape(slash, out) : end;
	}
}

/* What stands between a string's quotes. */
static struct dp_str inside(const struct dp_json *v)
{
	return (struct dp_str){v->text.p + 1, v->text.n - 2};
}

void dp_json_decode(const struct dp_json *v, struct dp_buf *out)
{
	if (v->type == DP_JSON_STRING)
		dp_json_decode_key(inside(v), out);
	else
		dp_buf_add_str(out, v->text);
}

bool dp_json_plain(const struct dp_json *v, struct dp_str *out)
{
	if (v->type != DP_JSON_STRING || memchr(v->text.p, '\\', v->text.n))
		return false;
	*out = inside(v);
	return true;
}
