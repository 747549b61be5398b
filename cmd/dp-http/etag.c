#include "etag.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* FNV-1a, 64 bits. */
static uint64_t hash(struct dp_str s)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3;
	return h;
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
