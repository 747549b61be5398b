/* The spool on a disk that fails: each system call, at each place, once and for a while. Whatever
 * fails, nothing is acknowledged that is lost, nothing is read that is not durable, and it works
 * again when the disk does. */
#include "spool_fixture.h"

#include "file.h"

enum { RECORDS = 6, TRIES = 8, PLACES_MAX = 60 };

/* What a run appended and was told is durable. */
struct run {
	bool durable[RECORDS];
	bool opened;
};

static void record_of(int i, char out[40])
{
	snprintf(out, 40, "record-%d-of-about-thirty-bytes", i);
}

/* Appends all, trying again as dp-ingest does; gives up where the disk stays broken. */
static void append_all(struct fixture *f, struct run *run)
{
	char record[40];

	for (int i = 0; i < RECORDS; i++) {
		record_of(i, record);
		for (int tries = 0; tries < TRIES && !run->durable[i]; tries++)
			run->durable[i] = append(f, record);
	}
}

/* Reads on, and checks order and that nothing is told that was never tried. Counts in `seen`.
 * Returns the position. */
static uint64_t check_reading(struct dp_spool_reader *r, int seen[RECORDS], const char *what)
{
	uint64_t position = 0;
	struct dp_spool_record got;
	char record[40];
	int failures = 0;
	int next = 0;
	int rc;

	while ((rc = dp_spool_read(r, &got)) != 0 && failures < 100) {
		failures += rc < 0;
		position = rc > 0 ? got.next : position;
		for (int i = 0; rc > 0 && i < RECORDS; i++) {
			record_of(i, record);
			if (!dp_str_is(got.text, record))
				continue;
			/* one that failed may have been written and appear again behind itself */
			if (i + 1 < next)
				fail_msg("%s: record %d behind %d", what, i, next - 1);
			next = i + 1;
			seen[i]++;
			rc = 0;
		}
		if (rc > 0)
			fail_msg("%s: nobody appended %.*s", what, (int)got.text.n, got.text.p);
	}
	return position;
}

static void check_all_there(const struct run *run, const int seen[RECORDS], const char *what)
{
	for (int i = 0; i < RECORDS; i++)
		if (run->durable[i] && seen[i] == 0)
			fail_msg("%s: record %d was acknowledged and is lost", what, i);
}

/* A life: open, append, hand over, be restarted, with one fault. Returns how often that came. */
static int live(struct fixture *f, const char *call, int at, int times, int error, bool is_short)
{
	struct dp_spool_reader *r;
	struct run run = {0};
	int again[RECORDS] = {0};
	int seen[RECORDS] = {0};
	char what[100];
	int failed;

	snprintf(
	    what, sizeof what, "%s, from %d on %d times, %s", call, at, times, strerror(error));
	disk_fail(call, at, times, error);
	disk.is_short = is_short;
	if (open_small(f)) {
		r = dp_spool_reader_new(f->spool);
		append_all(f, &run);
		write_mark(
		    f, check_reading(r, seen, what)); /* may fail, and then changes nothing */
		dp_spool_check_mark(f->spool);
		dp_spool_reader_free(&r);
	}
	dp_spool_close(&f->spool);
	failed = disk.failed;
	disk = (struct disk){0};

	/* the disk works again: so does the spool */
	if (!open_small(f))
		fail_msg("%s: it does not open any more", what);
	append_all(f, &run);
	r = dp_spool_reader_new(f->spool);
	check_reading(r, again, what);
	for (int i = 0; i < RECORDS; i++)
		again[i] += seen[i];
	check_all_there(&run, again, what);
	for (int i = 0; i < RECORDS; i++)
		if (!run.durable[i])
			fail_msg("%s: it does not append any more", what);
	dp_spool_reader_free(&r);
	dp_spool_close(&f->spool);
	remove_all(f->dir);
	return failed;
}

static void each_call_fails_at_each_place(void **state)
{
	static const char *const calls[] = {"openat", "create", "pwrite", "pread", "write", "fsync",
	    "fdatasync", "ftruncate", "unlinkat", "renameat", "fstat", "fdopendir", "readdir"};
	static const int errors[] = {EIO, ENOSPC};
	static const int times[] = {1, 3, 1000000};
	struct fixture *f = *state;
	int injected = 0;

	for (size_t c = 0; c < sizeof calls / sizeof *calls; c++)
		for (int e = 0; e < 2; e++)
			for (int t = 0; t < 3; t++)
				for (int at = 1; at < PLACES_MAX; at++) {
					int failed =
					    live(f, calls[c], at, times[t], errors[e], false);

					injected += failed;
					if (failed == 0)
						break;
				}
	printf("# %d failures of %zu calls\n", injected, sizeof calls / sizeof *calls);
	assert_true(injected > 500);
	assert_int_equal(mkdir(f->dir, 0700), 0);
}

/* Opening what a process left behind when it died: it works, or says why and works the next time.
 */
static void opening_fails_and_is_tried_again(void **state)
{
	static const char *const calls[] = {"openat", "create", "pread", "write", "fsync",
	    "fdatasync", "ftruncate", "unlinkat", "renameat", "fstat", "fdopendir", "readdir"};
	struct fixture *f = *state;
	struct dp_buf content = {0};
	int failed;

	for (size_t c = 0; c < sizeof calls / sizeof *calls; c++)
		for (int mark = 0; mark < 3; mark++)
			for (int at = 1; at < PLACES_MAX; at++) {
				assert_non_null(open_small(f));
				f->spool->segment_bytes = 25;
				assert_true(append(f, "a bb ccc"));
				assert_int_equal(write_mark(f, mark == 2 ? 999 : mark * 23L), 0);
				load_file(f, "00000000000000000023.seg", &content);
				dp_buf_add_text(&content, "torn");
				save_file(f, "00000000000000000023.seg", dp_buf_str(&content));
				dp_spool_close(&f->spool);
				disk_fail(calls[c], at, 1, EIO);
				if (open_small(f))
					assert_non_null(strstr(read_all(f), "ccc"));
				failed = disk.failed;
				disk = (struct disk){0};
				reopen(f);
				assert_non_null(strstr(read_all(f), "ccc"));
				dp_spool_close(&f->spool);
				remove_all(f->dir);
				assert_int_equal(mkdir(f->dir, 0700), 0);
				if (!failed)
					break;
			}
	dp_buf_release(&content);
}

static void what_cannot_be_set_apart_is_told(void **state)
{
	struct fixture *f = *state;

	save_file(f, "00000000000000000000.seg", DP_STR("x\ne3069283 123456789\n"));
	assert_non_null(open_small(f));
	disk_fail("write", 1, 1, ENOSPC);
	assert_string_equal(read_all(f), "123456789");
	assert_true(has_news(f, "spool-bad: cannot write"));
	assert_true(has_news(f, "spool-damage: "));
}

static void short_writes_are_gone_on_with(void **state)
{
	struct fixture *f = *state;
	int error;

	for (int at = 1; at < 8; at++) {
		live(f, "pwrite", at, 2, 0, true);
		live(f, "pwrite", at, 2, EINTR, false);
		live(f, "pwrite", at, 2, 0, false); /* returns 0 */
		live(f, "pread", at, 2, EINTR, false);
		live(f, "write", at, 1, 0, true);
	}
	assert_int_equal(mkdir(f->dir, 0700), 0);
	disk_fail("write", 1, 1, 0);
	disk.is_short = true;
	error = dp_file_replace(AT_FDCWD, "/dev/shm/x", DP_STR("abc")) < 0 ? errno : 0;
	assert_int_equal(error, ENOSPC);
}

/* What a failed fdatasync leaves behind is never appended to, nor read, nor synced again. */
static void a_failed_sync_is_never_believed(void **state)
{
	struct fixture *f = *state;
	struct dp_spool_reader *r;
	struct dp_buf out = {0};
	uint64_t next = 0;

	assert_non_null(open_small(f));
	f->spool->segment_bytes = DP_SPOOL_SEGMENT_BYTES;
	r = dp_spool_reader_new(f->spool);
	assert_true(append(f, "a"));
	disk_fail("fdatasync", 1, 1, EIO);
	assert_true(append(f, "b"));
	assert_int_equal(f->spool->count, 2);
	assert_int_equal(f->spool->open.start, 134217728);
	assert_true(has_news(f, "spool-sync: cannot sync the spool"));
	read_on(r, &out, &next);
	assert_string_equal(dp_buf_text(&out), "a b");
	assert_int_equal(next, 134217728 + 11);
	assert_int_equal(stats(f).failures, 1);
	/* both fail: not durable, and nothing stays of the segments that are empty */
	disk_fail("fdatasync", 1, 4, ENOSPC);
	assert_false(append(f, "c"));
	assert_false(append(f, "c"));
	assert_true(dp_spool_is_full(f->spool));
	assert_int_equal(f->spool->count, 2);
	read_on(r, &out, &next);
	assert_string_equal(dp_buf_text(&out), "a b");
	disk = (struct disk){0};
	assert_true(append(f, "c"));
	read_on(r, &out, &next);
	assert_string_equal(dp_buf_text(&out), "a b c");
	assert_false(has_news(f, "spool-gap"));
	dp_spool_reader_free(&r);
	dp_buf_release(&out);
}

static void the_only_segment_stays(void **state)
{
	struct fixture *f = *state;

	assert_non_null(open_small(f));
	disk_fail("fdatasync", 1, 2, EIO);
	assert_false(append(f, "a"));
	assert_int_equal(f->spool->count, 1);
	assert_int_equal(stats(f).end, 134217728);
	assert_true(append(f, "a"));
	reopen(f);
	assert_string_equal(read_all(f), "a");
	assert_int_equal(f->news.len, 0);
}

/* A write that fails is cut off again; where even that fails, the segment is left. */
static void a_failed_write_leaves_nothing(void **state)
{
	static const struct {
		const char *call;
		bool is_left;
	} rows[] = {{"none", false}, {"ftruncate", true}};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_non_null(open_small(f));
		assert_true(append(f, "a"));
		disk_fail("pwrite", 1, 1, EDQUOT);
		assert_false(append(f, "b"));
		assert_true(dp_spool_is_full(f->spool));
		assert_non_null(strstr(dp_spool_error(f->spool), "cannot write to the spool"));
		disk = (struct disk){0};
		assert_true(append(f, "b"));
		reopen(f);
		assert_non_null(strstr(read_all(f), "a b"));
		dp_spool_close(&f->spool);
	}
}

/* An acknowledgement counts on the name of the segment, too. */
static void a_name_that_is_not_durable_is_not_believed(void **state)
{
	struct fixture *f = *state;

	assert_non_null(open_small(f));
	disk_fail("fsync", 1, 1, EIO);
	assert_false(append(f, "a"));
	assert_non_null(strstr(dp_spool_error(f->spool), "cannot sync the folder of the spool"));
	assert_true(append(f, "a"));
	assert_int_equal(f->spool->open.start, 134217728);
}

/* Killed between the segment's name and its first byte, again and again. */
static void starts_that_append_nothing_leave_no_gap(void **state)
{
	struct fixture *f = *state;

	assert_non_null(open_small(f));
	assert_true(append(f, "a"));
	for (int i = 0; i < 3; i++) {
		reopen(f);
		disk_fail("pwrite", 1, 1, ENOSPC);
		assert_false(append(f, "b"));
		disk = (struct disk){0};
	}
	assert_true(append(f, "b"));
	reopen(f);
	assert_string_equal(read_all(f), "a b");
	assert_int_equal(f->news.len, 0);
	assert_int_equal(stats(f).end, 3 * 134217728 + 11);
}

/* What was written before room ran out can be removed once it is handed over. */
static void room_that_is_wanted_can_be_made(void **state)
{
	struct fixture *f = *state;

	assert_non_null(open_small(f));
	assert_true(append(f, "a"));
	disk_fail("pwrite", 1, INT_MAX, ENOSPC);
	assert_false(append(f, "b"));
	assert_false(append(f, "b"));
	f->spool->max_bytes = 1;
	assert_false(append(f, "b"));
	f->spool->max_bytes = UINT64_MAX;
	assert_int_equal(write_mark(f, 11), 0);
	dp_spool_check_mark(f->spool);
	assert_true(has_file(f, "00000000000000000000.seg"));
	assert_false(append(f, "b"));
	assert_false(has_file(f, "00000000000000000000.seg"));
	disk = (struct disk){0};
	assert_true(append(f, "b"));
	assert_string_equal(read_all(f), "b");
}

/* What is kept is no reason to say that there is no room. */
static void what_is_kept_makes_room(void **state)
{
	struct fixture *f = *state;

	assert_non_null(open_small(f));
	f->spool->segment_bytes = 25;
	assert_true(append(f, "a bb ccc"));
	assert_int_equal(write_mark(f, 23), 0);
	dp_spool_check_mark(f->spool);
	assert_int_equal(f->spool->count, 2);
	disk_fail("pwrite", 1, 1, ENOSPC);
	assert_true(append(f, "dddd"));
	assert_false(has_file(f, "00000000000000000000.seg"));
	assert_string_equal(read_all(f), "ccc dddd");
}

static void a_name_that_is_taken_is_passed_by(void **state)
{
	struct fixture *f = *state;

	assert_non_null(open_small(f));
	save_file(f, "00000000000000000000.seg", DP_STR("e3069283 123456789\n"));
	assert_false(append(f, "a"));
	assert_non_null(strstr(dp_spool_error(f->spool), "cannot begin a segment of"));
	assert_true(append(f, "a"));
	reopen(f);
	assert_string_equal(read_all(f), "123456789 a");
}

/* Reading */

static void what_cannot_be_read_is_tried_and_then_passed_over(void **state)
{
	struct fixture *f = *state;
	struct dp_buf out = {0};
	char record[DP_SPOOL_NAME_MAX];

	assert_non_null(open_small(f));
	f->spool->segment_bytes = DP_SPOOL_SEGMENT_BYTES;
	for (int i = 0; i < 500; i++) {
		snprintf(record, sizeof record, "%020d", i);
		assert_true(append(f, record));
	}
	disk_fail("pread", 1, DP_SPOOL_READ_TRIES - 1, EIO);
	struct dp_spool_reader *r = dp_spool_reader_new(f->spool);
	read_on(r, &out, NULL);
	assert_int_equal(disk.failed, DP_SPOOL_READ_TRIES - 1);
	assert_int_equal(stats(f).damaged, 0);
	assert_memory_equal(out.data, "! ! ", 4);
	assert_memory_equal(out.data + out.len - 20, "00000000000000000499", 20);
	assert_int_equal(out.len, 2 * (DP_SPOOL_READ_TRIES - 1) + 500 * 21 - 1);
	dp_spool_reader_free(&r);
	/* 4096 bytes are passed over: the 137th line is the first behind them that is whole */
	disk_fail("pread", 1, DP_SPOOL_READ_TRIES, EIO);
	r = dp_spool_reader_new(f->spool);
	dp_buf_clear(&out);
	read_on(r, &out, NULL);
	assert_int_equal(stats(f).damaged, 1);
	assert_true(has_news(f, "a block that cannot be read at offset 0"));
	assert_memory_equal(
	    out.data + 2 * (size_t)(DP_SPOOL_READ_TRIES - 1), "00000000000000000137 ", 21);
	dp_spool_reader_free(&r);
	/* all of it, block by block: counted once, as no line is between */
	disk_fail("pread", 1, INT_MAX, EIO);
	r = dp_spool_reader_new(f->spool);
	dp_buf_clear(&out);
	read_on(r, &out, NULL);
	assert_int_equal(stats(f).damaged, 2);
	dp_spool_reader_free(&r);
	dp_buf_release(&out);
}

/* Only what is gone is passed over: whoever has no descriptor now must not lose a segment by it. */
static void a_segment_that_cannot_be_opened_is_waited_for(void **state)
{
	struct fixture *f = *state;
	struct dp_spool_reader *r;
	struct dp_buf out = {0};

	assert_non_null(open_small(f));
	f->spool->segment_bytes = 25;
	assert_true(append(f, "a bb ccc"));
	disk_fail("openat", 1, 100, EMFILE);
	r = dp_spool_reader_new(f->spool);
	read_on(r, &out, NULL);
	assert_string_equal(dp_buf_text(&out) + 200, "a bb ccc");
	dp_spool_reader_free(&r);
	remove_segment(f, 0);
	assert_string_equal(read_all(f), "ccc");
	assert_true(has_news(f, "a segment that is missing"));
	dp_buf_release(&out);
}

static void a_mark_that_cannot_be_checked_is_not_believed(void **state)
{
	struct fixture *f = *state;

	assert_non_null(open_small(f));
	assert_true(append(f, "a bb"));
	assert_int_equal(write_mark(f, 11), 0);
	disk_fail("openat", 2, 1, EMFILE);
	dp_spool_check_mark(f->spool);
	disk_fail("pread", 1, 1, EIO);
	dp_spool_check_mark(f->spool);
	assert_int_equal(stats(f).mark, 0);
	disk_fail("openat", 1, 1, EIO);
	dp_spool_check_mark(f->spool);
	assert_true(has_news(f, "cannot be read: it is not believed"));
	dp_spool_check_mark(f->spool);
	assert_int_equal(stats(f).mark, 11);
}

static void what_cannot_be_removed_stays_and_does_no_harm(void **state)
{
	struct fixture *f = *state;

	assert_non_null(open_small(f));
	f->spool->segment_bytes = 25;
	keep_nothing(f);
	assert_true(append(f, "a bb ccc dddd eeeee"));
	assert_int_equal(write_mark(f, stats(f).end), 0);
	disk_fail("unlinkat", 2, 1, EIO);
	dp_spool_check_mark(f->spool);
	assert_int_equal(f->spool->count, 3);
	remove_segment(f, 0); /* by hand: that is fine, too */
	dp_spool_check_mark(f->spool);
	assert_int_equal(f->spool->count, 1);
	reopen(f);
	assert_string_equal(read_all(f), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_call_fails_at_each_place),
	    TEST(opening_fails_and_is_tried_again),
	    TEST(what_cannot_be_set_apart_is_told),
	    TEST(short_writes_are_gone_on_with),
	    TEST(a_failed_sync_is_never_believed),
	    TEST(the_only_segment_stays),
	    TEST(a_failed_write_leaves_nothing),
	    TEST(a_name_that_is_not_durable_is_not_believed),
	    TEST(starts_that_append_nothing_leave_no_gap),
	    TEST(room_that_is_wanted_can_be_made),
	    TEST(what_is_kept_makes_room),
	    TEST(a_name_that_is_taken_is_passed_by),
	    TEST(what_cannot_be_read_is_tried_and_then_passed_over),
	    TEST(a_segment_that_cannot_be_opened_is_waited_for),
	    TEST(a_mark_that_cannot_be_checked_is_not_believed),
	    TEST(what_cannot_be_removed_stays_and_does_no_harm),
	};

	return cmocka_run_group_tests_name("spool_fault", tests, NULL, NULL);
}
