/* What SQLite gives: puts the rows of a database's table `events` into the same table of a new
 * database by a loop around a prepared INSERT. Prints rows, and seconds without those of reading.
 *
 *	insert FROM TO BATCH FILE.SQL...
 *
 * BATCH: rows of a transaction. FILE.SQL: what dp-store sets on its connection. */
#include "buf.h"

#include <err.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROWS = 20000, COLUMNS_MAX = 64 };

static sqlite3 *from;
static sqlite3 *to;
static sqlite3_value *cells[ROWS][COLUMNS_MAX];
static int columns;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run(const char *sql)
{
	if (sqlite3_exec(to, sql, NULL, NULL, NULL) != SQLITE_OK)
		errx(1, "%s: %s", sql, sqlite3_errmsg(to));
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		errx(1, "%s: %s", sql, sqlite3_errmsg(db));
	return s;
}

static sqlite3 *open_db(const char *path, int flags)
{
	sqlite3 *db;

	if (sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK)
		errx(1, "%s: %s", path, sqlite3_errmsg(db));
	return db;
}

static void run_file(const char *path)
{
	struct dp_buf sql = {0};
	FILE *f = fopen(path, "r");
	char block[4096];
	size_t n;

	if (!f)
		err(1, "%s", path);
	while ((n = fread(block, 1, sizeof block, f)) > 0)
		dp_buf_add(&sql, block, n);
	fclose(f);
	run(dp_buf_text(&sql));
	dp_buf_release(&sql);
}

/* The table and its indexes, as the other database has them. */
static void make_table(void)
{
	sqlite3_stmt *s = prepare(from, "SELECT sql FROM sqlite_schema WHERE tbl_name = 'events' "
					"AND sql IS NOT NULL ORDER BY type DESC");

	while (sqlite3_step(s) == SQLITE_ROW)
		run((const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
}

/* The columns that hold what is inserted, not what is made of it. */
static void name_columns(struct dp_buf *names, struct dp_buf *marks)
{
	sqlite3_stmt *s = prepare(from, "SELECT name FROM pragma_table_info('events')");

	while (sqlite3_step(s) == SQLITE_ROW && columns < COLUMNS_MAX) {
		dp_buf_addf(names, "%s\"%s\"", columns > 0 ? "," : "", sqlite3_column_text(s, 0));
		dp_buf_add_text(marks, columns > 0 ? ",?" : "?");
		columns++;
	}
	sqlite3_finalize(s);
}

static int read_rows(sqlite3_stmt *select)
{
	int n = 0;

	while (n < ROWS && sqlite3_step(select) == SQLITE_ROW) {
		for (int i = 0; i < columns; i++)
			cells[n][i] = sqlite3_value_dup(sqlite3_column_value(select, i));
		n++;
	}
	return n;
}

static void bind(sqlite3_stmt *insert, int at, sqlite3_value *v)
{
	switch (sqlite3_value_type(v)) {
	case SQLITE_TEXT:
		sqlite3_bind_text(insert, at, (const char *)sqlite3_value_text(v),
		    sqlite3_value_bytes(v), SQLITE_STATIC);
		break;
	case SQLITE_BLOB:
		sqlite3_bind_blob(
		    insert, at, sqlite3_value_blob(v), sqlite3_value_bytes(v), SQLITE_STATIC);
		break;
	default:
		sqlite3_bind_value(insert, at, v);
	}
}

static void insert_rows(sqlite3_stmt *insert, int count, int batch)
{
	for (int n = 0; n < count; n++) {
		if (n % batch == 0)
			run("BEGIN IMMEDIATE");
		for (int i = 0; i < columns; i++)
			bind(insert, i + 1, cells[n][i]);
		if (sqlite3_step(insert) != SQLITE_DONE)
			errx(1, "cannot insert: %s", sqlite3_errmsg(to));
		sqlite3_reset(insert);
		if (n % batch == batch - 1 || n == count - 1)
			run("COMMIT");
	}
}

static void release_rows(int count)
{
	for (int n = 0; n < count; n++)
		for (int i = 0; i < columns; i++)
			sqlite3_value_free(cells[n][i]);
}

int main(int argc, char **argv)
{
	struct dp_buf names = {0};
	struct dp_buf marks = {0};
	struct dp_buf sql = {0};
	sqlite3_stmt *select;
	sqlite3_stmt *insert;
	double seconds = 0;
	int64_t rows = 0;
	int n;

	if (argc < 5)
		errx(2, "usage: insert FROM TO BATCH FILE.SQL...");
	from = open_db(argv[1], SQLITE_OPEN_READONLY);
	to = open_db(argv[2], SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
	for (int i = 4; i < argc; i++)
		run_file(argv[i]);
	make_table();
	name_columns(&names, &marks);
	dp_buf_addf(&sql, "SELECT %s FROM events", dp_buf_text(&names));
	select = prepare(from, dp_buf_text(&sql));
	dp_buf_clear(&sql);
	dp_buf_addf(
	    &sql, "INSERT INTO events (%s) VALUES (%s)", dp_buf_text(&names), dp_buf_text(&marks));
	insert = prepare(to, dp_buf_text(&sql));
	while ((n = read_rows(select)) > 0) {
		double start = now();

		insert_rows(insert, n, (int)strtol(argv[3], NULL, 10));
		seconds += now() - start;
		rows += n;
		release_rows(n);
	}
	sqlite3_finalize(select);
	sqlite3_finalize(insert);
	sqlite3_close(from);
	sqlite3_close(to);
	printf("%" PRId64 " %.3f\n", rows, seconds);
	return 0;
}
