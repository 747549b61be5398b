#include "etag.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint64_t mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15; /* odd, so that no two words come to the same */
	return h ^ h >> 32;
}

/* Eight bytes at a time, in lanes that do not wait for each other: a body may have megabytes. */
static uint64_t hash(struct dp_str s)
{
	uint64_t a = s.n;
	uint64_t b = 1;
	uint64_t c = 2;
	uint64_t d = 3;
	uint64_t words[4];

	for (; s.n >= sizeof words; s.p += sizeof words, s.n -= sizeof words) {
		memcpy(words, s.p, sizeof words);
		a = mix(a, words[0]);
		b = mix(b, words[1]);
		c = mix(c, words[2]);
		d = mix(d, words[3]);
	}
	memset(words, 0, sizeof words);
	if (s.n > 0)
		memcpy(words, s.p, s.n);
	a = mix(mix(a, words[0]), mix(b, words[1]));
	return mix(mix(a, mix(mix(c, words[2]), mix(d, words[3]))), 0);
}

void etag_make(struct etag *t, struct dp_str of)
{
	const uint64_t h = hash(of);

	snprintf(t->plain, sizeof t->plain, "\"%016" PRIx64 "\"", h);
	snprintf(t->gzip, sizeof t->gzip, "\"%016" PRIx64 "-gzip\"", h);
}

const char *etag_match(const struct etag *t, const char *if_none_match, bool takes_gzip)
{
	const char *p = if_none_match;

	if (!p)
		return NULL;
	p += strspn(p, " \t");
	/* No tag holds a quote, so each is found by its quotes wherever it stands in the list. */
	if (takes_gzip && (strcmp(p, "*") == 0 || strstr(p, t->gzip)))
		return t->gzip;
	return strcmp(p, "*") == 0 || strstr(p, t->plain) ? t->plain : NULL;
}
