#include "fingerprint_place.h"

#include <stdbool.h>
#include <string.h>

enum {
	PARTS_KEPT = 2,      /* of a path, from its end */
	CHANGING_DIGITS = 4, /* a folder with so many is a date or a number of a build */
	CHUNK_HASH_MIN = 6,  /* characters, one of them a digit */
};

struct place {
	char *out;
	size_t n;
	size_t max;
};

/* Where programs are put, and how many folders below are the machine's choice too. */
static const struct root {
	struct dp_str path;
	int folders;
} ROOTS[] = {
    {DP_STR("/app/"), 0},
    {DP_STR("/code/"), 0},
    {DP_STR("/workspace/"), 0},
    {DP_STR("/var/task/"), 0},
    {DP_STR("/usr/src/"), 1},
    {DP_STR("/var/www/"), 1},
    {DP_STR("/srv/"), 1},
    {DP_STR("/opt/"), 1},
    {DP_STR("/tmp/"), 1},
    {DP_STR("/root/"), 1},
    {DP_STR("/home/"), 2},
    {DP_STR("/Users/"), 2},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_separator(char c)
{
	return c == '/' || c == '\\';
}

static void put(struct place *o, char c)
{
	if (o->n > o->max)
		return;
	if ((unsigned char)c < ' ' || c == 0x7f)
		c = '?';
	o->out[o->n++] = c;
}

static void put_all(struct place *o, struct dp_str s)
{
	for (size_t i = 0; i < s.n && o->n <= o->max; i++)
		put(o, s.p[i]);
}

static struct dp_str from(struct dp_str s, size_t n)
{
	return (struct dp_str){s.p + n, s.n - n};
}

/* Takes the first folder away; false where there is none. */
static bool drop_folder(struct dp_str *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_separator(s->p[i])) {
			*s = from(*s, i + 1);
			return true;
		}
	return false;
}

/* A URL's scheme and host, its query, the drive of Windows. */
static struct dp_str without_url(struct dp_str s)
{
	const char *scheme = s.n ? memmem(s.p, s.n, "://", 3) : NULL;
	const char *query;

	if (scheme) {
		s = from(s, (size_t)(scheme - s.p) + 3);
		while (s.n > 0 && *s.p != '/')
			s = from(s, 1);
		query = s.n ? memchr(s.p, '?', s.n) : NULL;
		if (query)
			s.n = (size_t)(query - s.p);
	}
	if (s.n > 2 && s.p[1] == ':' && is_separator(s.p[2]))
		s = from(s, 2);
	return s;
}

static bool begins_path(struct dp_str s, struct dp_str prefix)
{
	if (s.n < prefix.n)
		return false;
	for (size_t i = 0; i < prefix.n; i++)
		if (s.p[i] != prefix.p[i] && !(is_separator(s.p[i]) && prefix.p[i] == '/'))
			return false;
	return true;
}

static struct dp_str without_root(struct dp_str s)
{
	for (size_t i = 0; i < sizeof ROOTS / sizeof *ROOTS; i++) {
		if (!begins_path(s, ROOTS[i].path))
			continue;
		s = from(s, ROOTS[i].path.n);
		for (int k = 0; k < ROOTS[i].folders; k++)
			drop_folder(&s);
		break;
	}
	return s;
}

static bool is_packages(struct dp_str folder)
{
	return dp_str_is(folder, "site-packages") || dp_str_is(folder, "dist-packages") ||
	       dp_str_is(folder, "node_modules");
}

/* The last parts of a path; of one within a folder of packages no more than is below that. */
static struct dp_str last_parts(struct dp_str s)
{
	size_t end = s.n;
	int kept = 0;

	for (size_t i = s.n; i > 0; i--) {
		if (!is_separator(s.p[i - 1]))
			continue;
		if (end < s.n && is_packages((struct dp_str){s.p + i, end - i}))
			return from(s, end + 1);
		if (++kept == PARTS_KEPT)
			return from(s, i);
		end = i - 1;
	}
	return s;
}

/* A folder: without the version of a Go module; a date or a build's number is as good as any. */
static void put_folder(struct place *o, struct dp_str s)
{
	const char *version = s.n > 1 ? memchr(s.p + 1, '@', s.n - 1) : NULL;
	int digits = 0;

	if (version)
		s.n = (size_t)(version - s.p);
	if (s.n == 0 || dp_str_is(s, "."))
		return;
	for (size_t i = 0; i < s.n; i++)
		digits += is_digit(s.p[i]);
	put_all(o, digits >= CHANGING_DIGITS ? DP_STR("*") : s);
	put(o, '/');
}

/* The hash that bundlers put before .js: main.8f3a2c.js, index-BkF3x9aQ.js. */
static struct dp_str without_hash(struct dp_str name)
{
	size_t n = name.n;
	bool has_digit = false;

	while (n > 0 && name.p[n - 1] != '.' && name.p[n - 1] != '-') {
		has_digit = has_digit || is_digit(name.p[n - 1]);
		n--;
	}
	return n > 1 && has_digit && name.n - n >= CHUNK_HASH_MIN ? (struct dp_str){name.p, n - 1}
								  : name;
}

static void put_name(struct place *o, struct dp_str s)
{
	const char *dot = s.n ? memrchr(s.p, '.', s.n) : NULL;
	struct dp_str ending = {0};

	if (dot)
		ending = from(s, (size_t)(dot - s.p));
	if (dp_str_is(ending, ".pyc"))
		ending = DP_STR(".py");
	if (dot)
		s.n = (size_t)(dot - s.p);
	if (dp_str_is(ending, ".js") || dp_str_is(ending, ".mjs"))
		s = without_hash(s);
	put_all(o, s);
	put_all(o, ending);
}

static void put_file(struct place *o, struct dp_str s)
{
	struct dp_str folder;

	s = last_parts(without_root(without_url(s)));
	while (folder = s, drop_folder(&s)) {
		folder.n -= s.n + 1;
		put_folder(o, folder);
	}
	put_name(o, s);
}

/* Behind the digits at i. */
static size_t digits_end(struct dp_str s, size_t i)
{
	while (i < s.n && is_digit(s.p[i]))
		i++;
	return i;
}

/* Whether the digits from i to `end` number what has no name: Java's lambda$run$3, Go's
 * main.run.func1.2. */
static bool is_number_of_unnamed(struct dp_str s, size_t i, size_t end)
{
	if (i == 0 || (end < s.n && s.p[end] != '.' && s.p[end] != '$'))
		return false;
	return s.p[i - 1] == '$' || s.p[i - 1] == '.' ||
	       (i >= 5 && memcmp(s.p + i - 5, ".func", 5) == 0);
}

/* Puts the digits from i to `end`, or leaves them out with what joins them to the name. */
static void put_digits(struct place *o, struct dp_str s, size_t i, size_t end)
{
	if (!is_number_of_unnamed(s, i, end))
		put_all(o, (struct dp_str){s.p + i, end - i});
	else if (o->n > 0 && (o->out[o->n - 1] == '.' || o->out[o->n - 1] == '$'))
		o->n--;
}

/* Without the numbers of what has no name, and what a proxy of Java adds: Cart$$Lambda$14/0x7f. */
static void put_function(struct place *o, struct dp_str s)
{
	size_t i = 0;

	while (i < s.n && o->n <= o->max) {
		if (s.p[i] == '$' && i + 1 < s.n && s.p[i + 1] == '$') {
			while (i < s.n && s.p[i] != '.')
				i++;
		} else if (is_digit(s.p[i])) {
			const size_t end = digits_end(s, i);

			put_digits(o, s, i, end);
			i = end;
		} else {
			put(o, s.p[i++]);
		}
	}
}

void dp_fingerprint_write_place(struct dp_str file, struct dp_str function, char *out, size_t max)
{
	struct place o = {out, 0, max};

	put_file(&o, file);
	if (o.n > 0 && function.n > 0)
		put(&o, ':');
	put_function(&o, function);
	if (o.n > max)
		for (o.n = max; o.n > 0 && ((unsigned char)out[o.n] & 0xc0) == 0x80;)
			o.n--;
	out[o.n] = '\0';
}
