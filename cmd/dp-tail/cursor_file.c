#include "cursor_file.h"

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { CURSOR_BYTES_MAX = 256 };

static bool is_cursor(struct dp_str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] <= ' ' || text.p[i] > '~')
			return false;
	return text.n <= CURSOR_BYTES_MAX;
}

int cursor_file_read(const char *path, struct dp_buf *cursor, const char **why)
{
	struct dp_buf text = {0};
	bool fits;

	if (dp_file_read(AT_FDCWD, path, CURSOR_BYTES_MAX + 2, &text) < 0) {
		const int error = errno;

		dp_buf_release(&text);
		*why = strerror(error);
		return error == ENOENT ? 0 : -1;
	}
	if (text.len > 0 && text.data[text.len - 1] == '\n')
		text.len--;
	fits = is_cursor(dp_buf_str(&text));
	if (fits)
		dp_buf_add_str(cursor, dp_buf_str(&text));
	else
		*why = "it does not hold a cursor";
	dp_buf_release(&text);
	return fits ? 0 : -1;
}

int cursor_file_write(const char *path, struct dp_str cursor)
{
	struct dp_buf text = {0};
	int rc;

	dp_buf_add_str(&text, cursor);
	dp_buf_add_char(&text, '\n');
	rc = dp_file_replace(AT_FDCWD, path, dp_buf_str(&text));
	dp_buf_release(&text);
	return rc;
}
