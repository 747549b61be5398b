/* The back end for PostgreSQL: connecting, the schema, the table of operations. Fit to be
 * distributed: every unique key contains trace_id, no sequences, no triggers. */
#include "store_pg_parts.h"
#include "store_pg_run.h"

#include "clock.h"
#include "mem.h"
#include "store_sql.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS = 5000 }; /* unless the URL has a connect_timeout */

DP_SQL(reader_sql, "postgresql/reader.sql");
DP_SQL(writer_sql, "postgresql/writer.sql");
DP_SQL(may_migrate_sql, "postgresql/may_migrate.sql");
DP_SQL(begin_migration_sql, "postgresql/begin_migration.sql");
DP_SQL(read_schema_sql, "postgresql/read_schema.sql");
DP_SQL(write_schema_sql, "postgresql/write_schema.sql");
DP_SQL(migration_1_sql, "postgresql/migration_1.sql");
DP_SQL(migration_2_sql, "postgresql/migration_2.sql");
DP_SQL(migration_3_sql, "postgresql/migration_3.sql");
DP_SQL(migration_4_sql, "postgresql/migration_4.sql");
DP_SQL(migration_5_sql, "postgresql/migration_5.sql");
DP_SQL(migration_6_sql, "postgresql/migration_6.sql");
DP_SQL(migration_7_sql, "postgresql/migration_7.sql");
DP_SQL(begin_sql, "postgresql/begin.sql");
DP_SQL(begin_alone_sql, "postgresql/begin_alone.sql");
DP_SQL(find_head_sql, "postgresql/find_head.sql");
DP_SQL(find_size_sql, "postgresql/find_size.sql");
DP_SQL(read_by_id_sql, "postgresql/read_by_id.sql");
DP_SQL(notify_sql, "postgresql/notify.sql");

/* Entry n brings a database of version n to version n + 1. */
static const char *const migrations[DP_STORE_SCHEMA] = {migration_1_sql, migration_2_sql,
    migration_3_sql, migration_4_sql, migration_5_sql, migration_6_sql, migration_7_sql};

static void disconnect_store(struct dp_store *store)
{
	dp_pg_disconnect((struct pg_store *)store);
}

static int execute_in(struct dp_store *store, const char *sql)
{
	return dp_pg_execute((struct pg_store *)store, sql);
}

static int begin(struct dp_store *store)
{
	return dp_pg_queue_only((struct pg_store *)store, begin_sql);
}

static int settle(struct dp_store *store)
{
	return dp_pg_settle((struct pg_store *)store);
}

/* Where NOTIFY or, for its queue is full, the COMMIT behind it is refused, there is none from here
 * on. */
static int commit(struct dp_store *store)
{
	struct pg_store *s = (struct pg_store *)store;
	const size_t before = s->queue.n;

	if (!s->is_mute && dp_pg_queue_only(s, notify_sql) < 0)
		return -1;
	if (dp_pg_queue_only(s, "COMMIT") < 0)
		return -1;
	if (dp_pg_settle(s) == 0)
		return 0;
	if (s->is_mute || store->fault == DP_STORE_AWAY || s->queue.last < before)
		return -1;
	s->is_mute = true;
	return 1;
}

static void roll_back(struct dp_store *store)
{
	struct pg_store *s = (struct pg_store *)store;

	assert(s->queue.n == 0);
	if (s->conn && PQtransactionStatus(s->conn) != PQTRANS_IDLE)
		PQclear(dp_pg_last_result(s, PQsendQuery(s->conn, "ROLLBACK")));
}

/* Completes the connection begun. Returns 0, -1 (failed), or 1 where the time is over. */
static int await_connection(struct pg_store *s)
{
	PostgresPollingStatusType want = PGRES_POLLING_WRITING;
	struct pg_wait w;

	dp_pg_begin_wait(&w, s->connect_ms);
	while (want == PGRES_POLLING_READING || want == PGRES_POLLING_WRITING) {
		int rc =
		    dp_pg_wait_for_socket(s, &w, want == PGRES_POLLING_READING ? POLLIN : POLLOUT);

		if (rc != 0)
			return 1;
		want = PQconnectPoll(s->conn);
	}
	return want == PGRES_POLLING_OK ? 0 : -1;
}

/* What the server says without being asked. libpq would print it. */
static void ignore_notice(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

/* Not PQconnectdb: only here can the messages of a failed connection be made to carry a code. */
static int open_connection(struct pg_store *s)
{
	/* Those before dbname can be overridden by the URL, which dbname is. */
	static const char *const keywords[] = {"fallback_application_name", "keepalives_idle",
	    "tcp_user_timeout", "dbname", "client_encoding", NULL};
	const char *const values[] = {
	    program_invocation_short_name, "30", "30000", s->url, "UTF8", NULL};
	int rc;

	s->conn = PQconnectStartParams(keywords, values, 1);
	if (!s->conn)
		return dp_store_fail(&s->store, DP_STORE_AWAY, "out of memory");
	PQsetNoticeReceiver(s->conn, ignore_notice, NULL);
	PQsetErrorVerbosity(s->conn, PQERRORS_VERBOSE);
	if (PQstatus(s->conn) == CONNECTION_BAD)
		return dp_pg_fail_connect(s, false);
	rc = await_connection(s);
	if (rc != 0)
		return dp_pg_fail_connect(s, rc > 0);
	PQsetErrorVerbosity(s->conn, PQERRORS_DEFAULT);
	return PQsetnonblocking(s->conn, 1) == 0 ? 0 : dp_pg_fail(s, NULL);
}

static int check_encoding(struct pg_store *s)
{
	const char *encoding = PQparameterStatus(s->conn, "server_encoding");

	if (encoding && strcmp(encoding, "UTF8") == 0)
		return 0;
	return dp_store_fail(&s->store, DP_STORE_BROKEN,
	    "the database has the encoding %s, which cannot hold every event: make one by "
	    "createdb -T template0 -E UTF8",
	    encoding ? encoding : "(unknown)");
}

static int set_session(struct pg_store *s)
{
	return dp_pg_execute(s, s->store.mode == DP_STORE_READ ? reader_sql : writer_sql);
}

/* Reads the schema's version, 0 where there is none, and the database's id. */
static int read_schema(struct pg_store *s, int64_t *version)
{
	PGresult *res = dp_pg_last_result(s, PQsendQuery(s->conn, read_schema_sql));
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	int rc = 0;

	if (!res)
		return -1;
	*version = 0;
	if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) == 1) {
		*version = strtoll(PQgetvalue(res, 0, 0), NULL, 10);
		memcpy(s->store.id, PQgetvalue(res, 0, 1), DP_UUID_TEXT + 1);
	} else if (PQresultStatus(res) != PGRES_TUPLES_OK &&
		   !(state && strcmp(state, "42P01") == 0)) { /* undefined_table */
		rc = dp_pg_fail(s, res);
	}
	PQclear(res);
	return rc;
}

static int write_schema(struct pg_store *s)
{
	char id[DP_UUID_TEXT + 1];
	uint8_t bytes[16];
	struct pg_columns c = {0};

	dp_uuid_v7(dp_clock_now_us(), id);
	dp_uuid_to_bytes(id, bytes);
	dp_pg_add_number(&c, DP_STORE_SCHEMA);
	dp_buf_add(dp_pg_add_column(&c, PG_UUID), (const char *)bytes, sizeof bytes);
	return dp_pg_run_only(s, write_schema_sql, &c);
}

/* Where a role may write but not migrate, that is told as such, and what to do. */
static int check_owner(struct pg_store *s)
{
	PGresult *res = dp_pg_last_result(s, PQsendQuery(s->conn, may_migrate_sql));
	int rc = 0;

	if (!res)
		return -1;
	if (PQresultStatus(res) != PGRES_TUPLES_OK || PQntuples(res) != 1)
		rc = dp_pg_fail(s, res);
	else if (strcmp(PQgetvalue(res, 0, 0), "t") != 0)
		rc = dp_store_fail(&s->store, DP_STORE_BROKEN,
		    "the tables are missing or of an older version, and this role may not make or "
		    "change them: run \"dp-store --db URL </dev/null\" once with the URL of their "
		    "owner, then grant the rights anew (docs/postgres.md)");
	PQclear(res);
	return rc;
}

/* Brings the schema up to date: looks again behind the lock, as another writer may have done it. */
static int migrate(struct pg_store *s)
{
	int64_t version;

	if (check_owner(s) < 0 || dp_pg_execute(s, begin_migration_sql) < 0 ||
	    read_schema(s, &version) < 0)
		return -1;
	for (int64_t v = version; v < DP_STORE_SCHEMA; v++)
		if (dp_pg_execute(s, migrations[v]) < 0)
			return dp_store_fail_migration(&s->store, version);
	if (version < 3 && dp_store_refill(&s->store) < 0)
		return dp_store_fail_migration(&s->store, version);
	if (version < DP_STORE_SCHEMA && write_schema(s) < 0)
		return -1;
	return dp_pg_execute(s, "COMMIT") < 0 ? -1 : read_schema(s, &version);
}

static int make_ready(struct pg_store *s)
{
	int64_t version;
	int rc;

	if (check_encoding(s) < 0 || set_session(s) < 0 || read_schema(s, &version) < 0)
		return -1;
	rc = dp_store_judge_schema(&s->store, version);
	return rc == 1 ? migrate(s) : rc;
}

/* Whether the connection is there as far as is known without asking. What ended it meanwhile, as
 * the server's restart or its patience with who says nothing, has been told, and nobody has heard
 * it. */
static bool is_connected(struct pg_store *s)
{
	struct pollfd p = {.events = POLLIN};

	if (!s->conn)
		return false;
	p.fd = PQsocket(s->conn);
	while (PQtransactionStatus(s->conn) == PQTRANS_IDLE && poll(&p, 1, 0) > 0)
		if (!PQconsumeInput(s->conn))
			return false;
	return PQstatus(s->conn) == CONNECTION_OK;
}

static int connect_store(struct dp_store *store)
{
	struct pg_store *s = (struct pg_store *)store;

	if (!is_connected(s)) {
		dp_pg_disconnect(s);
		if (open_connection(s) < 0)
			return -1;
		if (make_ready(s) < 0) {
			dp_pg_disconnect(s);
			return -1;
		}
	}
	return dp_pg_add_days(s);
}

static void close_store(struct dp_store *store)
{
	struct pg_store *s = (struct pg_store *)store;

	dp_pg_disconnect(s);
	free(s->url);
	dp_store_release(store);
	free(s);
}

/* The value of a setting in the URL, or NULL. */
static const char *setting(const PQconninfoOption *options, const char *keyword)
{
	while (strcmp(options->keyword, keyword) != 0)
		options++;
	return options->val;
}

/* The URL as messages show it, made from its parts: no password, wherever it was written. */
static char *public_name(const PQconninfoOption *options)
{
	const char *user = setting(options, "user");
	const char *host = setting(options, "host");
	const char *port = setting(options, "port");
	const char *database = setting(options, "dbname");
	struct dp_buf name = {0};

	if (!host)
		host = setting(options, "hostaddr");
	dp_buf_addf(&name, "postgresql://%s%s%s%s%s/%s", user ? user : "", user ? "@" : "",
	    host ? host : "", port ? ":" : "", port ? port : "", database ? database : "");
	dp_buf_text(&name);
	return name.data;
}

static struct dp_store *make_twin(struct dp_store *store)
{
	const char *why;

	return dp_store_pg_new(((struct pg_store *)store)->url, &why);
}

struct dp_store *dp_store_pg_new(const char *url, const char **why)
{
	static const struct dp_store_backend backend = {
	    .close = close_store,
	    .connect = connect_store,
	    .disconnect = disconnect_store,
	    .execute = execute_in,
	    .begin = begin,
	    .begin_alone = begin_alone_sql,
	    .find_head = find_head_sql,
	    .find_size = find_size_sql,
	    .read_by_id = read_by_id_sql,
	    .settle = settle,
	    .commit = commit,
	    .dialect = &dp_pg_dialect,
	    .roll_back = roll_back,
	    .prepare = dp_pg_prepare,
	    .begin_put = dp_pg_begin_put,
	    .sieve = dp_pg_sieve,
	    .end_put = dp_pg_end_put,
	    .put_rollup = dp_pg_put_rollup,
	    .twin = make_twin,
	    .take_numbers = dp_pg_take_numbers,
	    .put_position = dp_pg_put_position,
	    .put_dead = dp_pg_put_dead,
	    .find_first = dp_pg_find_first,
	    .find_old = dp_pg_find_old,
	    .select = dp_pg_select,
	    .wait = dp_pg_wait,
	};
	PQconninfoOption *options = PQconninfoParse(url, NULL);
	const char *host = options ? setting(options, "host") : NULL;
	struct pg_store *s = NULL;

	if (!options) {
		*why = "not a URL as PostgreSQL takes it: "
		       "postgresql://user:password@host:port/database";
	} else if (host && strchr(host, '@')) {
		*why = "a @ in the user's name or password is written as %40";
	} else {
		const char *wait = setting(options, "connect_timeout");
		long seconds = wait ? strtol(wait, NULL, 10) : 0;

		s = dp_mem_new(sizeof *s);
		s->store.backend = &backend;
		s->store.name = public_name(options);
		s->url = dp_mem_copy(url, strlen(url));
		s->connect_ms = seconds > 0 && seconds < 3600 ? (int)seconds * 1000 : CONNECT_MS;
	}
	PQconninfoFree(options);
	return s ? &s->store : NULL;
}
