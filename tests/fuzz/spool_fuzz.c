/* Whatever a disk gives back: opening a spool and reading it must end, give only what is intact,
 * with positions that rise, and give it again after a restart; and it must take something new.
 * The first byte says how the rest is divided among two segments, the identity and the mark. */
#include "checked.h"
#include "spool.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/dev/shm/spool-fuzz-XXXXXX";

static void remove_dir(void)
{
	DIR *folder = opendir(dir);
	struct dirent *entry;

	assert(folder);
	while ((entry = readdir(folder)))
		unlinkat(dirfd(folder), entry->d_name, 0);
	closedir(folder);
	assert(rmdir(dir) == 0);
}

static void put(const char *name, const uint8_t *data, size_t size)
{
	char path[100];
	int fd;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

/* Appends what is read, with newlines. */
static void read_all(struct dp_spool *s, struct dp_buf *out)
{
	struct dp_spool_reader *r = dp_spool_reader_new(s);
	struct dp_spool_record record;
	uint64_t before = 0;

	while (dp_spool_read(r, &record) > 0) {
		assert(!memchr(record.text.p, '\n', record.text.n));
		assert(record.next > before);
		before = record.next;
		dp_checked_add(out, record.text);
	}
	dp_spool_reader_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dp_spool_options options = {0};
	static const char *const names[] = {
	    "00000000000000000000.seg", "00000000000000000032.seg", "spool", "mark"};
	struct dp_buf first = {0};
	struct dp_buf again = {0};
	struct dp_buf line = {0};
	char why[DP_SPOOL_WHY_MAX];
	struct dp_spool *s;
	size_t part;

	if (size == 0)
		return 0;
	memcpy(strchr(dir, 0) - 6, "XXXXXX", 6);
	assert(mkdtemp(dir));
	part = data[0] & 128 ? (size_t)(data[0] & 127) * (size - 1) / 127 : size - 1;
	put(names[0], data + 1, part);
	put(names[data[0] % 3 + 1], data + 1 + part, size - 1 - part);
	s = dp_spool_open(dir, &options, why);
	if (s) {
		read_all(s, &first);
		dp_checked_add(&line, DP_STR("new"));
		assert(dp_spool_append(s, dp_buf_str(&line)) == line.len);
		dp_spool_check_mark(s);
		dp_spool_close(&s);
		s = dp_spool_open(dir, &options, why);
		assert(s);
		read_all(s, &again);
		dp_buf_add_str(&first, dp_buf_str(&line));
		assert(dp_str_equal(dp_buf_str(&first), dp_buf_str(&again)));
		dp_spool_close(&s);
	}
	dp_buf_release(&first);
	dp_buf_release(&again);
	dp_buf_release(&line);
	remove_dir();
	return 0;
}
