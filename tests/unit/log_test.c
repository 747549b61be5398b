#include "log.h"

#include "child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

static time_t seconds_ahead;

/* Instead of the C library's: the time can go on faster. */
int clock_gettime(clockid_t id, struct timespec *t)
{
	int rc = (int)syscall(SYS_clock_gettime, id, t);

	t->tv_sec += seconds_ahead;
	return rc;
}

/* Runs `run` in a child and compares all that it wrote. */
static void check(int (*run)(const void *), int status, const char *want)
{
	struct child c = child_run(run, NULL);
	const char *out = dp_buf_text(&c.out);

	if (c.status != status || strcmp(out, want) != 0)
		fail_msg("exit %d, %s", c.status, out);
	child_release(&c);
}

static int log_levels(const void *arg)
{
	(void)arg;
	dp_log(DP_LOG_INFO, "before it has a name");
	dp_log_init("dp-test");
	dp_log(DP_LOG_ERROR, "one %d", 1);
	dp_log(DP_LOG_WARNING, "two");
	return 0;
}

static void writes_name_level_and_text(void **state)
{
	(void)state;
	check(log_levels, 0,
	    "devpulse: info: before it has a name\n"
	    "dp-test: error: one 1\n"
	    "dp-test: warning: two\n");
}

/* Says in JOURNAL_STREAM that the inode of stderr, or the one behind it, is the journal. */
static int log_to_journal(const void *arg)
{
	char stream[64];
	struct stat st;

	if (fstat(STDERR_FILENO, &st) < 0)
		return 1;
	snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino + (arg != NULL));
	setenv("JOURNAL_STREAM", stream, 1);
	return log_levels(NULL);
}

static int log_beside_journal(const void *arg)
{
	(void)arg;
	return log_to_journal("");
}

static void the_journal_is_told_the_priority(void **state)
{
	(void)state;
	check(log_to_journal, 0,
	    "devpulse: info: before it has a name\n"
	    "<3>dp-test: error: one 1\n"
	    "<4>dp-test: warning: two\n");
	check(log_beside_journal, 0,
	    "devpulse: info: before it has a name\n"
	    "dp-test: error: one 1\n"
	    "dp-test: warning: two\n");
}

static int log_hostile(const void *arg)
{
	(void)arg;
	dp_log_init("dp-test");
	dp_log(DP_LOG_INFO, "%s", "a\nforged: error: b\x1b[2J\xff\xe2\x80\xae");
	return 0;
}

static void hostile_text_stays_on_its_line(void **state)
{
	(void)state;
	check(log_hostile, 0, "dp-test: info: a\\nforged: error: b\\x1b[2J\\xff\\u202e\n");
}

static int log_long(const void *arg)
{
	char text[5000];

	(void)arg;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	dp_log_init("dp-test");
	dp_log(DP_LOG_INFO, "%s", text);
	memset(text, '\x1b', sizeof text - 1);
	dp_log(DP_LOG_INFO, "%s", text);
	for (size_t i = 0; i + 3 < sizeof text; i += 3)
		memcpy(text + i, "\xe2\x82\xac", 3);
	dp_log(DP_LOG_INFO, "%s", text);
	return 0;
}

static void long_lines_are_cut_at_a_character(void **state)
{
	struct child c = child_run(log_long, NULL);
	const char *line = dp_buf_text(&c.out);
	int lines = 0;

	(void)state;
	for (const char *end; (end = strchr(line, '\n')); line = end + 1, lines++) {
		assert_in_range(end - line, 1900, 2020);
		assert_true(end[-1] == 'x' || memcmp(end - 4, "\\x1b", 4) == 0 ||
			    memcmp(end - 3, "\xe2\x82\xac", 3) == 0);
	}
	assert_int_equal(lines, 3);
	assert_int_equal(*line, '\0');
	child_release(&c);
}

static int log_much(const void *arg)
{
	static const char *const kinds[] = {"k0", "k1", "k2"};

	(void)arg;
	dp_log_init("dp-test");
	for (int i = 0; i < 3000; i++)
		dp_log_limited(DP_LOG_WARNING, kinds[i % 3], "%s at %d", kinds[i % 3], i);
	return 0;
}

static void each_kind_is_written_once(void **state)
{
	(void)state;
	check(log_much, 0,
	    "dp-test: warning: k0 at 0\n"
	    "dp-test: warning: k1 at 1\n"
	    "dp-test: warning: k2 at 2\n");
}

static int log_for_minutes(const void *arg)
{
	(void)arg;
	dp_log_init("dp-test");
	for (int i = 0; i < 3; i++)
		dp_log_limited(DP_LOG_WARNING, "kind", "at %d", i);
	seconds_ahead = 58;
	dp_log_limited(DP_LOG_WARNING, "kind", "before the minute is over");
	seconds_ahead = 61;
	dp_log_limited(DP_LOG_WARNING, "kind", "after a minute");
	seconds_ahead = 122;
	dp_log_limited(DP_LOG_WARNING, "kind", "after two");
	return 0;
}

static void what_was_held_back_is_counted(void **state)
{
	(void)state;
	check(log_for_minutes, 0,
	    "dp-test: warning: at 0\n"
	    "dp-test: warning: after a minute (and 3 more like it since the last such line)\n"
	    "dp-test: warning: after two\n");
}

static int log_many_kinds(const void *arg)
{
	static char names[100][8];

	(void)arg;
	dp_log_init("dp-test");
	for (int i = 0; i < 100; i++) {
		snprintf(names[i], sizeof names[i], "k%d", i);
		dp_log_limited(DP_LOG_WARNING, names[i], "x");
	}
	return 0;
}

static void kinds_beyond_the_table_share_a_limit(void **state)
{
	struct child c = child_run(log_many_kinds, NULL);

	(void)state;
	assert_int_equal(c.status, 0);
	assert_int_equal(c.out.len, 32 * strlen("dp-test: warning: x\n"));
	child_release(&c);
}

static void *log_lines(void *arg)
{
	for (int i = 0; i < 500; i++) {
		dp_log(DP_LOG_INFO, "%s", (const char *)arg);
		dp_log_limited(DP_LOG_INFO, "shared", "%s", (const char *)arg);
	}
	return NULL;
}

static int log_from_threads(const void *arg)
{
	static char texts[4][9] = {"aaaaaaaa", "bbbbbbbb", "cccccccc", "dddddddd"};
	pthread_t threads[4];

	(void)arg;
	dp_log_init("t");
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, log_lines, texts[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static void lines_of_threads_do_not_mix(void **state)
{
	struct child c = child_run(log_from_threads, NULL);
	const char *line = dp_buf_text(&c.out);
	int lines = 0;

	(void)state;
	for (const char *end; (end = strchr(line, '\n')); line = end + 1, lines++) {
		assert_int_equal(end - line, strlen("t: info: aaaaaaaa"));
		assert_memory_equal(line, "t: info: ", 9);
		assert_int_equal(strspn(line + 9, (char[]){line[9], '\0'}), 8);
	}
	assert_int_equal(lines, 4 * 500 + 1);
	child_release(&c);
}

static int die(const void *arg)
{
	(void)arg;
	dp_log_init("dp-test");
	dp_log_die(DP_EXIT_USAGE, "bad %s", "thing");
}

static void die_writes_and_exits(void **state)
{
	(void)state;
	check(die, 2, "dp-test: error: bad thing\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writes_name_level_and_text),
	    cmocka_unit_test(the_journal_is_told_the_priority),
	    cmocka_unit_test(hostile_text_stays_on_its_line),
	    cmocka_unit_test(long_lines_are_cut_at_a_character),
	    cmocka_unit_test(each_kind_is_written_once),
	    cmocka_unit_test(what_was_held_back_is_counted),
	    cmocka_unit_test(kinds_beyond_the_table_share_a_limit),
	    cmocka_unit_test(lines_of_threads_do_not_mix),
	    cmocka_unit_test(die_writes_and_exits),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
