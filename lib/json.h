/* JSON as text. Two halves:
 *
 * - dp_json_normalize reads hostile text, checks it against RFC 8259 and our limits, and writes the
 *   canonical form that every consumer behind it (jq, jsonb, SQLite, a browser) takes alike.
 * - struct dp_json_cursor walks canonical text without copying it.
 *
 * It is our own and not json-c because it is the hot path of dp-ingest and dp-store, and because
 * values must come back as they were sent: json-c clamps integers beyond 64 bits, cuts keys at
 * U+0000 and accepts NaN. */
#ifndef DP_JSON_H
#define DP_JSON_H

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	DP_JSON_DEPTH_MAX = 64,
	DP_JSON_KEYS_MAX = 1000,    /* an object */
	DP_JSON_DIGITS_MAX = 40,    /* a number, without sign, dot and exponent */
	DP_JSON_EXPONENT_MAX = 308, /* as written, and of the first digit that is not zero */
};

/* Why a text was refused. Part of the wire contract: `code`, a constant string, one of
 *
 *	not-json bad-utf8 bad-number too-deep too-many-keys	the JSON, dp_json_normalize
 *	too-large not-object no-known-field wrong-type		the event, dp_event_read
 *	bad-trace-id bad-event-id too-long
 */
struct dp_refusal {
	const char *code;
	char why[160]; /* a sentence for people, in terms of the input */
};

/* What was changed so that every consumer can take the text; bits. */
enum {
	DP_JSON_FIXED_NUL = 1,       /* U+0000 became U+FFFD */
	DP_JSON_FIXED_SURROGATE = 2, /* a lone surrogate became U+FFFD */
	DP_JSON_FIXED_DUPLICATE =
	    4, /* of members with one name in an object only the last is kept */
};

/* Appends the canonical form of the JSON value text[0..n) to *out: no white space, strings in raw
 * UTF-8 with the shortest escapes (\" \\ \b \f \n \r \t, \u00xx for other controls), numbers to the
 * letter, members in order with duplicates removed (the last one stays, at its place), depth, keys
 * and numbers within the limits above. A number's magnitude is what a double holds: 0, or 1e-308 to
 * 1.797e308. A byte order mark is refused. Canonical text is its own canonical form and never
 * longer than the text it was made from.
 * Returns the DP_JSON_FIXED_* bits (0: nothing was changed), or -1 with *why and *out as before. */
int dp_json_normalize(const char *text, size_t n, struct dp_buf *out, struct dp_refusal *why);

enum dp_json_type {
	DP_JSON_END, /* of the array, object or text */
	DP_JSON_NULL,
	DP_JSON_FALSE,
	DP_JSON_TRUE,
	DP_JSON_NUMBER,
	DP_JSON_STRING,
	DP_JSON_ARRAY,
	DP_JSON_OBJECT,
};

/* A value inside canonical text; borrows it. */
struct dp_json {
	enum dp_json_type type;
	struct dp_str key;  /* of an object's member: the raw text between its quotes; else empty */
	struct dp_str text; /* the whole value, quotes and brackets included */
};

/* Walks the elements of one array or the members of one object. */
struct dp_json_cursor {
	const char *p;
	const char *end;
	bool in_object;
};

/* The value that canonical text[0..n) is. */
struct dp_json dp_json_value(struct dp_str text);

/* A cursor before the first child of v (an array or object; of anything else it is at the end). */
struct dp_json_cursor dp_json_children(const struct dp_json *v);

/* The next child, in *v; false at the end. */
bool dp_json_next(struct dp_json_cursor *c, struct dp_json *v);

/* The member `key` (plain ASCII) of an object; type DP_JSON_END where there is none. */
struct dp_json dp_json_member(const struct dp_json *object, const char *key);

/* Appends the characters of a string value, unescaped, as UTF-8. Of other types: their text. */
void dp_json_decode(const struct dp_json *v, struct dp_buf *out);

/* The same for the raw text of a key. */
void dp_json_decode_key(struct dp_str key, struct dp_buf *out);

/* A string value whose text holds no escape gives its characters without a copy; true then. */
bool dp_json_plain(const struct dp_json *v, struct dp_str *out);

/* Appends bytes as a canonical JSON string with its quotes. What is not UTF-8 and U+0000 becomes
 * U+FFFD. */
void dp_json_write_string(struct dp_buf *out, struct dp_str s);

/* The same behind the name of a member and what else stands before it, as ",\"system\":". */
static inline void dp_json_write_member(struct dp_buf *out, const char *before, struct dp_str s)
{
	dp_buf_add_text(out, before);
	dp_json_write_string(out, s);
}

#endif
