#include "text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

size_t dp_text_decode(const char *p, size_t n, uint32_t *cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *u = (const unsigned char *)p;
	size_t len = u[0] < 0x80 ? 1 : u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	uint32_t c = u[0];

	if (len == 0 || len > n || u[0] > 0xf4)
		return 0;
	if (len > 1)
		c &= 0x7fU >> len;
	for (size_t i = 1; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (u[i] & 0x3fU);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*cp = c;
	return len;
}

bool dp_text_is_valid(const char *p, size_t n)
{
	static const uint64_t not_ascii = 0x8080808080808080;
	uint64_t eight;
	uint32_t cp;
	size_t len;

	for (size_t i = 0; i < n; i += len) {
		len = sizeof eight;
		if (n - i >= len) {
			memcpy(&eight, p + i, len);
			if (!(eight & not_ascii))
				continue;
		}
		len = dp_text_decode(p + i, n - i, &cp);
		if (len == 0)
			return false;
	}
	return true;
}

size_t dp_text_encode(uint32_t cp, char out[4])
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

/* Characters that reorder or break the line they stand in. */
static bool is_deceptive(uint32_t cp)
{
	return cp == 0x061c || cp == 0x200e || cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff;
}

size_t dp_text_step(const char *p, size_t n, char out[DP_TEXT_STEP_MAX])
{
	uint32_t cp = 0;
	size_t len = dp_text_decode(p, n, &cp);

	if (len == 0) {
		snprintf(out, DP_TEXT_STEP_MAX, "\\x%02x", (unsigned)(unsigned char)p[0]);
		return 1;
	}
	if (cp == '\n' || cp == '\r' || cp == '\t')
		snprintf(out, DP_TEXT_STEP_MAX, "\\%c", cp == '\n' ? 'n' : cp == '\r' ? 'r' : 't');
	else if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
		snprintf(out, DP_TEXT_STEP_MAX, "\\x%02x", (unsigned)cp);
	else if (is_deceptive(cp))
		snprintf(out, DP_TEXT_STEP_MAX, "\\u%04x", (unsigned)cp);
	else {
		memcpy(out, p, len);
		out[len] = '\0';
	}
	return len;
}

size_t dp_text_escape(const char *p, size_t n, char *out, size_t cap)
{
	char safe[DP_TEXT_STEP_MAX];
	size_t at = 0;

	while (n > 0) {
		size_t took = dp_text_step(p, n, safe);
		size_t len = strlen(safe);

		if (at + len + 1 > cap)
			break;
		memcpy(out + at, safe, len);
		at += len;
		p += took;
		n -= took;
	}
	out[at] = '\0';
	return at;
}
