#include "clock.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

static const int64_t US = 1000000;

int64_t dp_clock_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * US + t.tv_nsec / 1000;
}

int64_t dp_clock_monotonic_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t dp_clock_monotonic_ms(void)
{
	return dp_clock_monotonic_us() / 1000;
}

/* Days from 1970-01-01 to a date of the proleptic Gregorian calendar from the year 0 on, counted in
 * eras of 400 years that begin on 1 March, so that the leap day is the last of its year; the first
 * is the one before the year 0. */
static int64_t days_from_date(int year, int month, int day)
{
	int64_t y = year + 400 - (month <= 2);
	int64_t era = y / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return (era - 1) * 146097 + day_of_era - 719468;
}

/* The inverse of days_from_date. */
static void date_from_days(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

/* What is left to read. The readers below return -1 and leave the rest undefined. */
struct rest {
	const char *p;
	const char *end;
};

static int take_digits(struct rest *r, int count, int *value)
{
	int v = 0;

	if (r->end - r->p < count)
		return -1;
	for (int i = 0; i < count; i++) {
		if (r->p[i] < '0' || r->p[i] > '9')
			return -1;
		v = v * 10 + (r->p[i] - '0');
	}
	r->p += count;
	*value = v;
	return 0;
}

static int take_one_of(struct rest *r, char a, char b, char c)
{
	if (r->p == r->end || (*r->p != a && *r->p != b && *r->p != c))
		return -1;
	r->p++;
	return 0;
}

static int take_date(struct rest *r, int64_t *days)
{
	int year;
	int month;
	int day;

	if (take_digits(r, 4, &year) < 0 || take_one_of(r, '-', '-', '-') < 0 ||
	    take_digits(r, 2, &month) < 0 || take_one_of(r, '-', '-', '-') < 0 ||
	    take_digits(r, 2, &day) < 0)
		return -1;
	if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
		return -1;
	*days = days_from_date(year, month, day);
	return 0;
}

static int take_seconds_of_day(struct rest *r, int64_t *seconds)
{
	int h;
	int m;
	int s;

	if (take_digits(r, 2, &h) < 0 || take_one_of(r, ':', ':', ':') < 0 ||
	    take_digits(r, 2, &m) < 0 || take_one_of(r, ':', ':', ':') < 0 ||
	    take_digits(r, 2, &s) < 0)
		return -1;
	if (h > 23 || m > 59 || s > 60)
		return -1;
	*seconds = h * 3600 + m * 60 + s;
	return 0;
}

static int take_fraction(struct rest *r, int *ns, int *digits)
{
	int scale = 100000000;

	*ns = 0;
	*digits = 0;
	if (r->p == r->end || *r->p != '.')
		return 0;
	for (r->p++; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++) {
		*ns += (*r->p - '0') * scale;
		scale /= 10;
		if (*digits < 9)
			*digits += 1;
	}
	return *digits > 0 ? 0 : -1;
}

static int take_offset(struct rest *r, int64_t *seconds)
{
	int h;
	int m;
	int sign;

	if (take_one_of(r, 'Z', 'z', 'Z') == 0) {
		*seconds = 0;
		return 0;
	}
	sign = r->p < r->end && *r->p == '-' ? -1 : 1;
	if (take_one_of(r, '+', '-', '+') < 0 || take_digits(r, 2, &h) < 0 ||
	    take_one_of(r, ':', ':', ':') < 0 || take_digits(r, 2, &m) < 0)
		return -1;
	if (h > 23 || m > 59)
		return -1;
	*seconds = (int64_t)sign * (h * 3600 + m * 60);
	return 0;
}

int dp_clock_parse(const char *text, size_t len, struct dp_time *out)
{
	const int64_t first = days_from_date(1, 1, 1) * 86400;
	const int64_t end = days_from_date(10000, 1, 1) * 86400;
	struct rest r = {text, text + len};
	int64_t days;
	int64_t seconds;
	int64_t offset;
	int ns;
	int digits;

	if (take_date(&r, &days) < 0 || take_one_of(&r, 'T', 't', ' ') < 0 ||
	    take_seconds_of_day(&r, &seconds) < 0 || take_fraction(&r, &ns, &digits) < 0 ||
	    take_offset(&r, &offset) < 0 || r.p != r.end)
		return -1;
	seconds += days * 86400 - offset;
	if (seconds < first || seconds >= end)
		return -1;
	*out = (struct dp_time){seconds * US + ns / 1000, ns % 1000, digits};
	return 0;
}

/* Writes `count` digits of a value and then `after`; returns behind them. */
static char *put_digits(char *p, int value, int count, char after)
{
	for (int i = count - 1; i >= 0; i--) {
		p[i] = (char)('0' + value % 10);
		value /= 10;
	}
	p[count] = after;
	return p + count + 1;
}

/* By hand, as it is done twice for each event and snprintf takes longer than the rest of it. */
size_t dp_clock_write(struct dp_time t, char out[DP_CLOCK_MAX])
{
	int64_t seconds = t.us / US - (t.us % US < 0);
	int64_t days = (seconds >= 0 ? seconds : seconds - 86399) / 86400;
	int of_day = (int)(seconds - days * 86400);
	char *p = out;
	int year;
	int month;
	int day;

	assert(t.digits >= 0 && t.digits <= 9);
	date_from_days(days, &year, &month, &day);
	if (year >= 0 && year <= 9999)
		p = put_digits(p, year, 4, '-');
	else
		p += snprintf(p, DP_CLOCK_MAX, "%d-", year);
	p = put_digits(p, month, 2, '-');
	p = put_digits(p, day, 2, 'T');
	p = put_digits(p, of_day / 3600, 2, ':');
	p = put_digits(p, of_day / 60 % 60, 2, ':');
	p = put_digits(p, of_day % 60, 2, '.');
	if (t.digits > 0) {
		put_digits(p, (int)((t.us % US + US) % US), 6, ' ');
		put_digits(p + 6, t.ns, 3, ' ');
		p += t.digits + 1;
	}
	p[-1] = 'Z';
	*p = '\0';
	return (size_t)(p - out);
}
