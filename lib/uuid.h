/* UUIDs (RFC 9562) and random identifiers, from getentropy(3). Safe from several threads. */
#ifndef DP_UUID_H
#define DP_UUID_H

#include "buf.h"

#include <stdint.h>

enum { DP_UUID_TEXT = 36, DP_HEX_ID_TEXT = 32 };

/* A new UUIDv7 for the instant now_us, in lower case with a NUL. Those of one thread sort in the
 * order in which they were made as far as the clock moves: the 12 bits behind the milliseconds
 * hold the fraction of the millisecond (RFC 9562, 6.2, method 3). */
void dp_uuid_v7(int64_t now_us, char out[DP_UUID_TEXT + 1]);

/* Reads a UUID of any version in the form 8-4-4-4-12, either case, and writes it in lower case.
 * Returns 0, or -1 with *out untouched. */
int dp_uuid_parse(struct dp_str text, char out[DP_UUID_TEXT + 1]);

/* The 16 bytes of a UUID as dp_uuid_parse wrote it, and back. */
void dp_uuid_to_bytes(const char text[DP_UUID_TEXT + 1], uint8_t bytes[16]);
void dp_uuid_from_bytes(const uint8_t bytes[16], char text[DP_UUID_TEXT + 1]);

/* 16 random bytes as 32 lower-case hexadecimal digits with a NUL: a new trace id. */
void dp_hex_id_new(char out[DP_HEX_ID_TEXT + 1]);

#endif
