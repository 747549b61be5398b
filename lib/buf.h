/* Bytes: borrowed (struct dp_str) and growable (struct dp_buf). */
#ifndef DP_BUF_H
#define DP_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes, not NUL-terminated. p may be NULL where n is 0. */
struct dp_str {
	const char *p;
	size_t n;
};

#define DP_STR(literal) ((struct dp_str){"" literal, sizeof(literal) - 1})

struct dp_str dp_str_from(const char *text);

bool dp_str_equal(struct dp_str a, struct dp_str b);

/* The order by bytes, a prefix first: < 0, 0 or > 0. */
int dp_str_compare(struct dp_str a, struct dp_str b);

/* Whether s is exactly `text`. */
bool dp_str_is(struct dp_str s, const char *text);

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

/* Room for n more bytes at data + len. */
void dp_buf_reserve(struct dp_buf *b, size_t n);

void dp_buf_add(struct dp_buf *b, const char *p, size_t n);
void dp_buf_add_str(struct dp_buf *b, struct dp_str s);
void dp_buf_add_text(struct dp_buf *b, const char *text);
void dp_buf_add_char(struct dp_buf *b, char c);
void dp_buf_addf(struct dp_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* In decimal. */
void dp_buf_add_number(struct dp_buf *b, int64_t v);

/* Takes n bytes away from the front. n <= len. */
void dp_buf_drop(struct dp_buf *b, size_t n);

/* The contents as a string: puts a NUL behind them, which len does not count. */
const char *dp_buf_text(struct dp_buf *b);

struct dp_str dp_buf_str(const struct dp_buf *b);

#endif
