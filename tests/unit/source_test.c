#include "../../cmd/dp-store/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SPOOL "019b7c4e-0000-7000-8000-00000000000a"
#define OTHER "019b7c4e-0000-7000-8000-00000000000b"

/* A spool that is stored up to 100, and what comes from it. */
static const struct {
	const char *spool;
	uint64_t offset;
	int64_t to;
	const char *why; /* NULL: all is well */
	bool is_bare;
} rows[] = {
    {SPOOL, 0, 100, NULL, false},
    {SPOOL, 99, 100, NULL, false},
    {SPOOL, 100, 100, NULL, false},
    {SPOOL, 101, 101, NULL, false},
    {SPOOL, 500, 500, NULL, false},
    {SPOOL, 500, 500, NULL, true},
    {SPOOL, 499, 500, "position 499 comes after 500: a filter", true},
    {SPOOL, 500, 500, "position 500 comes after 500: a filter", false},
    {SPOOL, 100, 500, "position 100 comes after 500: a filter", false},
    {OTHER, 600, 500, "from the spool " SPOOL ", then from " OTHER ":", false},
    {OTHER, 600, 500, "from the spool " SPOOL ", then from " OTHER ":", true},
    {SPOOL, 700, 700, NULL, true},
    {SPOOL, 700, 700, "position 700 comes after 700: a filter", false},
    {SPOOL, INT64_MAX, INT64_MAX, NULL, false},
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
		const int rc = source_see(&s, &pos, rows[i].is_bare, why);

		if (rc != (rows[i].why ? -1 : 0) || s.step.to != rows[i].to)
			fail_msg("row %zu: %d %lld", i, rc, (long long)s.step.to);
		if (rows[i].why && !strstr(why, rows[i].why))
			fail_msg("row %zu: %s", i, why);
	}
	assert_int_equal(s.step.from, 100);
	assert_string_equal(s.step.source, SPOOL);
}

static void see(struct source *s, uint64_t offset)
{
	const struct dp_pos pos = pos_of(SPOOL, offset);
	char why[SOURCE_WHY_MAX];

	assert_int_equal(source_see(s, &pos, false, why), 0);
}

/* The mark may be behind the database, or the spool an older copy: what comes is committed, and the
 * step waits until it has come as far as the database says. */
static void what_is_committed_is_what_was_seen(void **state)
{
	const struct dp_pos first = pos_of(SPOOL, 7);
	struct source s = {0};

	(void)state;
	assert_false(source_waits(&s));
	source_begin(&s, &first, 9);
	assert_false(source_waits(&s));
	see(&s, 7);
	assert_true(source_waits(&s));
	source_commit(&s);
	assert_false(source_waits(&s));
	assert_int_equal(s.committed, 7);
	assert_int_equal(s.step.from, 9);
	assert_int_equal(s.step.to, 9);
	see(&s, 12);
	assert_int_equal(s.step.from, 9);
	assert_int_equal(s.step.to, 12);
	source_forget(&s);
	assert_false(source_waits(&s));
	assert_int_equal(s.step.to, 9);
	see(&s, 12);
	source_commit(&s);
	assert_int_equal(s.committed, 12);
	assert_int_equal(s.step.from, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(positions_rise_and_are_of_one_spool),
	    cmocka_unit_test(what_is_committed_is_what_was_seen),
	};

	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
