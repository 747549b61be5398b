#include "sse.h"

#include "mem.h"

#include <stdlib.h>
#include <string.h>

enum {
	ID_MAX = 256,   /* bytes; a longer id is ignored */
	NAME_ROOM = 16, /* of a line, beside its data: the name of its field, colon and space */
};

struct sse {
	size_t data_max;
	struct dp_buf line; /* what came of the line that is read, cut where it is too long */
	struct dp_buf data;
	struct dp_buf id;
	bool line_cut;
	bool after_cr;   /* a LF that comes now belongs to the line before */
	bool past_first; /* the first line, which may begin with a byte order mark, is behind */
	bool has_field;  /* the block has an id or data */
	bool has_data;
	bool too_long;
};

struct sse *sse_new(size_t data_max)
{
	struct sse *s = dp_mem_new(sizeof *s);

	s->data_max = data_max;
	return s;
}

void sse_free(struct sse **s)
{
	if (!*s)
		return;
	dp_buf_release(&(*s)->line);
	dp_buf_release(&(*s)->data);
	dp_buf_release(&(*s)->id);
	free(*s);
	*s = NULL;
}

static void end_block(struct sse *s)
{
	dp_buf_clear(&s->data);
	s->has_field = false;
	s->has_data = false;
	s->too_long = false;
}

void sse_reset(struct sse *s)
{
	end_block(s);
	dp_buf_clear(&s->line);
	dp_buf_clear(&s->id);
	s->line_cut = false;
	s->after_cr = false;
	s->past_first = false;
}

static int dispatch(struct sse *s, sse_fn *fn, void *arg)
{
	const struct sse_message m = {dp_buf_str(&s->id), dp_buf_str(&s->data), s->too_long};
	int rc = s->has_field ? fn(arg, &m) : 0;

	end_block(s);
	return rc;
}

static void add_data(struct sse *s, struct dp_str value)
{
	size_t room;

	if (s->has_data && s->data.len < s->data_max)
		dp_buf_add_char(&s->data, '\n');
	room = s->data_max - s->data.len;
	s->too_long = s->too_long || s->line_cut || value.n > room;
	dp_buf_add(&s->data, value.p, value.n < room ? value.n : room);
	s->has_data = true;
	s->has_field = true;
}

static void set_id(struct sse *s, struct dp_str value)
{
	if (value.n > ID_MAX || s->line_cut || (value.n > 0 && memchr(value.p, '\0', value.n)))
		return;
	dp_buf_clear(&s->id);
	dp_buf_add_str(&s->id, value);
	s->has_field = true;
}

/* Interprets the line that ended. */
static int end_line(struct sse *s, sse_fn *fn, void *arg)
{
	struct dp_str line = dp_buf_str(&s->line);
	struct dp_str value = {NULL, 0};
	struct dp_str name;
	const char *colon;

	if (!s->past_first && line.n >= 3 && memcmp(line.p, "\xef\xbb\xbf", 3) == 0)
		line = (struct dp_str){line.p + 3, line.n - 3};
	s->past_first = true;
	if (line.n == 0)
		return dispatch(s, fn, arg);
	colon = memchr(line.p, ':', line.n);
	name = (struct dp_str){line.p, colon ? (size_t)(colon - line.p) : line.n};
	if (colon)
		value = (struct dp_str){colon + 1, line.n - name.n - 1};
	if (value.n > 0 && *value.p == ' ')
		value = (struct dp_str){value.p + 1, value.n - 1};
	if (dp_str_is(name, "data"))
		add_data(s, value);
	else if (dp_str_is(name, "id"))
		set_id(s, value);
	return 0;
}

/* Keeps what a line can need. */
static void add_to_line(struct sse *s, const char *p, size_t n)
{
	size_t room = s->data_max + NAME_ROOM - s->line.len;

	s->line_cut = s->line_cut || n > room;
	dp_buf_add(&s->line, p, n < room ? n : room);
}

static size_t find_line_end(const char *p, size_t n)
{
	const char *lf = memchr(p, '\n', n);
	const char *cr = memchr(p, '\r', lf ? (size_t)(lf - p) : n);

	return cr ? (size_t)(cr - p) : lf ? (size_t)(lf - p) : n;
}

int sse_feed(struct sse *s, const char *p, size_t n, sse_fn *fn, void *arg)
{
	int rc = 0;

	if (n > 0 && s->after_cr) {
		s->after_cr = false;
		n -= *p == '\n';
		p += *p == '\n';
	}
	while (n > 0 && rc == 0) {
		size_t size = find_line_end(p, n);

		add_to_line(s, p, size);
		if (size == n)
			return 0;
		s->after_cr = p[size] == '\r' && size + 1 == n;
		if (p[size] == '\r' && size + 1 < n && p[size + 1] == '\n')
			size++;
		p += size + 1;
		n -= size + 1;
		rc = end_line(s, fn, arg);
		dp_buf_clear(&s->line);
		s->line_cut = false;
	}
	return rc;
}
