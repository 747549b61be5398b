#include "stack.h"

#include "style.h"
#include "value.h"

#include <stdio.h>
#include <string.h>

enum {
	FRAMES_MAX = 60,
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

/* The first of the members that is there and holds a string or a number. */
static struct dp_json first_of(const struct dp_json *object, const char *const *names)
{
	for (; *names; names++) {
		struct dp_json v = dp_json_member(object, *names);

		if (v.type == DP_JSON_STRING || v.type == DP_JSON_NUMBER)
			return v;
	}
	return (struct dp_json){.type = DP_JSON_END};
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
	static const char *const files[] = {
	    "file", "filename", "fileName", "path", "abs_path", "module", NULL};
	static const char *const lines[] = {"line", "lineno", "lineNumber", "line_number", NULL};
	static const char *const functions[] = {
	    "function", "func", "functionName", "method", "name", NULL};
	static const char *const codes[] = {"code", "context_line", "source", "text", NULL};
	struct dp_json file = first_of(frame, files);
	struct dp_json line = first_of(frame, lines);
	struct dp_json function = first_of(frame, functions);
	struct dp_json code = first_of(frame, codes);
	struct dp_buf text = {0};

	write_place(&text, &file, &line, &function);
	if (text.len == 0)
		value_write_compact(&text, frame, FRAME_BYTES_MAX);
	fold_text_max(f, dp_buf_str(&text), FRAME_BYTES_MAX);
	fold_end_line(f);
	if (code.type != DP_JSON_END) {
		dp_buf_clear(&text);
		dp_json_decode(&code, &text);
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

/* A line of text, or several. Where a single one is folded, it keeps its own indent. */
static void write_text(struct fold *f, const struct dp_json *v, int indent, size_t max)
{
	struct dp_buf decoded = {0};
	struct dp_str text;

	dp_json_decode(v, &decoded);
	text = without_last_newlines(dp_buf_str(&decoded));
	f->indent = indent;
	if (text.n > 0 && !memchr(text.p, '\n', text.n))
		for (; text.n > 1 && *text.p == ' '; text.p++, text.n--)
			f->indent++;
	fold_text_max(f, text, max);
	fold_end_line(f);
	dp_buf_release(&decoded);
}

static void write_frame(struct fold *f, const struct dp_json *frame, int indent)
{
	f->indent = indent;
	if (frame->type == DP_JSON_OBJECT)
		write_object(f, frame, indent);
	else
		write_text(f, frame, indent, FRAME_BYTES_MAX);
}

void stack_write(struct fold *f, const struct dp_json *stack, int indent)
{
	struct dp_json_cursor cursor = dp_json_children(stack);
	struct dp_json frame;
	char note[48];
	int n = 0;

	if (stack->type != DP_JSON_ARRAY) {
		write_text(f, stack, indent, TEXT_BYTES_MAX);
		return;
	}
	for (; dp_json_next(&cursor, &frame); n++)
		if (n < FRAMES_MAX)
			write_frame(f, &frame, indent);
	if (n <= FRAMES_MAX)
		return;
	snprintf(note, sizeof note, "… %d more", n - FRAMES_MAX);
	f->indent = indent;
	f->style = STYLE_DIM;
	fold_say(f, note);
	f->style = NULL;
	fold_end_line(f);
}
