#include "store_sqlite_conn.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

bool dp_sqlite_is_to_stop(const struct sqlite_store *s)
{
	const struct dp_store_patience *p = &s->store.patience;
	struct pollfd fds[] = {{.fd = p->stop_fd, .events = POLLIN}, {.fd = p->end_fd}};

	return poll(fds, 2, 0) > 0;
}

/* Ends what is kept prepared. */
static void forget(struct sqlite_store *s)
{
	for (int i = 0; i < s->kept.n; i++)
		sqlite3_finalize(s->kept_statements[i]);
	dp_kept_clear(&s->kept);
}

void dp_sqlite_disconnect(struct sqlite_store *s)
{
	for (size_t i = 0; i < SQLITE_STATEMENTS; i++) {
		sqlite3_finalize(s->statements[i]);
		s->statements[i] = NULL;
	}
	forget(s);
	sqlite3_finalize(s->ask_version);
	s->ask_version = NULL;
	s->has_waited = false;
	dp_checkpointer_free(&s->checkpointer);
	sqlite3_close(s->db);
	s->db = NULL;
}

/* What a failed open(2) means, of the database or of a file beside it. */
static enum dp_store_fault fault_of_open(int system_errno)
{
	switch (system_errno) {
	case EACCES:
	case EPERM:
	case EROFS:
	case EISDIR:
	case ENOTDIR:
	case ELOOP:
	case ENAMETOOLONG:
		return DP_STORE_BROKEN;
	default:
		return DP_STORE_AWAY;
	}
}

static enum dp_store_fault fault_of(sqlite3 *db, int code)
{
	switch (code) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_PROTOCOL:
	case SQLITE_NOMEM:
		return DP_STORE_AWAY;
	case SQLITE_CANTOPEN:
		return fault_of_open(sqlite3_system_errno(db));
	case SQLITE_TOOBIG:
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
		return DP_STORE_REJECT;
	default:
		return DP_STORE_BROKEN;
	}
}

/* A query that takes too long takes as long the next time. */
static void fail_interrupted(struct sqlite_store *s)
{
	if (s->is_stopping)
		dp_store_fail(&s->store, DP_STORE_AWAY, "the query was ended, to stop");
	else
		dp_store_fail(&s->store, DP_STORE_BROKEN,
		    "the query took longer than %d s and was ended; ask for less",
		    SQLITE_ANSWER_MS / 1000);
}

/* Why it failed, and where that is not enough what to do. */
static void fail(struct sqlite_store *s, int code)
{
	const int extended = sqlite3_extended_errcode(s->db);
	const int system_errno = code == SQLITE_CANTOPEN ? sqlite3_system_errno(s->db) : 0;
	struct dp_store *store = &s->store;
	const bool is_missing = system_errno == ENOENT && store->mode == DP_STORE_READ;

	if (is_missing && access(s->path, F_OK) != 0)
		dp_store_fail(
		    store, DP_STORE_AWAY, "no database yet at %s; dp-store creates it", s->path);
	else if (code == SQLITE_INTERRUPT)
		fail_interrupted(s);
	else if (is_missing ||
		 (extended == SQLITE_READONLY_DIRECTORY && store->mode == DP_STORE_READ))
		dp_store_fail(store, DP_STORE_AWAY,
		    "this user may not make the file %s-shm, which readers share; it can be read "
		    "while dp-store runs, or where its folder is writable",
		    s->path);
	else if (code == SQLITE_NOTADB)
		dp_store_fail(store, DP_STORE_BROKEN,
		    "this file is not a database; give another place by --db or DEVPULSE_DB");
	else if (code == SQLITE_CORRUPT)
		dp_store_fail(store, DP_STORE_BROKEN,
		    "%s: the file is damaged; restore a copy of it (docs/operations.md)",
		    sqlite3_errmsg(s->db));
	else
		dp_store_fail(store, fault_of(s->db, code), "%s%s%s", sqlite3_errmsg(s->db),
		    system_errno ? ": " : "", system_errno ? strerror(system_errno) : "");
}

int dp_sqlite_fail(struct sqlite_store *s)
{
	const int code = sqlite3_errcode(s->db) & 0xff;

	fail(s, code);
	if (s->store.fault == DP_STORE_REJECT)
		return -1;
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	if (code != SQLITE_BUSY && code != SQLITE_LOCKED)
		dp_sqlite_disconnect(s);
	return -1;
}

int dp_sqlite_execute(struct sqlite_store *s, const char *sql)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : dp_sqlite_fail(s);
}

void dp_sqlite_bind(sqlite3_stmt *st, int at, struct dp_str text)
{
	sqlite3_bind_text64(st, at, text.p ? text.p : "", text.n, SQLITE_STATIC, SQLITE_UTF8);
}
