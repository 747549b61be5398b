/* A spool in a temporary folder, its news and its records as text. */
#ifndef DP_TEST_SPOOL_FIXTURE_H
#define DP_TEST_SPOOL_FIXTURE_H

#include "checked.h"
#include "disk.h"
#include "mem.h"
#include "spool_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 400 };

struct fixture {
	char dir[64];
	struct dp_spool *spool;
	struct dp_buf news; /* "kind: text\n" of each */
};

static inline void tell_news(void *arg, const char *kind, const char *text)
{
	struct fixture *f = arg;

	dp_buf_addf(&f->news, "%s: %s\n", kind, text);
}

static inline bool has_news(struct fixture *f, const char *kind)
{
	return strstr(dp_buf_text(&f->news), kind) != NULL;
}

static inline struct dp_spool *open_limited(struct fixture *f, uint64_t max_bytes)
{
	const struct dp_spool_options options = {max_bytes, tell_news, f};
	char why[DP_SPOOL_WHY_MAX];

	dp_buf_clear(&f->news);
	return f->spool = dp_spool_open(f->dir, &options, why);
}

/* With segments of about 100 bytes. */
static inline struct dp_spool *open_small(struct fixture *f)
{
	if (open_limited(f, 0))
		f->spool->segment_bytes = 100;
	return f->spool;
}

/* What the mark has passed goes at once. */
static inline void keep_nothing(struct fixture *f)
{
	f->spool->keep_bytes = 0;
}

static inline int set_up(void **state)
{
	struct fixture *f = dp_mem_new(sizeof *f);

	snprintf(f->dir, sizeof f->dir, "%s/spool-test-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(f->dir))
		return -1;
	*state = f;
	return 0;
}

static inline int remove_all(const char *dir)
{
	char command[100];

	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command); /* NOLINT(cert-env33-c) */
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;

	disk = (struct disk){0};
	dp_spool_close(&f->spool);
	dp_buf_release(&f->news);
	remove_all(f->dir);
	free(f);
	return 0;
}

/* Appends records, separated by spaces, at once. Returns whether all are durable. */
static inline bool append(struct fixture *f, const char *records)
{
	struct dp_buf lines = {0};
	bool ok;

	while (*records) {
		size_t n = strcspn(records, " ");

		dp_checked_add(&lines, (struct dp_str){records, n});
		records += n + (records[n] == ' ');
	}
	ok = dp_spool_append(f->spool, dp_buf_str(&lines)) == lines.len;
	dp_buf_release(&lines);
	return ok;
}

/* What a reader gives until there is nothing more, separated by spaces; "!" for each failure. */
static inline void read_on(struct dp_spool_reader *r, struct dp_buf *out, uint64_t *next)
{
	struct dp_spool_record record;
	int rc;

	while ((rc = dp_spool_read(r, &record)) != 0) {
		if (out->len > 0)
			dp_buf_add_char(out, ' ');
		if (rc < 0) {
			dp_buf_add_char(out, '!');
			continue;
		}
		dp_buf_add_str(out, record.text);
		if (next)
			*next = record.next;
	}
}

static inline const char *read_all(struct fixture *f)
{
	static char text[4096];
	struct dp_spool_reader *r = dp_spool_reader_new(f->spool);
	struct dp_buf out = {0};

	read_on(r, &out, NULL);
	snprintf(text, sizeof text, "%s", dp_buf_text(&out));
	dp_buf_release(&out);
	dp_spool_reader_free(&r);
	return text;
}

static inline void reopen(struct fixture *f)
{
	dp_spool_close(&f->spool);
	assert_non_null(open_small(f));
}

static inline void path_of(struct fixture *f, const char *name, char path[PATH_BYTES])
{
	snprintf(path, PATH_BYTES, "%s/%s", f->dir, name);
}

static inline void load_file(struct fixture *f, const char *name, struct dp_buf *content)
{
	char path[PATH_BYTES];
	FILE *file;
	int c;

	path_of(f, name, path);
	file = fopen(path, "r");
	assert_non_null(file);
	dp_buf_clear(content);
	while ((c = getc(file)) != EOF)
		dp_buf_add_char(content, (char)c);
	fclose(file);
}

static inline void save_file(struct fixture *f, const char *name, struct dp_str content)
{
	char path[PATH_BYTES];
	FILE *file;

	path_of(f, name, path);
	file = fopen(path, "w");
	assert_non_null(file);
	if (content.n > 0)
		assert_int_equal(fwrite(content.p, 1, content.n, file), content.n);
	fclose(file);
}

static inline bool has_file(struct fixture *f, const char *name)
{
	char path[PATH_BYTES];

	path_of(f, name, path);
	return access(path, F_OK) == 0;
}

static inline void remove_segment(struct fixture *f, size_t i)
{
	char name[DP_SPOOL_NAME_MAX];

	dp_spool_name(f->spool->segments[i].start, ".seg", name);
	assert_int_equal(unlinkat(f->spool->dir_fd, name, 0), 0);
}

/* Returns 0, or -1 where it failed. */
static inline int write_mark(struct fixture *f, uint64_t offset)
{
	struct dp_pos pos = {.offset = offset};

	memcpy(pos.spool, dp_spool_id(f->spool), sizeof pos.spool);
	return dp_pos_write_mark(f->spool->dir_fd, "mark", &pos);
}

static inline struct dp_spool_stats stats(struct fixture *f)
{
	struct dp_spool_stats s;

	dp_spool_get_stats(f->spool, &s);
	return s;
}

#endif
