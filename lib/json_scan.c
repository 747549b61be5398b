#include "json_scan.h"

#include "text.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

enum {
	REPLACEMENT = 0xfffd, /* U+FFFD */
	EXPONENT_DIGITS_MAX = 40,
};

/* The finite double of the greatest magnitude begins with these digits: 1.797…e308. */
static const char GREATEST[] = "17976931348623157";

int dp_json_scan_refuse(struct dp_json_scan *s, const char *at, const char *code, const char *what)
{
	s->why->code = code;
	snprintf(s->why->why, sizeof s->why->why, "byte %zu: %s", (size_t)(at - s->text), what);
	return -1;
}

/* Refuses the next byte, naming it where it can be shown. */
int dp_json_scan_expected(struct dp_json_scan *s, const char *expected)
{
	char what[120];

	if (s->p == s->end)
		snprintf(what, sizeof what, "the text ends where %s was expected", expected);
	else if (*s->p > ' ' && *s->p < 0x7f)
		snprintf(what, sizeof what, "expected %s, found '%c'", expected, *s->p);
	else
		snprintf(what, sizeof what, "expected %s", expected);
	return dp_json_scan_refuse(s, s->p, "not-json", what);
}

/* A byte above ASCII is negative. */
static bool is_plain(signed char c)
{
	return c >= ' ' && c != '"' && c != '\\';
}

/* Of eight bytes, the first in the lowest place, those that are not plain as the highest bit of
 * each. A borrow can mark a plain byte too, but only one behind the first that is not. */
static uint64_t not_plain(uint64_t v)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t quote = v ^ (ones * '"');
	const uint64_t backslash = v ^ (ones * '\\');

	return (((v - ones * ' ') & ~v) | ((quote - ones) & ~quote) |
		   ((backslash - ones) & ~backslash) | v) &
	       (ones << 7);
}

/* Copies bytes up to the next one of a string that needs a look. */
static void copy_plain(struct dp_json_scan *s)
{
	const char *p = s->p;
	char *w = s->w;

	while (s->end - p >= 8) {
		uint64_t v;
		uint64_t found;

		memcpy(&v, p, 8);
		memcpy(w, &v, 8);
		found = not_plain(le64toh(v));
		if (found) {
			s->p = p + __builtin_ctzll(found) / 8;
			s->w = w + __builtin_ctzll(found) / 8;
			return;
		}
		p += 8;
		w += 8;
	}
	while (p < s->end && is_plain(*p))
		*w++ = *p++;
	s->p = p;
	s->w = w;
}

/* Writes a character as it stands in a canonical string; returns its length. */
static size_t write_char(uint32_t cp, char out[6])
{
	static const char hex[] = "0123456789abcdef";
	static const char short_escapes[] = "btn\0fr"; /* from U+0008 */
	char letter = 0;

	if (cp >= ' ' && cp != '"' && cp != '\\')
		return dp_text_encode(cp, out);
	if (cp >= '\b' && cp <= '\r')
		letter = short_escapes[cp - '\b'];
	else if (cp >= ' ')
		letter = (char)cp;
	if (letter) {
		memcpy(out, (char[]){'\\', letter}, 2);
		return 2;
	}
	memcpy(out, (char[]){'\\', 'u', '0', '0', hex[cp >> 4], hex[cp & 15]}, 6);
	return 6;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The code unit that \uXXXX at p stands for; -1 where there is no such escape. */
static int code_unit(const char *p, const char *end)
{
	int unit = 0;

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int value = hex_value(p[i]);

		if (value < 0)
			return -1;
		unit = unit << 4 | value;
	}
	return unit;
}

/* Takes \uXXXX, or two of them that are a pair of surrogates, for one character. Returns the bytes
 * taken, 0 where it is no such escape. */
static size_t decode_unicode_escape(const char *p, const char *end, uint32_t *cp)
{
	int high = code_unit(p, end);
	int low = -1;

	if (high < 0)
		return 0;
	if (high >= 0xd800 && high <= 0xdbff)
		low = code_unit(p + 6, end);
	if (low >= 0xdc00 && low <= 0xdfff) {
		*cp = 0x10000 + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
		return 12;
	}
	*cp = (uint32_t)high;
	return 6;
}

static int take_unicode_escape(struct dp_json_scan *s)
{
	uint32_t cp;
	size_t len = decode_unicode_escape(s->p, s->end, &cp);

	if (len == 0)
		return dp_json_scan_refuse(
		    s, s->p, "not-json", "\\u wants four hexadecimal digits");
	if (cp == 0) {
		s->fixed |= DP_JSON_FIXED_NUL;
		cp = REPLACEMENT;
	} else if (cp >= 0xd800 && cp <= 0xdfff) {
		s->fixed |= DP_JSON_FIXED_SURROGATE;
		cp = REPLACEMENT;
	}
	s->p += len;
	s->w += write_char(cp, s->w);
	return 0;
}

static int take_escape(struct dp_json_scan *s)
{
	if (s->end - s->p < 2) {
		s->p = s->end;
		return 0;
	}
	switch (s->p[1]) {
	case 'u':
		return take_unicode_escape(s);
	case '/':
		*s->w++ = '/';
		break;
	case '"':
	case '\\':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		memcpy(s->w, s->p, 2);
		s->w += 2;
		break;
	default:
		return dp_json_scan_refuse(
		    s, s->p, "not-json", "a backslash that begins no escape of JSON");
	}
	s->p += 2;
	return 0;
}

/* Takes characters outside ASCII as long as they come. */
static int take_utf8(struct dp_json_scan *s)
{
	while (s->p < s->end && (unsigned char)*s->p >= 0x80) {
		uint32_t cp;
		size_t len = dp_text_decode(s->p, (size_t)(s->end - s->p), &cp);

		if (len == 0)
			return dp_json_scan_refuse(s, s->p, "bad-utf8", "not UTF-8");
		memcpy(s->w, s->p, len);
		s->p += len;
		s->w += len;
	}
	return 0;
}

int dp_json_scan_string(struct dp_json_scan *s)
{
	const char *opening = s->p;
	int rc = 0;

	dp_json_scan_copy(s);
	while (rc == 0) {
		copy_plain(s);
		if (s->p == s->end)
			return dp_json_scan_refuse(
			    s, opening, "not-json", "the string that begins here does not end");
		if (*s->p == '"')
			break;
		if (*s->p == '\\')
			rc = take_escape(s);
		else if ((unsigned char)*s->p >= 0x80)
			rc = take_utf8(s);
		else
			rc = dp_json_scan_refuse(s, s->p, "not-json",
			    "a raw control character in a string: write it as an escape");
	}
	if (rc < 0)
		return -1;
	dp_json_scan_copy(s);
	return 0;
}

static const char *skip_digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* Whether the digits of p[0..end), a dot among them or not, are above those of GREATEST, both read
 * as 1.797…; p is at the first digit that is not zero. */
static bool exceeds_greatest(const char *p, const char *end)
{
	for (const char *g = GREATEST; *g && p < end; p++) {
		if (*p == '.')
			continue;
		if (*p != *g)
			return *p > *g;
		g++;
	}
	return false;
}

/* Checks the magnitude of a number with an exponent: its digits are p[0..digits_end), a dot among
 * them, and the exponent's the rest behind 'e' and the sign. */
static int check_magnitude(
    struct dp_json_scan *s, const char *p, const char *digits_end, const char *end)
{
	const char *number = p;
	const char *dot = skip_digits(p, digits_end);
	const char *e = digits_end + 1;
	bool negative = *e == '-';
	long exponent = 0;

	e += *e == '-' || *e == '+';
	if (end - e > EXPONENT_DIGITS_MAX)
		return dp_json_scan_refuse(
		    s, number, "bad-number", "an exponent of more than 40 digits");
	for (; e < end && exponent <= DP_JSON_EXPONENT_MAX; e++)
		exponent = exponent * 10 + (*e - '0');
	if (exponent > DP_JSON_EXPONENT_MAX)
		return dp_json_scan_refuse(s, number, "bad-number", "an exponent beyond 308");
	while (p < digits_end && (*p == '0' || *p == '.'))
		p++;
	if (p == digits_end)
		return 0;
	exponent = (negative ? -exponent : exponent) + (p < dot ? dot - p - 1 : dot - p);
	if (exponent < -DP_JSON_EXPONENT_MAX)
		return dp_json_scan_refuse(s, number, "bad-number", "a magnitude below 1e-308");
	if (exponent > DP_JSON_EXPONENT_MAX ||
	    (exponent == DP_JSON_EXPONENT_MAX && exceeds_greatest(p, digits_end)))
		return dp_json_scan_refuse(s, number, "bad-number", "a magnitude above 1.797e308");
	return 0;
}

/* Takes at least one digit and adds to *count. */
static int take_digits(struct dp_json_scan *s, ptrdiff_t *count)
{
	const char *start = s->p;

	s->p = skip_digits(s->p, s->end);
	if (s->p == start)
		return dp_json_scan_expected(s, "a digit");
	*count += s->p - start;
	return 0;
}

/* Takes 'e' and what follows it, of the number whose first digit is at `digits`. */
static int take_exponent(struct dp_json_scan *s, const char *digits)
{
	const char *digits_end = s->p;
	ptrdiff_t count = 0;

	s->p++;
	if (dp_json_scan_next_is(s, '+') || dp_json_scan_next_is(s, '-'))
		s->p++;
	if (take_digits(s, &count) < 0)
		return -1;
	return check_magnitude(s, digits, digits_end, s->p);
}

int dp_json_scan_number(struct dp_json_scan *s)
{
	const char *start = s->p;
	const char *digits;
	ptrdiff_t count = 0;

	if (dp_json_scan_next_is(s, '-'))
		s->p++;
	else if (s->p == s->end || *s->p < '0' || *s->p > '9')
		return dp_json_scan_expected(s, "a value");
	digits = s->p;
	if (take_digits(s, &count) < 0)
		return -1;
	if (*digits == '0' && count > 1)
		return dp_json_scan_refuse(
		    s, start, "not-json", "a number that begins with a zero");
	if (dp_json_scan_next_is(s, '.')) {
		s->p++;
		if (take_digits(s, &count) < 0)
			return -1;
	}
	if (count > DP_JSON_DIGITS_MAX)
		return dp_json_scan_refuse(
		    s, start, "bad-number", "a number of more than 40 digits");
	if ((dp_json_scan_next_is(s, 'e') || dp_json_scan_next_is(s, 'E')) &&
	    take_exponent(s, digits) < 0)
		return -1;
	memcpy(s->w, start, (size_t)(s->p - start));
	s->w += s->p - start;
	return 0;
}

int dp_json_scan_word(struct dp_json_scan *s, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return dp_json_scan_expected(s, "a value");
	memcpy(s->w, word, n);
	s->p += n;
	s->w += n;
	return 0;
}

/* Behind the bytes of s from p on that stand for themselves. */
static const char *skip_plain(struct dp_str s, const char *p)
{
	const char *end = s.p + s.n;
	uint64_t found;
	uint64_t v;

	for (; end - p >= 8; p += 8) {
		memcpy(&v, p, 8);
		found = not_plain(le64toh(v));
		if (found)
			return p + __builtin_ctzll(found) / 8;
	}
	if (s.n < 8) {
		while (p < end && is_plain(*p))
			p++;
	} else if (p < end) {
		/* With some that are known to be plain. */
		memcpy(&v, end - 8, 8);
		found = not_plain(le64toh(v) >> 8 * (8 - (end - p)));
		p = found ? p + __builtin_ctzll(found) / 8 : end;
	}
	return p;
}

void dp_json_write_string(struct dp_buf *out, struct dp_str s)
{
	const char *p = s.p;
	const char *end = p + s.n;

	dp_buf_add_char(out, '"');
	while (p < end) {
		const char *run = p;
		uint32_t cp;
		size_t len;

		p = skip_plain(s, p);
		dp_buf_add(out, run, (size_t)(p - run));
		if (p == end)
			break;
		len = dp_text_decode(p, (size_t)(end - p), &cp);
		dp_buf_reserve(out, 6);
		out->len += write_char(len > 0 && cp > 0 ? cp : REPLACEMENT, out->data + out->len);
		p += len > 0 ? len : 1;
	}
	dp_buf_add_char(out, '"');
}
