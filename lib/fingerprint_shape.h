/* What a stretch of a message is by its looks. Used by fingerprint_message.c alone; the rules stand
 * in fingerprint.h. A stretch goes from p to `end` and is UTF-8. */
#ifndef DP_FINGERPRINT_SHAPE_H
#define DP_FINGERPRINT_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* What a byte is; bits. */
enum {
	DP_SHAPE_DIGIT = 1,
	DP_SHAPE_LETTER = 2,
	DP_SHAPE_HEX = 4,
	DP_SHAPE_SPACE = 8,        /* and control characters */
	DP_SHAPE_CHUNK_END = 16,   /* brackets and the like */
	DP_SHAPE_PATH_END = 32,    /* the same for paths and URLs, which may hold more */
	DP_SHAPE_PUNCTUATION = 64, /* of a sentence, behind a word */
	DP_SHAPE_QUOTE = 128,      /* the first byte of one */
};

enum { DP_SHAPE_UUID_SIZE = 36 };

extern const unsigned char dp_shape_kinds[256];

static inline bool dp_shape_is(char c, int kinds)
{
	return dp_shape_kinds[(unsigned char)c] & kinds;
}

static inline bool dp_shape_is_digit(char c)
{
	return dp_shape_is(c, DP_SHAPE_DIGIT);
}

static inline bool dp_shape_is_alnum(char c)
{
	return dp_shape_is(c, DP_SHAPE_DIGIT | DP_SHAPE_LETTER);
}

static inline bool dp_shape_is_word(char c)
{
	return dp_shape_is_alnum(c) || c == '_' || (unsigned char)c >= 0x80;
}

/* Whether it begins with this text. */
static inline bool dp_shape_is_at(const char *p, const char *end, const char *text)
{
	const size_t n = strlen(text);

	return (size_t)(end - p) >= n && memcmp(p, text, n) == 0;
}

/* Its end without the punctuation of a sentence. */
const char *dp_shape_without_punctuation(const char *p, const char *end);

bool dp_shape_is_email(const char *p, const char *end);

/* 2001:db8::1, ::1, with a port or not. */
bool dp_shape_is_ipv6(const char *p, const char *end);

/* GET and the like; of a byte at least. */
bool dp_shape_is_method(const char *p, const char *end);

/* Whether it begins with a UUID, of DP_SHAPE_UUID_SIZE bytes. */
bool dp_shape_begins_uuid(const char *p, const char *end);

/* Whether it begins with the path of a file. */
bool dp_shape_begins_path(const char *p, const char *end);

/* Behind what begins with a digit: a number, date, time, address, version, duration, size. */
const char *dp_shape_number_end(const char *p, const char *end);

#endif
