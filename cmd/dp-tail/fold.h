/* Lines of styled text for a terminal, folded to its width. Text is escaped on its way (text.h):
 * nothing of it reaches the terminal raw. Widths are those of wcwidth(3), so the locale's LC_CTYPE
 * must be UTF-8. Pure: writes to a buffer. */
#ifndef DP_TAIL_FOLD_H
#define DP_TAIL_FOLD_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

struct fold {
	struct dp_buf *out;
	int width; /* columns of a line */
	bool color;
	int indent;         /* of lines begun from now on, at most width / 2; set it at will */
	int column;         /* where the next character goes */
	int pending;        /* spaces before the next word, unless that begins a line */
	const char *style;  /* of what comes: for SGR, as "1;31", or NULL; set it at will */
	const char *active; /* what the terminal was told last */
	const char *link;   /* of what comes: fold_link */
	const char *active_link;
	const char *rail; /* a character of one column that is drawn in front of lines begun from
			     now on whose indent has room for it; or NULL; set it at will */
	const char *rail_style;
	int rail_column;
};

void fold_init(struct fold *f, struct dp_buf *out, int width, bool color);

/* Words: folded where there are spaces, and inside a word only where it is longer than a line. A
 * newline in it begins a new line, on which leading spaces stay. */
void fold_text(struct fold *f, struct dp_str text);

/* fold_text of a constant text. */
void fold_say(struct fold *f, const char *text);

/* As fold_text, but stays in one piece, spaces included, where that fits into a line. */
void fold_whole(struct fold *f, struct dp_str text);

/* As fold_text, but at most about `max` bytes of it, and few lines where they are short: then a
 * note of what was left out. */
void fold_text_max(struct fold *f, struct dp_str text, size_t max);

/* Makes what comes a hyperlink (OSC 8) to a URL, which is kept until the next call and holds
 * printable ASCII only; NULL: no more. */
void fold_link(struct fold *f, const char *url);

/* n spaces before the next word; none where that begins a line. */
void fold_gap(struct fold *f, int n);

/* Spaces up to that column, at least one. */
void fold_tab(struct fold *f, int column);

/* Ends the line, if one was begun. */
void fold_end_line(struct fold *f);

/* The columns that a text takes as it is written, in one line. */
int fold_measure(struct dp_str text);

/* The part of text[0..n) that takes at most `columns`, cut at a character's border. */
struct dp_str fold_head(struct dp_str text, int columns);

#endif
