/* What docs/scale.md says of the schema and of the SQL: the rules that let events be spread over
 * many tables or machines by their trace. The tests of store_test.c and others run on such tables.
 */
#include "store_fixture.h"

#include <glob.h>

static const struct {
	const char *what;
	const char *query; /* gives the names of what breaks the rule */
} rules[] = {
    {"a unique key of a large table without trace_id",
	"SELECT i.indrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
	" WHERE c.relnamespace = 'public'::regnamespace AND i.indisunique"
	" AND c.relname NOT IN ('positions', 'error_groups', 'minute_counts', 'event_counter',"
	"  'schema_version')"
	" AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid"
	"  AND a.attname = 'trace_id' AND a.attnum = ANY (i.indkey))"},
    {"a sequence", "SELECT relname FROM pg_class WHERE relkind = 'S'"},
    {"an identity", "SELECT attrelid::regclass FROM pg_attribute WHERE attidentity <> ''"},
    {"a default that may differ from machine to machine",
	"SELECT adrelid::regclass FROM pg_attrdef"},
    {"a trigger", "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"},
    {"a foreign key", "SELECT conname FROM pg_constraint WHERE contype = 'f'"},
    {"a key of events or traces that excludes",
	"SELECT conname FROM pg_constraint WHERE contype = 'x'"},
};

static void the_schema_keeps_the_rules(void **state)
{
	const struct database *d = *state;

	assert_ok(d->store, dp_store_connect(d->store));
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		const char *name = sql(d, rules[i].query);

		if (*name)
			fail_msg("%s: %s", rules[i].what, name);
	}
}

/* A file without its comments, with single blanks. */
static void read_statement(const char *path, struct dp_buf *out)
{
	FILE *file = fopen(path, "r");
	char line[1000];

	if (!file)
		fail_msg("%s cannot be read", path);
	while (fgets(line, sizeof line, file)) {
		const char *comment = strstr(line, "--");
		size_t n = comment ? (size_t)(comment - line) : strlen(line);

		for (size_t i = 0; i < n; i++) {
			bool blank = strchr(" \t\n", line[i]) != NULL;

			if (!blank || (out->len > 0 && out->data[out->len - 1] != ' '))
				dp_buf_add_char(out, blank ? ' ' : line[i]);
		}
	}
	fclose(file);
	dp_buf_text(out);
}

/* Each "a = b" behind SET: what is excluded, and with it perhaps the row's own. */
static void check_assignments(const char *path, const char *at)
{
	for (at = strstr(at, " = "); at; at = strstr(at, " = ")) {
		const char *excluded = strstr(at, "excluded.");
		size_t n = strcspn(at += 3, ",;");

		if (!excluded || excluded > at + n)
			fail_msg("%s: \"%.*s\" is not made of what is excluded", path, (int)n, at);
	}
}

static void check_statement(const char *path, const char *text)
{
	const char *update = strstr(text, "DO UPDATE SET");

	if (strstr(text, "INSERT INTO events ") && !strstr(text, "ON CONFLICT DO NOTHING"))
		fail_msg("%s: a conflict of events has a target", path);
	if (strstr(text, " JOIN ") && !strstr(text, " JOIN pg_") &&
	    !strstr(text, "e.trace_id = wanted.trace_id") && !strstr(text, "trace_id = $"))
		fail_msg("%s: a join without trace_id", path);
	if (strstr(text, "EXISTS (SELECT"))
		fail_msg("%s: a subquery that depends on its row", path);
	if (strstr(text, "nextval") || strstr(text, "MERGE ") || strstr(text, "FOR UPDATE"))
		fail_msg("%s: what a distributed table cannot do", path);
	if (update)
		check_assignments(path, update);
}

/* All but what makes the schema. */
static void the_statements_keep_the_rules(void **state)
{
	glob_t files;
	size_t checked = 0;

	(void)state;
	assert_int_equal(glob("lib/sql/postgresql/[!m]*.sql", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct dp_buf text = {0};

		read_statement(files.gl_pathv[i], &text);
		check_statement(files.gl_pathv[i], text.data);
		checked += strstr(text.data, "ON CONFLICT") != NULL;
		dp_buf_release(&text);
	}
	assert_true(checked >= 5);
	globfree(&files);
}

/* What is sent, by the linker (Makefile). NOLINTBEGIN(bugprone-reserved-identifier,cert-*) */
static size_t sent;

int __real_PQsendQueryParams(PGconn *conn, const char *sql, int n, const Oid *types,
    const char *const *values, const int *lengths, const int *formats, int format);
int __wrap_PQsendQueryParams(PGconn *conn, const char *sql, int n, const Oid *types,
    const char *const *values, const int *lengths, const int *formats, int format);

int __wrap_PQsendQueryParams(PGconn *conn, const char *sql, int n, const Oid *types,
    const char *const *values, const int *lengths, const int *formats, int format)
{
	if (strncmp(sql, "--", 2) != 0) { /* of no file */
		check_statement("what is sent", sql);
		sent++;
	}
	return __real_PQsendQueryParams(conn, sql, n, types, values, lengths, formats, format);
}
/* NOLINTEND(bugprone-reserved-identifier,cert-*) */

/* Retention makes its statements in C: of a trace of which some goes, and one that goes whole. */
static void what_retention_sends_keeps_the_rules(void **state)
{
	static const int64_t minute_us = INT64_C(60000000);
	const struct dp_store_limits limits = {.age_us = 30 * minute_us};
	const struct database *d = *state;
	bool more = true;

	for (int i = 0; i < 60; i++)
		put_one(d->store,
		    event(i, i % 2 ? "a" : "b", i * minute_us * (1 + i % 2), DP_ERROR, "web"));
	sent = 0;
	while (more)
		assert_ok(d->store, dp_store_retain(d->store, &limits, 119 * minute_us, &more));
	assert_true(sent > 5);
	assert_string_equal(sql(d, "SELECT count(*) < 60 AND count(*) > 0 FROM events"), "t");
}

static void by_hash_there_are_no_days(void **state)
{
	const struct database *d = *state;

	put_one(d->store, event(1, "a", 0, DP_INFO, "web"));
	sql(d, "SELECT devpulse_add_day('2031-02-03')");
	assert_string_equal(sql(d, "SELECT count(*) FROM pg_inherits WHERE inhparent IN"
				   " ('events'::regclass, 'traces'::regclass)"),
	    "16");
	assert_string_equal(
	    sql(d, "SELECT count(*) FROM pg_class WHERE relname LIKE 'events\\_20%'"), "0");
}

int main(void)
{
	const struct CMUnitTest of_pg[] = {
	    IN_PG(the_schema_keeps_the_rules),
	    IN_HASHED_PG(the_schema_keeps_the_rules),
	    cmocka_unit_test(the_statements_keep_the_rules),
	    IN_HASHED_PG(what_retention_sends_keeps_the_rules),
	    IN_HASHED_PG(by_hash_there_are_no_days),
	};

	if (!has_pg("store, scale: postgresql"))
		return 0;
	return cmocka_run_group_tests_name("store, scale: postgresql", of_pg, NULL, NULL);
}
