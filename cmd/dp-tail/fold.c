#include "fold.h"

#include "style.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <wchar.h>

enum {
	TAB_COLUMNS = 4,
	ROOM_MIN = 12,     /* a long word is begun on a line that has as much room */
	NEWLINE_COST = 40, /* bytes that a newline counts in fold_text_max */
};

void fold_init(struct fold *f, struct dp_buf *out, int width, bool color)
{
	*f = (struct fold){.out = out, .width = width, .color = color};
}

/* Takes the next character of the text and tells its safe form and its columns. */
static struct dp_str take(struct dp_str text, char safe[DP_TEXT_STEP_MAX], int *columns)
{
	size_t took = dp_text_step(text.p, text.n, safe);
	uint32_t cp = 0;

	*columns = (int)strlen(safe);
	if (dp_text_decode(safe, strlen(safe), &cp) > 1) {
		*columns = wcwidth((wchar_t)cp);
		/* unknown to this C library: a newer emoji, or a private character */
		if (*columns < 0)
			*columns = cp >= 0x1f000 ? 2 : 1;
	}
	return (struct dp_str){text.p + took, text.n - took};
}

int fold_measure(struct dp_str text)
{
	char safe[DP_TEXT_STEP_MAX];
	int sum = 0;
	int columns;

	while (text.n > 0) {
		text = take(text, safe, &columns);
		sum += columns;
	}
	return sum;
}

struct dp_str fold_head(struct dp_str text, int columns)
{
	struct dp_str rest = text;
	char safe[DP_TEXT_STEP_MAX];
	int sum = 0;
	int more;

	while (rest.n > 0) {
		struct dp_str next = take(rest, safe, &more);

		if (sum + more > columns)
			break;
		sum += more;
		rest = next;
	}
	return (struct dp_str){text.p, text.n - rest.n};
}

static void put_spaces(struct fold *f, int n)
{
	for (int i = 0; i < n; i++)
		dp_buf_add_char(f->out, ' ');
	f->column += n;
}

static void set_active(struct fold *f, const char *style)
{
	if (!f->color || f->active == style)
		return;
	if (f->active)
		dp_buf_add_text(f->out, "\x1b[0m");
	if (style)
		dp_buf_addf(f->out, "\x1b[%sm", style);
	f->active = style;
}

static void set_active_link(struct fold *f, const char *url)
{
	if (f->active_link == url)
		return;
	if (f->active_link)
		dp_buf_add_text(f->out, "\x1b]8;;\x1b\\");
	if (url)
		dp_buf_addf(f->out, "\x1b]8;;%s\x1b\\", url);
	f->active_link = url;
}

void fold_link(struct fold *f, const char *url)
{
	set_active_link(f, NULL);
	f->link = url;
}

static void new_line(struct fold *f)
{
	set_active(f, NULL);
	set_active_link(f, NULL);
	dp_buf_add_char(f->out, '\n');
	f->column = 0;
	f->pending = 0;
}

void fold_end_line(struct fold *f)
{
	if (f->column > 0)
		new_line(f);
	f->pending = 0;
}

static int indent_of(const struct fold *f)
{
	return f->indent < f->width / 2 ? f->indent : f->width / 2;
}

/* The spaces that a line begins with, and the rail among them. */
static void put_indent(struct fold *f)
{
	if (f->rail && f->rail_column < indent_of(f)) {
		put_spaces(f, f->rail_column);
		set_active(f, f->rail_style);
		dp_buf_add_text(f->out, f->rail);
		set_active(f, NULL);
		f->column++;
	}
	put_spaces(f, indent_of(f) - f->column);
}

/* Makes the line ready for a word: its indent, and the spaces before it. */
static void lead_in(struct fold *f)
{
	if (f->active != f->style)
		set_active(f, NULL);
	if (f->column == 0)
		put_indent(f);
	put_spaces(f, f->pending);
	f->pending = 0;
}

/* Writes a word, and breaks it where a line is full. */
static void put_word(struct fold *f, struct dp_str word)
{
	char safe[DP_TEXT_STEP_MAX];
	int columns;

	lead_in(f);
	while (word.n > 0) {
		word = take(word, safe, &columns);
		if (f->column + columns > f->width && f->column > indent_of(f)) {
			new_line(f);
			lead_in(f);
		}
		set_active_link(f, f->link);
		set_active(f, f->style);
		dp_buf_add_text(f->out, safe);
		f->column += columns;
	}
}

void fold_whole(struct fold *f, struct dp_str word)
{
	int columns = fold_measure(word);
	int room = f->width - f->column - f->pending;
	bool fits_a_line = columns <= f->width - indent_of(f);

	if (word.n == 0)
		return;
	if (f->column > indent_of(f) && columns > room && fits_a_line)
		new_line(f);
	if (fits_a_line)
		put_word(f, word);
	else
		fold_text(f, word);
}

/* The length of the newline that the text begins with; 0: none. */
static size_t newline_size(struct dp_str text)
{
	if (text.n > 0 && text.p[0] == '\n')
		return 1;
	return text.n > 1 && text.p[0] == '\r' && text.p[1] == '\n' ? 2 : 0;
}

/* The length of the word that the text begins with. Wide characters (CJK, emoji) are words by
 * themselves, together with what joins or modifies them. */
static size_t word_size(struct dp_str text)
{
	struct dp_str rest = text;
	char safe[DP_TEXT_STEP_MAX] = "";
	bool after_wide = false;

	while (rest.n > 0 && *rest.p != ' ' && *rest.p != '\t' && newline_size(rest) == 0) {
		bool joined = strcmp(safe, "\xe2\x80\x8d") == 0; /* U+200D */
		int columns;
		struct dp_str next = take(rest, safe, &columns);
		bool wide = columns == 2 && (safe[0] & 0x80);

		if (rest.p != text.p && columns > 0 && !joined && (wide || after_wide))
			break;
		after_wide = wide || (after_wide && columns == 0);
		rest = next;
	}
	return text.n - rest.n;
}

/* The length of a first part of a long word that fills the room well and ends where a path, a URL
 * or a list may be broken; 0: there is none. */
static size_t good_break(struct dp_str word, int room)
{
	size_t n = fold_head(word, room).n;
	size_t least = n / 2;

	while (n > least && !memchr("/\\?&,;:=", word.p[n - 1], 9))
		n--;
	return n > least ? n : 0;
}

/* Writes a word where it fits: here, on the next line, or on several. */
static void one_word(struct fold *f, struct dp_str word)
{
	const int line = f->width - indent_of(f);
	int columns = fold_measure(word);
	int room = f->width - f->column - f->pending;
	size_t n;

	if (f->column > indent_of(f) && columns > room &&
	    (columns <= line || room < ROOM_MIN || good_break(word, room) == 0))
		new_line(f);
	/* the columns that are left are counted down: measured anew they would take quadratic time
	 */
	while (columns > (room = f->column ? f->width - f->column - f->pending : line) &&
	       (n = good_break(word, room)) > 0) {
		const struct dp_str part = {word.p, n};

		columns -= fold_measure(part);
		put_word(f, part);
		new_line(f);
		word = (struct dp_str){word.p + n, word.n - n};
	}
	put_word(f, word);
}

void fold_text(struct fold *f, struct dp_str text)
{
	while (text.n > 0) {
		size_t n = newline_size(text);

		if (n > 0) {
			new_line(f);
		} else if (*text.p == ' ' || *text.p == '\t') {
			n = 1;
			fold_gap(f, f->pending + (*text.p == ' ' ? 1 : TAB_COLUMNS));
		} else {
			n = word_size(text);
			one_word(f, (struct dp_str){text.p, n});
		}
		text = (struct dp_str){text.p + n, text.n - n};
	}
}

void fold_say(struct fold *f, const char *text)
{
	fold_text(f, dp_str_from(text));
}

/* The first part of the text that costs at most `max`, cut at a character's border. */
static struct dp_str affordable(struct dp_str text, size_t max)
{
	struct dp_str rest = text;
	char safe[DP_TEXT_STEP_MAX];
	int columns;

	for (size_t cost = 0; rest.n > 0;) {
		struct dp_str next = take(rest, safe, &columns);

		cost += *rest.p == '\n' ? NEWLINE_COST : rest.n - next.n;
		if (cost > max)
			break;
		rest = next;
	}
	return (struct dp_str){text.p, text.n - rest.n};
}

void fold_text_max(struct fold *f, struct dp_str text, size_t max)
{
	struct dp_str head = affordable(text, max);
	const char *style = f->style;
	size_t left = text.n - head.n;
	char note[64];

	fold_text(f, head);
	if (left == 0)
		return;
	if (left < 10000)
		snprintf(note, sizeof note, "… %zu bytes more", left);
	else
		snprintf(note, sizeof note, "… %zu kB more", left / 1000);
	f->style = STYLE_DIM;
	fold_gap(f, 1);
	fold_whole(f, dp_str_from(note));
	f->style = style;
}

void fold_gap(struct fold *f, int n)
{
	f->pending = n < f->width / 2 ? n : f->width / 2;
}

void fold_tab(struct fold *f, int column)
{
	fold_gap(f, column > f->column ? column - f->column : 1);
}
