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

/* Eight bytes at a time: a body may have megabytes. */
static uint64_t hash(struct dp_str s)
{
	uint64_t h = s.n;
	uint64_t word;

	for (; s.n >= sizeof word; s.p += sizeof word, s.n -= sizeof word) {
		memcpy(&word, s.p, sizeof word);
		h = mix(h, word);
	}
	word = 0;
	if (s.n > 0)
		memcpy(&word, s.p, s.n);
	return mix(mix(h, word), 0);
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
