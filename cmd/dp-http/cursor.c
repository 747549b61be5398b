#include "cursor.h"

#include "mem.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID_CHARS = 8 };

/* The characters of a database's id that stand for it: the last ones, random in any UUID. */
static const char *id_part(const char *store_id)
{
	size_t n = strlen(store_id);

	return store_id + (n > ID_CHARS ? n - ID_CHARS : 0);
}

void cursor_write_event(char out[CURSOR_EVENT_MAX], const char *store_id, int64_t seq)
{
	snprintf(out, CURSOR_EVENT_MAX, "%s-%" PRId64, id_part(store_id), seq);
}

/* A whole number of digits (and a minus, where `negative`), ended by `end`. Returns what is behind
 * it, or NULL. */
static const char *parse_number(const char *text, bool negative, char end, int64_t *out)
{
	const char *digits = text + (negative && *text == '-');
	char *rest;

	if (*digits < '0' || *digits > '9')
		return NULL;
	errno = 0;
	*out = strtoll(text, &rest, 10);
	return errno == 0 && *rest == end ? rest : NULL;
}

enum cursor_fault cursor_parse_event(const char *text, const char *store_id, int64_t *seq)
{
	size_t n = strspn(text, "0123456789abcdef");

	if (n != ID_CHARS || text[n] != '-' || !parse_number(text + n + 1, false, '\0', seq))
		return CURSOR_MALFORMED;
	return strncmp(text, id_part(store_id), n) == 0 ? CURSOR_OK : CURSOR_FOREIGN;
}

static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* RFC 4648, 5, without padding. */
static void encode(struct dp_buf *out, const char *p, size_t n)
{
	uint32_t bits = 0;
	int have = 0;

	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | (unsigned char)p[i];
		for (have += 8; have >= 6; have -= 6)
			dp_buf_add_char(out, base64url[bits >> (have - 6) & 63]);
	}
	if (have > 0)
		dp_buf_add_char(out, base64url[bits << (6 - have) & 63]);
}

static int decode(struct dp_buf *out, const char *text)
{
	uint32_t bits = 0;
	int have = 0;

	for (; *text; text++) {
		const char *at = strchr(base64url, *text);

		if (!at)
			return -1;
		bits = bits << 6 | (uint32_t)(at - base64url);
		have += 6;
		if (have >= 8) {
			have -= 8;
			dp_buf_add_char(out, (char)(bits >> have & 255));
		}
	}
	return have < 6 && (bits & ((1U << have) - 1)) == 0 ? 0 : -1;
}

void cursor_write_page(struct dp_buf *out, int64_t us, struct dp_str id)
{
	struct dp_buf plain = {0};

	dp_buf_add_number(&plain, us);
	dp_buf_add_char(&plain, ',');
	dp_buf_add_str(&plain, id);
	encode(out, plain.data, plain.len);
	dp_buf_release(&plain);
}

enum cursor_fault cursor_parse_page(const char *text, int64_t *us, char **id)
{
	enum cursor_fault fault = CURSOR_MALFORMED;
	struct dp_buf plain = {0};
	const char *comma;

	if (decode(&plain, text) == 0 && plain.len > 0 && !memchr(plain.data, '\0', plain.len)) {
		comma = parse_number(dp_buf_text(&plain), true, ',', us);
		if (comma && comma[1] && dp_text_is_valid(comma + 1, strlen(comma + 1))) {
			*id = dp_mem_copy(comma + 1, strlen(comma + 1));
			fault = CURSOR_OK;
		}
	}
	dp_buf_release(&plain);
	return fault;
}
