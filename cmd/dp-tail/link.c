#include "link.h"

#include <string.h>

enum { PATH_BYTES_MAX = 1000, LINE_DIGITS_MAX = 9 };

/* The placeholder that the text begins with, or NULL. */
static const char *placeholder(const char *text)
{
	static const char *const names[] = {"{path}", "{line}", "{host}"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strncmp(text, names[i], strlen(names[i])) == 0)
			return names[i];
	return NULL;
}

int link_check(const char *template, const char **why)
{
	for (const char *p = template; *p; p++) {
		if (*p <= ' ' || *p > '~')
			*why = "a URL has no such character";
		else if (*p == '{' && !placeholder(p))
			*why = "{path}, {line} and {host} are known";
		else
			continue;
		return -1;
	}
	return 0;
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("/-._~", c));
}

static void add_encoded(struct dp_buf *out, struct dp_str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (is_plain(text.p[i]))
			dp_buf_add_char(out, text.p[i]);
		else
			dp_buf_addf(out, "%%%02X", (unsigned char)text.p[i]);
}

static void add_path(const struct link *l, struct dp_str file, struct dp_buf *out)
{
	if (file.p[0] != '/') {
		add_encoded(out, dp_str_from(l->folder));
		dp_buf_add_char(out, '/');
	}
	add_encoded(out, file);
}

static void add_line(struct dp_str line, struct dp_buf *out)
{
	bool is_number = line.n > 0 && line.n <= LINE_DIGITS_MAX;

	for (size_t i = 0; i < line.n && is_number; i++)
		is_number = line.p[i] >= '0' && line.p[i] <= '9';
	dp_buf_add_str(out, is_number ? line : DP_STR("1"));
}

/* "<string>", "node:fs" and "https://…" are no files. */
static bool is_file(struct dp_str file)
{
	return file.n > 0 && file.n <= PATH_BYTES_MAX && file.p[0] != '<' &&
	       !memchr(file.p, ':', file.n) && memchr(file.p, '.', file.n);
}

const char *link_make(
    const struct link *l, struct dp_str file, struct dp_str line, struct dp_buf *out)
{
	if (!l->template || !is_file(file))
		return NULL;
	dp_buf_clear(out);
	for (const char *p = l->template; *p; p++) {
		const char *name = placeholder(p);

		if (!name) {
			dp_buf_add_char(out, *p);
			continue;
		}
		if (name[1] == 'p')
			add_path(l, file, out);
		else if (name[1] == 'l')
			add_line(line, out);
		else
			add_encoded(out, dp_str_from(l->host));
		p += strlen(name) - 1;
	}
	return dp_buf_text(out);
}
