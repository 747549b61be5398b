#include "../../cmd/dp-store/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SPOOL "019b7c4e-0000-7000-8000-00000000000a"
#define OTHER "019b7c4e-0000-7000-8000-00000000000b"

/* A spool of whose events 100 bytes are stored, and what comes from it. */
static const struct {
	const char *spool;
	uint64_t offset;
	enum source_verdict want;
	int64_t to;
	const char *why;
} rows[] = {
    {SPOOL, 0, SOURCE_SKIP, 100, NULL},
    {SPOOL, 99, SOURCE_SKIP, 100, NULL},
    {SPOOL, 100, SOURCE_SKIP, 100, NULL},
    {SPOOL, 101, SOURCE_TAKE, 101, NULL},
    {SPOOL, 500, SOURCE_TAKE, 500, NULL},
    {SPOOL, 500, SOURCE_WRONG, 500, "position 500 comes after 500: a filter"},
    {SPOOL, 100, SOURCE_WRONG, 500, "position 100 comes after 500: a filter"},
    {OTHER, 600, SOURCE_WRONG, 500, "from the spool " SPOOL ", then from " OTHER ":"},
    {SPOOL, INT64_MAX, SOURCE_TAKE, INT64_MAX, NULL},
};

static struct dp_pos pos_of(const char *spool, uint64_t offset)
{
	struct dp_pos pos = {.offset = offset};

	memcpy(pos.spool, spool, sizeof pos.spool);
	return pos;
}

static void positions_rise_and_are_of_one_spool(void **state)
{
	const struct dp_pos first = pos_of(SPOOL, 0);
	struct source s = {0};

	(void)state;
	source_begin(&s, &first, 100);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct dp_pos pos = pos_of(rows[i].spool, rows[i].offset);
		char why[SOURCE_WHY_MAX] = "";

		if (source_see(&s, &pos, why) != rows[i].want || s.step.to != rows[i].to)
			fail_msg("row %zu: %lld", i, (long long)s.step.to);
		if (rows[i].why && !strstr(why, rows[i].why))
			fail_msg("row %zu: %s", i, why);
	}
	assert_int_equal(s.step.from, 100);
	assert_string_equal(s.step.source, SPOOL);
}

/* The mark may be behind the database: what comes first may have been stored. */
static void nothing_moves_by_what_is_stored_already(void **state)
{
	const struct dp_pos pos = pos_of(SPOOL, 7);
	struct source s = {0};
	char why[SOURCE_WHY_MAX];

	(void)state;
	source_begin(&s, &pos, 7);
	assert_int_equal(source_see(&s, &pos, why), SOURCE_SKIP);
	assert_int_equal(s.step.from, s.step.to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(positions_rise_and_are_of_one_spool),
	    cmocka_unit_test(nothing_moves_by_what_is_stored_already),
	};

	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
