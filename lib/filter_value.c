/* The values of a filter that are no texts: instants, durations, numbers. */
#include "clock.h"
#include "filter_term.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NUMBER_MAX = 100,   /* bytes of a number */
	TIME_MAX = 40,      /* of an instant */
	COUNT_DIGITS = 9,   /* of "15m" */
	MINUTE_LENGTH = 16, /* of 2026-01-02T03:04 */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* How many digits stand at `at`. */
static size_t count_digits(struct dp_str s, size_t at)
{
	size_t n = 0;

	while (at + n < s.n && is_digit(s.p[at + n]))
		n++;
	return n;
}

/* The length of the number that the text begins with, or 0. */
static size_t number_length(struct dp_str s)
{
	size_t at = s.n > 0 && s.p[0] == '-';
	size_t n = count_digits(s, at);
	size_t exponent;

	if (n == 0)
		return 0;
	at += n;
	if (at < s.n && s.p[at] == '.' && (n = count_digits(s, at + 1)) > 0)
		at += 1 + n;
	exponent = at + 1;
	if (at < s.n && (s.p[at] == 'e' || s.p[at] == 'E')) {
		exponent += exponent < s.n && (s.p[exponent] == '-' || s.p[exponent] == '+');
		n = count_digits(s, exponent);
		at = n > 0 ? exponent + n : at;
	}
	return at;
}

static int read_prefix(struct dp_str text, size_t n, double *number)
{
	char copy[NUMBER_MAX + 1];
	double v;

	if (n == 0 || n > NUMBER_MAX)
		return -1;
	memcpy(copy, text.p, n);
	copy[n] = '\0';
	v = strtod(copy, NULL);
	if (!isfinite(v))
		return -1;
	*number = v;
	return 0;
}

int dp_filter_read_number(struct dp_str text, double *number)
{
	return number_length(text) == text.n ? read_prefix(text, text.n, number) : -1;
}

int dp_filter_read_duration(struct dp_str text, double *ms)
{
	static const struct {
		const char *name;
		double ms;
	} units[] = {{"", 1}, {"us", 0.001}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	const size_t n = number_length(text);
	const struct dp_str unit = {text.p + n, text.n - n};
	double v;

	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (dp_str_is(unit, units[i].name) && read_prefix(text, n, &v) == 0 &&
		    isfinite(v * units[i].ms)) {
			*ms = v * units[i].ms;
			return 0;
		}
	return -1;
}

static int read_ago(struct dp_str text, int64_t now_us, int64_t *us)
{
	static const struct {
		char name;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	const size_t n = count_digits(text, 0);
	int64_t count = 0;

	if (n == 0 || n > COUNT_DIGITS || text.n != n + 1)
		return -1;
	for (size_t i = 0; i < n; i++)
		count = count * 10 + (text.p[i] - '0');
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (text.p[n] == units[i].name &&
		    count <= INT64_MAX / 4 / 1000000 / units[i].seconds) {
			*us = now_us - count * units[i].seconds * 1000000;
			return 0;
		}
	return -1;
}

int dp_filter_read_time(struct dp_str text, int64_t now_us, int64_t *us)
{
	/* what may be missing: the time of day, the seconds, the offset */
	static const struct {
		const char *middle;
		const char *end;
	} forms[] = {{"", ""}, {"", "Z"}, {":00", ""}, {":00", "Z"}, {"", "T00:00:00Z"}};
	const int head = (int)(text.n < MINUTE_LENGTH ? text.n : MINUTE_LENGTH);
	char full[TIME_MAX + 20];
	struct dp_time t;

	if (read_ago(text, now_us, us) == 0)
		return 0;
	if (text.n > TIME_MAX)
		return -1;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		int n = snprintf(full, sizeof full, "%.*s%s%.*s%s", head, text.p, forms[i].middle,
		    (int)text.n - head, text.p + head, forms[i].end);

		if (dp_clock_parse(full, (size_t)n, &t) == 0) {
			*us = t.us;
			return 0;
		}
	}
	return -1;
}
