#include "checked.h"

#include "crc.h"

#include <stdint.h>

enum { DIGITS = 8, PREFIX = DIGITS + 1 };

/* Returns the value of a digit, or -1. */
static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void dp_checked_add(struct dp_buf *out, struct dp_str text)
{
	static const char hex[] = "0123456789abcdef";
	uint32_t crc = dp_crc32c(text);

	dp_buf_reserve(out, text.n + DP_CHECKED_ADDS);
	for (int i = 0; i < DIGITS; i++)
		out->data[out->len + (size_t)i] = hex[crc >> (28 - 4 * i) & 15];
	out->data[out->len + DIGITS] = ' ';
	out->len += PREFIX;
	dp_buf_add_str(out, text);
	dp_buf_add_char(out, '\n');
}

bool dp_checked_has_form(struct dp_str line)
{
	if (line.n < PREFIX || line.p[DIGITS] != ' ')
		return false;
	for (size_t i = 0; i < DIGITS; i++)
		if (digit_value(line.p[i]) < 0)
			return false;
	return true;
}

int dp_checked_read(struct dp_str line, struct dp_str *text)
{
	struct dp_str rest;
	uint32_t crc = 0;

	if (!dp_checked_has_form(line))
		return -1;
	for (size_t i = 0; i < DIGITS; i++)
		crc = crc << 4 | (uint32_t)digit_value(line.p[i]);
	rest = (struct dp_str){line.p + PREFIX, line.n - PREFIX};
	if (dp_crc32c(rest) != crc)
		return -1;
	*text = rest;
	return 0;
}
