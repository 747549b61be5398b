#include "calls.h"

#include <string.h>

static struct dp_str from(struct dp_str s, size_t n)
{
	return (struct dp_str){s.p + n, s.n - n};
}

static inline bool begins(struct dp_str s, const char *text)
{
	const size_t n = strlen(text);

	return s.n >= n && memcmp(s.p, text, n) == 0;
}

/* Takes `text` away from the front. */
static inline bool take(struct dp_str *s, const char *text)
{
	if (!begins(*s, text))
		return false;
	*s = from(*s, strlen(text));
	return true;
}

static const char *find(struct dp_str s, const char *text)
{
	return s.n ? memmem(s.p, s.n, text, strlen(text)) : NULL;
}

static struct dp_str up_to(struct dp_str s, const char *end)
{
	return (struct dp_str){s.p, (size_t)(end - s.p)};
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Takes :LINE away from the end. */
static bool take_number(struct dp_str *s)
{
	size_t n = s->n;

	while (n > 0 && is_digit(s->p[n - 1]))
		n--;
	if (n == 0 || n == s->n || s->p[n - 1] != ':')
		return false;
	s->n = n - 1;
	return true;
}

/*   File "/app/shop/tasks.py", line 97, in split_discount */
static bool parse_python(struct dp_str s, struct dp_call *out)
{
	const char *end;

	if (!take(&s, "File \""))
		return false;
	end = s.n ? memchr(s.p, '"', s.n) : NULL;
	if (!end)
		return false;
	out->file = up_to(s, end);
	s = from(s, out->file.n);
	if (!take(&s, "\", line "))
		return false;
	while (s.n > 0 && is_digit(*s.p))
		s = from(s, 1);
	out->function = take(&s, ", in ") ? s : (struct dp_str){0};
	out->is_newest_first = false;
	out->is_library = dp_call_is_library(out->file, out->function);
	return true;
}

/* A place in JavaScript: /app/x.js:10:5, file:///app/x.mjs:1:2; or <anonymous>, index 0, native. */
static bool read_js_place(struct dp_str place, struct dp_call *out)
{
	const bool has_numbers = take_number(&place);

	if (has_numbers)
		take_number(&place);
	out->is_newest_first = true;
	out->file = has_numbers && !begins(place, "eval at ") && !begins(place, "<anonymous>")
			? place
			: (struct dp_str){0};
	out->is_library = out->file.n == 0 || dp_call_is_library(out->file, (struct dp_str){0});
	return has_numbers;
}

/*     at async Cart.total [as sum] (/app/cart.js:10:5) */
static bool parse_js(struct dp_str s, const char *open, struct dp_call *out)
{
	const char *close = memrchr(open, ')', (size_t)(s.p + s.n - open));
	const char *alias;

	if (!close)
		return false;
	out->function = up_to(s, open - 1);
	take(&out->function, "new ");
	alias = out->function.n > 0 && out->function.p[out->function.n - 1] == ']'
		    ? find(out->function, " [as ")
		    : NULL;
	if (alias)
		out->function = up_to(out->function, alias);
	read_js_place((struct dp_str){open + 1, (size_t)(close - open) - 1}, out);
	return true;
}

/*     at java.base/java.util.ArrayList.get(ArrayList.java:427) ~[?:?] */
static bool parse_java(struct dp_str s, const char *open, struct dp_call *out)
{
	const char *close = memchr(open, ')', (size_t)(s.p + s.n - open));
	struct dp_str named = up_to(s, open);
	const char *dollar = memchr(named.p, '$', named.n);
	const char *slash = memrchr(named.p, '/', dollar ? (size_t)(dollar - named.p) : named.n);
	struct dp_str file;

	if (!close || memchr(named.p, ' ', named.n) || !memchr(named.p, '.', named.n))
		return false;
	out->function = slash ? from(named, (size_t)(slash - named.p) + 1) : named;
	file = (struct dp_str){open + 1, (size_t)(close - open) - 1};
	take_number(&file);
	/* not "Native Method", nor C#'s parameters */
	out->file = file.n && memchr(file.p, '.', file.n) && !memchr(file.p, ' ', file.n)
			? file
			: (struct dp_str){0};
	out->is_newest_first = true;
	out->is_library = dp_call_is_library(DP_STR(".java"), out->function);
	return true;
}

static bool parse_at(struct dp_str s, struct dp_call *out)
{
	const char *open;

	if (!take(&s, "at "))
		return false;
	take(&s, "async ");
	open = s.n ? memchr(s.p, '(', s.n) : NULL;
	if (!open) {
		out->function = (struct dp_str){0};
		return read_js_place(s, out);
	}
	if (open == s.p)
		return false;
	return open[-1] == ' ' ? parse_js(s, open, out) : parse_java(s, open, out);
}

/* The function's line: main.(*Server).handle(0xc000010000, {0x1, 0x2}) */
static struct dp_str go_function(struct dp_str s)
{
	const char *in;
	const char *open;

	if (take(&s, "created by ")) {
		in = find(s, " in goroutine ");
		s = in ? up_to(s, in) : s;
	}
	open = s.n > 0 && s.p[s.n - 1] == ')' ? memrchr(s.p, '(', s.n) : NULL;
	return open ? up_to(s, open) : s;
}

/* 	/app/main.go:42 +0x1d */
static bool parse_go(struct dp_str s, struct dp_str before, struct dp_call *out)
{
	const char *offset = memrchr(s.p, ' ', s.n);

	if (offset)
		s = up_to(s, offset);
	if (!take_number(&s) || s.n < 4 || memcmp(s.p + s.n - 3, ".go", 3) != 0)
		return false;
	out->file = s;
	out->function = go_function(before);
	out->is_newest_first = true;
	out->is_library = dp_call_is_library(out->file, out->function);
	return true;
}

bool dp_call_parse(struct dp_str line, struct dp_str before, struct dp_call *out)
{
	size_t margin = 0;

	/* of a group of exceptions there is a line in the margin */
	while (margin < line.n &&
	       (line.p[margin] == ' ' || line.p[margin] == '\t' || line.p[margin] == '|'))
		margin++;
	line = from(line, margin);
	if (line.n == 0)
		return false;
	if (*line.p == 'F' && margin > 0)
		return parse_python(line, out);
	return (*line.p == 'a' && parse_at(line, out)) ||
	       (margin > 0 && parse_go(line, before, out));
}
