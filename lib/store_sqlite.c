/* The back end for SQLite: connecting, the schema, the table of operations. Writers are serialised
 * by BEGIN IMMEDIATE and `seq` is an AUTOINCREMENT, so the order of numbers is the order of
 * commits. */
#include "store_sqlite_parts.h"

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "store_sql.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BUSY_MS = 5000,
	BUSY_AT_END_MS = 200,
	LOOK_MS = 20, /* between looks for news */
	TELL_MS = 5000,
	TELL_STEPS = 1000000, /* of SQLite's machine, well below a second */
};

DP_SQL(writer_sql, "sqlite/writer.sql");
DP_SQL(cache_sql, "sqlite/cache.sql");
DP_SQL(find_schema_sql, "sqlite/find_schema.sql");
DP_SQL(read_schema_sql, "sqlite/read_schema.sql");
DP_SQL(write_schema_sql, "sqlite/write_schema.sql");
DP_SQL(find_head_sql, "sqlite/find_head.sql");
DP_SQL(find_size_sql, "sqlite/find_size.sql");
DP_SQL(read_by_id_sql, "sqlite/read_by_id.sql");
DP_SQL(migration_1_sql, "sqlite/migration_1.sql");
DP_SQL(migration_2_sql, "sqlite/migration_2.sql");
DP_SQL(migration_3_sql, "sqlite/migration_3.sql");
DP_SQL(migration_4_sql, "sqlite/migration_4.sql");
DP_SQL(migration_5_sql, "sqlite/migration_5.sql");
DP_SQL(migration_6_sql, "sqlite/migration_6.sql");
DP_SQL(migration_7_sql, "sqlite/migration_7.sql");

/* Entry n brings a database of version n to version n + 1. */
static const char *const migrations[DP_STORE_SCHEMA] = {migration_1_sql, migration_2_sql,
    migration_3_sql, migration_4_sql, migration_5_sql, migration_6_sql, migration_7_sql};

static void disconnect_store(struct dp_store *store)
{
	dp_sqlite_disconnect((struct sqlite_store *)store);
}

/* Brings all into the one file, which SQLite does by itself only where nobody reads it: so a copy
 * of that file has everything. A reader in the midst of it only leaves more for the next writer. */
static void empty_wal(struct sqlite_store *s)
{
	dp_checkpointer_free(&s->checkpointer);
	sqlite3_busy_timeout(s->db, BUSY_AT_END_MS);
	sqlite3_exec(s->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
}

static void close_store(struct dp_store *store)
{
	struct sqlite_store *s = (struct sqlite_store *)store;

	if (s->db && store->mode == DP_STORE_WRITE)
		empty_wal(s);
	dp_sqlite_disconnect(s);
	free(s->path);
	dp_store_release(store);
	free(s);
}

/* Whether the file was moved or deleted under the connection, which then would work on without
 * anybody ever seeing the data again. */
static bool has_moved(struct sqlite_store *s)
{
	int moved = 0;

	sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
	return moved != 0;
}

/* Makes one folder where it is missing. 0, or -1 with errno. */
static int make_folder(const char *path)
{
	int why;

	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	why = errno;
	if (access(path, F_OK) == 0) /* not every file system says EEXIST first */
		return 0;
	errno = why;
	return -1;
}

/* Makes the folders that are missing on the way to the file. 0, or -1 with errno. */
static int make_folders(const char *path)
{
	char *copy = dp_mem_copy(path, strlen(path));
	int rc = 0;
	int why;

	for (char *p = strchr(copy + 1, '/'); p && rc == 0; p = strchr(p + 1, '/')) {
		*p = '\0';
		rc = make_folder(copy);
		*p = '/';
	}
	why = errno;
	free(copy);
	errno = why;
	return rc;
}

/* Makes the file, readable by its owner alone, where it is missing. By mknod(2), which opens no
 * descriptor: closing one would drop the locks that another connection of this process may have. */
static int make_file(struct sqlite_store *s)
{
	if (make_folders(s->path) == 0 &&
	    (mknod(s->path, S_IFREG | 0600, 0) == 0 || errno == EEXIST))
		return 0;
	return dp_store_fail(&s->store,
	    errno == ENOSPC || errno == EDQUOT ? DP_STORE_AWAY : DP_STORE_BROKEN,
	    "cannot make this file: %s; give another place by --db or DEVPULSE_DB",
	    strerror(errno));
}

static int find_schema(struct sqlite_store *s, bool *is_there)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(s->db, find_schema_sql, -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	sqlite3_finalize(st);
	*is_there = rc == SQLITE_ROW;
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : dp_sqlite_fail(s);
}

/* Reads the schema's version, 0 where there is none, and the database's id. */
static int read_schema(struct sqlite_store *s, int64_t *version)
{
	sqlite3_stmt *st = NULL;
	bool is_there;
	int rc;

	*version = 0;
	if (find_schema(s, &is_there) < 0)
		return -1;
	if (!is_there)
		return 0;
	rc = sqlite3_prepare_v2(s->db, read_schema_sql, -1, &st, NULL);
	if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		*version = sqlite3_column_int64(st, 0);
		snprintf(s->store.id, sizeof s->store.id, "%s",
		    (const char *)sqlite3_column_text(st, 1));
	}
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : dp_sqlite_fail(s);
}

static int write_schema(struct sqlite_store *s)
{
	char id[DP_UUID_TEXT + 1];
	sqlite3_stmt *st = NULL;
	int rc;

	dp_uuid_v7(dp_clock_now_us(), id);
	if (sqlite3_prepare_v2(s->db, write_schema_sql, -1, &st, NULL) != SQLITE_OK)
		return dp_sqlite_fail(s);
	sqlite3_bind_int64(st, 1, DP_STORE_SCHEMA);
	dp_sqlite_bind(st, 2, dp_str_from(id));
	rc = sqlite3_step(st);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : dp_sqlite_fail(s);
}

struct migrating {
	struct sqlite_store *store;
	int64_t begin_ms;
	int64_t tell_ms;
};

/* Called by SQLite now and then while a statement runs; not 0: it is to end. */
static int watch_migrating(void *arg)
{
	struct migrating *m = arg;
	const int64_t now_ms = dp_clock_monotonic_ms();

	if (now_ms >= m->tell_ms) {
		m->tell_ms = now_ms + TELL_MS;
		dp_log(DP_LOG_INFO, "%s: bringing the database up to date, %" PRId64 " s so far",
		    m->store->store.name, (now_ms - m->begin_ms) / 1000);
	}
	m->store->is_stopping = dp_sqlite_is_to_stop(m->store);
	return m->store->is_stopping;
}

/* In a transaction. What moves a large table takes minutes. */
static int change_schema(struct sqlite_store *s, int64_t version)
{
	const int64_t now_ms = dp_clock_monotonic_ms();
	struct migrating m = {s, now_ms, now_ms + TELL_MS};
	int rc = 0;

	sqlite3_progress_handler(s->db, TELL_STEPS, watch_migrating, &m);
	for (int64_t v = version; v < DP_STORE_SCHEMA && rc == 0; v++)
		rc = dp_sqlite_execute(s, migrations[v]);
	if (s->db)
		sqlite3_progress_handler(s->db, 0, NULL, NULL);
	return rc;
}

/* Brings the schema up to date: looks again behind the lock, as another writer may have done it. */
static int migrate(struct sqlite_store *s)
{
	int64_t version;

	if (dp_sqlite_execute(s, "BEGIN IMMEDIATE") < 0 || read_schema(s, &version) < 0)
		return -1;
	if (change_schema(s, version) < 0 || (version < 3 && dp_store_refill(&s->store) < 0))
		return dp_store_fail_migration(&s->store, version);
	if (version < DP_STORE_SCHEMA && write_schema(s) < 0)
		return -1;
	return dp_sqlite_execute(s, "COMMIT") < 0 ? -1 : read_schema(s, &version);
}

/* Waits by itself where others open the database at the same time: for the change to the journal
 * SQLite takes locks without the patience of sqlite3_busy_timeout. */
static int set_durability(struct sqlite_store *s)
{
	const int64_t end_ms = dp_clock_monotonic_ms() + BUSY_MS;
	int rc;

	while ((rc = sqlite3_exec(s->db, writer_sql, NULL, NULL, NULL)) == SQLITE_BUSY &&
	       dp_clock_monotonic_ms() < end_ms)
		poll(NULL, 0, 5);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(s->db, cache_sql, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return dp_sqlite_fail(s);
	s->checkpointer = dp_checkpointer_new(s->db, s->path);
	return 0;
}

/* Where the file is not writable SQLite opens it to read: told before an event is read for it. */
static int check_writable(struct sqlite_store *s)
{
	if (s->store.mode == DP_STORE_READ || sqlite3_db_readonly(s->db, "main") == 0)
		return 0;
	return dp_store_fail(&s->store, DP_STORE_BROKEN,
	    "this file is not writable; give another place by --db or DEVPULSE_DB");
}

static int make_ready(struct sqlite_store *s)
{
	int64_t version;
	int rc = s->store.mode == DP_STORE_READ ? dp_sqlite_execute(s, "PRAGMA query_only = 1")
						: set_durability(s);

	if (rc < 0 || read_schema(s, &version) < 0)
		return -1;
	rc = dp_store_judge_schema(&s->store, version);
	return rc == 1 ? migrate(s) : rc;
}

static int connect_store(struct dp_store *store)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	int flags = store->mode == DP_STORE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;

	if (s->db && !has_moved(s))
		return 0;
	dp_sqlite_disconnect(s);
	if (store->mode == DP_STORE_WRITE && make_file(s) < 0)
		return -1;
	if (sqlite3_open_v2(s->path, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
	    dp_sqlite_add_functions(s->db) != SQLITE_OK)
		return dp_sqlite_fail(s);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	if (store->mode == DP_STORE_READ)
		dp_sqlite_limit_queries(s);
	if (check_writable(s) == 0 && make_ready(s) == 0)
		return 0;
	dp_sqlite_disconnect(s);
	return -1;
}

static int execute_in(struct dp_store *store, const char *sql)
{
	return dp_sqlite_execute((struct sqlite_store *)store, sql);
}

static int begin(struct dp_store *store)
{
	return dp_sqlite_execute((struct sqlite_store *)store, "BEGIN IMMEDIATE");
}

/* Nothing is done later here. */
static int settle(struct dp_store *store)
{
	(void)store;
	return 0;
}

static int commit(struct dp_store *store)
{
	return dp_sqlite_execute((struct sqlite_store *)store, "COMMIT");
}

static void roll_back(struct dp_store *store)
{
	const struct sqlite_store *s = (struct sqlite_store *)store;

	if (s->db && !sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

/* Returns 1 where others have committed since the last look, or this is the first; 0 or -1. */
static int look_for_news(struct sqlite_store *s)
{
	int64_t before = s->version;
	bool is_first = !s->has_waited;

	if (!s->ask_version && sqlite3_prepare_v3(s->db, "PRAGMA data_version", -1,
				   SQLITE_PREPARE_PERSISTENT, &s->ask_version, NULL) != SQLITE_OK)
		return dp_sqlite_fail(s);
	if (sqlite3_step(s->ask_version) != SQLITE_ROW)
		return dp_sqlite_fail(s);
	s->version = sqlite3_column_int64(s->ask_version, 0);
	s->has_waited = true;
	sqlite3_reset(s->ask_version);
	return is_first || s->version != before;
}

/* Not by inotify(7): it tells of what is written to the log, which comes before the commit can be
 * seen, so it would be looked for again and again all the same. */
static int wait_for_news(struct dp_store *store, int timeout_ms, int wake_fd)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	const int64_t end_ms = dp_clock_monotonic_ms() + timeout_ms;

	for (;;) {
		struct pollfd wake = {.fd = wake_fd, .events = POLLIN};
		int rc = look_for_news(s);
		int64_t left = end_ms - dp_clock_monotonic_ms();

		if (rc != 0)
			return rc < 0 ? -1 : 0;
		if (left <= 0 || poll(&wake, 1, left < LOOK_MS ? (int)left : LOOK_MS) > 0)
			return 0;
	}
}

struct dp_store *dp_store_sqlite_new(const char *url, const char **why)
{
	static const struct dp_store_backend backend = {
	    .close = close_store,
	    .connect = connect_store,
	    .disconnect = disconnect_store,
	    .execute = execute_in,
	    .begin_alone = "BEGIN IMMEDIATE",
	    .find_head = find_head_sql,
	    .find_size = find_size_sql,
	    .read_by_id = read_by_id_sql,
	    .begin = begin,
	    .settle = settle,
	    .commit = commit,
	    .dialect = &dp_sqlite_dialect,
	    .roll_back = roll_back,
	    .begin_put = dp_sqlite_begin_put,
	    .end_put = dp_sqlite_end_put,
	    .put_rollup = dp_sqlite_put_rollup,
	    .put_position = dp_sqlite_put_position,
	    .put_dead = dp_sqlite_put_dead,
	    .find_first = dp_sqlite_find_first,
	    .find_old = dp_sqlite_find_old,
	    .select = dp_sqlite_select,
	    .wait = wait_for_news,
	};
	static const char prefix[] = "sqlite:///";
	const char *path = url + strlen(prefix);
	struct dp_buf full = {0};
	struct sqlite_store *s;

	*why = "a path is wanted behind three slashes, as sqlite:///events.db or "
	       "sqlite:////var/lib/events.db";
	if (strncmp(url, prefix, strlen(prefix)) != 0 || !*path || path[strlen(path) - 1] == '/')
		return NULL;
	/* Else each allocation takes a lock and is counted. Has no effect once SQLite has begun. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	s = dp_mem_new(sizeof *s);
	s->store.backend = &backend;
	s->store.name = dp_mem_copy(url, strlen(url));
	/* "./" so that no name means anything special, as ":memory:" would. */
	dp_buf_addf(&full, "%s%s", *path == '/' ? "" : "./", path);
	dp_buf_text(&full);
	s->path = full.data;
	return &s->store;
}
