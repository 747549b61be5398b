/* What dp-tail shows of an event: nothing of it may reach the terminal raw, no line be wider than
 * the terminal, and colours not change the text. */
#include "../../cmd/dp-tail/fold.h"
#include "../../cmd/dp-tail/render.h"
#include "text.h"

#include <assert.h>
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const int64_t RECEIVED_US = INT64_C(1767323045678901);

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	setenv("TZ", "Europe/Berlin", 1);
	assert(setlocale(LC_CTYPE, "C.UTF-8"));
	return 0;
}

/* The length of the colour sequence that the text begins with; 0: none. */
static size_t color_size(struct dp_str text)
{
	size_t n = 2;

	if (text.n < 3 || memcmp(text.p, "\x1b[", 2) != 0)
		return 0;
	while (n < text.n && memchr("0123456789;", text.p[n], 11))
		n++;
	return n < text.n && text.p[n] == 'm' ? n + 1 : 0;
}

static void strip_colors(struct dp_str text, struct dp_buf *plain)
{
	while (text.n > 0) {
		size_t n = color_size(text);

		if (n == 0)
			dp_buf_add(plain, text.p, n = 1);
		text = (struct dp_str){text.p + n, text.n - n};
	}
}

/* What the escaping of a line would change is something that had not been escaped. */
static void check_line(struct dp_str line, int width)
{
	size_t at = 0;

	assert(fold_measure(line) <= width);
	while (at < line.n) {
		char safe[DP_TEXT_STEP_MAX];
		size_t n = dp_text_step(line.p + at, line.n - at, safe);

		assert(strlen(safe) == n && memcmp(safe, line.p + at, n) == 0);
		at += n;
	}
}

static void check_lines(struct dp_str text, int width)
{
	assert(text.n > 0 && text.p[text.n - 1] == '\n');
	while (text.n > 0) {
		const char *end = memchr(text.p, '\n', text.n);
		struct dp_str line = {text.p, (size_t)(end - text.p)};

		check_line(line, width);
		text = (struct dp_str){end + 1, text.n - line.n - 1};
	}
}

static void check_width(const struct dp_event *ev, int width)
{
	const struct render_options options[] = {{.width = width, .traces = true, .groups = true},
	    {.width = width, .color = true, .traces = true, .groups = true}};
	struct dp_buf out[2] = {{0}, {0}};
	struct dp_buf plain = {0};

	for (int i = 0; i < 2; i++) {
		struct render_memory memory = {0};

		render_event(&out[i], ev, &options[i], &memory);
	}
	check_lines(dp_buf_str(&out[0]), width);
	strip_colors(dp_buf_str(&out[1]), &plain);
	assert(dp_str_equal(dp_buf_str(&out[0]), dp_buf_str(&plain)));
	dp_buf_release(&out[0]);
	dp_buf_release(&out[1]);
	dp_buf_release(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dp_event_reader *r = dp_event_reader_new();
	struct dp_refusal why;
	struct dp_event ev;

	if (dp_event_read(r, (struct dp_str){(const char *)data, size}, RECEIVED_US, &ev, &why) ==
	    0) {
		check_width(&ev, RENDER_WIDTH_MIN);
		check_width(&ev, 61);
		check_width(&ev, 200);
	}
	dp_event_reader_free(&r);
	return 0;
}
