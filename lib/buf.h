/* Bytes: borrowed (struct dp_str) and growable (struct dp_buf). What every document and event is
 * made by, some bytes at a time, stands here to be compiled in: of a constant text its length and
 * the comparison with it are known then. */
#ifndef DP_BUF_H
#define DP_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed bytes, not NUL-terminated. p may be NULL where n is 0. */
struct dp_str {
	const char *p;
	size_t n;
};

#define DP_STR(literal) ((struct dp_str){"" literal, sizeof(literal) - 1})

static inline struct dp_str dp_str_from(const char *text)
{
	return (struct dp_str){text, strlen(text)};
}

static inline bool dp_str_equal(struct dp_str a, struct dp_str b)
{
	return a.n == b.n && (b.n == 0 || memcmp(a.p, b.p, b.n) == 0);
}

/* The order by bytes, a prefix first: < 0, 0 or > 0. */
int dp_str_compare(struct dp_str a, struct dp_str b);

/* Whether s is exactly `text`. */
static inline bool dp_str_is(struct dp_str s, const char *text)
{
	return dp_str_equal(s, dp_str_from(text));
}

/* Copies it as a string to out, which has room for `size` bytes, its NUL included: as much as fits.
 */
void dp_str_copy(struct dp_str s, char *out, size_t size);

/* Growable bytes. {0} is an empty one. `data` may move at any change and is not NUL-terminated,
 * except after dp_buf_text. */
struct dp_buf {
	char *data;
	size_t len;
	size_t cap;
};

void dp_buf_release(struct dp_buf *b);

/* Makes it empty, keeps the memory. */
void dp_buf_clear(struct dp_buf *b);

/* Moves it to where there is room for n more. */
void dp_buf_grow(struct dp_buf *b, size_t n);

/* Room for n more bytes at data + len. */
static inline void dp_buf_reserve(struct dp_buf *b, size_t n)
{
	if (b->cap - b->len < n)
		dp_buf_grow(b, n);
}

static inline void dp_buf_add(struct dp_buf *b, const char *p, size_t n)
{
	if (n == 0)
		return;
	dp_buf_reserve(b, n);
	memcpy(b->data + b->len, p, n);
	b->len += n;
}

static inline void dp_buf_add_str(struct dp_buf *b, struct dp_str s)
{
	dp_buf_add(b, s.p, s.n);
}

static inline void dp_buf_add_text(struct dp_buf *b, const char *text)
{
	dp_buf_add(b, text, strlen(text));
}

static inline void dp_buf_add_char(struct dp_buf *b, char c)
{
	dp_buf_reserve(b, 1);
	b->data[b->len++] = c;
}

void dp_buf_addf(struct dp_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* In decimal. */
void dp_buf_add_number(struct dp_buf *b, int64_t v);

/* Takes n bytes away from the front. n <= len. */
void dp_buf_drop(struct dp_buf *b, size_t n);

/* The contents as a string: puts a NUL behind them, which len does not count. */
const char *dp_buf_text(struct dp_buf *b);

struct dp_str dp_buf_str(const struct dp_buf *b);

#endif
