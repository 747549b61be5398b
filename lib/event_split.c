#include "event.h"

#include "json_extent.h"

#include <string.h>

enum form {
	UNDECIDED,
	ARRAY,   /* behind its [ or a comma */
	OBJECTS, /* one after another, each on one line or several */
	LINES,
	ENDED,
};

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static void drop(struct dp_str *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

static void skip_space(struct dp_str *s)
{
	while (s->n > 0 && is_space(*s->p))
		drop(s, 1);
}

/* Takes n bytes and gives them without the white space around. */
static void take(struct dp_str *rest, size_t n, struct dp_str *part)
{
	*part = (struct dp_str){rest->p, n};
	drop(rest, n);
	skip_space(part);
	while (part->n > 0 && is_space(part->p[part->n - 1]))
		part->n--;
}

/* The length of an array's element at the beginning of s: up to a comma or bracket that is not
 * inside of it. Returns false where something in it does not end; it is all of s then. */
static bool element_length(struct dp_str s, size_t *length)
{
	struct dp_str rest = s;

	*length = s.n;
	while (rest.n > 0 && *rest.p != ',' && *rest.p != ']') {
		size_t n = 1;

		if (*rest.p == '"')
			n = dp_json_string_length(rest);
		else if (*rest.p == '{' || *rest.p == '[')
			n = dp_json_container_length(rest);
		if (n == 0)
			return false;
		drop(&rest, n);
	}
	*length = s.n - rest.n;
	return true;
}

static size_t line_length(struct dp_str s)
{
	const char *newline = memchr(s.p, '\n', s.n);

	return newline ? (size_t)(newline - s.p) : s.n;
}

static enum form decide(struct dp_str *rest)
{
	struct dp_str after;
	size_t n;

	skip_space(rest);
	if (rest->n > 0 && *rest->p == '[') {
		drop(rest, 1);
		skip_space(rest);
		if (rest->n == 0 || *rest->p != ']')
			return ARRAY;
		drop(rest, 1);
		return LINES;
	}
	if (rest->n == 0 || *rest->p != '{')
		return LINES;
	n = dp_json_container_length(*rest);
	if (n == 0)
		return LINES;
	if (n > line_length(*rest))
		return OBJECTS;
	/* NDJSON unless something follows the first object on its line. */
	after = (struct dp_str){rest->p + n, line_length(*rest) - n};
	skip_space(&after);
	return after.n > 0 ? OBJECTS : LINES;
}

static bool next_line(struct dp_event_splitter *s, struct dp_str *part)
{
	skip_space(&s->rest);
	if (s->rest.n == 0)
		return false;
	take(&s->rest, line_length(s->rest), part);
	return true;
}

/* From an object that does not end we go on by lines: looking for the end of each of the following
 * again would take a time that grows with the square of the message. */
static bool next_object(struct dp_event_splitter *s, struct dp_str *part)
{
	size_t n = 0;

	skip_space(&s->rest);
	if (s->rest.n > 0 && *s->rest.p == '{') {
		n = dp_json_container_length(s->rest);
		if (n == 0)
			s->form = LINES;
	}
	if (n == 0)
		return next_line(s, part);
	take(&s->rest, n, part);
	return true;
}

/* An array that does not end gives an empty part at its end, so that it is refused. */
static bool next_element(struct dp_event_splitter *s, struct dp_str *part)
{
	size_t n;

	skip_space(&s->rest);
	if (!element_length(s->rest, &n) || s->rest.n == 0)
		s->form = ENDED;
	take(&s->rest, n, part);
	if (s->rest.n > 0) {
		if (*s->rest.p == ']')
			s->form = LINES;
		drop(&s->rest, 1);
	}
	return true;
}

bool dp_event_split(struct dp_event_splitter *s, struct dp_str *part)
{
	if (s->form == UNDECIDED)
		s->form = (int)decide(&s->rest);
	switch (s->form) {
	case ARRAY:
		return next_element(s, part);
	case OBJECTS:
		return next_object(s, part);
	case LINES:
		return next_line(s, part);
	default:
		return false;
	}
}
