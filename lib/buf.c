#include "buf.h"

#include "mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int dp_str_compare(struct dp_str a, struct dp_str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

void dp_str_copy(struct dp_str s, char *out, size_t size)
{
	const size_t n = s.n < size ? s.n : size - 1;

	if (n > 0)
		memcpy(out, s.p, n);
	out[n] = '\0';
}

void dp_buf_release(struct dp_buf *b)
{
	free(b->data);
	*b = (struct dp_buf){0};
}

void dp_buf_clear(struct dp_buf *b)
{
	b->len = 0;
}

void dp_buf_grow(struct dp_buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 256;

	while (cap - b->len < n)
		cap *= 2;
	b->data = dp_mem_resize(b->data, cap);
	b->cap = cap;
}

void dp_buf_addf(struct dp_buf *b, const char *fmt, ...)
{
	va_list args;
	int n;

	dp_buf_reserve(b, 1);
	va_start(args, fmt);
	n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, args);
	va_end(args);
	assert(n >= 0);
	if ((size_t)n >= b->cap - b->len) {
		dp_buf_reserve(b, (size_t)n + 1);
		va_start(args, fmt);
		vsnprintf(b->data + b->len, (size_t)n + 1, fmt, args);
		va_end(args);
	}
	b->len += (size_t)n;
}

void dp_buf_add_number(struct dp_buf *b, int64_t v)
{
	uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;
	char digits[20];
	size_t at = sizeof digits;

	do
		digits[--at] = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	if (v < 0)
		digits[--at] = '-';
	dp_buf_add(b, digits + at, sizeof digits - at);
}

void dp_buf_drop(struct dp_buf *b, size_t n)
{
	assert(n <= b->len);
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

const char *dp_buf_text(struct dp_buf *b)
{
	dp_buf_reserve(b, 1);
	b->data[b->len] = '\0';
	return b->data;
}

struct dp_str dp_buf_str(const struct dp_buf *b)
{
	return (struct dp_str){b->data, b->len};
}
