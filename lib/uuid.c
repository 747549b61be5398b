#include "uuid.h"

#include <assert.h>
#include <string.h>
#include <sys/random.h>

static const char HEX[] = "0123456789abcdef";

/* Up to 256 bytes. Waits only in the first moments of a machine that has no entropy yet. */
static void fill_random(uint8_t *bytes, size_t n)
{
	int rc = getentropy(bytes, n);

	assert(rc == 0);
}

static bool is_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool has_dash_at(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

void dp_uuid_v7(int64_t now_us, char out[DP_UUID_TEXT + 1])
{
	uint64_t us = now_us > 0 ? (uint64_t)now_us : 0;
	uint64_t ms = us / 1000;
	uint64_t fraction = us % 1000 * 4096 / 1000;
	uint8_t bytes[16];

	fill_random(bytes, sizeof bytes);
	for (int i = 0; i < 6; i++)
		bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
	bytes[6] = (uint8_t)(0x70 | fraction >> 8);
	bytes[7] = (uint8_t)fraction;
	bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3f));
	dp_uuid_from_bytes(bytes, out);
}

int dp_uuid_parse(struct dp_str text, char out[DP_UUID_TEXT + 1])
{
	char lower[DP_UUID_TEXT + 1] = "";

	if (text.n != DP_UUID_TEXT)
		return -1;
	for (size_t i = 0; i < DP_UUID_TEXT; i++) {
		char c = text.p[i];

		if (c >= 'A' && c <= 'F')
			c = (char)(c - 'A' + 'a');
		if (has_dash_at(i) ? c != '-' : !is_digit(c))
			return -1;
		lower[i] = c;
	}
	memcpy(out, lower, sizeof lower);
	return 0;
}

static unsigned digit_value(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

void dp_uuid_to_bytes(const char text[DP_UUID_TEXT + 1], uint8_t bytes[16])
{
	const char *p = text;

	for (int i = 0; i < 16; i++, p += 2) {
		if (*p == '-')
			p++;
		bytes[i] = (uint8_t)(digit_value(p[0]) << 4 | digit_value(p[1]));
	}
}

void dp_uuid_from_bytes(const uint8_t bytes[16], char text[DP_UUID_TEXT + 1])
{
	char *w = text;

	for (int i = 0; i < 16; i++) {
		if (has_dash_at((size_t)(w - text)))
			*w++ = '-';
		*w++ = HEX[bytes[i] >> 4];
		*w++ = HEX[bytes[i] & 15];
	}
	*w = '\0';
}

void dp_hex_id_new(char out[DP_HEX_ID_TEXT + 1])
{
	uint8_t bytes[DP_HEX_ID_TEXT / 2];
	char *w = out;

	fill_random(bytes, sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++) {
		*w++ = HEX[bytes[i] >> 4];
		*w++ = HEX[bytes[i] & 15];
	}
	*w = '\0';
}
