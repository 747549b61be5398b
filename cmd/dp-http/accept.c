#include "accept.h"

#include <string.h>
#include <strings.h>

/* How a media range fits a type. */
enum { FITS_NOT, FITS_ANY, FITS_MAIN, FITS_EXACTLY };

struct range {
	const char *type;
	size_t n;
	int quality; /* in thousandths */
};

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

/* "0.5" in thousandths. */
static int parse_quality(const char *p)
{
	int q = *p == '1' ? 1000 : 0;
	int scale = 100;

	if (q == 1000 || p[0] == '\0' || p[1] != '.')
		return q;
	for (p += 2; scale > 0 && *p >= '0' && *p <= '9'; p++, scale /= 10)
		q += (*p - '0') * scale;
	return q;
}

/* Takes the next range off the list; NULL at its end. */
static const char *next_range(const char *p, struct range *out)
{
	p = skip_blanks(p);
	p += strspn(p, ", \t");
	if (!*p)
		return NULL;
	out->type = p;
	out->n = strcspn(p, ",; \t");
	out->quality = 1000;
	for (p = skip_blanks(p + out->n); *p == ';'; p = skip_blanks(p + strcspn(p, ",;"))) {
		p = skip_blanks(p + 1);
		if (strncasecmp(p, "q=", 2) == 0)
			out->quality = parse_quality(p + 2);
	}
	return p + strcspn(p, ",");
}

static int fit(const struct range *r, const char *type)
{
	size_t main_part = strcspn(type, "/") + 1;

	if (r->n == 3 && strncmp(r->type, "*/*", 3) == 0)
		return FITS_ANY;
	if (r->n == main_part + 1 && r->type[r->n - 1] == '*' &&
	    strncasecmp(r->type, type, main_part) == 0)
		return FITS_MAIN;
	return r->n == strlen(type) && strncasecmp(r->type, type, r->n) == 0 ? FITS_EXACTLY
									     : FITS_NOT;
}

/* The quality that the most exact range gives a type, in *fits how exact it was. */
static int quality_of(const char *accept, const char *type, int *fits)
{
	struct range r;
	int quality = 0;

	*fits = FITS_NOT;
	for (const char *p = next_range(accept, &r); p; p = next_range(p, &r)) {
		int f = fit(&r, type);

		if (f > *fits) {
			*fits = f;
			quality = r.quality;
		}
	}
	return quality;
}

int accept_choose(const char *accept, const char *const *types, size_t n)
{
	int best = -1;
	int best_quality = 0;
	int best_fit = 0;

	if (!accept || !*skip_blanks(accept))
		return 0;
	for (size_t i = 0; i < n; i++) {
		int f;
		int q = quality_of(accept, types[i], &f);

		if (q > best_quality || (q > 0 && q == best_quality && f > best_fit)) {
			best = (int)i;
			best_quality = q;
			best_fit = f;
		}
	}
	return best;
}

bool accept_gzip(const char *accept_encoding)
{
	struct range r;
	int any = 0;

	if (!accept_encoding)
		return false;
	for (const char *p = next_range(accept_encoding, &r); p; p = next_range(p, &r)) {
		if (r.n == 4 && strncasecmp(r.type, "gzip", 4) == 0)
			return r.quality > 0;
		if (r.n == 1 && *r.type == '*')
			any = r.quality;
	}
	return any > 0;
}
