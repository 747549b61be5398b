#include "query.h"

#include "mem.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool percent_decode(struct dp_str raw, bool plus, struct dp_buf *out)
{
	size_t start = out->len;
	size_t n;

	for (size_t i = 0; i < raw.n; i++) {
		char c = raw.p[i];

		if (c == '+' && plus) {
			c = ' ';
		} else if (c == '%') {
			int high = i + 2 < raw.n ? hex_value(raw.p[i + 1]) : -1;
			int low = high < 0 ? -1 : hex_value(raw.p[i + 2]);

			if (low < 0)
				return false;
			c = (char)(high * 16 + low);
			i += 2;
		}
		dp_buf_add_char(out, c);
	}
	n = out->len - start;
	return n == 0 ||
	       (dp_text_is_valid(out->data + start, n) && !memchr(out->data + start, '\0', n));
}

/* Decodes into a new string: "" where that fails, and then *undecodable. */
static char *decode(struct dp_str raw, bool *undecodable)
{
	struct dp_buf b = {0};
	char *text;

	if (!percent_decode(raw, true, &b)) {
		*undecodable = true;
		dp_buf_clear(&b);
	}
	text = dp_mem_copy(b.data, b.len);
	dp_buf_release(&b);
	return text;
}

static void add_param(struct query *q, struct dp_str pair)
{
	const char *equals = memchr(pair.p, '=', pair.n);
	size_t n = equals ? (size_t)(equals - pair.p) : pair.n;
	struct dp_str value = equals ? (struct dp_str){equals + 1, pair.n - n - 1} : DP_STR("");
	struct param *p = &q->params[q->count];

	if (q->count == QUERY_MAX) {
		q->overflow = true;
		return;
	}
	p->undecodable = false;
	p->name = decode((struct dp_str){pair.p, n}, &p->undecodable);
	p->value = decode(value, &p->undecodable);
	q->count++;
}

void query_parse(struct query *q, struct dp_str text)
{
	while (text.n > 0) {
		const char *amp = memchr(text.p, '&', text.n);
		size_t n = amp ? (size_t)(amp - text.p) : text.n;

		if (n > 0)
			add_param(q, (struct dp_str){text.p, n});
		n += amp != NULL;
		text = (struct dp_str){text.p + n, text.n - n};
	}
}

void query_release(struct query *q)
{
	for (size_t i = 0; i < q->count; i++) {
		free(q->params[i].name);
		free(q->params[i].value);
	}
	*q = (struct query){0};
}

const char *query_get(const struct query *q, const char *name)
{
	for (size_t i = 0; i < q->count; i++)
		if (strcmp(q->params[i].name, name) == 0)
			return q->params[i].value;
	return NULL;
}

bool query_parse_flag(const char *value, bool *out)
{
	*out = strcmp(value, "0") != 0 && strcmp(value, "false") != 0;
	return !*out || !*value || strcmp(value, "1") == 0 || strcmp(value, "true") == 0;
}
