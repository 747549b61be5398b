#include "when.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const int64_t second_us = 1000000;

static struct tm broken_down(enum when_mode mode, int64_t us)
{
	time_t seconds = us / second_us - (us % second_us < 0);
	struct tm tm = {0};

	if (mode == WHEN_UTC)
		gmtime_r(&seconds, &tm);
	else
		localtime_r(&seconds, &tm);
	return tm;
}

int when_columns(enum when_mode mode)
{
	static const int columns[] = {
	    [WHEN_LOCAL] = 13, [WHEN_UTC] = 14, [WHEN_RELATIVE] = 13, [WHEN_DELTA] = 13};

	return mode == WHEN_NONE ? 0 : columns[mode];
}

static void write_clock(enum when_mode mode, int64_t us, char out[WHEN_MAX])
{
	struct tm tm = broken_down(mode, us);
	int ms = (int)((us / 1000 % 1000 + 1000) % 1000);

	snprintf(out, WHEN_MAX, "%02d:%02d:%02d.%03d%s", tm.tm_hour, tm.tm_min, tm.tm_sec, ms,
	    mode == WHEN_UTC ? "Z" : "");
}

/* An age in two units at most: "3.2s", "42s", "5m02s", "3h05m", "12d04h". */
static void write_age(int64_t us, char out[WHEN_MAX])
{
	const int64_t s = us / second_us;

	if (s < 10)
		snprintf(out, WHEN_MAX, "%d.%ds", (int)s, (int)(us / 100000 % 10));
	else if (s < 60)
		snprintf(out, WHEN_MAX, "%ds", (int)s);
	else if (s < 3600)
		snprintf(out, WHEN_MAX, "%dm%02ds", (int)(s / 60), (int)(s % 60));
	else if (s < 86400)
		snprintf(out, WHEN_MAX, "%dh%02dm", (int)(s / 3600), (int)(s / 60 % 60));
	else if (s < INT64_C(100) * 86400)
		snprintf(out, WHEN_MAX, "%dd%02dh", (int)(s / 86400), (int)(s / 3600 % 24));
	else
		snprintf(out, WHEN_MAX, "%lldd", (long long)(s / 86400));
}

/* The clocks of two machines differ: what is ahead of ours is said to be. */
static void write_relative(const struct when *w, int64_t us, char out[WHEN_MAX])
{
	char age[WHEN_MAX];

	write_age(llabs(w->now_us - us), age);
	if (us > w->now_us)
		snprintf(out, WHEN_MAX, "%4s%8.40s", "in", age);
	else
		snprintf(out, WHEN_MAX, "%8.40s ago", age);
}

static void write_delta(const struct when *w, int64_t us, char out[WHEN_MAX])
{
	const double seconds = (double)(us - w->last_us) / 1e6;
	char text[WHEN_MAX];

	if (seconds > -10000 && seconds < 10000)
		snprintf(text, sizeof text, "%+.3fs", seconds);
	else
		snprintf(text, sizeof text, "%+.0fs", seconds);
	snprintf(out, WHEN_MAX, "%12.40s", text);
}

void when_write(const struct when *w, int64_t us, char out[WHEN_MAX])
{
	out[0] = '\0';
	if (w->mode == WHEN_RELATIVE)
		write_relative(w, us, out);
	else if (w->mode == WHEN_DELTA)
		write_delta(w, us, out);
	else if (w->mode != WHEN_NONE)
		write_clock(w->mode, us, out);
}

void when_write_whole(const struct when *w, int64_t us, char out[WHEN_MAX])
{
	struct tm tm = broken_down(w->mode, us);
	char clock[WHEN_MAX];

	when_write(w, us, clock);
	if (w->mode == WHEN_LOCAL || w->mode == WHEN_UTC)
		snprintf(out, WHEN_MAX, "%04d-%02d-%02d%c%.20s", tm.tm_year + 1900, tm.tm_mon + 1,
		    tm.tm_mday, w->mode == WHEN_UTC ? 'T' : ' ', clock);
	else
		snprintf(out, WHEN_MAX, "%s", clock);
}

int when_day(enum when_mode mode, int64_t us)
{
	struct tm tm = broken_down(mode, us);

	return (tm.tm_year + 1900) * 1000 + tm.tm_yday;
}

void when_write_day(enum when_mode mode, int64_t us, char out[WHEN_MAX])
{
	struct tm tm = broken_down(mode, us);

	if (strftime(out, WHEN_MAX, "%a %Y-%m-%d", &tm) == 0)
		out[0] = '\0';
}
