#include "fingerprint_shape.h"

#include "buf.h"

const unsigned char dp_shape_kinds[256] = {
    [0 ... ' '] = DP_SHAPE_SPACE,
    [0x7f] = DP_SHAPE_SPACE,
    ['0' ... '9'] = DP_SHAPE_DIGIT | DP_SHAPE_HEX,
    ['a' ... 'f'] = DP_SHAPE_LETTER | DP_SHAPE_HEX,
    ['g' ... 'z'] = DP_SHAPE_LETTER,
    ['A' ... 'F'] = DP_SHAPE_LETTER | DP_SHAPE_HEX,
    ['G' ... 'Z'] = DP_SHAPE_LETTER,
    ['('] = DP_SHAPE_CHUNK_END | DP_SHAPE_PATH_END,
    [')'] = DP_SHAPE_CHUNK_END | DP_SHAPE_PATH_END,
    ['['] = DP_SHAPE_CHUNK_END | DP_SHAPE_PATH_END,
    [']'] = DP_SHAPE_CHUNK_END | DP_SHAPE_PATH_END,
    ['{'] = DP_SHAPE_CHUNK_END | DP_SHAPE_PATH_END,
    ['}'] = DP_SHAPE_CHUNK_END | DP_SHAPE_PATH_END,
    ['<'] = DP_SHAPE_CHUNK_END | DP_SHAPE_PATH_END,
    ['>'] = DP_SHAPE_CHUNK_END | DP_SHAPE_PATH_END,
    ['|'] = DP_SHAPE_CHUNK_END | DP_SHAPE_PATH_END,
    ['='] = DP_SHAPE_CHUNK_END,
    [','] = DP_SHAPE_CHUNK_END | DP_SHAPE_PATH_END | DP_SHAPE_PUNCTUATION,
    [';'] = DP_SHAPE_CHUNK_END | DP_SHAPE_PATH_END | DP_SHAPE_PUNCTUATION,
    ['.'] = DP_SHAPE_PUNCTUATION,
    [':'] = DP_SHAPE_PUNCTUATION,
    ['!'] = DP_SHAPE_PUNCTUATION,
    ['?'] = DP_SHAPE_PUNCTUATION,
    ['"'] = DP_SHAPE_QUOTE | DP_SHAPE_PATH_END,
    ['\''] = DP_SHAPE_QUOTE | DP_SHAPE_PATH_END,
    ['`'] = DP_SHAPE_QUOTE | DP_SHAPE_PATH_END,
    [0xc2] = DP_SHAPE_QUOTE, /* « */
    [0xe2] = DP_SHAPE_QUOTE, /* “ „ ‘ */
};

const char *dp_shape_without_punctuation(const char *p, const char *end)
{
	while (end > p && dp_shape_is(end[-1], DP_SHAPE_PUNCTUATION))
		end--;
	return end;
}

bool dp_shape_is_ipv6(const char *p, const char *end)
{
	size_t colons = 0;
	size_t digits = 0;

	for (; p < end && (dp_shape_is(*p, DP_SHAPE_HEX) || *p == ':' || *p == '.'); p++) {
		colons += *p == ':';
		digits += dp_shape_is_digit(*p);
	}
	return (p == end || *p == '%') && colons >= 2 && digits > 0;
}

bool dp_shape_is_email(const char *p, const char *end)
{
	const char *at = memchr(p, '@', (size_t)(end - p));
	const char *dot = memrchr(p, '.', (size_t)(end - p));

	if (!at || at == p || !dot || dot < at + 2 || dot + 2 >= end)
		return false;
	for (; p < end; p++)
		if (p != at && !dp_shape_is_word(*p) && !strchr(p < at ? ".+-%" : ".-", *p))
			return false;
	return dp_shape_is(dot[1], DP_SHAPE_LETTER);
}

bool dp_shape_begins_uuid(const char *p, const char *end)
{
	if (end - p < DP_SHAPE_UUID_SIZE ||
	    (end - p > DP_SHAPE_UUID_SIZE && dp_shape_is_alnum(p[DP_SHAPE_UUID_SIZE])))
		return false;
	for (int i = 0; i < DP_SHAPE_UUID_SIZE; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? p[i] != '-'
							    : !dp_shape_is(p[i], DP_SHAPE_HEX))
			return false;
	return true;
}

const char *dp_shape_number_end(const char *p, const char *end)
{
	while (p < end) {
		const bool more = p + 1 < end;

		if (dp_shape_is_alnum(*p) || *p == '_')
			p++;
		else if ((*p == '.' || *p == ':') && more && dp_shape_is_digit(p[1]))
			p++;
		else if ((*p == '-' || *p == '+') && more && dp_shape_is_alnum(p[1]))
			p++;
		else if (dp_shape_is_at(p, end, "µs") || dp_shape_is_at(p, end, "μs"))
			p += 3;
		else
			break;
	}
	return p;
}

bool dp_shape_begins_path(const char *p, const char *end)
{
	if (dp_shape_is(*p, DP_SHAPE_LETTER))
		return end - p > 3 && p[1] == ':' && (p[2] == '\\' || p[2] == '/') && p[3] != '/';
	if (*p == '/')
		return p + 1 < end && (dp_shape_is_word(p[1]) || p[1] == '.');
	return dp_shape_is_at(p, end, "./") || dp_shape_is_at(p, end, "../") ||
	       dp_shape_is_at(p, end, "~/") || dp_shape_is_at(p, end, "\\\\");
}

bool dp_shape_is_method(const char *p, const char *end)
{
	static const char *const methods[] = {
	    "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", NULL};
	const struct dp_str s = {p, (size_t)(end - p)};

	for (size_t i = 0; methods[i]; i++)
		if (*s.p == *methods[i] && dp_str_is(s, methods[i]))
			return true;
	return false;
}
