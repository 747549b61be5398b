/* A filter's text. */
#include "filter_term.h"

#include "mem.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	struct dp_str text;
	size_t at;
	int64_t now_us;
	struct dp_filter *f;
	struct dp_buf word; /* the last name's part or value, decoded */
	struct dp_filter_error *error;
};

struct comparison {
	const char *text;
	enum dp_filter_test test;
	bool negated;
};

/* Returns -1. */
static int fail(struct parser *p, size_t at, const char *why)
{
	size_t column = 1;

	for (size_t i = 0; i < at; i++)
		column += ((unsigned char)p->text.p[i] & 0xc0) != 0x80;
	*p->error = (struct dp_filter_error){at, column, why};
	return -1;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The character `ahead` of the next one; a space at the end. */
static char peek(const struct parser *p, size_t ahead)
{
	static const char space = ' ';

	return *(p->at + ahead < p->text.n ? p->text.p + p->at + ahead : &space);
}

/* The operator that comes next, or NULL. */
static const struct comparison *next_operator(const struct parser *p)
{
	/* the longer ones before those that they begin with */
	static const struct comparison operators[] = {{"!=", DP_FILTER_IS, true},
	    {"!~", DP_FILTER_HAS, true}, {">=", DP_FILTER_FROM, false},
	    {"<=", DP_FILTER_UPTO, false}, {"=", DP_FILTER_IS, false}, {"~", DP_FILTER_HAS, false},
	    {">", DP_FILTER_ABOVE, false}, {"<", DP_FILTER_BELOW, false}};
	const struct dp_str rest = {p->text.p + p->at, p->text.n - p->at};

	for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
		const size_t n = strlen(operators[i].text);

		if (rest.n >= n && memcmp(rest.p, operators[i].text, n) == 0)
			return &operators[i];
	}
	return NULL;
}

/* Four hexadecimal digits; -1 where there are none. */
static int take_hex(struct parser *p)
{
	int v = 0;

	for (int i = 0; i < 4; i++, p->at++) {
		const char c = peek(p, 0);

		if (c >= '0' && c <= '9')
			v = v * 16 + c - '0';
		else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			v = v * 16 + (c | 0x20) - 'a' + 10;
		else
			return -1;
	}
	return v;
}

/* Takes what follows \u. */
static int take_unicode(struct parser *p, size_t start)
{
	int unit = take_hex(p);
	uint32_t cp = (uint32_t)unit;
	char out[4];
	size_t n;

	if (unit >= 0xd800 && unit < 0xdc00 && peek(p, 0) == '\\' && peek(p, 1) == 'u') {
		p->at += 2;
		unit = take_hex(p);
		cp = unit >= 0xdc00 && unit < 0xe000
			 ? 0x10000 + (cp - 0xd800) * 0x400 + (uint32_t)unit - 0xdc00
			 : 0;
	}
	if (unit < 0 || cp == 0 || (cp >= 0xd800 && cp < 0xe000))
		return fail(p, start, "a character other than U+0000 is expected, as \\u00e9");
	n = dp_text_encode(cp, out);
	dp_buf_add(&p->word, out, n);
	return 0;
}

static int take_escape(struct parser *p)
{
	static const char names[] = "\"\\/bfnrt";
	static const char values[] = "\"\\/\b\f\n\r\t";
	const size_t start = p->at;
	const char *name = memchr(names, peek(p, 1), sizeof names - 1);

	if (peek(p, 1) == 'u') {
		p->at += 2;
		return take_unicode(p, start);
	}
	if (!name)
		return fail(p, start, "an escape of JSON is expected: \\\" \\\\ \\n \\u00e9");
	dp_buf_add_char(&p->word, values[name - names]);
	p->at += 2;
	return 0;
}

/* Takes a text in quotes into p->word. */
static int take_quoted(struct parser *p)
{
	const size_t start = p->at++;

	dp_buf_clear(&p->word);
	while (p->at < p->text.n && p->text.p[p->at] != '"') {
		if (p->text.p[p->at] == '\\') {
			if (take_escape(p) < 0)
				return -1;
		} else {
			dp_buf_add_char(&p->word, p->text.p[p->at++]);
		}
	}
	if (p->at == p->text.n)
		return fail(p, start, "a quote is expected at the end of this text");
	p->at++;
	return 0;
}

/* Takes a text without quotes, up to white space or the character `end`. */
static void take_bare(struct parser *p, char end)
{
	dp_buf_clear(&p->word);
	while (p->at < p->text.n && !is_space(p->text.p[p->at]) && p->text.p[p->at] != end) {
		if (p->text.p[p->at] == '\\' && p->at + 1 < p->text.n)
			p->at++;
		dp_buf_add_char(&p->word, p->text.p[p->at++]);
	}
}

static bool is_name_char(char c)
{
	return !is_space(c) && !strchr(",.\"\\=~<>!", c);
}

/* What a name cannot hold, as SQLite's paths cannot. */
static bool is_part(struct dp_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return s.n > 0;
}

/* Takes a part of a name into p->word, which is empty where there is none. */
static int take_part(struct parser *p)
{
	const size_t start = p->at;

	if (peek(p, 0) == '"')
		return take_quoted(p);
	while (is_name_char(peek(p, 0)))
		p->at++;
	dp_buf_clear(&p->word);
	dp_buf_add(&p->word, p->text.p + start, p->at - start);
	return 0;
}

/* A name before it is known to be one. */
struct name {
	size_t at;
	size_t bad; /* the part that is none; SIZE_MAX: all are good */
	bool is_bare;
	size_t depth;
	char *path[DP_FILTER_PATH_MAX];
};

static void release_name(struct name *name)
{
	for (size_t i = 0; i < name->depth; i++)
		free(name->path[i]);
	name->depth = 0;
}

/* Takes whatever may be a name. */
static int take_name(struct parser *p, struct name *name)
{
	*name = (struct name){.at = p->at, .bad = SIZE_MAX, .is_bare = peek(p, 0) != '"'};
	for (;;) {
		const size_t start = p->at;

		if (take_part(p) < 0)
			return -1;
		if (!is_part(dp_buf_str(&p->word)) || name->depth == DP_FILTER_PATH_MAX) {
			if (name->bad == SIZE_MAX)
				name->bad = start;
		} else {
			name->path[name->depth++] = dp_mem_copy(p->word.data, p->word.len);
		}
		if (peek(p, 0) != '.')
			return 0;
		p->at++;
	}
}

static int take_value(struct parser *p, struct dp_filter_term *t, const struct dp_filter_rule *rule)
{
	const size_t start = p->at;
	const char *why;

	if (peek(p, 0) == '"') {
		if (take_quoted(p) < 0)
			return -1;
		if (!is_space(peek(p, 0)) && peek(p, 0) != ',')
			return fail(p, p->at, "white space or a comma is expected");
	} else {
		if (next_operator(p))
			return fail(p, start, "a value is expected; in quotes where it begins so");
		take_bare(p, ',');
		if (p->at == start)
			return fail(p, start, "a value is expected");
	}
	if (dp_filter_add_value(t, rule, dp_buf_str(&p->word), p->now_us, &why) < 0)
		return fail(p, start, why);
	return 0;
}

static int take_values(
    struct parser *p, struct dp_filter_term *t, const struct dp_filter_rule *rule)
{
	for (int n = 1;; n++) {
		if (take_value(p, t, rule) < 0)
			return -1;
		if (peek(p, 0) != ',')
			return 0;
		if (t->test >= DP_FILTER_ABOVE)
			return fail(p, p->at, "white space is expected: this takes one value");
		if (t->test == DP_FILTER_HAS && n == DP_FILTER_SEARCHES_MAX)
			return fail(p, p->at, "at most 16 values are expected behind ~");
		if (n == DP_FILTER_VALUES_MAX)
			return fail(p, p->at, "at most 32 values are expected");
		p->at++;
	}
}

/* Takes the operator; says what the term looks at. The path of a member is the name. */
static int take_operator(struct parser *p, struct name *name, struct dp_filter_term *t,
    const struct dp_filter_rule **rule)
{
	const struct comparison *op = next_operator(p);
	const struct dp_filter_rule *found = NULL;

	if (name->is_bare && name->depth == 1)
		found = dp_filter_find_rule(dp_str_from(name->path[0]));
	*rule = found ? found : &dp_filter_any_member;
	t->field = (*rule)->field;
	t->test = op->test;
	t->negated = op->negated;
	if (!((*rule)->tests & 1U << t->test) ||
	    (t->negated && (*rule)->tests == 1U << DP_FILTER_IS))
		return fail(p, p->at, (*rule)->wanted);
	p->at += strlen(op->text);
	if (found && strcmp(found->name, "since") == 0)
		t->test = DP_FILTER_FROM;
	if (found && strcmp(found->name, "until") == 0)
		t->test = DP_FILTER_BELOW;
	if (found && found->member) {
		t->path[t->depth++] = dp_mem_copy(found->member, strlen(found->member));
	} else if (t->field == DP_FILTER_MEMBER) {
		memcpy(t->path, name->path, sizeof name->path);
		t->depth = name->depth;
		name->depth = 0;
	}
	return 0;
}

/* Takes text that is looked for anywhere, behind the sign of its negation. */
static int take_text(struct parser *p, struct dp_filter_term *t)
{
	const size_t start = p->at;
	const char *why;

	t->field = DP_FILTER_ANYWHERE;
	t->test = DP_FILTER_HAS;
	if (peek(p, 0) == '"') {
		if (take_quoted(p) < 0)
			return -1;
		if (!is_space(peek(p, 0)))
			return fail(p, p->at, "white space or an operator is expected");
	} else {
		for (; p->at < p->text.n && !is_space(peek(p, 0)); p->at++) {
			if (next_operator(p))
				return fail(p, p->at,
				    t->negated ? "text is expected; in quotes where it has this; "
						 "a field is negated as in severity!=error"
					       : "a field's name is expected before this; text "
						 "that has it stands in quotes");
			p->at += peek(p, 0) == '\\' && p->at + 1 < p->text.n;
		}
		p->at = start;
		take_bare(p, ' ');
		if (p->at == start)
			return fail(p, start, "text is expected");
	}
	if (dp_filter_add_value(t, &dp_filter_anywhere, dp_buf_str(&p->word), 0, &why) < 0)
		return fail(p, start, why);
	return 0;
}

static int take_field_or_text(struct parser *p, struct name *name, struct dp_filter_term *t)
{
	const struct dp_filter_rule *rule;

	if (!next_operator(p) || (name->is_bare && name->bad == name->at)) {
		p->at = name->at;
		return take_text(p, t);
	}
	if (name->bad != SIZE_MAX)
		return fail(p, name->bad,
		    "the name of a member is expected: at most 8 parts, none of them empty or "
		    "with quotes, backslashes or control characters");
	return take_operator(p, name, t, &rule) < 0 ? -1 : take_values(p, t, rule);
}

static int take_unsigned_term(struct parser *p, struct dp_filter_term *t)
{
	struct name name;
	int rc = take_name(p, &name);

	if (rc == 0)
		rc = take_field_or_text(p, &name, t);
	release_name(&name);
	return rc;
}

static int take_term(struct parser *p)
{
	struct dp_filter_term t = {.negated = peek(p, 0) == '-' || peek(p, 0) == '!'};
	int rc;

	if (p->f->count == DP_FILTER_TERMS_MAX)
		return fail(p, p->at, "at most 16 terms are expected");
	if (t.negated) {
		p->at++;
		rc = take_text(p, &t);
	} else {
		rc = take_unsigned_term(p, &t);
	}
	if (rc == 0)
		dp_filter_put_term(p->f, &t);
	dp_filter_release_term(&t);
	return rc;
}

static int check_text(struct parser *p)
{
	uint32_t cp;
	size_t len;

	if (p->text.n > DP_FILTER_TEXT_MAX)
		return fail(p, DP_FILTER_TEXT_MAX, "at most 16384 bytes are expected");
	for (size_t i = 0; i < p->text.n; i += len) {
		len = dp_text_decode(p->text.p + i, p->text.n - i, &cp);
		if (len == 0 || cp == 0)
			return fail(p, i, "UTF-8 without U+0000 is expected");
	}
	return 0;
}

static int take_terms(struct parser *p)
{
	if (check_text(p) < 0)
		return -1;
	for (;;) {
		while (p->at < p->text.n && is_space(p->text.p[p->at]))
			p->at++;
		if (p->at == p->text.n)
			return 0;
		if (take_term(p) < 0)
			return -1;
	}
}

int dp_filter_parse(
    struct dp_filter *f, struct dp_str text, int64_t now_us, struct dp_filter_error *error)
{
	struct dp_filter parsed = {.count = 0};
	struct parser p = {.text = text, .now_us = now_us, .f = &parsed, .error = error};
	int rc = take_terms(&p);

	if (rc == 0 && f->count + parsed.count > DP_FILTER_TERMS_MAX)
		rc = fail(&p, text.n, "at most 16 terms are expected, in all filters together");
	for (size_t i = 0; i < parsed.count && rc == 0; i++)
		dp_filter_put_term(f, &parsed.terms[i]);
	dp_filter_release(&parsed);
	dp_buf_release(&p.word);
	return rc;
}

enum { SHOWN_BEFORE = 50, SHOWN_BEHIND = 20 }; /* characters around the place */

/* The length of the character at p[0..n), whatever it is. */
static size_t step(const char *p, size_t n)
{
	char safe[DP_TEXT_STEP_MAX];

	return dp_text_step(p, n, safe);
}

/* Appends text[from..to) made safe; returns its width, a column a character. */
static size_t write_safe(struct dp_buf *out, struct dp_str text, size_t from, size_t to)
{
	char safe[DP_TEXT_STEP_MAX];
	size_t width = 0;

	while (from < to) {
		from += dp_text_step(text.p + from, to - from, safe);
		dp_buf_add_text(out, safe);
		for (const char *c = safe; *c; c++)
			width += ((unsigned char)*c & 0xc0) != 0x80;
	}
	return width;
}

void dp_filter_write_place(
    struct dp_buf *out, struct dp_str text, const struct dp_filter_error *error)
{
	size_t from = 0;
	size_t to = error->offset;
	size_t width;

	for (size_t i = error->column; i > SHOWN_BEFORE; i--)
		from += step(text.p + from, text.n - from);
	for (int i = 0; i < SHOWN_BEHIND && to < text.n; i++)
		to += step(text.p + to, text.n - to);
	dp_buf_addf(out, "  %s", from > 0 ? "…" : "");
	width = write_safe(out, text, from, error->offset);
	write_safe(out, text, error->offset, to);
	dp_buf_addf(out, "%s\n  %*s^\n", to < text.n ? "…" : "", (int)(width + (from > 0)), "");
}
