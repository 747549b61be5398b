/* Reading from SQLite. */
#include "store_sqlite_parts.h"

#include "clock.h"
#include "store_query.h"

#include <math.h>
#include <stdlib.h>

enum { LOOK_STEPS = 10000 }; /* of SQLite's machine, well below a millisecond */

static void bind_values(sqlite3_stmt *st, const struct dp_query *q)
{
	for (size_t i = 0; i < q->count; i++) {
		const struct dp_query_value *v = &q->values[i];

		if (v->type == DP_QUERY_TEXT || v->type == DP_QUERY_UUID)
			dp_sqlite_bind(st, (int)i + 1, dp_str_from(v->text));
		else if (v->type == DP_QUERY_REAL)
			sqlite3_bind_double(st, (int)i + 1, v->real);
		else
			sqlite3_bind_int64(st, (int)i + 1, v->number);
	}
}

void dp_sqlite_read_row(sqlite3_stmt *st, struct dp_store_cell *cells)
{
	int n = sqlite3_column_count(st);

	for (int i = 0; i < n && i < DP_STORE_CELLS_MAX; i++) {
		cells[i] = (struct dp_store_cell){.real = NAN};
		if (sqlite3_column_type(st, i) == SQLITE_INTEGER) {
			cells[i].number = sqlite3_column_int64(st, i);
		} else if (sqlite3_column_type(st, i) == SQLITE_FLOAT) {
			cells[i].real = sqlite3_column_double(st, i);
		} else if (sqlite3_column_type(st, i) == SQLITE_TEXT) {
			cells[i].text.p = (const char *)sqlite3_column_text(st, i);
			cells[i].text.n = (size_t)sqlite3_column_bytes(st, i);
		}
	}
}

/* Called by SQLite now and then while a statement runs; not 0: it is to end. */
static int is_over(void *arg)
{
	struct sqlite_store *s = arg;
	const struct dp_store_patience *p = &s->store.patience;
	const int64_t now_ms = dp_clock_monotonic_ms();

	if (s->end_ms == INT64_MAX)
		return 0;
	if (!s->is_stopping && dp_sqlite_is_to_stop(s)) {
		s->is_stopping = true;
		if (s->end_ms > now_ms + p->stop_ms)
			s->end_ms = now_ms + p->stop_ms;
	}
	return now_ms >= s->end_ms;
}

void dp_sqlite_limit_queries(struct sqlite_store *s)
{
	s->end_ms = INT64_MAX;
	sqlite3_progress_handler(s->db, LOOK_STEPS, is_over, s);
}

/* Gives the query's statement, and in *is_kept whether it is to be reset behind it and not
 * finalized. */
static int prepare(
    struct sqlite_store *s, const struct dp_query *q, sqlite3_stmt **st, bool *is_kept)
{
	const struct dp_str text = dp_buf_str(&q->sql);
	const bool may_keep = q->is_kept && s->store.mode == DP_STORE_READ;
	const int at = may_keep ? dp_kept_find(&s->kept, text) : DP_KEPT_NONE;
	int rc;

	*is_kept = at != DP_KEPT_NONE;
	if (*is_kept && at < s->kept.n) {
		*st = s->kept_statements[at];
		return SQLITE_OK;
	}
	rc = sqlite3_prepare_v3(
	    s->db, text.p, (int)text.n, *is_kept ? SQLITE_PREPARE_PERSISTENT : 0, st, NULL);
	if (*is_kept && rc == SQLITE_OK) {
		s->kept_statements[at] = *st;
		dp_kept_add(&s->kept, text);
	}
	return rc;
}

int dp_sqlite_select(
    struct dp_store *store, const struct dp_query *q, dp_store_cells_fn *fn, void *arg)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	struct dp_store_cell cells[DP_STORE_CELLS_MAX];
	sqlite3_stmt *st = NULL;
	bool is_kept;
	int rc = prepare(s, q, &st, &is_kept);
	bool wanted = true;

	s->end_ms = dp_clock_monotonic_ms() + SQLITE_ANSWER_MS;
	s->is_stopping = false;
	if (rc == SQLITE_OK)
		bind_values(st, q);
	while (rc == SQLITE_OK && wanted && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		dp_sqlite_read_row(st, cells);
		wanted = fn(arg, cells) == 0;
		rc = SQLITE_OK;
	}
	s->end_ms = INT64_MAX;
	if (is_kept)
		sqlite3_reset(st);
	else
		sqlite3_finalize(st);
	return rc == SQLITE_OK || rc == SQLITE_DONE ? 0 : dp_sqlite_fail(s);
}

/* A member's path, as $."a"."b". */
static void add_path(struct dp_buf *sql, size_t first, size_t depth)
{
	dp_buf_add_text(sql, "('$");
	for (size_t i = 0; i < depth; i++)
		dp_buf_addf(sql, ".\"' || $%zu || '\"", first + i);
	dp_buf_add_text(sql, "')");
}

/* Of a string its characters, else the JSON as it stands: ->> would change numbers. */
static void add_member_text(struct dp_buf *sql, size_t first, size_t depth)
{
	dp_buf_add_text(sql, "CASE json_type(body, ");
	add_path(sql, first, depth);
	dp_buf_add_text(sql, ") WHEN 'text' THEN body ->> ");
	add_path(sql, first, depth);
	dp_buf_add_text(sql, " ELSE body -> ");
	add_path(sql, first, depth);
	dp_buf_add_text(sql, " END");
}

static void add_member_number(struct dp_buf *sql, size_t first, size_t depth)
{
	dp_buf_add_text(sql, "CASE WHEN json_type(body, ");
	add_path(sql, first, depth);
	dp_buf_add_text(sql, ") IN ('integer', 'real') THEN devpulse_double(body -> ");
	add_path(sql, first, depth);
	dp_buf_add_text(sql, ") END");
}

/* No index serves "+ts". */
static void add_span(struct dp_query *q, int64_t since_us, int64_t until_us)
{
	dp_buf_add_text(&q->sql, " AND +ts >= ");
	dp_query_add_time(q, since_us);
	dp_buf_add_text(&q->sql, " AND +ts < ");
	dp_query_add_time(q, until_us);
}

/* By its number, which the key of events begins with. */
static void add_trace(struct dp_query *q, const char *trace_id)
{
	dp_buf_add_text(&q->sql, "trace_n = (SELECT trace_n FROM traces WHERE trace_id = ");
	dp_query_add_text(q, trace_id);
	dp_buf_add_char(&q->sql, ')');
}

const struct dp_store_dialect dp_sqlite_dialect = {
    .find = "instr(lower(",
    .in_text = "), ",
    .add_text = add_member_text,
    .add_number = add_member_number,
    .add_span = add_span,
    .add_trace = add_trace,
    .by_time = "+ts",
    .of_traces = "trace_n IN (SELECT trace_n FROM traces WHERE trace_id IN (",
    .of_traces_end = "))",
    .trace_key = "trace_n",
    .elements = "SELECT value FROM json_each(",
    .elements_end = ")",
    .epoch = "",
    .us_of = "(",
    .us_end = ")",
};

/* The double nearest to a number's text. SQLite's own conversion leaves whole numbers what they
 * are, to be compared exactly, and looks at 19 digits. */
static void to_double(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	const char *text = (const char *)sqlite3_value_text(argv[0]);

	(void)argc;
	if (text)
		sqlite3_result_double(ctx, strtod(text, NULL));
}

int dp_sqlite_add_functions(sqlite3 *db)
{
	return sqlite3_create_function_v2(db, "devpulse_double", 1,
	    SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, to_double, NULL, NULL, NULL);
}
