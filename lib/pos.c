#include "pos.h"

#include "checked.h"
#include "file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* Decimal digits without a needless zero. Returns 0, or -1. */
static int parse_offset(struct dp_str text, uint64_t *out)
{
	uint64_t offset = 0;

	if (text.n == 0 || (text.n > 1 && text.p[0] == '0'))
		return -1;
	for (size_t i = 0; i < text.n; i++) {
		unsigned digit = (unsigned char)text.p[i] - (unsigned)'0';

		if (digit > 9 || __builtin_mul_overflow(offset, 10, &offset) ||
		    __builtin_add_overflow(offset, digit, &offset))
			return -1;
	}
	*out = offset;
	return 0;
}

int dp_pos_parse(struct dp_str text, struct dp_pos *out)
{
	struct dp_pos pos;

	if (text.n <= DP_UUID_TEXT || text.p[DP_UUID_TEXT] != ':')
		return -1;
	if (dp_uuid_parse((struct dp_str){text.p, DP_UUID_TEXT}, pos.spool) < 0)
		return -1;
	if (parse_offset((struct dp_str){text.p + DP_UUID_TEXT + 1, text.n - DP_UUID_TEXT - 1},
		&pos.offset) < 0)
		return -1;
	*out = pos;
	return 0;
}

size_t dp_pos_write(const struct dp_pos *pos, char out[DP_POS_TEXT + 1])
{
	return (size_t)snprintf(out, DP_POS_TEXT + 1, "%s:%" PRIu64, pos->spool, pos->offset);
}

/* Returns 1 or -1, with errno as it was. */
static int overwrite(int dir_fd, const char *path, struct dp_str line)
{
	const int error = errno;
	const int rc = dp_file_overwrite(dir_fd, path, line) == 0 ? 1 : -1;

	errno = error;
	return rc;
}

int dp_pos_write_mark(int dir_fd, const char *path, const struct dp_pos *pos)
{
	char text[DP_POS_TEXT + 1];
	struct dp_buf line = {0};
	int rc;

	dp_checked_add(&line, (struct dp_str){text, dp_pos_write(pos, text)});
	rc = dp_file_replace(dir_fd, path, dp_buf_str(&line));
	if (rc < 0 && (errno == ENOSPC || errno == EDQUOT))
		rc = overwrite(dir_fd, path, dp_buf_str(&line));
	dp_buf_release(&line);
	return rc;
}

int dp_pos_read_mark(int dir_fd, const char *path, struct dp_pos *out)
{
	struct dp_buf content = {0};
	struct dp_str text;
	int rc = 1;

	if (dp_file_read(dir_fd, path, DP_POS_TEXT + DP_CHECKED_ADDS + 1, &content) < 0) {
		rc = errno == ENOENT ? 0 : -1;
	} else if (content.len == 0 || dp_str_is(dp_buf_str(&content), "\n")) {
		rc = 0;
	} else if (content.data[content.len - 1] != '\n' ||
		   dp_checked_read((struct dp_str){content.data, content.len - 1}, &text) < 0 ||
		   dp_pos_parse(text, out) < 0) {
		errno = EBADMSG;
		rc = -1;
	}
	dp_buf_release(&content);
	return rc;
}
