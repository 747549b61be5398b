/* The spool against a model of a disk with a cache: random appends, readings, marks, faults and
 * power cuts. After a cut a file holds what was synced and any part of what was not, whole or
 * damaged; what a failed sync left is lost. A restart of the process keeps all. The model knows
 * what was acknowledged, and nothing else. In some runs all is kept that the mark has passed, and
 * in the end the database is lost, and the mark removed. */
#include "spool_fixture.h"

#include "json_random.h"

enum { STEPS = 120, RUNS = 150, FILES_MAX = 400, RECORDS_MAX = 2000 };

/* How much of each segment is on the disk. */
static struct {
	char name[DP_SPOOL_NAME_MAX];
	size_t durable;
	bool is_lying; /* a sync failed: later ones say well and do nothing */
} files[FILES_MAX];
static size_t file_count;

static uint64_t seed;
static int faults; /* of a hundred calls so many fail */
static bool keeps_all;

static struct {
	bool is_acked[RECORDS_MAX];
	bool is_stored[RECORDS_MAX]; /* read, and then marked */
	int tried;
} model;

static bool chance(int percent)
{
	return json_random(&seed, 100) < (uint32_t)percent;
}

static bool name_of(int fd, char name[DP_SPOOL_NAME_MAX])
{
	char link[64];
	char path[200];
	const char *slash;
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	if (n < 0)
		return false;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash || !strstr(slash, ".seg") || strlen(slash) > DP_SPOOL_NAME_MAX)
		return false;
	snprintf(name, DP_SPOOL_NAME_MAX, "%s", slash + 1);
	return true;
}

static size_t index_of(const char *name)
{
	size_t i = 0;

	while (i < file_count && strcmp(files[i].name, name) != 0)
		i++;
	assert_true(i < FILES_MAX);
	if (i == file_count) {
		memset(&files[file_count], 0, sizeof *files);
		snprintf(files[file_count++].name, DP_SPOOL_NAME_MAX, "%s", name);
	}
	return i;
}

static int judge(const char *call, int fd)
{
	static const int errors[] = {EIO, ENOSPC, EDQUOT};
	char name[DP_SPOOL_NAME_MAX];

	if (!chance(faults) || strcmp(call, "pread") == 0 || strcmp(call, "openat") == 0)
		return 0;
	if (strcmp(call, "fdatasync") == 0 && name_of(fd, name))
		files[index_of(name)].is_lying = true;
	return JSON_PICK(&seed, errors);
}

/* Another file may get the name. */
static void note_removal(const char *name)
{
	for (size_t i = 0; i < file_count; i++)
		if (strcmp(files[i].name, name) == 0)
			files[i] = files[--file_count];
}

static void note(const char *call, int fd, const char *path)
{
	char name[DP_SPOOL_NAME_MAX];
	struct stat st;

	if (strcmp(call, "unlinkat") == 0)
		note_removal(path);
	if (strcmp(call, "fdatasync") != 0 || !name_of(fd, name) || __real_fstat(fd, &st) < 0)
		return;
	if (!files[index_of(name)].is_lying)
		files[index_of(name)].durable = (size_t)st.st_size;
}

/* What a power cut leaves of a segment. */
static void cut_power(struct fixture *f, const char *name)
{
	const size_t durable = files[index_of(name)].durable;
	struct dp_buf content = {0};

	load_file(f, name, &content);
	if (content.len > durable) {
		content.len = durable + json_random(&seed, (uint32_t)(content.len - durable) + 1);
		for (size_t i = durable; i < content.len; i++)
			if (chance(2))
				content.data[i] = chance(50) ? '\0' : '\n';
		save_file(f, name, dp_buf_str(&content));
	}
	dp_buf_release(&content);
}

static void open_again(struct fixture *f, bool is_power_cut)
{
	disk.judge = NULL;
	dp_spool_close(&f->spool);
	if (is_power_cut) {
		DIR *folder = opendir(f->dir);
		struct dirent *entry;

		while ((entry = __real_readdir(folder)))
			if (strstr(entry->d_name, ".seg"))
				cut_power(f, entry->d_name);
		closedir(folder);
	}
	assert_non_null(open_small(f));
	if (!keeps_all && chance(50))
		keep_nothing(f);
	disk.judge = judge;
}

static void append_some(struct fixture *f)
{
	struct dp_buf text = {0};
	struct dp_buf lines = {0};
	const int n = 1 + (int)json_random(&seed, 5);
	size_t ends[5];
	size_t done;

	for (int i = 0; i < n; i++) {
		dp_buf_clear(&text);
		dp_buf_addf(&text, "%d %*s", model.tried + i, (int)json_random(&seed, 60), "");
		dp_checked_add(&lines, dp_buf_str(&text));
		ends[i] = lines.len;
	}
	done = dp_spool_append(f->spool, dp_buf_str(&lines));
	for (int i = 0; i < n; i++)
		model.is_acked[model.tried + i] = ends[i] <= done;
	model.tried += n;
	dp_buf_release(&text);
	dp_buf_release(&lines);
}

/* Takes some records, or all. Each was tried; those of one reader rise, but for repeats of what a
 * failure left behind. */
static void read_some(struct dp_spool_reader *r, bool all, uint64_t *position, bool read[])
{
	struct dp_spool_record record;
	uint64_t before = *position;
	int left = all ? INT_MAX : (int)json_random(&seed, 10);

	while (left-- > 0 && dp_spool_read(r, &record) > 0) {
		char number[16] = "";
		int n;

		memcpy(number, record.text.p, record.text.n < 10 ? record.text.n : 10);
		n = (int)strtol(number, NULL, 10);
		assert_true(n >= 0 && n < model.tried);
		assert_true(record.next > before);
		before = record.next;
		read[n] = true;
		*position = record.next;
	}
}

/* A run. */
struct run {
	struct fixture *f;
	struct dp_spool_reader *reader;
	uint64_t position;
	bool read[RECORDS_MAX]; /* that the reader has had, and the database perhaps not */
};

static void begin_run(struct run *r, struct fixture *f, int number)
{
	seed = (uint64_t)number;
	faults = number % 3 * 4;
	keeps_all = number % 6 == 0; /* without faults: where room is wanted it goes */
	file_count = 0;
	memset(&model, 0, sizeof model);
	memset(r, 0, sizeof *r);
	disk = (struct disk){.note = note};
	r->f = f;
	open_again(f, false);
	r->reader = dp_spool_reader_new(f->spool);
	r->position = f->spool->mark;
}

/* The reader's reader is started again: what it had is lost, or not. */
static void start_reader_again(struct run *r)
{
	if (chance(50))
		memcpy(model.is_stored, r->read, sizeof r->read);
	dp_spool_reader_free(&r->reader);
	open_again(r->f, chance(50));
	r->reader = dp_spool_reader_new(r->f->spool);
	memcpy(r->read, model.is_stored, sizeof r->read);
	r->position = r->f->spool->mark;
}

static void take_step(struct run *r)
{
	switch (json_random(&seed, 12)) {
	case 0: /* the database is told, and the mark */
		memcpy(model.is_stored, r->read, sizeof r->read);
		write_mark(r->f, r->position);
		break;
	case 1:
		dp_spool_check_mark(r->f->spool);
		break;
	case 2:
		start_reader_again(r);
		break;
	case 3:
	case 4:
	case 5:
		read_some(r->reader, false, &r->position, r->read);
		break;
	default:
		append_some(r->f);
	}
}

/* Starts a last time, without faults, and reads all that there is. */
static void end_run(struct run *r)
{
	dp_spool_reader_free(&r->reader);
	if (keeps_all) {
		memset(model.is_stored, 0, sizeof model.is_stored);
		unlinkat(r->f->spool->dir_fd, "mark", 0);
	}
	open_again(r->f, true);
	disk.judge = NULL;
	r->reader = dp_spool_reader_new(r->f->spool);
	r->position = r->f->spool->mark;
	read_some(r->reader, true, &r->position, model.is_stored);
	if (has_news(r->f, "spool-gap")) /* nobody took a segment */
		fail_msg("%s", dp_buf_text(&r->f->news));
	dp_spool_reader_free(&r->reader);
	dp_spool_close(&r->f->spool);
	disk = (struct disk){0};
	remove_all(r->f->dir);
	assert_int_equal(mkdir(r->f->dir, 0700), 0);
}

static void run_once(struct fixture *f, int number)
{
	static struct run r;

	begin_run(&r, f, number);
	for (int step = 0; step < STEPS; step++)
		take_step(&r);
	end_run(&r);
	for (int i = 0; i < model.tried; i++)
		if (model.is_acked[i] && !model.is_stored[i])
			fail_msg("run %d: record %d was acknowledged and is lost", number, i);
}

static void nothing_acknowledged_is_lost(void **state)
{
	const char *runs = getenv("SPOOL_RUNS");
	const int n = runs ? (int)strtol(runs, NULL, 10) : RUNS;

	for (int i = 0; i < n; i++)
		run_once(*state, i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(nothing_acknowledged_is_lost, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("spool_model", tests, NULL, NULL);
}
