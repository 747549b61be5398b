/* The spool on a disk that works: what is appended is read, wherever it was cut or damaged. */
#include "spool_fixture.h"

#include "crc.h"
#include "file.h"

#include <sched.h>

static const char FIRST[] = "00000000000000000000.seg";
static const char SECOND[] = "00000000000134217728.seg";

static void what_is_appended_is_read_once_and_again_after_a_restart(void **state)
{
	struct fixture *f = *state;
	struct dp_spool_reader *r;
	struct dp_buf out = {0};
	uint64_t next = 0;

	assert_non_null(open_small(f));
	assert_string_equal(read_all(f), "");
	assert_int_equal(stats(f).oldest, 0);
	r = dp_spool_reader_new(f->spool);
	assert_true(append(f, "a bb"));
	read_on(r, &out, &next);
	assert_string_equal(dp_buf_text(&out), "a bb");
	assert_int_equal(next, 23);
	assert_true(append(f, "ccc"));
	assert_true(append(f, ""));
	read_on(r, &out, &next);
	assert_string_equal(dp_buf_text(&out), "a bb ccc");
	assert_int_equal(next, stats(f).end);
	dp_spool_reader_free(&r);
	dp_spool_reader_free(&r);
	reopen(f);
	assert_string_equal(read_all(f), "a bb ccc");
	assert_true(append(f, "d"));
	assert_true(has_file(f, SECOND));
	reopen(f);
	assert_string_equal(read_all(f), "a bb ccc d");
	assert_int_equal(f->news.len, 0);
	dp_buf_release(&out);
}

static void the_format_is_the_one_that_is_documented(void **state)
{
	struct fixture *f = *state;
	struct dp_buf content = {0};

	assert_non_null(open_small(f));
	assert_true(append(f, "123456789 {}"));
	load_file(f, FIRST, &content);
	assert_string_equal(dp_buf_text(&content), "e3069283 123456789\n297bd0aa {}\n");
	load_file(f, "spool", &content);
	assert_int_equal(content.len, 10 + strlen("devpulse-spool 1 ") + DP_UUID_TEXT);
	assert_memory_equal(content.data + 9, "devpulse-spool 1 ", 17);
	assert_memory_equal(content.data + 26, dp_spool_id(f->spool), DP_UUID_TEXT);
	dp_buf_release(&content);
}

static void segments_follow_one_another(void **state)
{
	struct fixture *f = *state;
	struct dp_spool_reader *r;
	struct dp_buf out = {0};
	char record[90];

	assert_non_null(open_small(f));
	memset(record, 'x', sizeof record);
	record[89] = '\0';
	r = dp_spool_reader_new(f->spool);
	for (int i = 0; i < 30; i++) {
		record[0] = (char)('A' + i);
		assert_true(append(f, record));
		assert_int_equal(f->spool->count, i + 1);
		if (i % 3 == 0)
			read_on(r, &out, NULL);
	}
	read_on(r, &out, NULL);
	assert_int_equal(out.len, 30 * 90 - 1);
	assert_int_equal(stats(f).bytes, 30 * 99);
	assert_true(has_file(f, "00000000000000000198.seg"));
	for (int i = 0; i < 30; i++)
		assert_int_equal(out.data[(size_t)i * 90], 'A' + i);
	dp_spool_reader_free(&r);
	dp_buf_release(&out);
	reopen(f);
	assert_int_equal(strlen(read_all(f)), 30 * 90 - 1);
	assert_int_equal(f->news.len, 0);
}

static void a_batch_is_cut_at_lines(void **state)
{
	struct fixture *f = *state;

	assert_non_null(open_small(f));
	f->spool->segment_bytes = 25;
	assert_true(append(f, "1 22 333 4444 55555 666666 7777777"));
	assert_string_equal(read_all(f), "1 22 333 4444 55555 666666 7777777");
	assert_int_equal(f->spool->count, 6);
	f->spool->segment_bytes = DP_SPOOL_SEGMENT_BYTES;
	assert_true(append(f, "8"));
	reopen(f);
	assert_string_equal(read_all(f), "1 22 333 4444 55555 666666 7777777 8");
}

static void large_batches_are_taken_in_parts(void **state)
{
	struct fixture *f = *state;
	struct dp_spool_reader *r;
	struct dp_spool_record record;
	struct dp_buf lines = {0};
	struct dp_buf text = {0};

	assert_non_null(open_limited(f, 0));
	while (text.len < DP_SPOOL_RECORD_MAX)
		dp_buf_add_char(&text, 'x');
	for (int i = 0; i < 9; i++)
		dp_checked_add(&lines, dp_buf_str(&text));
	r = dp_spool_reader_new(f->spool);
	assert_int_equal(dp_spool_append(f->spool, dp_buf_str(&lines)), lines.len);
	for (int i = 0; i < 9; i++) {
		assert_int_equal(dp_spool_read(r, &record), 1);
		assert_true(dp_str_equal(record.text, dp_buf_str(&text)));
	}
	assert_int_equal(dp_spool_read(r, &record), 0);
	dp_spool_reader_free(&r);
	dp_buf_release(&lines);
	dp_buf_release(&text);
}

static void one_process_has_it(void **state)
{
	struct fixture *f = *state;
	const struct dp_spool_options options = {0};
	char why[DP_SPOOL_WHY_MAX];
	struct dp_spool *second;

	assert_non_null(open_small(f));
	second = dp_spool_open(f->dir, &options, why);
	assert_null(second);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_non_null(strstr(why, "in use by another process"));
	dp_spool_close(&f->spool);
	second = dp_spool_open(f->dir, &options, why);
	assert_non_null(second);
	dp_spool_tell(second, "kind", "nobody listens");
	dp_spool_close(&second);
	dp_spool_close(&second);
}

static void a_folder_is_made_but_not_those_above(void **state)
{
	struct fixture *f = *state;
	const struct dp_spool_options options = {0};
	char why[DP_SPOOL_WHY_MAX];
	char path[PATH_BYTES];

	path_of(f, "new", path);
	f->spool = dp_spool_open(path, &options, why);
	assert_non_null(f->spool);
	path_of(f, "a/b", path);
	assert_null(dp_spool_open(path, &options, why));
	assert_int_equal(errno, ENOENT);
	assert_non_null(strstr(why, "cannot open the spool"));
	path_of(f, "new/lock", path);
	assert_null(dp_spool_open(path, &options, why));
	assert_int_equal(errno, ENOTDIR);
}

/* The mark */

static void the_mark_is_where_reading_begins(void **state)
{
	struct fixture *f = *state;

	assert_non_null(open_small(f));
	assert_true(append(f, "a bb"));
	assert_int_equal(stats(f).lag, 23);
	assert_true(stats(f).lag_since_us > 0);
	assert_int_equal(write_mark(f, 11), 0);
	dp_spool_check_mark(f->spool);
	assert_int_equal(stats(f).mark, 11);
	assert_int_equal(stats(f).lag, 12);
	reopen(f);
	assert_string_equal(read_all(f), "bb");
	assert_int_equal(write_mark(f, 23), 0);
	reopen(f);
	assert_string_equal(read_all(f), "");
	assert_int_equal(stats(f).lag, 0);
	assert_true(append(f, "c"));
	assert_string_equal(read_all(f), "c");
	assert_int_equal(write_mark(f, stats(f).end), 0);
	reopen(f);
	assert_string_equal(read_all(f), "");
	assert_int_equal(write_mark(f, 134217728), 0); /* the start of a segment */
	reopen(f);
	assert_string_equal(read_all(f), "c");
	assert_int_equal(f->news.len, 0);
	assert_int_equal(stats(f).oldest, 0);
	keep_nothing(f);
	dp_spool_check_mark(f->spool);
	assert_int_equal(stats(f).oldest, 134217728);
}

static void a_mark_within_a_segment_is_no_gap(void **state)
{
	struct fixture *f = *state;

	assert_non_null(open_small(f));
	f->spool->segment_bytes = 28;
	assert_true(append(f, "a bb ccc dddd"));
	assert_int_equal(f->spool->count, 2);
	assert_int_equal(write_mark(f, 36), 0); /* behind ccc, with which the second one begins */
	reopen(f);
	assert_string_equal(read_all(f), "dddd");
	assert_int_equal(f->news.len, 0);
}

static void a_mark_is_there_from_the_start(void **state)
{
	struct fixture *f = *state;
	struct dp_buf mark = {0};
	struct dp_buf path = {0};

	assert_non_null(open_small(f));
	dp_buf_addf(&path, "%s/mark", f->dir);
	assert_int_equal(dp_file_read(AT_FDCWD, dp_buf_text(&path), 10, &mark), 0);
	assert_string_equal(dp_buf_text(&mark), "\n");
	save_file(f, "mark", DP_STR("")); /* its maker died */
	reopen(f);
	assert_int_equal(f->news.len, 0);
	dp_buf_release(&mark);
	dp_buf_release(&path);
}

static void the_mark_only_rises(void **state)
{
	struct fixture *f = *state;

	assert_non_null(open_small(f));
	assert_true(append(f, "a bb"));
	dp_spool_check_mark(f->spool); /* there is none */
	assert_int_equal(write_mark(f, 23), 0);
	dp_spool_check_mark(f->spool);
	assert_int_equal(write_mark(f, 11), 0);
	dp_spool_check_mark(f->spool);
	assert_int_equal(stats(f).mark, 23);
	assert_int_equal(f->news.len, 0);
}

static void what_the_mark_has_passed_is_removed(void **state)
{
	struct fixture *f = *state;
	char record[90];

	memset(record, 'x', sizeof record);
	record[89] = '\0';
	assert_non_null(open_small(f));
	for (int i = 0; i < 5; i++)
		assert_true(append(f, record));
	keep_nothing(f);
	assert_int_equal(write_mark(f, 2 * 99 + 98), 0); /* not the end of a line */
	dp_spool_check_mark(f->spool);
	assert_true(has_news(f, "spool-mark: "));
	assert_true(has_file(f, FIRST));
	assert_int_equal(write_mark(f, 2L * 99), 0);
	dp_spool_check_mark(f->spool);
	assert_false(has_file(f, FIRST));
	assert_false(has_file(f, "00000000000000000099.seg"));
	assert_true(has_file(f, "00000000000000000198.seg"));
	assert_int_equal(stats(f).oldest, 198);
	/* the last one stays, as it says where the log ends */
	assert_int_equal(write_mark(f, 5L * 99), 0);
	dp_spool_check_mark(f->spool);
	assert_int_equal(f->spool->count, 1);
	reopen(f);
	keep_nothing(f);
	assert_string_equal(read_all(f), "");
	assert_true(append(f, "a"));
	assert_int_equal(f->spool->count, 1);
	assert_string_equal(read_all(f), "a");
}

/* Five segments of a record each, the mark behind the third. */
static void pass_three(struct fixture *f)
{
	assert_non_null(open_small(f));
	f->spool->segment_bytes = 11;
	assert_true(append(f, "1 2 3 4 5"));
	assert_int_equal(f->spool->count, 5);
	assert_int_equal(write_mark(f, 33), 0);
}

static void what_the_mark_has_passed_is_kept_for_an_hour(void **state)
{
	const int64_t minute_us = INT64_C(60) * 1000000;
	struct fixture *f = *state;
	char path[PATH_BYTES];

	pass_three(f);
	assert_int_equal(stats(f).kept, 0);
	f->spool->segments[0].time_us -= 59 * minute_us;
	f->spool->segments[2].time_us -= 61 * minute_us;
	f->spool->segments[3].time_us -= 61 * minute_us;
	dp_spool_check_mark(f->spool);
	assert_int_equal(stats(f).bytes, 55);
	assert_int_equal(stats(f).kept, 33);
	assert_int_equal(stats(f).lag, 22);
	f->spool->segments[0].time_us -= 2 * minute_us;
	dp_spool_check_mark(f->spool);
	assert_int_equal(stats(f).kept, 22); /* the oldest first */
	reopen(f);
	assert_string_equal(read_all(f), "4 5");
	path_of(f, "mark", path);
	assert_int_equal(unlink(path), 0);
	reopen(f); /* as is to be done where the database was set back */
	assert_string_equal(read_all(f), "2 3 4 5");
	assert_int_equal(f->news.len, 0);
}

static void what_is_kept_is_little(void **state)
{
	struct fixture *f = *state;

	pass_three(f);
	f->spool->keep_bytes = 44;
	dp_spool_check_mark(f->spool);
	assert_int_equal(stats(f).bytes, 44);
	assert_int_equal(stats(f).kept, 22);
	/* what is kept doesn't count, and goes where room is wanted */
	f->spool->max_bytes = 33;
	assert_true(append(f, "6"));
	dp_spool_check_mark(f->spool);
	assert_int_equal(stats(f).kept, 11);
	assert_false(append(f, "7"));
	assert_int_equal(stats(f).kept, 0);
	assert_string_equal(read_all(f), "4 5 6");
}

static void a_mark_that_is_wrong_loses_nothing(void **state)
{
	static const struct {
		const char *mark;
		const char *news;
		bool is_renewed;
	} rows[] = {
	    {"ID:11", "is damaged", false},
	    {"00000000 ID:11\n", "is damaged", false},
	    {"=ID:11", "", false}, /* = is for: as a checked line */
	    {"=ID:12", "is not at the end of a line", false},
	    {"=ID:24", "is beyond the end", true},
	    {"=ID:18446744073709551615", "is beyond the end", true},
	    {"=ID:18446744073709551616", "is damaged", false},
	    {"=ID:", "is damaged", false},
	    {"=ID:01", "is damaged", false},
	    {"=ID:x", "is damaged", false},
	    {"=ID;11", "is damaged", false},
	    {"=xy", "is damaged", false},
	    {"=019a0000-0000-7000-8000-00000000000x:11", "is damaged", false},
	    {"=019a0000-0000-7000-8000-000000000001:11", "is of another spool", false},
	};
	struct fixture *f = *state;
	struct dp_buf line = {0};
	char id[DP_UUID_TEXT + 1];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const bool is_good = rows[i].news[0] == '\0';
		char text[100];
		const char *at = strstr(rows[i].mark, "ID");

		assert_non_null(open_small(f));
		assert_true(append(f, "a bb"));
		memcpy(id, dp_spool_id(f->spool), sizeof id);
		snprintf(text, sizeof text, "%s", rows[i].mark);
		if (at)
			snprintf(text, sizeof text, "%.*s%s%s", (int)(at - rows[i].mark),
			    rows[i].mark, id, at + 2);
		dp_buf_clear(&line);
		if (text[0] == '=')
			dp_checked_add(&line, dp_str_from(text + 1));
		else
			dp_buf_add_text(&line, text);
		save_file(f, "mark", dp_buf_str(&line));
		dp_spool_check_mark(f->spool);
		if ((stats(f).mark == 11) != is_good || (f->news.len == 0) != is_good)
			fail_msg("row %zu, while it runs: %s", i, dp_buf_text(&f->news));
		reopen(f);
		if (strcmp(read_all(f), is_good ? "bb" : "a bb") != 0 ||
		    !has_news(f, rows[i].news) ||
		    (strcmp(id, dp_spool_id(f->spool)) != 0) != rows[i].is_renewed)
			fail_msg("row %zu: %s", i, dp_buf_text(&f->news));
		dp_spool_close(&f->spool);
		remove_all(f->dir);
		assert_int_equal(mkdir(f->dir, 0700), 0);
	}
	dp_buf_release(&line);
	assert_non_null(open_small(f));
}

static void a_mark_in_a_gap_or_before_all_is_not_believed(void **state)
{
	struct fixture *f = *state;
	char path[PATH_BYTES];

	assert_non_null(open_small(f));
	assert_true(append(f, "a"));
	reopen(f);
	assert_true(append(f, "b"));
	assert_int_equal(write_mark(f, 4096), 0);
	reopen(f);
	assert_string_equal(read_all(f), "a b");
	assert_int_equal(write_mark(f, 5), 0);
	path_of(f, FIRST, path);
	unlink(path);
	reopen(f);
	assert_string_equal(read_all(f), "b");
}

/* The identity */

static void an_identity_that_is_lost_is_renewed(void **state)
{
	static const char *const contents[] = {NULL, "", "nonsense\n",
	    "00000000 devpulse-spool 1 x\n", "77253cf2 devpulse-spool 1 x\n"};
	struct fixture *f = *state;
	char id[DP_UUID_TEXT + 1];
	char path[PATH_BYTES];

	assert_non_null(open_small(f));
	assert_true(append(f, "a"));
	for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
		memcpy(id, dp_spool_id(f->spool), sizeof id);
		assert_int_equal(write_mark(f, 11), 0);
		path_of(f, "spool", path);
		if (contents[i])
			save_file(f, "spool", dp_str_from(contents[i]));
		else
			unlink(path);
		reopen(f);
		assert_true(has_news(f, "spool-identity: "));
		assert_true(has_news(f, "is of another spool"));
		assert_string_not_equal(id, dp_spool_id(f->spool));
		assert_string_equal(read_all(f), "a");
		reopen(f);
	}
}

static void a_later_version_is_left_alone(void **state)
{
	static const char *const texts[] = {
	    "devpulse-spool 2 019a0000-0000-7000-8000-000000000001", "x"};
	struct fixture *f = *state;
	const struct dp_spool_options options = {0};
	struct dp_buf line = {0};
	char why[DP_SPOOL_WHY_MAX];

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		dp_buf_clear(&line);
		dp_checked_add(&line, dp_str_from(texts[i]));
		save_file(f, "spool", dp_buf_str(&line));
		assert_null(dp_spool_open(f->dir, &options, why));
		assert_int_equal(errno, ENOTSUP);
		assert_non_null(strstr(why, "later version"));
	}
	dp_buf_release(&line);
}

static void other_files_are_left_alone(void **state)
{
	static const char *const names[] = {"notes", "1.seg", "00000000000000000000.seg.old",
	    "99999999999999999999.seg", "04611686018427387905.seg"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		save_file(f, names[i], DP_STR("something\n"));
	assert_non_null(open_small(f));
	assert_int_equal(f->spool->count, 0);
	assert_true(append(f, "a"));
	assert_string_equal(read_all(f), "a");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_true(has_file(f, names[i]));
}

static void offsets_end_where_sums_would_overflow(void **state)
{
	struct fixture *f = *state;

	save_file(f, "04611686018427387904.seg", DP_STR("a93c5f93 x\n"));
	assert_non_null(open_small(f));
	assert_false(append(f, "a"));
	assert_non_null(strstr(dp_spool_error(f->spool), "cannot number"));
	assert_false(dp_spool_is_full(f->spool));
}

/* Full */

static void a_full_spool_heals_when_the_mark_moves(void **state)
{
	struct fixture *f = *state;
	struct dp_buf text = {0};
	struct dp_buf line = {0};
	int n = 0;

	assert_non_null(open_limited(f, 1));
	assert_int_equal(f->spool->max_bytes, DP_SPOOL_BYTES_LEAST);
	while (text.len < 1024 * 1024 - DP_CHECKED_ADDS)
		dp_buf_add_char(&text, 'x');
	dp_checked_add(&line, dp_buf_str(&text));
	while (dp_spool_append(f->spool, dp_buf_str(&line)) > 0)
		n++;
	assert_int_equal(n, 16);
	assert_true(dp_spool_is_full(f->spool));
	assert_non_null(strstr(dp_spool_error(f->spool), "has its 16777216 bytes"));
	assert_int_equal(dp_spool_append(f->spool, dp_buf_str(&line)), 0);
	assert_int_equal(write_mark(f, 4UL * 1024 * 1024), 0);
	dp_spool_check_mark(f->spool);
	assert_int_equal(dp_spool_append(f->spool, dp_buf_str(&line)), line.len);
	/* even where all of it is in the last segment, which is not removed before the next */
	assert_int_equal(write_mark(f, stats(f).end), 0);
	dp_spool_check_mark(f->spool);
	f->spool->max_bytes = line.len;
	assert_int_equal(dp_spool_append(f->spool, dp_buf_str(&line)), line.len);
	assert_int_equal(dp_spool_append(f->spool, dp_buf_str(&line)), 0);
	assert_int_equal(write_mark(f, stats(f).end), 0);
	dp_spool_check_mark(f->spool);
	assert_int_equal(dp_spool_append(f->spool, dp_buf_str(&line)), line.len);
	dp_buf_release(&text);
	dp_buf_release(&line);
}

static void a_limit_sets_the_size_of_segments(void **state)
{
	struct fixture *f = *state;

	assert_non_null(open_limited(f, UINT64_C(1) << 40));
	assert_int_equal(f->spool->segment_bytes, DP_SPOOL_SEGMENT_BYTES);
	dp_spool_close(&f->spool);
	assert_non_null(open_limited(f, 32 * 1024 * 1024));
	assert_int_equal(f->spool->segment_bytes, 8 * 1024 * 1024);
	assert_int_equal(f->spool->keep_bytes, 8 * 1024 * 1024);
}

/* Damage */

static const char SAMPLE[] = "one two three four five six seven eight";

/* A spool with a few records in three segments. */
static void make_sample(struct fixture *f)
{
	assert_non_null(open_small(f));
	f->spool->segment_bytes = 45;
	assert_true(append(f, SAMPLE));
	assert_int_equal(f->spool->count, 3);
	dp_spool_close(&f->spool);
}

/* How many of the records of SAMPLE are missing in `got`, which has no others and their order. */
static int missing_in(const char *got)
{
	const char *want = SAMPLE;
	int missing = 0;

	while (*want) {
		size_t n = strcspn(want, " ");

		if (strncmp(got, want, n) == 0 && (got[n] == ' ' || got[n] == '\0'))
			got += n + (got[n] == ' ');
		else
			missing++;
		want += n + (want[n] == ' ');
	}
	if (*got)
		fail_msg("nobody appended: %s", got);
	return missing;
}

static void every_bit_costs_its_record_at_most(void **state)
{
	static const char *const names[] = {
	    FIRST, "00000000000000000041.seg", "00000000000000000082.seg", "spool", "mark"};
	struct fixture *f = *state;
	struct dp_buf content = {0};

	make_sample(f);
	assert_non_null(open_small(f));
	assert_int_equal(write_mark(f, 0), 0);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (!has_file(f, names[i]))
			continue;
		load_file(f, names[i], &content);
		for (size_t bit = 0; bit < content.len * 8; bit++) {
			char *byte = content.data + bit / 8;
			bool is_tail = i < 3 && bit / 8 + 1 == content.len;
			int missing;

			*byte = (char)(*byte ^ (1 << bit % 8));
			save_file(f, names[i], dp_buf_str(&content));
			reopen(f);
			missing = missing_in(read_all(f));
			if (missing > (i < 3) || (missing == 0 && i < 3 && !is_tail) ||
			    (missing > 0 && !has_news(f, "spool-damage") && !is_tail))
				fail_msg("bit %zu of %s: %d missing", bit, names[i], missing);
			*byte = (char)(*byte ^ (1 << bit % 8));
			dp_spool_close(&f->spool);
			save_file(f, names[i], dp_buf_str(&content));
		}
		assert_non_null(open_small(f));
	}
	dp_buf_release(&content);
}

static void every_cut_costs_what_is_behind_it(void **state)
{
	struct fixture *f = *state;
	struct dp_buf content = {0};
	char last[DP_SPOOL_NAME_MAX];

	make_sample(f);
	assert_non_null(open_small(f));
	dp_spool_name(f->spool->segments[2].start, ".seg", last);
	load_file(f, last, &content);
	for (size_t n = 0; n <= content.len; n++) {
		size_t whole = n;

		save_file(f, last, (struct dp_str){content.data, n});
		reopen(f);
		while (whole > 0 && content.data[whole - 1] != '\n')
			whole--;
		if (missing_in(read_all(f)) > 3 || f->news.len > 0 ||
		    stats(f).end != f->spool->segments[2].start + whole)
			fail_msg("cut at %zu: %s", n, dp_buf_text(&f->news));
		assert_true(append(f, "behind"));
		assert_int_equal(f->spool->count, 4);
		remove_segment(f, 3);
	}
	/* A segment in the middle that was cut is a gap. */
	load_file(f, FIRST, &content);
	for (size_t n = 0; n < content.len; n++) {
		save_file(f, FIRST, (struct dp_str){content.data, n});
		reopen(f);
		missing_in(read_all(f));
		assert_true(has_news(f, "spool-gap"));
	}
	dp_buf_release(&content);
}

static void damage_is_set_apart_counted_and_told(void **state)
{
	struct fixture *f = *state;
	struct dp_buf content = {0};
	struct dp_buf bad = {0};

	assert_non_null(open_small(f));
	assert_true(append(f, "a bb ccc"));
	load_file(f, FIRST, &content);
	content.data[12] ^= 1;
	save_file(f, FIRST, dp_buf_str(&content));
	for (int i = 0; i < 2; i++) { /* the second time the file is there */
		reopen(f);
		assert_string_equal(read_all(f), "a ccc");
		assert_int_equal(stats(f).damaged, 1);
		assert_true(has_news(f, "spool-damage: damage at offset 11 of the spool "));
		load_file(f, "00000000000000000011.bad", &bad);
		assert_int_equal(bad.len, 12);
		assert_memory_equal(bad.data, content.data + 11, 12);
	}
	dp_buf_release(&content);
	dp_buf_release(&bad);
}

static void not_every_damage_is_set_apart(void **state)
{
	struct fixture *f = *state;
	struct dp_buf content = {0};

	assert_non_null(open_small(f));
	for (int i = 0; i < 150; i++)
		dp_buf_add_text(&content, "x\n");
	dp_buf_add_text(&content, "e3069283 123456789\n");
	save_file(f, FIRST, dp_buf_str(&content));
	reopen(f);
	assert_string_equal(read_all(f), "123456789");
	assert_int_equal(stats(f).damaged, 150);
	assert_true(has_file(f, "00000000000000000198.bad"));
	assert_false(has_file(f, "00000000000000000200.bad"));
	dp_buf_release(&content);
}

static void damage_without_a_newline_ends(void **state)
{
	struct fixture *f = *state;
	struct dp_buf content = {0};

	assert_non_null(open_small(f));
	while (content.len < 7 * 1024 * 1024)
		dp_buf_add_char(&content, '\0');
	dp_buf_add_text(&content, "e3069283 123456789\ne3069283 123456789\n");
	save_file(f, FIRST, dp_buf_str(&content));
	reopen(f);
	assert_string_equal(read_all(f), "123456789 123456789");
	assert_int_equal(stats(f).damaged, 1);
	/* and where nothing whole is in the rest */
	content.data[7 * 1024 * 1024] ^= 1;
	save_file(f, FIRST, dp_buf_str(&content));
	reopen(f);
	assert_string_equal(read_all(f), "123456789");
	assert_int_equal(stats(f).damaged, 1);
	dp_buf_release(&content);
}

static void what_looks_like_lines_costs_no_time(void **state)
{
	struct fixture *f = *state;
	struct dp_buf content = {0};

	assert_non_null(open_small(f));
	while (content.len < 1024 * 1024)
		dp_buf_add_text(&content, "00000000 ");
	dp_buf_add_text(&content, "\ne3069283 123456789\n");
	save_file(f, FIRST, dp_buf_str(&content));
	reopen(f);
	assert_string_equal(read_all(f), "123456789");
	dp_buf_release(&content);
}

static void a_line_that_lost_its_end_is_damage_where_the_log_goes_on(void **state)
{
	struct fixture *f = *state;
	struct dp_buf content = {0};

	assert_non_null(open_small(f));
	f->spool->segment_bytes = 25;
	assert_true(append(f, "a bb ccc"));
	load_file(f, FIRST, &content);
	content.data[content.len - 1] = 'x';
	save_file(f, FIRST, dp_buf_str(&content));
	reopen(f);
	assert_string_equal(read_all(f), "a ccc");
	assert_true(has_news(f, "spool-damage"));
	dp_buf_release(&content);
}

static void a_segment_that_is_missing_is_told_and_crossed(void **state)
{
	struct fixture *f = *state;

	make_sample(f);
	assert_non_null(open_small(f));
	remove_segment(f, 1);
	reopen(f);
	missing_in(read_all(f));
	assert_true(has_news(f, "spool-gap: before "));
}

/* A run each: no jump leads over one that is missing. */
static void a_run_that_is_missing_is_told(void **state)
{
	struct fixture *f = *state;
	char path[PATH_BYTES];

	for (int i = 0; i < 3; i++) {
		if (f->spool)
			dp_spool_close(&f->spool);
		assert_non_null(open_small(f));
		assert_true(append(f, "a"));
	}
	path_of(f, SECOND, path);
	assert_int_equal(unlink(path), 0);
	reopen(f);
	assert_string_equal(read_all(f), "a a");
	assert_true(has_news(f, "spool-gap"));
}

static void a_segment_that_is_cut_while_it_is_read_ends_there(void **state)
{
	struct fixture *f = *state;
	struct dp_spool_reader *r;
	struct dp_buf out = {0};

	assert_non_null(open_small(f));
	f->spool->segment_bytes = 25;
	r = dp_spool_reader_new(f->spool);
	assert_true(append(f, "a bb ccc"));
	save_file(f, FIRST, DP_STR(""));
	read_on(r, &out, NULL);
	assert_string_equal(dp_buf_text(&out), "ccc");
	save_file(f, "00000000000000000023.seg", DP_STR(""));
	dp_spool_reader_free(&r);
	r = dp_spool_reader_new(f->spool); /* the open segment: it may come yet */
	dp_buf_clear(&out);
	read_on(r, &out, NULL);
	assert_string_equal(dp_buf_text(&out), "");
	dp_spool_reader_free(&r);
	dp_buf_release(&out);
}

static void a_segment_that_is_removed_while_it_is_read_is_done(void **state)
{
	struct fixture *f = *state;
	struct dp_spool_reader *r;
	struct dp_buf out = {0};

	assert_non_null(open_small(f));
	f->spool->segment_bytes = 25;
	assert_true(append(f, "a bb"));
	keep_nothing(f);
	r = dp_spool_reader_new(f->spool);
	read_on(r, &out, NULL);
	assert_true(append(f, "ccc dddd"));
	assert_int_equal(write_mark(f, stats(f).end), 0);
	dp_spool_check_mark(f->spool);
	assert_int_equal(f->spool->count, 1);
	read_on(r, &out, NULL);
	assert_string_equal(dp_buf_text(&out), "a bb dddd");
	dp_spool_reader_free(&r);
	dp_buf_release(&out);
}

enum { MANY = 3000 };

static void *append_many(void *arg)
{
	struct fixture *f = arg;
	char record[60];

	for (int i = 0; i < MANY; i++) {
		snprintf(record, sizeof record, "%d", i);
		if (!append(f, record))
			return f;
	}
	return NULL;
}

/* One appends, one reads and moves the mark: each record once, in order, and few files stay. */
static void two_threads_share_it(void **state)
{
	struct fixture *f = *state;
	struct dp_spool_record record;
	struct dp_spool_reader *r;
	pthread_t appender;
	void *failed;
	char want[16];

	assert_non_null(open_small(f));
	keep_nothing(f);
	r = dp_spool_reader_new(f->spool);
	assert_int_equal(pthread_create(&appender, NULL, append_many, f), 0);
	for (int i = 0; i < MANY; i++) {
		while (dp_spool_read(r, &record) == 0)
			sched_yield();
		snprintf(want, sizeof want, "%d", i);
		assert_true(dp_str_is(record.text, want));
		if (i % 100 == 99) {
			assert_int_equal(write_mark(f, record.next), 0);
			dp_spool_check_mark(f->spool);
			assert_int_equal(stats(f).mark, record.next);
		}
	}
	pthread_join(appender, &failed);
	assert_null(failed);
	assert_int_equal(f->spool->count, 1);
	assert_int_equal(f->news.len, 0);
	dp_spool_reader_free(&r);
}

static void crc32c_is_the_one_of_rfc_3720(void **state)
{
	static const char zeros[32];
	char ones[32];
	char up[32];
	char text[300];

	(void)state;
	memset(ones, 255, sizeof ones);
	for (int i = 0; i < 32; i++)
		up[i] = (char)i;
	const struct {
		struct dp_str s;
		uint32_t want;
	} rows[] = {{{zeros, 32}, 0x8a9136aa}, {{ones, 32}, 0x62a8ab43}, {{up, 32}, 0x46dd794e},
	    {DP_STR("123456789"), 0xe3069283}, {{zeros, 0}, 0}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(dp_crc32c(rows[i].s), rows[i].want);
		assert_int_equal(dp_crc32c_by_table(rows[i].s), rows[i].want);
	}
	for (size_t n = 0; n < sizeof text; n++) {
		text[n] = (char)(n * 7);
		for (size_t from = 0; from < 9 && from <= n; from++) {
			struct dp_str s = {text + from, n - from};

			assert_int_equal(dp_crc32c(s), dp_crc32c_by_table(s));
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_appended_is_read_once_and_again_after_a_restart),
	    TEST(the_format_is_the_one_that_is_documented),
	    TEST(segments_follow_one_another),
	    TEST(a_batch_is_cut_at_lines),
	    TEST(large_batches_are_taken_in_parts),
	    TEST(one_process_has_it),
	    TEST(a_folder_is_made_but_not_those_above),
	    TEST(the_mark_is_where_reading_begins),
	    TEST(a_mark_within_a_segment_is_no_gap),
	    TEST(a_mark_is_there_from_the_start),
	    TEST(the_mark_only_rises),
	    TEST(what_the_mark_has_passed_is_removed),
	    TEST(what_the_mark_has_passed_is_kept_for_an_hour),
	    TEST(what_is_kept_is_little),
	    TEST(a_mark_that_is_wrong_loses_nothing),
	    TEST(a_mark_in_a_gap_or_before_all_is_not_believed),
	    TEST(an_identity_that_is_lost_is_renewed),
	    TEST(a_later_version_is_left_alone),
	    TEST(other_files_are_left_alone),
	    TEST(offsets_end_where_sums_would_overflow),
	    TEST(a_full_spool_heals_when_the_mark_moves),
	    TEST(a_limit_sets_the_size_of_segments),
	    TEST(every_bit_costs_its_record_at_most),
	    TEST(every_cut_costs_what_is_behind_it),
	    TEST(damage_is_set_apart_counted_and_told),
	    TEST(not_every_damage_is_set_apart),
	    TEST(damage_without_a_newline_ends),
	    TEST(what_looks_like_lines_costs_no_time),
	    TEST(a_line_that_lost_its_end_is_damage_where_the_log_goes_on),
	    TEST(a_segment_that_is_missing_is_told_and_crossed),
	    TEST(a_run_that_is_missing_is_told),
	    TEST(a_segment_that_is_cut_while_it_is_read_ends_there),
	    TEST(a_segment_that_is_removed_while_it_is_read_is_done),
	    TEST(two_threads_share_it),
	    cmocka_unit_test(crc32c_is_the_one_of_rfc_3720),
	};

	return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
