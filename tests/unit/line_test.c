#include "line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

enum { LIMIT = 8 };

/* Reads all of fd to its end, and tells what came as "[line]" for a line, "<line>" for one beyond
 * the limit, "(line)" for a partial one, "!" for a failure and "." for the end. */
static void read_all(struct dp_line_reader *r, struct dp_buf *told)
{
	struct dp_str line = {0};

	for (;;) {
		enum dp_line_got got = dp_line_next(r, &line);
		static const char *const marks[] = {"[]", "<>", NULL, "()"};

		if (got == DP_LINE_MORE) {
			assert_int_equal(dp_line_wait(r, -1, 10000), 1);
		} else if (got == DP_LINE_END || got == DP_LINE_FAILED) {
			dp_buf_add_char(told, got == DP_LINE_END ? '.' : '!');
			return;
		} else {
			dp_buf_add_char(told, marks[got][0]);
			dp_buf_add_str(told, line);
			dp_buf_add_char(told, marks[got][1]);
		}
	}
}

static const struct {
	const char *name;
	const char *input;
	const char *want;
	int lines;
} inputs[] = {
    {"nothing", "", ".", 0},
    {"one line", "abc\n", "[abc].", 1},
    {"two lines", "abc\nde\n", "[abc][de].", 2},
    {"empty lines", "\n\nx\n\n", "[][][x][].", 4},
    {"carriage return stays", "abc\r\n", "[abc\r].", 1},
    {"partial last line", "abc\nde", "[abc](de).", 2},
    {"only a partial line", "de", "(de).", 1},
    {"as long as allowed", "12345678\n", "[12345678].", 1},
    {"partial, as long as allowed", "12345678", "(12345678).", 1},
    {"one too long", "123456789\n", "<12345678>.", 1},
    {"far too long", "1234567890123456789012345\nab\n", "<12345678>[ab].", 2},
    {"too long, then empty", "1234567890\n\n", "<12345678>[].", 2},
    {"too long at the end", "ab\n1234567890", "[ab]<12345678>.", 2},
    {"two too long", "1234567890\nabcdefghijk\nz\n", "<12345678><abcdefgh>[z].", 3},
};

/* Every input written in pieces of every size, so that each byte is a border once. */
static void splits_lines_wherever_reads_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
		size_t size = strlen(inputs[i].input);

		for (size_t piece = 1; piece <= size + 1; piece++) {
			struct dp_buf told = {0};
			struct dp_line_reader *r;
			struct dp_str line;
			int fd[2];

			assert_int_equal(pipe(fd), 0);
			r = dp_line_new(fd[0], LIMIT);
			for (size_t at = 0; at < size; at += piece) {
				size_t n = size - at < piece ? size - at : piece;
				enum dp_line_got got;

				assert_int_equal(write(fd[1], inputs[i].input + at, n), n);
				assert_int_equal(dp_line_wait(r, -1, 10000), 1);
				while ((got = dp_line_next(r, &line)) != DP_LINE_MORE) {
					dp_buf_add_char(&told, got == DP_LINE_OK ? '[' : '<');
					dp_buf_add_str(&told, line);
					dp_buf_add_char(&told, got == DP_LINE_OK ? ']' : '>');
				}
			}
			close(fd[1]);
			read_all(r, &told);
			if (strcmp(dp_buf_text(&told), inputs[i].want) != 0)
				fail_msg("%s in pieces of %zu: %s", inputs[i].name, piece,
				    dp_buf_text(&told));
			assert_int_equal(dp_line_number(r), inputs[i].lines);
			assert_int_equal(dp_line_next(r, &line), DP_LINE_END);
			dp_line_free(&r);
			assert_null(r);
			dp_buf_release(&told);
			close(fd[0]);
		}
	}
}

static void does_not_block_where_nothing_is_there(void **state)
{
	struct dp_line_reader *r;
	struct dp_str line;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	r = dp_line_new(fd[0], LIMIT);
	assert_int_equal(dp_line_next(r, &line), DP_LINE_MORE);
	assert_false(dp_line_is_partial(r));
	assert_false(dp_line_ready(r));
	assert_int_equal(dp_line_wait(r, -1, 1), 0);
	assert_int_equal(dp_line_next(r, &line), DP_LINE_MORE);
	assert_int_equal(write(fd[1], "ab\nc", 4), 4);
	assert_true(dp_line_ready(r));
	assert_int_equal(dp_line_wait(r, -1, -1), 1);
	assert_int_equal(dp_line_next(r, &line), DP_LINE_OK);
	assert_true(dp_str_is(line, "ab"));
	assert_int_equal(dp_line_next(r, &line), DP_LINE_MORE);
	assert_int_equal(dp_line_next(r, &line), DP_LINE_MORE);
	assert_true(dp_line_is_partial(r));
	assert_false(dp_line_ready(r));
	close(fd[1]);
	assert_true(dp_line_ready(r));
	assert_int_equal(dp_line_wait(r, -1, -1), 1);
	assert_int_equal(dp_line_next(r, &line), DP_LINE_PARTIAL);
	assert_true(dp_str_is(line, "c"));
	assert_int_equal(dp_line_next(r, &line), DP_LINE_END);
	assert_true(dp_line_ready(r));
	dp_line_free(&r);
	close(fd[0]);
}

static void blank_lines_are_told(void **state)
{
	static const struct {
		struct dp_str line;
		bool want;
	} rows[] = {
	    {{NULL, 0}, true},
	    {{"\r", 1}, true},
	    {{" \t \r", 4}, true},
	    {{" x", 2}, false},
	    {{"\0", 1}, false},
	    {{"\v", 1}, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (dp_line_is_blank(rows[i].line) != rows[i].want)
			fail_msg("row %zu", i);
}

static void a_stop_ends_the_wait_but_input_wins(void **state)
{
	struct dp_line_reader *r;
	struct dp_str line;
	int fd[2];
	int stop[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(pipe(stop), 0);
	r = dp_line_new(fd[0], LIMIT);
	assert_int_equal(write(stop[1], "", 1), 1);
	assert_int_equal(dp_line_wait(r, stop[0], -1), -1);
	assert_int_equal(write(fd[1], "ab\n", 3), 3);
	assert_int_equal(dp_line_wait(r, stop[0], -1), 1);
	assert_int_equal(dp_line_next(r, &line), DP_LINE_OK);
	assert_int_equal(dp_line_wait(r, stop[0], -1), -1);
	dp_line_free(&r);
	close(fd[0]);
	close(fd[1]);
	close(stop[0]);
	close(stop[1]);
}

static void a_failing_read_is_told_with_errno(void **state)
{
	static const struct {
		const char *name;
		const char *path;
		int flags;
		int want;
	} rows[] = {
	    {"a directory", "/", O_RDONLY, EISDIR},
	    {"not open for reading", "/dev/null", O_WRONLY, EBADF},
	};
	struct dp_str line;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int fd = open(rows[i].path, rows[i].flags | O_CLOEXEC);
		struct dp_line_reader *r = dp_line_new(fd, LIMIT);

		assert_int_equal(dp_line_wait(r, -1, 1000), 1);
		if (dp_line_next(r, &line) != DP_LINE_FAILED || errno != rows[i].want)
			fail_msg("%s: %s", rows[i].name, strerror(errno));
		dp_line_free(&r);
		close(fd);
	}
}

static void a_closed_descriptor_fails_and_does_not_hang(void **state)
{
	struct dp_str line;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct dp_line_reader *r = dp_line_new(fd, LIMIT);

	(void)state;
	close(fd);
	assert_int_equal(dp_line_wait(r, -1, 1000), 1);
	assert_int_equal(dp_line_next(r, &line), DP_LINE_FAILED);
	assert_int_equal(errno, EBADF);
	dp_line_free(&r);
}

static void a_descriptor_that_does_not_block_is_fine(void **state)
{
	struct dp_buf told = {0};
	struct dp_line_reader *r;
	struct dp_str line;
	int fd[2];

	(void)state;
	assert_int_equal(pipe2(fd, O_NONBLOCK), 0);
	r = dp_line_new(fd[0], LIMIT);
	assert_int_equal(write(fd[1], "ab\n", 3), 3);
	assert_int_equal(dp_line_wait(r, -1, -1), 1);
	assert_int_equal(dp_line_next(r, &line), DP_LINE_OK);
	assert_int_equal(dp_line_next(r, &line), DP_LINE_MORE);
	assert_int_equal(write(fd[1], "c", 1), 1);
	close(fd[1]);
	read_all(r, &told);
	assert_string_equal(dp_buf_text(&told), "(c).");
	dp_buf_release(&told);
	dp_line_free(&r);
	dp_line_free(&r);
	close(fd[0]);
}

/* Makes the reader believe that input is there, and takes it away. */
static void disappoint(struct dp_line_reader *r, const int fd[2])
{
	char c;

	assert_int_equal(write(fd[1], "x", 1), 1);
	assert_int_equal(dp_line_wait(r, -1, -1), 1);
	assert_int_equal(read(fd[0], &c, 1), 1);
}

static void input_that_another_took_is_waited_for(void **state)
{
	struct dp_line_reader *r;
	struct dp_str line;
	int fd[2];

	(void)state;
	assert_int_equal(pipe2(fd, O_NONBLOCK), 0);
	r = dp_line_new(fd[0], LIMIT);
	disappoint(r, fd);
	assert_int_equal(dp_line_next(r, &line), DP_LINE_MORE);
	assert_int_equal(write(fd[1], "ab\n", 3), 3);
	assert_int_equal(dp_line_wait(r, -1, -1), 1);
	assert_int_equal(dp_line_next(r, &line), DP_LINE_OK);
	assert_true(dp_str_is(line, "ab"));
	dp_line_free(&r);
	close(fd[0]);
	close(fd[1]);
}

static void the_end_stays_the_end(void **state)
{
	struct dp_line_reader *r;
	struct dp_str line;
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(file);
	assert_int_equal(write(fileno(file), "ab\n", 3), 3);
	rewind(file);
	r = dp_line_new(fileno(file), LIMIT);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(dp_line_wait(r, -1, -1), 1);
		assert_int_equal(dp_line_next(r, &line), i == 0 ? DP_LINE_OK : DP_LINE_END);
	}
	assert_int_equal(pwrite(fileno(file), "cd\n", 3, 3), 3);
	assert_int_equal(dp_line_wait(r, -1, -1), 1);
	assert_int_equal(dp_line_next(r, &line), DP_LINE_END);
	dp_line_free(&r);
	fclose(file);
}

static int ticks;
static int tick_fd;

/* The third brings a line: the first two find the reader waiting. */
static void tick(int signal)
{
	(void)signal;
	if (++ticks == 3 && write(tick_fd, "ab\n", 3) != 3)
		abort();
}

static void set_timer(int every_us)
{
	const struct timeval every = {.tv_usec = every_us};

	ticks = 0;
	assert_int_equal(setitimer(ITIMER_REAL, &(struct itimerval){every, every}, NULL), 0);
}

static void signals_end_no_wait_and_no_read(void **state)
{
	const struct sigaction action = {.sa_handler = tick};
	struct dp_line_reader *r;
	struct sigaction before;
	struct dp_str line;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	tick_fd = fd[1];
	assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
	r = dp_line_new(fd[0], LIMIT);
	for (int i = 0; i < 2; i++) {
		if (i == 0) {
			set_timer(5000);
			assert_int_equal(dp_line_wait(r, -1, -1), 1);
			assert_true(ticks >= 3);
		} else {
			disappoint(r, fd);
			set_timer(5000);
		}
		assert_int_equal(dp_line_next(r, &line), DP_LINE_OK);
		assert_true(dp_str_is(line, "ab"));
		set_timer(0);
	}
	sigaction(SIGALRM, &before, NULL);
	dp_line_free(&r);
	close(fd[0]);
	close(fd[1]);
}

/* poll(2) refuses to look at more descriptors than a process may have. */
static void a_wait_that_fails_leaves_it_to_the_read(void **state)
{
	struct dp_line_reader *r;
	struct dp_str line;
	struct rlimit was;
	struct rlimit one;
	int got;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	r = dp_line_new(fd[0], LIMIT);
	assert_int_equal(write(fd[1], "ab\n", 3), 3);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	one = (struct rlimit){1, was.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &one), 0);
	got = dp_line_wait(r, -1, -1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(got, 1);
	assert_int_equal(dp_line_next(r, &line), DP_LINE_OK);
	assert_true(dp_str_is(line, "ab"));
	dp_line_free(&r);
	close(fd[0]);
	close(fd[1]);
}

enum { MANY = 20000, LONG_LINE = 3000000 };

static void *write_much(void *arg)
{
	FILE *f = fdopen(*(int *)arg, "w");

	for (int i = 0; i < MANY; i++)
		fprintf(f, "line %d%*s\n", i, i % 300, "");
	for (int i = 0; i < LONG_LINE; i++)
		putc('x', f);
	fputs("\nend\n", f);
	fclose(f);
	return NULL;
}

static void much_comes_whole_over_a_pipe(void **state)
{
	enum dp_line_got got = DP_LINE_MORE;
	struct dp_line_reader *r;
	struct dp_str line;
	pthread_t writer;
	char want[400];
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(pthread_create(&writer, NULL, write_much, &fd[1]), 0);
	r = dp_line_new(fd[0], LONG_LINE);
	for (int i = 0; i < MANY + 2; i++) {
		while ((got = dp_line_next(r, &line)) == DP_LINE_MORE)
			assert_int_equal(dp_line_wait(r, -1, 10000), 1);
		assert_int_equal(got, DP_LINE_OK);
		assert_int_equal(dp_line_number(r), i + 1);
		if (i < MANY) {
			snprintf(want, sizeof want, "line %d%*s", i, i % 300, "");
			if (!dp_str_is(line, want))
				fail_msg("line %d is '%.*s'", i, (int)line.n, line.p);
		} else if (i == MANY) {
			assert_int_equal(line.n, LONG_LINE);
		} else {
			assert_true(dp_str_is(line, "end"));
		}
	}
	pthread_join(writer, NULL);
	dp_line_free(&r);
	close(fd[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(splits_lines_wherever_reads_end),
	    cmocka_unit_test(does_not_block_where_nothing_is_there),
	    cmocka_unit_test(blank_lines_are_told),
	    cmocka_unit_test(a_stop_ends_the_wait_but_input_wins),
	    cmocka_unit_test(a_failing_read_is_told_with_errno),
	    cmocka_unit_test(a_closed_descriptor_fails_and_does_not_hang),
	    cmocka_unit_test(a_descriptor_that_does_not_block_is_fine),
	    cmocka_unit_test(input_that_another_took_is_waited_for),
	    cmocka_unit_test(the_end_stays_the_end),
	    cmocka_unit_test(signals_end_no_wait_and_no_read),
	    cmocka_unit_test(a_wait_that_fails_leaves_it_to_the_read),
	    cmocka_unit_test(much_comes_whole_over_a_pipe),
	};

	return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
