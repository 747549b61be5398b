#include "fingerprint_message.h"

#include "fingerprint_shape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	LOOKED_AT_MAX = 1024,
	HEX_ID_MIN = 8,   /* letters and digits of an id: all hexadecimal, one of them a digit */
	MIXED_ID_MIN = 6, /* digits, letters, digits */
	LONG_ID_MIN = 32, /* one of them a digit */
};

struct message {
	const char *begin;
	const char *p;
	const char *end;
	char *out;
	size_t n;
	size_t max;
	size_t star;   /* behind the last placeholder; 0: something else was written since */
	unsigned open; /* bits: quotes of this kind have no end any more */
	bool is_route; /* the word before was an HTTP method */
};

static bool is_full(const struct message *m)
{
	return m->n > m->max;
}

static void put(struct message *m, char c)
{
	if (is_full(m))
		return;
	if (c != ' ' && c != ',')
		m->star = 0;
	m->out[m->n++] = c;
}

static void put_space(struct message *m)
{
	if (m->n > 0 && m->out[m->n - 1] != ' ')
		put(m, ' ');
}

/* A placeholder; several with nothing but commas and spaces between them are one. */
static void put_star(struct message *m)
{
	if (m->star > 0)
		m->n = m->star;
	else
		put(m, '*');
	m->star = m->n;
}

/* Whether a character is of a word, where it matters to a quote beside it: of Latin, Greek,
 * Cyrillic letters and the like, not of scripts without spaces. */
static bool is_word_at(const char *p)
{
	return dp_shape_is_alnum(*p) || *p == '_' ||
	       ((unsigned char)*p >= 0xc3 && (unsigned char)*p <= 0xdf);
}

static bool is_behind_word(const struct message *m, const char *p)
{
	if (p == m->begin)
		return false;
	for (p--; p > m->begin && ((unsigned char)*p & 0xc0) == 0x80;)
		p--;
	return is_word_at(p);
}

/* Quotes; the second closing one is that of an old habit, `so'. */
static const struct quotes {
	const char *open;
	const char *close;
	const char *other;
} QUOTES[] = {
    {"\"", "\"", ""},
    {"'", "'", ""},
    {"`", "`", "'"},
    {"«", "»", ""},
    {"“", "”", ""},
    {"„", "“", "”"},
    {"‘", "’", ""},
};

enum { QUOTE_COUNT = sizeof QUOTES / sizeof *QUOTES };

/* Whether a single quote at p is none within a word, as in can't, O'Brien; b'…' is Python's. */
static bool opens(const struct message *m, const char *p)
{
	if (!is_behind_word(m, p))
		return true;
	return (p[-1] == 'b' || p[-1] == 'u' || p[-1] == 'r') && !is_behind_word(m, p - 1);
}

/* The kind of the quote that opens at p, or QUOTE_COUNT. */
static size_t quote_at(const struct message *m, const char *p)
{
	size_t i = 0;

	if (!dp_shape_is(*p, DP_SHAPE_QUOTE))
		return QUOTE_COUNT;
	while (i < QUOTE_COUNT &&
	       (*p != *QUOTES[i].open || !dp_shape_is_at(p, m->end, QUOTES[i].open)))
		i++;
	if (i < QUOTE_COUNT && (m->open >> i & 1 || (*p == '\'' && !opens(m, p))))
		return QUOTE_COUNT;
	return i;
}

/* A single quote closes only before what is no word: 'O'Brien'. */
static bool closes(const struct message *m, const char *p, const char *quote)
{
	if (!*quote || *p != *quote || !dp_shape_is_at(p, m->end, quote))
		return false;
	return *quote != '\'' || p + 1 == m->end || !is_word_at(p + 1);
}

/* Behind the quotation at p, or NULL. */
static const char *quote_end(const struct message *m, const char *p, const struct quotes *q)
{
	for (p += strlen(q->open); p < m->end; p++) {
		if (*p == '\\')
			p++;
		else if (closes(m, p, q->close))
			return p + strlen(q->close);
		else if (closes(m, p, q->other))
			return p + strlen(q->other);
	}
	return NULL;
}

/* Takes a quotation. One without an end is remembered, so that no text is searched twice. */
static bool take_quotation(struct message *m)
{
	const size_t kind = quote_at(m, m->p);
	const char *end;

	if (kind == QUOTE_COUNT)
		return false;
	end = quote_end(m, m->p, &QUOTES[kind]);
	if (!end) {
		m->open |= 1U << kind;
		return false;
	}
	put_star(m);
	m->p = end < m->end ? end : m->end;
	if (dp_shape_is_at(m->p, m->end, "...") ||
	    dp_shape_is_at(m->p, m->end, "…")) /* it was cut */
		m->p += 3;
	return true;
}

/* The end of what has neither spaces nor brackets nor quotes. */
static const char *chunk_end(const struct message *m)
{
	const char *p = m->p;

	while (p < m->end && !dp_shape_is(*p, DP_SHAPE_SPACE | DP_SHAPE_CHUNK_END) &&
	       quote_at(m, p) == QUOTE_COUNT)
		p++;
	return p;
}

/* The same for paths and URLs. */
static const char *path_end(const struct message *m)
{
	const char *p = m->p;

	while (p < m->end && !dp_shape_is(*p, DP_SHAPE_SPACE | DP_SHAPE_PATH_END))
		p++;
	return p;
}

/* Takes [::1] and [::1]:5432. */
static bool take_ipv6(struct message *m)
{
	const char *end = *m->p == '[' ? memchr(m->p, ']', (size_t)(m->end - m->p)) : NULL;

	if (!end || !dp_shape_is_ipv6(m->p + 1, end))
		return false;
	put_star(m);
	m->p = end + 1;
	if (m->p + 1 < m->end && *m->p == ':' && dp_shape_is_digit(m->p[1]))
		for (m->p++; m->p < m->end && dp_shape_is_digit(*m->p);)
			m->p++;
	return true;
}

/* Whether letters and digits together are an id. */
static bool is_id(const struct message *m, const char *p, const char *end)
{
	const bool is_address = p > m->begin && p[-1] == '@'; /* Java's Order@1b6d3586 */
	const size_t n = (size_t)(end - p);
	bool all_hex = true;
	size_t groups = 0; /* of digits */

	for (const char *c = p; c < end; c++) {
		all_hex = all_hex && dp_shape_is(*c, DP_SHAPE_HEX);
		groups += dp_shape_is_digit(*c) && (c == p || !dp_shape_is_digit(c[-1]));
	}
	if (groups == 0)
		return false;
	return (all_hex && (n >= HEX_ID_MIN || is_address)) || (n >= MIXED_ID_MIN && groups > 1) ||
	       n >= LONG_ID_MIN;
}

/* Writes a word without its digits: user42, v1.2.3. */
static const char *put_word(struct message *m, const char *p, const char *end, const char *limit)
{
	while (p < end) {
		if (!dp_shape_is_digit(*p)) {
			put(m, *p++);
			continue;
		}
		while (p < limit &&
		       (dp_shape_is_digit(*p) ||
			   ((*p == '.' || *p == ':') && p + 1 < limit && dp_shape_is_digit(p[1]))))
			p++;
		put_star(m);
	}
	return p;
}

/* Takes a word, or a number, or one byte that is neither, of a chunk that ends at `end`. */
static const char *take_word(struct message *m, const char *p, const char *end)
{
	const bool is_first = p == m->begin || !dp_shape_is_word(p[-1]) || p[-1] == '_';
	const char *word = p;

	while (word < end && dp_shape_is_alnum(*word))
		word++;
	if ((*p == '-' || *p == '+') && is_first && p + 1 < end && dp_shape_is_digit(p[1]))
		return p + 1;
	if (word == p) {
		put(m, *p);
		return p + 1;
	}
	if (is_first && dp_shape_begins_uuid(p, end)) {
		put_star(m);
		return p + DP_SHAPE_UUID_SIZE;
	}
	if (is_first && dp_shape_is_digit(*p)) {
		put_star(m);
		return dp_shape_number_end(p, end);
	}
	if (!is_id(m, p, word))
		return put_word(m, p, word, end);
	put_star(m);
	return word;
}

static void take_words(struct message *m, const char *end)
{
	while (m->p < end)
		m->p = take_word(m, m->p, end);
}

/* Takes a URL: its scheme and host stay. */
static bool take_url(struct message *m)
{
	const char *host = m->p;
	const char *host_end;
	const char *user;
	const char *end;

	while (host < m->end &&
	       (dp_shape_is_alnum(*host) || *host == '+' || *host == '.' || *host == '-'))
		host++;
	if (host == m->p || !dp_shape_is_at(host, m->end, "://"))
		return false;
	end = dp_shape_without_punctuation(m->p, path_end(m));
	if (end - host < 3)
		return false;
	host += 3;
	take_words(m, host);
	for (host_end = host; host_end < end && !strchr("/?#", *host_end);)
		host_end++;
	user = memrchr(host, '@', (size_t)(host_end - host));
	m->p = user ? user + 1 : host;
	take_words(m, host_end);
	if (host_end < end) {
		put(m, '/');
		put_star(m);
	}
	m->p = end;
	return true;
}

/* Takes a file's path; what follows an HTTP method is a route and stays. */
static bool take_path(struct message *m)
{
	if (m->is_route || !dp_shape_begins_path(m->p, m->end))
		return false;
	put_star(m);
	m->p = dp_shape_without_punctuation(m->p, path_end(m));
	return true;
}

static void take_chunk(struct message *m)
{
	const char *begin = m->p;
	const char *end = dp_shape_without_punctuation(begin, chunk_end(m));

	if (end == begin) {
		put(m, *m->p++);
		return;
	}
	if (dp_shape_is_email(begin, end) || dp_shape_is_ipv6(begin, end)) {
		put_star(m);
		m->p = end;
	} else if (!take_url(m) && !take_path(m)) {
		take_words(m, end);
	}
	m->is_route = dp_shape_is_method(begin, end);
}

/* The first line, as far as it is looked at. */
static struct dp_str first_line(struct dp_str s)
{
	const char *end;

	while (s.n > 0 && dp_shape_is(*s.p, DP_SHAPE_SPACE)) {
		s.p++;
		s.n--;
	}
	if (s.n > LOOKED_AT_MAX)
		for (s.n = LOOKED_AT_MAX; ((unsigned char)s.p[s.n] & 0xc0) == 0x80;)
			s.n--;
	end = s.n ? memchr(s.p, '\n', s.n) : NULL;
	if (end)
		s.n = (size_t)(end - s.p);
	return s;
}

/* Cuts what was written at a character's border. */
static void finish(struct message *m)
{
	if (is_full(m))
		for (m->n = m->max; m->n > 0 && ((unsigned char)m->out[m->n] & 0xc0) == 0x80;)
			m->n--;
	while (m->n > 0 && m->out[m->n - 1] == ' ')
		m->n--;
	m->out[m->n] = '\0';
}

void dp_fingerprint_write_message(struct dp_str text, char *out, size_t max)
{
	const struct dp_str s = first_line(text);
	struct message m = {.begin = s.p, .p = s.p, .end = s.p, .out = out, .max = max};

	if (s.n > 0)
		m.end += s.n;
	while (m.p < m.end && !is_full(&m)) {
		if (dp_shape_is(*m.p, DP_SHAPE_SPACE)) {
			put_space(&m);
			m.p++;
		} else if (!take_quotation(&m) && !take_ipv6(&m)) {
			take_chunk(&m);
		}
	}
	finish(&m);
}
