/* Text from outside made safe for a terminal or a log: the one escaper of DevPulse.
 *
 * Escaped are C0 (with CR, LF, TAB), DEL, C1, the bidirectional controls and line separators of
 * Unicode, and bytes that are not UTF-8: a terminal obeys the first (CVE-2021-25743), a reader is
 * deceived by the second (CVE-2021-42574). */
#ifndef DP_TEXT_H
#define DP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DP_TEXT_STEP_MAX = 12 }; /* bytes of `out` in dp_text_step, with the NUL */

/* Decodes one character of UTF-8 (RFC 3629: shortest form, no surrogates). Returns its length,
 * 1..4, and the code point in *cp; 0 where the bytes are no such character. n > 0. */
size_t dp_text_decode(const char *p, size_t n, uint32_t *cp);

/* Whether the bytes are UTF-8 throughout. */
bool dp_text_is_valid(const char *p, size_t n);

/* Writes a code point as UTF-8; returns 1..4. */
size_t dp_text_encode(uint32_t cp, char out[4]);

/* Takes the next character of p[0..n), n > 0, and writes its safe form to `out` with a NUL:
 * itself, or \n, \t, \r, \x1b, \u202e. Returns the number of bytes taken, at least 1. */
size_t dp_text_step(const char *p, size_t n, char out[DP_TEXT_STEP_MAX]);

/* The whole of p[0..n) made safe into out[0..cap), cut at a character's border where it does not
 * fit, always with a NUL. Returns the length written. cap > 0. */
size_t dp_text_escape(const char *p, size_t n, char *out, size_t cap);

#endif
