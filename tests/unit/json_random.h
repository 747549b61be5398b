/* Random JSON, the same for the same seed: for tests of what must hold for any text. */
#ifndef DP_TEST_JSON_RANDOM_H
#define DP_TEST_JSON_RANDOM_H

#include "buf.h"

#include <stdint.h>

/* splitmix64 */
static inline uint32_t json_random(uint64_t *seed, uint32_t below)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((z ^ (z >> 31)) >> 32) % below;
}

#define JSON_PICK(seed, table) (table)[json_random(seed, sizeof(table) / sizeof *(table))]

static inline void json_random_space(uint64_t *seed, struct dp_buf *out)
{
	static const char *const spaces[] = {"", "", "", " ", "\n", "\r\n\t "};

	dp_buf_add_text(out, JSON_PICK(seed, spaces));
}

static inline void json_random_string(uint64_t *seed, struct dp_buf *out)
{
	static const char *const pieces[] = {"a", "key", "order", "long plain text without escapes",
	    "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\x7f", "\\\"", "\\\\", "\\/", "\\b",
	    "\\f", "\\n", "\\r", "\\t", "\\u0041", "\\u00e9", "\\u20AC", "\\ud83d\\ude00",
	    "\\u001f", "/", "'", "{", "]", ","};
	uint32_t n = json_random(seed, 4);

	dp_buf_add_char(out, '"');
	for (uint32_t i = 0; i < n; i++)
		dp_buf_add_text(out, JSON_PICK(seed, pieces));
	dp_buf_add_char(out, '"');
}

static inline void json_random_scalar(uint64_t *seed, struct dp_buf *out)
{
	static const char *const values[] = {"null", "true", "false", "0", "-0", "1", "-17",
	    "9223372036854775807", "0.5", "-1.25e-7", "1E5", "2e+300", "1e-308", "123456.789"};

	if (json_random(seed, 2))
		json_random_string(seed, out);
	else
		dp_buf_add_text(out, JSON_PICK(seed, values));
}

/* Appends a value at most `depth` brackets deep. */
static inline void json_random_value(uint64_t *seed, int depth, struct dp_buf *out)
{
	const uint32_t kind = depth > 0 ? json_random(seed, 4) : 0;
	const uint32_t n = json_random(seed, 5);

	json_random_space(seed, out);
	if (kind < 2) {
		json_random_scalar(seed, out);
		json_random_space(seed, out);
		return;
	}
	dp_buf_add_char(out, kind == 2 ? '[' : '{');
	json_random_space(seed, out);
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			dp_buf_add_char(out, ',');
		json_random_space(seed, out);
		if (kind == 3) {
			json_random_string(seed, out);
			json_random_space(seed, out);
			dp_buf_add_char(out, ':');
		}
		json_random_value(seed, depth - 1, out);
	}
	dp_buf_add_char(out, kind == 2 ? ']' : '}');
	json_random_space(seed, out);
}

#endif
