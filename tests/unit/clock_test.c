#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const int64_t S = 1000000;

static const struct {
	const char *text;
	int64_t us;
	int ns;
	int digits;
	const char *written;
} readable[] = {
    {"1970-01-01T00:00:00Z", 0, 0, 0, "1970-01-01T00:00:00Z"},
    {"1969-12-31T23:59:59.999999Z", -1, 0, 6, "1969-12-31T23:59:59.999999Z"},
    {"1969-12-31T23:59:59.5Z", -500000, 0, 1, "1969-12-31T23:59:59.5Z"},
    {"2026-01-02T03:04:05.678Z", 1767323045678000, 0, 3, "2026-01-02T03:04:05.678Z"},
    {"2026-01-02t03:04:05z", 1767323045 * 1000000LL, 0, 0, "2026-01-02T03:04:05Z"},
    {"2026-01-02 03:04:05Z", 1767323045 * 1000000LL, 0, 0, "2026-01-02T03:04:05Z"},
    /* offsets */
    {"2026-01-02T03:04:05+00:00", 1767323045 * 1000000LL, 0, 0, "2026-01-02T03:04:05Z"},
    {"2026-01-02T03:04:05-00:00", 1767323045 * 1000000LL, 0, 0, "2026-01-02T03:04:05Z"},
    {"2026-01-02T08:49:05+05:45", 1767323045 * 1000000LL, 0, 0, "2026-01-02T03:04:05Z"},
    {"2026-01-01T23:34:05-03:30", 1767323045 * 1000000LL, 0, 0, "2026-01-02T03:04:05Z"},
    {"2026-01-01T00:30:00+23:59", 1767141060 * 1000000LL, 0, 0, "2025-12-31T00:31:00Z"},
    /* fractions: digits are kept, those after the ninth are cut off */
    {"2026-01-02T03:04:05.0Z", 1767323045 * 1000000LL, 0, 1, "2026-01-02T03:04:05.0Z"},
    {"2026-01-02T03:04:05.000000Z", 1767323045 * 1000000LL, 0, 6, "2026-01-02T03:04:05.000000Z"},
    {"2026-01-02T03:04:05.1234567Z", 1767323045123456, 700, 7, "2026-01-02T03:04:05.1234567Z"},
    {"2026-01-02T03:04:05.123456789Z", 1767323045123456, 789, 9, "2026-01-02T03:04:05.123456789Z"},
    {"2026-01-02T03:04:05.999999999999999999999999Z", 1767323045999999, 999, 9,
	"2026-01-02T03:04:05.999999999Z"},
    {"1969-12-31T23:59:59.999999999Z", -1, 999, 9, "1969-12-31T23:59:59.999999999Z"},
    /* leap years */
    {"2024-02-29T00:00:00Z", 1709164800 * 1000000LL, 0, 0, "2024-02-29T00:00:00Z"},
    {"2000-02-29T12:00:00Z", 951825600 * 1000000LL, 0, 0, "2000-02-29T12:00:00Z"},
    {"2000-03-01T00:00:00Z", 951868800 * 1000000LL, 0, 0, "2000-03-01T00:00:00Z"},
    {"2100-03-01T00:00:00Z", 4107542400 * 1000000LL, 0, 0, "2100-03-01T00:00:00Z"},
    /* a leap second is the second after it */
    {"2016-12-31T23:59:60Z", 1483228800 * 1000000LL, 0, 0, "2017-01-01T00:00:00Z"},
    {"2016-12-31T23:59:60.5Z", 1483228800500000, 0, 1, "2017-01-01T00:00:00.5Z"},
    {"1990-12-31T15:59:60-08:00", 662688000 * 1000000LL, 0, 0, "1991-01-01T00:00:00Z"},
    /* the edges, in UTC */
    {"0001-01-01T00:00:00Z", -62135596800 * 1000000LL, 0, 0, "0001-01-01T00:00:00Z"},
    {"0000-12-31T23:30:00-00:30", -62135596800 * 1000000LL, 0, 0, "0001-01-01T00:00:00Z"},
    {"9999-12-31T23:59:59.999999999Z", 253402300799999999, 999, 9,
	"9999-12-31T23:59:59.999999999Z"},
    {"9999-12-31T23:59:59-00:00", 253402300799 * 1000000LL, 0, 0, "9999-12-31T23:59:59Z"},
};

static void reads_and_writes_rfc3339(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof readable / sizeof *readable; i++) {
		const char *text = readable[i].text;
		char out[DP_CLOCK_MAX];
		struct dp_time t;

		if (dp_clock_parse(text, strlen(text), &t) < 0)
			fail_msg("%s: refused", text);
		if (t.us != readable[i].us || t.ns != readable[i].ns ||
		    t.digits != readable[i].digits)
			fail_msg(
			    "%s: %" PRId64 " us, %d ns, %d digits", text, t.us, t.ns, t.digits);
		assert_int_equal(dp_clock_write(t, out), strlen(readable[i].written));
		assert_string_equal(out, readable[i].written);
	}
}

static const char *const refused[] = {"", "2026", "2026-01-02", "2026-01-02T03:04:05",
    "2026-01-02T03:04Z", "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05,5Z", "2026-01-02T03:04:05 Z",
    "2026-01-02T03:04:05Zx", " 2026-01-02T03:04:05Z", "2026-01-02_03:04:05Z", "2026-1-2T03:04:05Z",
    "26-01-02T03:04:05Z", "02026-01-02T03:04:05Z", "-026-01-02T03:04:05Z", "2026-00-02T03:04:05Z",
    "2026-13-02T03:04:05Z", "2026-01-00T03:04:05Z", "2026-01-32T03:04:05Z", "2026-04-31T03:04:05Z",
    "2025-02-29T03:04:05Z", "1900-02-29T03:04:05Z", "2026-01-02T24:00:00Z", "2026-01-02T03:60:05Z",
    "2026-01-02T03:04:61Z", "2026-01-02T03:04:05+24:00", "2026-01-02T03:04:05+01:60",
    "2026-01-02T03:04:05+0100", "2026-01-02T03:04:05+01", "2026-01-02T03:04:05+",
    "2026-01-02T03:04:05*01:00", "2026-01-02T+3:04:05Z", "0000-12-31T23:59:59Z",
    "0000-02-29T12:00:00Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
    "9999-12-31T23:59:60Z", "infinity", "now", "1767323045",
    "2026-01-02T03:04:05\xe2\x88\x92"
    "01:00"};

static void refuses_everything_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		struct dp_time t = {1, 2, 3};

		if (dp_clock_parse(refused[i], strlen(refused[i]), &t) == 0)
			fail_msg("'%s' was taken as %" PRId64 " us", refused[i], t.us);
		assert_int_equal(t.us, 1);
		assert_int_equal(t.ns, 2);
		assert_int_equal(t.digits, 3);
	}
}

static void reads_no_byte_too_many(void **state)
{
	static const char text[] = "2026-01-02T03:04:05.5+01:00";
	struct dp_time t;
	char exact[sizeof text];

	(void)state;
	memcpy(exact, text, sizeof text - 1);
	exact[sizeof text - 1] = '7';
	assert_int_equal(dp_clock_parse(exact, sizeof text - 1, &t), 0);
	for (size_t n = 0; n < sizeof text - 1; n++)
		if (dp_clock_parse(text, n, &t) == 0)
			fail_msg("%.*s was taken", (int)n, text);
}

/* Against the C library, a day at a time from year 1 to 9999. */
static void agrees_with_timegm_on_every_day(void **state)
{
	struct tm tm = {.tm_year = 1 - 1900, .tm_mday = 1};
	const int64_t first = timegm(&tm);
	const int64_t days = 3652059;

	(void)state;
	for (int64_t day = 0; day < days; day++) {
		time_t seconds = first + day * 86400 + day % 86400;
		struct dp_time back = {0};
		char want[64];
		char got[DP_CLOCK_MAX];
		size_t n = dp_clock_write((struct dp_time){seconds * S, 0, 0}, got);

		gmtime_r(&seconds, &tm);
		snprintf(want, sizeof want, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
		    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
		if (strcmp(got, want) != 0)
			fail_msg("wrote %s for %s", got, want);
		if (dp_clock_parse(got, n, &back) < 0 || back.us != seconds * S)
			fail_msg("%s came back as %" PRId64, got, back.us);
	}
}

static void writes_any_microsecond(void **state)
{
	static const struct {
		int64_t us;
		const char *want;
	} rows[] = {
	    {0, "1970-01-01T00:00:00.000000Z"},
	    {-1, "1969-12-31T23:59:59.999999Z"},
	    {1767323045000001, "2026-01-02T03:04:05.000001Z"},
	    {INT64_MAX, "294247-01-10T04:00:54.775807Z"},
	    {INT64_MIN, "-290308-12-21T19:59:05.224192Z"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char out[DP_CLOCK_MAX];

		assert_int_equal(
		    dp_clock_write((struct dp_time){rows[i].us, 0, 6}, out), strlen(rows[i].want));
		assert_string_equal(out, rows[i].want);
	}
}

static void clocks_go_forward(void **state)
{
	int64_t wall = dp_clock_now_us();
	int64_t steady = dp_clock_monotonic_ms();

	(void)state;
	assert_true(wall / S - time(NULL) <= 1 && wall / S - time(NULL) >= -1);
	assert_true(dp_clock_monotonic_ms() >= steady);
	nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
	assert_true(dp_clock_monotonic_ms() > steady);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_and_writes_rfc3339),
	    cmocka_unit_test(refuses_everything_else),
	    cmocka_unit_test(reads_no_byte_too_many),
	    cmocka_unit_test(agrees_with_timegm_on_every_day),
	    cmocka_unit_test(writes_any_microsecond),
	    cmocka_unit_test(clocks_go_forward),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
