#include "json.h"

#include "json_extent.h"

#include <string.h>

static enum dp_json_type type_of(char first)
{
	switch (first) {
	case '{':
		return DP_JSON_OBJECT;
	case '[':
		return DP_JSON_ARRAY;
	case '"':
		return DP_JSON_STRING;
	case 't':
		return DP_JSON_TRUE;
	case 'f':
		return DP_JSON_FALSE;
	case 'n':
		return DP_JSON_NULL;
	default:
		return DP_JSON_NUMBER;
	}
}

/* Behind what begins at p; the end where it does not end, as in no canonical text. */
static const char *string_end(const char *p, const char *end)
{
	const size_t n = dp_json_string_length((struct dp_str){p, (size_t)(end - p)});

	return n > 0 ? p + n : end;
}

static const char *container_end(const char *p, const char *end)
{
	const size_t n = dp_json_container_length((struct dp_str){p, (size_t)(end - p)});

	return n > 0 ? p + n : end;
}

static const char *value_end(const char *p, const char *end)
{
	if (*p == '"')
		return string_end(p, end);
	if (*p == '{' || *p == '[')
		return container_end(p, end);
	while (p < end && *p != ',')
		p++;
	return p;
}

struct dp_json dp_json_value(struct dp_str text)
{
	return (struct dp_json){text.n ? type_of(*text.p) : DP_JSON_END, {0}, text};
}

struct dp_json_cursor dp_json_children(const struct dp_json *v)
{
	const char *p = v->text.p;

	if (v->type != DP_JSON_ARRAY && v->type != DP_JSON_OBJECT)
		return (struct dp_json_cursor){p, p, false};
	return (struct dp_json_cursor){p + 1, p + v->text.n - 1, v->type == DP_JSON_OBJECT};
}

bool dp_json_next(struct dp_json_cursor *c, struct dp_json *v)
{
	const char *start = c->p;
	struct dp_str key = {0};

	if (c->p >= c->end)
		return false;
	if (c->in_object) {
		const char *key_end = string_end(start, c->end);

		key = (struct dp_str){start + 1, (size_t)(key_end - start) - 2};
		start = key_end + 1;
	}
	c->p = value_end(start, c->end);
	*v = (struct dp_json){type_of(*start), key, {start, (size_t)(c->p - start)}};
	c->p += c->p < c->end;
	return true;
}

struct dp_json dp_json_member(const struct dp_json *object, const char *key)
{
	struct dp_json_cursor c = dp_json_children(object);
	struct dp_json v;

	if (object->type == DP_JSON_OBJECT)
		while (dp_json_next(&c, &v))
			if (dp_str_is(v.key, key))
				return v;
	return (struct dp_json){.type = DP_JSON_END};
}

/* Takes the escape at p and appends what it stands for; returns behind it. Canonical text has
 * only \u00xx of the long ones. */
static const char *decode_escape(const char *p, struct dp_buf *out)
{
	static const char digits[] = "0123456789abcdef";

	switch (p[1]) {
	case 'b':
		dp_buf_add_char(out, '\b');
		break;
	case 'f':
		dp_buf_add_char(out, '\f');
		break;
	case 'n':
		dp_buf_add_char(out, '\n');
		break;
	case 'r':
		dp_buf_add_char(out, '\r');
		break;
	case 't':
		dp_buf_add_char(out, '\t');
		break;
	case 'u':
		dp_buf_add_char(out, (char)((p[4] - '0') << 4 | (strchr(digits, p[5]) - digits)));
		return p + 6;
	default:
		dp_buf_add_char(out, p[1]);
		break;
	}
	return p + 2;
}

void dp_json_decode_key(struct dp_str key, struct dp_buf *out)
{
	const char *p = key.p;
	const char *end = p + key.n;

	while (p < end) {
		const char *slash = memchr(p, '\\', (size_t)(end - p));
		const char *run_end = slash ? slash : end;

		dp_buf_add(out, p, (size_t)(run_end - p));
		p = slash ? decode_escape(slash, out) : end;
	}
}

/* What stands between a string's quotes. */
static struct dp_str inside(const struct dp_json *v)
{
	return (struct dp_str){v->text.p + 1, v->text.n - 2};
}

void dp_json_decode(const struct dp_json *v, struct dp_buf *out)
{
	if (v->type == DP_JSON_STRING)
		dp_json_decode_key(inside(v), out);
	else
		dp_buf_add_str(out, v->text);
}

bool dp_json_plain(const struct dp_json *v, struct dp_str *out)
{
	if (v->type != DP_JSON_STRING || memchr(v->text.p, '\\', v->text.n))
		return false;
	*out = inside(v);
	return true;
}
