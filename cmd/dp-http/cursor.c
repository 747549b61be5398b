#include "cursor.h"

#include "text.h"

#include <errno.h>
#include <inttypes.h>
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
	int64_t n;

	if (*digits < '0' || *digits > '9')
		return NULL;
	errno = 0;
	n = strtoll(text, &rest, 10);
	if (errno != 0 || *rest != end)
		return NULL;
	*out = n;
	return rest;
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

/* "t1,5eb63bbb,250,1767323045000000,abc": list and flags, question, rank, time, id. */
void cursor_write_page(struct dp_buf *out, const struct cursor_page *c)
{
	struct dp_buf plain = {0};

	dp_buf_addf(&plain, "%c%d,%" PRIx32 ",%" PRId64 ",%" PRId64 ",%s", c->list,
	    c->is_inclusive + 2 * c->is_backwards, c->asked, c->place.rank, c->place.us,
	    c->place.id);
	encode(out, plain.data, plain.len);
	dp_buf_release(&plain);
}

static int parse_plain(const char *p, struct cursor_page *c)
{
	size_t digits;

	if (*p < 'a' || *p > 'z' || p[1] < '0' || p[1] > '3' || p[2] != ',')
		return -1;
	c->list = *p;
	c->is_inclusive = (p[1] - '0') & 1;
	c->is_backwards = (p[1] - '0') & 2;
	p += 3;
	digits = strspn(p, "0123456789abcdef");
	if (digits == 0 || digits > 8 || p[digits] != ',')
		return -1;
	c->asked = (uint32_t)strtoul(p, NULL, 16);
	p = parse_number(p + digits + 1, true, ',', &c->place.rank);
	p = p ? parse_number(p + 1, true, ',', &c->place.us) : NULL;
	if (!p || strlen(p + 1) >= sizeof c->place.id || !dp_text_is_valid(p + 1, strlen(p + 1)))
		return -1;
	memcpy(c->place.id, p + 1, strlen(p + 1) + 1);
	return 0;
}

enum cursor_fault cursor_parse_page(const char *text, struct cursor_page *c)
{
	enum cursor_fault fault = CURSOR_MALFORMED;
	struct cursor_page parsed = {0};
	struct dp_buf plain = {0};

	if (decode(&plain, text) == 0 && plain.len > 0 && !memchr(plain.data, '\0', plain.len) &&
	    parse_plain(dp_buf_text(&plain), &parsed) == 0) {
		*c = parsed;
		fault = CURSOR_OK;
	}
	dp_buf_release(&plain);
	return fault;
}
