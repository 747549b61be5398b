#include "stack.h"

#include "calls.h"
#include "style.h"
#include "value.h"

#include <stdio.h>
#include <string.h>

enum {
	HEAD_MAX = 20, /* frames, or lines of a text, at the begin */
	TAIL_MAX = 40, /* and at the end */
	FRAME_BYTES_MAX = 1000,
	TEXT_BYTES_MAX = 6000,
};

/* Appends "file:line in function"; any of the three may be missing. */
static void write_place(struct dp_buf *out, const struct dp_json *file, const struct dp_json *line,
    const struct dp_json *function)
{
	if (file->type != DP_JSON_END)
		dp_json_decode(file, out);
	if (line->type != DP_JSON_END) {
		dp_buf_add_text(out, file->type != DP_JSON_END ? ":" : "line ");
		dp_json_decode(line, out);
	}
	if (function->type != DP_JSON_END) {
		dp_buf_add_text(out, out->len > 0 ? " in " : "in ");
		dp_json_decode(function, out);
	}
}

static void write_frame_locals(struct fold *f, const struct dp_json *frame, int indent)
{
	struct dp_json locals = dp_json_member(frame, "locals");

	if (locals.type != DP_JSON_OBJECT)
		locals = dp_json_member(frame, "vars");
	if (locals.type == DP_JSON_OBJECT)
		value_write_tree(f, &locals, indent);
}

static void write_object(struct fold *f, const struct dp_json *frame, int indent)
{
	struct dp_call_members m;
	struct dp_buf text = {0};

	dp_call_read_members(frame, &m);
	write_place(&text, &m.file, &m.line, &m.function);
	if (text.len == 0)
		value_write_compact(&text, frame, FRAME_BYTES_MAX);
	fold_text_max(f, dp_buf_str(&text), FRAME_BYTES_MAX);
	fold_end_line(f);
	if (m.code.type != DP_JSON_END) {
		dp_buf_clear(&text);
		dp_json_decode(&m.code, &text);
		f->indent = indent + 2;
		f->style = STYLE_DIM;
		fold_text_max(f, dp_buf_str(&text), FRAME_BYTES_MAX);
		f->style = NULL;
		fold_end_line(f);
	}
	dp_buf_release(&text);
	write_frame_locals(f, frame, indent + 2);
}

static struct dp_str without_last_newlines(struct dp_str s)
{
	while (s.n > 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}

/* Whether item i of n is in the middle of a long stack, of which both ends are shown: some
 * languages begin with the most recent call and the error, others end with them. The first one is
 * replaced by a note. */
static bool is_left_out(struct fold *f, size_t i, size_t n, int indent)
{
	char note[48];

	if (n <= HEAD_MAX + TAIL_MAX || i < HEAD_MAX || i >= n - TAIL_MAX)
		return false;
	if (i > HEAD_MAX)
		return true;
	snprintf(note, sizeof note, "… %zu more", n - HEAD_MAX - TAIL_MAX);
	f->indent = indent;
	f->style = STYLE_DIM;
	fold_say(f, note);
	f->style = NULL;
	fold_end_line(f);
	return true;
}

/* A text that, where it is a single line and folded, keeps its own indent. */
static void write_text(struct fold *f, struct dp_str text, int indent, size_t max)
{
	f->indent = indent;
	if (text.n > 0 && !memchr(text.p, '\n', text.n))
		for (; text.n > 1 && *text.p == ' '; text.p++, text.n--)
			f->indent++;
	fold_text_max(f, text, max);
	fold_end_line(f);
}

static size_t count_lines(struct dp_str text)
{
	size_t n = 1;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

static void write_lines(struct fold *f, struct dp_str text, int indent)
{
	size_t n = count_lines(text);

	for (size_t i = 0; i < n; i++) {
		const char *end = memchr(text.p, '\n', text.n);
		struct dp_str line = {text.p, end ? (size_t)(end - text.p) : text.n};

		if (end)
			text = (struct dp_str){end + 1, text.n - line.n - 1};
		if (is_left_out(f, i, n, indent))
			continue;
		line = without_last_newlines(line);
		if (line.n == 0)
			fold_say(f, "\n");
		write_text(f, line, indent, FRAME_BYTES_MAX);
	}
}

/* A stack that is all one value: a text, usually of several lines. */
static void write_whole(struct fold *f, const struct dp_json *v, int indent)
{
	struct dp_buf decoded = {0};
	struct dp_str text;

	dp_json_decode(v, &decoded);
	text = without_last_newlines(dp_buf_str(&decoded));
	if (text.n > 0 && memchr(text.p, '\n', text.n))
		write_lines(f, text, indent);
	else
		write_text(f, text, indent, TEXT_BYTES_MAX);
	dp_buf_release(&decoded);
}

static void write_frame(struct fold *f, const struct dp_json *frame, int indent)
{
	struct dp_buf text = {0};

	f->indent = indent;
	if (frame->type == DP_JSON_OBJECT) {
		write_object(f, frame, indent);
		return;
	}
	dp_json_decode(frame, &text);
	write_text(f, without_last_newlines(dp_buf_str(&text)), indent, FRAME_BYTES_MAX);
	dp_buf_release(&text);
}

static size_t count_children(const struct dp_json *v)
{
	struct dp_json_cursor cursor = dp_json_children(v);
	struct dp_json child;
	size_t n = 0;

	while (dp_json_next(&cursor, &child))
		n++;
	return n;
}

void stack_write(struct fold *f, const struct dp_json *stack, int indent)
{
	struct dp_json_cursor cursor = dp_json_children(stack);
	const size_t n = count_children(stack);
	struct dp_json frame;

	if (stack->type != DP_JSON_ARRAY) {
		write_whole(f, stack, indent);
		return;
	}
	for (size_t i = 0; dp_json_next(&cursor, &frame); i++)
		if (n == 1 && frame.type == DP_JSON_STRING)
			write_whole(f, &frame, indent);
		else if (!is_left_out(f, i, n, indent))
			write_frame(f, &frame, indent);
}
