#include "../../cmd/dp-store/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SPOOL "019b7c4e-0000-7000-8000-00000000000a"
#define OTHER "019b7c4e-0000-7000-8000-00000000000b"

static char folder[64];
static char path[100];

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/devpulse-mark-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof path, "%s/spool/mark", folder);
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"spool/mark", "spool/mark.new", "spool/mark.lock"};
	char name[100];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(name, sizeof name, "%s/%s", folder, names[i]);
		if (unlink(name) < 0)
			rmdir(name);
	}
	snprintf(name, sizeof name, "%s/spool", folder);
	rmdir(name);
	return rmdir(folder);
}

static struct dp_pos pos_of(const char *spool, uint64_t offset)
{
	struct dp_pos pos = {.offset = offset};

	memcpy(pos.spool, spool, sizeof pos.spool);
	return pos;
}

static void move(struct mark *m, const char *spool, uint64_t offset)
{
	const struct dp_pos pos = pos_of(spool, offset);

	mark_move(m, &pos);
}

/* What the file says, 0 where there is none. */
static uint64_t offset_in_file(void)
{
	struct dp_pos pos;

	return dp_pos_read_mark(AT_FDCWD, path, &pos) == 1 ? pos.offset : 0;
}

/* Waits as dp-store does until the mark need not be written any more. */
static void settle(struct mark *m)
{
	int wait_ms;

	while ((wait_ms = mark_wait_ms(m)) >= 0) {
		assert_in_range(wait_ms, 0, 1000);
		poll(NULL, 0, wait_ms);
		mark_flush(m);
	}
}

static void it_is_written_at_once_and_then_soon(void **state)
{
	struct mark m;

	(void)state;
	assert_int_equal(mark_open(&m, path), 0);
	assert_int_equal(mark_wait_ms(&m), -1);
	move(&m, SPOOL, 10);
	assert_int_equal(offset_in_file(), 10);
	move(&m, SPOOL, 20);
	move(&m, SPOOL, 30);
	settle(&m);
	assert_int_equal(offset_in_file(), 30);
	move(&m, SPOOL, 40);
	mark_flush(&m);
	assert_int_equal(offset_in_file(), 40);
	mark_close(&m);
}

static void it_only_rises(void **state)
{
	struct mark m;

	(void)state;
	assert_int_equal(mark_open(&m, path), 0);
	move(&m, SPOOL, 100);
	mark_close(&m);
	assert_int_equal(mark_open(&m, path), 0);
	move(&m, SPOOL, 50);
	move(&m, SPOOL, 100);
	assert_int_equal(mark_wait_ms(&m), -1);
	assert_int_equal(offset_in_file(), 100);
	move(&m, OTHER, 7); /* of another spool it says nothing */
	settle(&m);
	assert_int_equal(offset_in_file(), 7);
	mark_close(&m);
}

static void one_process_has_it(void **state)
{
	struct mark m;
	struct mark second;

	(void)state;
	assert_int_equal(mark_open(&m, path), 0);
	assert_int_equal(mark_open(&second, path), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	mark_close(&second);
	assert_int_equal(mark_open(&second, path), -1);
	mark_close(&m);
	assert_int_equal(mark_open(&second, path), 0);
	mark_close(&second);
}

/* A folder in its way stands for a full disk. */
static void what_cannot_be_written_is_tried_again(void **state)
{
	struct mark m;
	char name[120];

	(void)state;
	assert_int_equal(mark_open(&m, path), 0);
	snprintf(name, sizeof name, "%s.new", path);
	assert_int_equal(mkdir(name, 0700), 0);
	move(&m, SPOOL, 10);
	assert_int_equal(offset_in_file(), 0);
	assert_in_range(mark_wait_ms(&m), 1, 1000);
	move(&m, SPOOL, 20);
	assert_int_equal(rmdir(name), 0);
	settle(&m);
	assert_int_equal(offset_in_file(), 20);
	mark_close(&m);
}

static void one_that_is_damaged_is_replaced(void **state)
{
	struct mark m;
	FILE *f;

	(void)state;
	assert_int_equal(mark_open(&m, path), 0);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("nonsense\n", f);
	fclose(f);
	mark_close(&m);
	assert_int_equal(mark_open(&m, path), 0);
	move(&m, SPOOL, 1);
	assert_int_equal(offset_in_file(), 1);
	mark_close(&m);
}

static void without_a_file_it_does_nothing(void **state)
{
	struct mark m;

	(void)state;
	assert_int_equal(mark_open(&m, NULL), 0);
	move(&m, SPOOL, 1);
	assert_int_equal(mark_wait_ms(&m), -1);
	mark_flush(&m);
	mark_close(&m);
	assert_int_equal(mark_open(&m, "/proc/no/mark"), -1);
	assert_int_equal(errno, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(it_is_written_at_once_and_then_soon, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(it_only_rises, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(one_process_has_it, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		what_cannot_be_written_is_tried_again, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(one_that_is_damaged_is_replaced, set_up, tear_down),
	    cmocka_unit_test(without_a_file_it_does_nothing),
	};

	return cmocka_run_group_tests_name("mark", tests, NULL, NULL);
}
