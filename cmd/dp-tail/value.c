#include "value.h"

#include "style.h"
#include "text.h"

#include <stdio.h>

enum {
	COMPACT_DEPTH_MAX = 5,
	COMPACT_STRING_MAX = 80, /* bytes */
	TREE_DEPTH_MAX = 4,
	TREE_CHILDREN_MAX = 50,
	NAME_MAX_COLUMNS = 40,
	ALIGN_MAX_COLUMNS = 16, /* longer names stand out of line */
	INLINE_BYTES_MAX = 160, /* a larger value becomes a tree */
	STRING_BYTES_MAX = 2000,
};

/* What is being written by value_write_compact. */
struct compact {
	struct dp_buf *out;
	size_t end; /* of out->len: from there on things are left out */
	bool whole;
};

/* The length of the first part of JSON text that has at most `max` bytes and no half character or
 * escape at its end. */
static size_t whole_part(struct dp_str text, size_t max)
{
	size_t at = 0;

	while (at < text.n) {
		uint32_t cp;
		size_t n = dp_text_decode(text.p + at, text.n - at, &cp);

		if (text.p[at] == '\\' && at + 1 < text.n)
			n = text.p[at + 1] == 'u' ? 6 : 2;
		if (at + n > max)
			break;
		at += n ? n : 1;
	}
	return at;
}

/* A string or another scalar. Only a string is cut: a number has a limit (json.h), and the first
 * half of it is another number. */
static void compact_scalar(struct compact *c, const struct dp_json *v)
{
	bool is_string = v->type == DP_JSON_STRING;
	size_t n = is_string ? whole_part(v->text, COMPACT_STRING_MAX) : v->text.n;

	dp_buf_add(c->out, v->text.p, n);
	if (n < v->text.n) {
		dp_buf_add_text(c->out, "…\"");
		c->whole = false;
	}
}

static void compact_value(struct compact *c, const struct dp_json *v, int depth);

static void compact_children(struct compact *c, const struct dp_json *v, int depth)
{
	struct dp_json_cursor cursor = dp_json_children(v);
	struct dp_json child;
	const char *gap = "";

	while (dp_json_next(&cursor, &child)) {
		dp_buf_add_text(c->out, gap);
		gap = ", ";
		if (c->out->len >= c->end || depth == COMPACT_DEPTH_MAX) {
			dp_buf_add_text(c->out, "…");
			c->whole = false;
			return;
		}
		if (cursor.in_object) {
			dp_buf_add_str(c->out, child.key);
			dp_buf_add_text(c->out, ": ");
		}
		compact_value(c, &child, depth + 1);
	}
}

static void compact_value(struct compact *c, const struct dp_json *v, int depth)
{
	if (v->type == DP_JSON_OBJECT || v->type == DP_JSON_ARRAY) {
		dp_buf_add_char(c->out, v->text.p[0]);
		compact_children(c, v, depth);
		dp_buf_add_char(c->out, v->text.p[v->text.n - 1]);
	} else {
		compact_scalar(c, v);
	}
}

bool value_write_compact(struct dp_buf *out, const struct dp_json *v, size_t max)
{
	struct compact c = {out, out->len + max, true};

	compact_value(&c, v, 0);
	return c.whole;
}

/* The name of a child: its key, or [index]. */
static void write_name(struct dp_buf *out, const struct dp_json *child, bool is_member, int index)
{
	dp_buf_clear(out);
	if (is_member)
		dp_json_decode_key(child->key, out);
	else
		dp_buf_addf(out, "[%d]", index);
}

/* The columns of the longest name among those that are shown and aligned. */
static int names_width(const struct dp_json *v, struct dp_buf *name)
{
	struct dp_json_cursor cursor = dp_json_children(v);
	struct dp_json child;
	int widest = 0;

	for (int i = 0; i < TREE_CHILDREN_MAX && dp_json_next(&cursor, &child); i++) {
		int columns;

		write_name(name, &child, cursor.in_object, i);
		columns = fold_measure(dp_buf_str(name));
		widest = columns > widest && columns <= ALIGN_MAX_COLUMNS ? columns : widest;
	}
	return widest;
}

/* How many children are left. */
static int count_rest(struct dp_json_cursor *cursor)
{
	struct dp_json child;
	int n = 0;

	while (dp_json_next(cursor, &child))
		n++;
	return n;
}

static void say_dim(struct fold *f, const char *text)
{
	f->style = STYLE_DIM;
	fold_say(f, text);
	f->style = NULL;
}

static void tree(struct fold *f, const struct dp_json *v, int indent, int depth);

/* A string with its real line breaks, between quotes. */
static void tree_string(struct fold *f, const struct dp_json *v, struct dp_buf *scratch)
{
	dp_buf_clear(scratch);
	dp_buf_add_char(scratch, '"');
	dp_json_decode(v, scratch);
	dp_buf_add_char(scratch, '"');
	f->style = STYLE_STRING;
	fold_text_max(f, dp_buf_str(scratch), STRING_BYTES_MAX);
	f->style = NULL;
}

/* The value behind "name = ", or below it where it is large. */
static void tree_value(
    struct fold *f, const struct dp_json *v, int indent, int depth, struct dp_buf *scratch)
{
	bool nests = v->type == DP_JSON_OBJECT || v->type == DP_JSON_ARRAY;
	struct dp_json_cursor cursor;
	char note[48];
	int count;

	if (v->type == DP_JSON_STRING) {
		tree_string(f, v, scratch);
		return;
	}
	dp_buf_clear(scratch);
	if (value_write_compact(scratch, v, INLINE_BYTES_MAX) || !nests ||
	    depth == TREE_DEPTH_MAX) {
		fold_text(f, dp_buf_str(scratch));
		return;
	}
	cursor = dp_json_children(v);
	count = count_rest(&cursor);
	snprintf(note, sizeof note, "(%d %s%s)", count,
	    v->type == DP_JSON_OBJECT ? "member" : "element", count == 1 ? "" : "s");
	say_dim(f, note);
	fold_end_line(f);
	tree(f, v, indent + 2, depth + 1);
}

static void tree_child(struct fold *f, const struct dp_json *child, struct dp_str name, int indent,
    int name_columns, int depth)
{
	const int most = f->width / 2 < NAME_MAX_COLUMNS ? f->width / 2 : NAME_MAX_COLUMNS;
	struct dp_str head = fold_head(name, most);
	struct dp_buf scratch = {0};

	f->indent = indent;
	f->style = STYLE_NAME;
	fold_whole(f, head);
	if (head.n < name.n)
		fold_say(f, "…");
	f->style = STYLE_DIM;
	fold_tab(f, indent + name_columns + 1);
	fold_say(f, "=");
	f->style = NULL;
	f->indent = indent + name_columns + 3;
	fold_gap(f, 1);
	tree_value(f, child, indent, depth, &scratch);
	fold_end_line(f);
	dp_buf_release(&scratch);
}

static void tree(struct fold *f, const struct dp_json *v, int indent, int depth)
{
	struct dp_json_cursor cursor = dp_json_children(v);
	struct dp_buf name = {0};
	int columns = names_width(v, &name);
	struct dp_json child;
	char note[48];
	int rest;

	for (int i = 0; i < TREE_CHILDREN_MAX && dp_json_next(&cursor, &child); i++) {
		write_name(&name, &child, cursor.in_object, i);
		tree_child(f, &child, dp_buf_str(&name), indent, columns, depth);
	}
	rest = count_rest(&cursor);
	if (rest > 0) {
		snprintf(note, sizeof note, "… %d more", rest);
		f->indent = indent;
		say_dim(f, note);
		fold_end_line(f);
	}
	dp_buf_release(&name);
}

void value_write_tree(struct fold *f, const struct dp_json *v, int indent)
{
	tree(f, v, indent, 0);
}
