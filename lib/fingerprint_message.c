#include "fingerprint_message.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	LOOKED_AT_MAX = 1024,
	HEX_ID_MIN = 8,   /* letters and digits of an id: all hexadecimal, one of them a digit */
	MIXED_ID_MIN = 6, /* digits, letters, digits */
	LONG_ID_MIN = 32, /* one of them a digit */
	UUID_SIZE = 36,
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

/* What a byte is; bits. */
enum {
	DIGIT = 1,
	LETTER = 2,
	HEX = 4,
	SPACE = 8,        /* and control characters */
	CHUNK_END = 16,   /* brackets and the like */
	PATH_END = 32,    /* the same for paths and URLs, which may hold more */
	PUNCTUATION = 64, /* of a sentence, behind a word */
	QUOTE = 128,      /* the first byte of one */
};

static const unsigned char KINDS[256] = {
    [0 ... ' '] = SPACE,
    [0x7f] = SPACE,
    ['0' ... '9'] = DIGIT | HEX,
    ['a' ... 'f'] = LETTER | HEX,
    ['g' ... 'z'] = LETTER,
    ['A' ... 'F'] = LETTER | HEX,
    ['G' ... 'Z'] = LETTER,
    ['('] = CHUNK_END | PATH_END,
    [')'] = CHUNK_END | PATH_END,
    ['['] = CHUNK_END | PATH_END,
    [']'] = CHUNK_END | PATH_END,
    ['{'] = CHUNK_END | PATH_END,
    ['}'] = CHUNK_END | PATH_END,
    ['<'] = CHUNK_END | PATH_END,
    ['>'] = CHUNK_END | PATH_END,
    ['|'] = CHUNK_END | PATH_END,
    ['='] = CHUNK_END,
    [','] = CHUNK_END | PATH_END | PUNCTUATION,
    [';'] = CHUNK_END | PATH_END | PUNCTUATION,
    ['.'] = PUNCTUATION,
    [':'] = PUNCTUATION,
    ['!'] = PUNCTUATION,
    ['?'] = PUNCTUATION,
    ['"'] = QUOTE | PATH_END,
    ['\''] = QUOTE | PATH_END,
    ['`'] = QUOTE | PATH_END,
    [0xc2] = QUOTE, /* « */
    [0xe2] = QUOTE, /* “ „ ‘ */
};

static bool is(char c, int kinds)
{
	return KINDS[(unsigned char)c] & kinds;
}

static bool is_digit(char c)
{
	return is(c, DIGIT);
}

static bool is_alnum(char c)
{
	return is(c, DIGIT | LETTER);
}

static bool is_word(char c)
{
	return is_alnum(c) || c == '_' || (unsigned char)c >= 0x80;
}

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

static inline bool is_at(const char *p, const char *end, const char *text)
{
	const size_t n = strlen(text);

	return (size_t)(end - p) >= n && memcmp(p, text, n) == 0;
}

/* Whether a character is of a word, where it matters to a quote beside it: of Latin, Greek,
 * Cyrillic letters and the like, not of scripts without spaces. */
static bool is_word_at(const char *p)
{
	return is_alnum(*p) || *p == '_' ||
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

	if (!is(*p, QUOTE))
		return QUOTE_COUNT;
	while (i < QUOTE_COUNT && (*p != *QUOTES[i].open || !is_at(p, m->end, QUOTES[i].open)))
		i++;
	if (i < QUOTE_COUNT && (m->open >> i & 1 || (*p == '\'' && !opens(m, p))))
		return QUOTE_COUNT;
	return i;
}

/* A single quote closes only before what is no word: 'O'Brien'. */
static bool closes(const struct message *m, const char *p, const char *quote)
{
	if (!*quote || *p != *quote || !is_at(p, m->end, quote))
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
	if (is_at(m->p, m->end, "...") || is_at(m->p, m->end, "…")) /* it was cut */
		m->p += 3;
	return true;
}

/* The end of what has neither spaces nor brackets nor quotes. */
static const char *chunk_end(const struct message *m)
{
	const char *p = m->p;

	while (p < m->end && !is(*p, SPACE | CHUNK_END) && quote_at(m, p) == QUOTE_COUNT)
		p++;
	return p;
}

/* The same for paths and URLs. */
static const char *path_end(const struct message *m)
{
	const char *p = m->p;

	while (p < m->end && !is(*p, SPACE | PATH_END))
		p++;
	return p;
}

static const char *without_punctuation(const char *p, const char *end)
{
	while (end > p && is(end[-1], PUNCTUATION))
		end--;
	return end;
}

/* 2001:db8::1, ::1, with a port or not. */
static bool is_ipv6(const char *p, const char *end)
{
	size_t colons = 0;
	size_t digits = 0;

	for (; p < end && (is(*p, HEX) || *p == ':' || *p == '.'); p++) {
		colons += *p == ':';
		digits += is_digit(*p);
	}
	return (p == end || *p == '%') && colons >= 2 && digits > 0;
}

/* Takes [::1] and [::1]:5432. */
static bool take_ipv6(struct message *m)
{
	const char *end = *m->p == '[' ? memchr(m->p, ']', (size_t)(m->end - m->p)) : NULL;

	if (!end || !is_ipv6(m->p + 1, end))
		return false;
	put_star(m);
	m->p = end + 1;
	if (m->p + 1 < m->end && *m->p == ':' && is_digit(m->p[1]))
		for (m->p++; m->p < m->end && is_digit(*m->p);)
			m->p++;
	return true;
}

static bool is_email(const char *p, const char *end)
{
	const char *at = memchr(p, '@', (size_t)(end - p));
	const char *dot = memrchr(p, '.', (size_t)(end - p));

	if (!at || at == p || !dot || dot < at + 2 || dot + 2 >= end)
		return false;
	for (; p < end; p++)
		if (p != at && !is_word(*p) && !strchr(p < at ? ".+-%" : ".-", *p))
			return false;
	return is(dot[1], LETTER);
}

static bool is_uuid(const char *p, const char *end)
{
	if (end - p < UUID_SIZE || (end - p > UUID_SIZE && is_alnum(p[UUID_SIZE])))
		return false;
	for (int i = 0; i < UUID_SIZE; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? p[i] != '-' : !is(p[i], HEX))
			return false;
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
		all_hex = all_hex && is(*c, HEX);
		groups += is_digit(*c) && (c == p || !is_digit(c[-1]));
	}
	if (groups == 0)
		return false;
	return (all_hex && (n >= HEX_ID_MIN || is_address)) || (n >= MIXED_ID_MIN && groups > 1) ||
	       n >= LONG_ID_MIN;
}

/* Behind what begins with a digit: a number, date, time, address, version, duration, size. */
static const char *number_end(const char *p, const char *end)
{
	while (p < end) {
		const bool more = p + 1 < end;

		if (is_alnum(*p) || *p == '_')
			p++;
		else if ((*p == '.' || *p == ':') && more && is_digit(p[1]))
			p++;
		else if ((*p == '-' || *p == '+') && more && is_alnum(p[1]))
			p++;
		else if (is_at(p, end, "µs") || is_at(p, end, "μs"))
			p += 3;
		else
			break;
	}
	return p;
}

/* Writes a word without its digits: user42, v1.2.3. */
static const char *put_word(struct message *m, const char *p, const char *end, const char *limit)
{
	while (p < end) {
		if (!is_digit(*p)) {
			put(m, *p++);
			continue;
		}
		while (p < limit && (is_digit(*p) || ((*p == '.' || *p == ':') && p + 1 < limit &&
							 is_digit(p[1]))))
			p++;
		put_star(m);
	}
	return p;
}

/* Takes a word, or a number, or one byte that is neither, of a chunk that ends at `end`. */
static const char *take_word(struct message *m, const char *p, const char *end)
{
	const bool is_first = p == m->begin || !is_word(p[-1]) || p[-1] == '_';
	const char *word = p;

	while (word < end && is_alnum(*word))
		word++;
	if ((*p == '-' || *p == '+') && is_first && p + 1 < end && is_digit(p[1]))
		return p + 1;
	if (word == p) {
		put(m, *p);
		return p + 1;
	}
	if (is_first && is_uuid(p, end)) {
		put_star(m);
		return p + UUID_SIZE;
	}
	if (is_first && is_digit(*p)) {
		put_star(m);
		return number_end(p, end);
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

	while (host < m->end && (is_alnum(*host) || *host == '+' || *host == '.' || *host == '-'))
		host++;
	if (host == m->p || !is_at(host, m->end, "://"))
		return false;
	end = without_punctuation(m->p, path_end(m));
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

static bool begins_path(const char *p, const char *end)
{
	if (is(*p, LETTER))
		return end - p > 3 && p[1] == ':' && (p[2] == '\\' || p[2] == '/') && p[3] != '/';
	if (*p == '/')
		return p + 1 < end && (is_word(p[1]) || p[1] == '.');
	return is_at(p, end, "./") || is_at(p, end, "../") || is_at(p, end, "~/") ||
	       is_at(p, end, "\\\\");
}

/* Takes a file's path; what follows an HTTP method is a route and stays. */
static bool take_path(struct message *m)
{
	if (m->is_route || !begins_path(m->p, m->end))
		return false;
	put_star(m);
	m->p = without_punctuation(m->p, path_end(m));
	return true;
}

static bool is_method(const char *p, const char *end)
{
	static const char *const methods[] = {
	    "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", NULL};
	const struct dp_str s = {p, (size_t)(end - p)};

	for (size_t i = 0; methods[i]; i++)
		if (*s.p == *methods[i] && dp_str_is(s, methods[i]))
			return true;
	return false;
}

static void take_chunk(struct message *m)
{
	const char *begin = m->p;
	const char *end = without_punctuation(begin, chunk_end(m));

	if (end == begin) {
		put(m, *m->p++);
		return;
	}
	if (is_email(begin, end) || is_ipv6(begin, end)) {
		put_star(m);
		m->p = end;
	} else if (!take_url(m) && !take_path(m)) {
		take_words(m, end);
	}
	m->is_route = is_method(begin, end);
}

/* The first line, as far as it is looked at. */
static struct dp_str first_line(struct dp_str s)
{
	const char *end;

	while (s.n > 0 && is(*s.p, SPACE)) {
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
		if (is(*m.p, SPACE)) {
			put_space(&m);
			m.p++;
		} else if (!take_quotation(&m) && !take_ipv6(&m)) {
			take_chunk(&m);
		}
	}
	finish(&m);
}
