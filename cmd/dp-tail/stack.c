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

struct writer {
	struct fold *fold;
	const struct link *link;
	int indent;
	struct dp_buf url; /* what the fold links to */
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

static void write_frame_locals(struct writer *w, const struct dp_json *frame)
{
	struct dp_json locals = dp_json_member(frame, "locals");

	if (locals.type != DP_JSON_OBJECT)
		locals = dp_json_member(frame, "vars");
	if (locals.type == DP_JSON_OBJECT)
		value_write_tree(w->fold, &locals, w->indent + 2);
}

static void link_to(struct writer *w, struct dp_str file, struct dp_str line)
{
	fold_link(w->fold, link_make(w->link, file, line, &w->url));
}

static void link_to_members(struct writer *w, const struct dp_call_members *m)
{
	struct dp_buf file = {0};

	if (m->file.type == DP_JSON_STRING)
		dp_json_decode(&m->file, &file);
	link_to(w, dp_buf_str(&file), m->line.text);
	dp_buf_release(&file);
}

static void write_code(struct writer *w, const struct dp_json *code)
{
	struct fold *f = w->fold;
	struct dp_buf text = {0};

	dp_json_decode(code, &text);
	f->indent = w->indent + 2;
	f->style = STYLE_DIM;
	fold_text_max(f, dp_buf_str(&text), FRAME_BYTES_MAX);
	f->style = NULL;
	fold_end_line(f);
	dp_buf_release(&text);
}

static void write_object(struct writer *w, const struct dp_json *frame)
{
	struct dp_call_members m;
	struct dp_buf text = {0};

	dp_call_read_members(frame, &m);
	write_place(&text, &m.file, &m.line, &m.function);
	if (text.len == 0)
		value_write_compact(&text, frame, FRAME_BYTES_MAX);
	link_to_members(w, &m);
	fold_text_max(w->fold, dp_buf_str(&text), FRAME_BYTES_MAX);
	fold_link(w->fold, NULL);
	fold_end_line(w->fold);
	dp_buf_release(&text);
	if (m.code.type != DP_JSON_END)
		write_code(w, &m.code);
	write_frame_locals(w, frame);
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
static bool is_left_out(struct writer *w, size_t i, size_t n)
{
	struct fold *f = w->fold;
	char note[48];

	if (n <= HEAD_MAX + TAIL_MAX || i < HEAD_MAX || i >= n - TAIL_MAX)
		return false;
	if (i > HEAD_MAX)
		return true;
	snprintf(note, sizeof note, "… %zu more", n - HEAD_MAX - TAIL_MAX);
	f->indent = w->indent;
	f->style = STYLE_DIM;
	fold_say(f, note);
	f->style = NULL;
	fold_end_line(f);
	return true;
}

/* The first number behind a call's file in its line: `", line 97, in f`, `:10:5)`. */
static struct dp_str line_number(struct dp_str line, struct dp_str file)
{
	const char *end = line.p + line.n;
	const char *p = file.p + file.n;
	const char *start;

	while (p < end && (*p < '0' || *p > '9'))
		p++;
	for (start = p; p < end && *p >= '0' && *p <= '9';)
		p++;
	return (struct dp_str){start, (size_t)(p - start)};
}

/* A library's call is dimmed, the application's leads to its source. */
static void mark_call(struct writer *w, struct dp_str line)
{
	struct dp_call call;

	if (!dp_call_parse(line, (struct dp_str){0}, &call))
		return;
	if (call.is_library)
		w->fold->style = STYLE_DIM;
	if (call.file.n > 0)
		link_to(w, call.file, line_number(line, call.file));
}

/* A text that, where it is a single line and folded, keeps its own indent. */
static void write_text(struct writer *w, struct dp_str text, size_t max)
{
	struct fold *f = w->fold;

	f->indent = w->indent;
	if (text.n > 0 && !memchr(text.p, '\n', text.n)) {
		mark_call(w, text);
		for (; text.n > 1 && *text.p == ' '; text.p++, text.n--)
			f->indent++;
	}
	fold_text_max(f, text, max);
	fold_link(f, NULL);
	f->style = NULL;
	fold_end_line(f);
}

static size_t count_lines(struct dp_str text)
{
	size_t n = 1;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

static void write_lines(struct writer *w, struct dp_str text)
{
	size_t n = count_lines(text);

	for (size_t i = 0; i < n; i++) {
		const char *end = memchr(text.p, '\n', text.n);
		struct dp_str line = {text.p, end ? (size_t)(end - text.p) : text.n};

		if (end)
			text = (struct dp_str){end + 1, text.n - line.n - 1};
		if (is_left_out(w, i, n))
			continue;
		line = without_last_newlines(line);
		if (line.n == 0)
			fold_say(w->fold, "\n");
		write_text(w, line, FRAME_BYTES_MAX);
	}
}

/* A stack that is all one value: a text, usually of several lines. */
static void write_whole(struct writer *w, const struct dp_json *v)
{
	struct dp_buf decoded = {0};
	struct dp_str text;

	dp_json_decode(v, &decoded);
	text = without_last_newlines(dp_buf_str(&decoded));
	if (text.n > 0 && memchr(text.p, '\n', text.n))
		write_lines(w, text);
	else
		write_text(w, text, TEXT_BYTES_MAX);
	dp_buf_release(&decoded);
}

static void write_frame(struct writer *w, const struct dp_json *frame)
{
	struct dp_buf text = {0};

	w->fold->indent = w->indent;
	if (frame->type == DP_JSON_OBJECT) {
		write_object(w, frame);
		return;
	}
	dp_json_decode(frame, &text);
	write_text(w, without_last_newlines(dp_buf_str(&text)), FRAME_BYTES_MAX);
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

static void write_frames(struct writer *w, const struct dp_json *stack)
{
	struct dp_json_cursor cursor = dp_json_children(stack);
	const size_t n = count_children(stack);
	struct dp_json frame;

	for (size_t i = 0; dp_json_next(&cursor, &frame); i++)
		if (n == 1 && frame.type == DP_JSON_STRING)
			write_whole(w, &frame);
		else if (!is_left_out(w, i, n))
			write_frame(w, &frame);
}

void stack_write(struct fold *f, const struct dp_json *stack, const struct link *link, int indent)
{
	struct writer w = {.fold = f, .link = link, .indent = indent};

	if (stack->type == DP_JSON_ARRAY)
		write_frames(&w, stack);
	else
		write_whole(&w, stack);
	dp_buf_release(&w.url);
}
