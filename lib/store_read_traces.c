/* The list of traces. */
#include "store_read_list.h"

/* What a row of `traces` knows of all its events. */
enum { OF_TRACE = 1U << DP_FILTER_TRACE, OF_COUNTS = 1U << DP_FILTER_SEVERITY };

static const struct dp_list_order by_time = {.us = "last_ts", .id = "trace_id", .only = ""};
static const struct dp_list_order by_duration = {
    .rank = "(last_ts - first_ts)", .rank_is_span = true, .id = "trace_id", .only = ""};
static const struct dp_list_order by_errors = {
    .rank = "errors", .us = "last_ts", .id = "trace_id", .only = " AND errors > 0"};

/* Of a list by errors the rest, which has none, is in the order of time. */
static bool is_rest(const struct dp_list_reading *r)
{
	return r->list->order == DP_STORE_BY_ERRORS && !r->order->rank;
}

static void add_trace_range(struct dp_query *q, const struct dp_list_reading *r)
{
	const struct dp_filter *f = r->filter;

	if (dp_filter_names_traces(f))
		dp_query_add_terms(q, r->s->backend->dialect, f, OF_TRACE);
	if (!r->order->rank)
		dp_list_add_since(q, f);
}

static void add_counts(struct dp_query *q, unsigned severities)
{
	static const char *const counts[] = {
	    [DP_DEBUG] = "debugs",
	    [DP_INFO] = "events - errors - warnings - debugs",
	    [DP_WARNING] = "warnings",
	    [DP_ERROR] = "errors",
	};

	if (severities == (1U << (DP_ERROR + 1)) - 1)
		return;
	dp_buf_add_text(&q->sql, " AND (FALSE");
	for (int i = 0; i <= DP_ERROR; i++)
		if (severities >> i & 1)
			dp_buf_addf(&q->sql, " OR %s > 0", counts[i]);
	dp_buf_add_char(&q->sql, ')');
}

static void add_trace_wishes(struct dp_query *q, struct dp_list_reading *r)
{
	static const char *const statuses[] = {
	    [DP_STORE_ANY_STATUS] = "",
	    [DP_STORE_SUCCESS] = " AND errors = 0 AND warnings = 0",
	    [DP_STORE_WARNING] = " AND errors = 0 AND warnings > 0",
	    [DP_STORE_ERROR] = " AND errors > 0",
	};
	const struct dp_filter *f = r->filter;

	if (is_rest(r))
		dp_buf_add_text(&q->sql, " AND errors = 0");
	dp_buf_add_text(&q->sql, statuses[r->list->status]);
	if (r->list->title) {
		dp_buf_add_text(&q->sql, " AND title = ");
		dp_query_add_text(q, r->list->title);
	}
	if (!dp_filter_names_traces(f))
		dp_query_add_terms(q, r->s->backend->dialect, f, OF_TRACE);
	add_counts(q, dp_list_severities(f));
	if (r->order->rank)
		dp_list_add_since(q, f);
	dp_list_add_until(q, f);
	dp_list_add_systems(q, f, DP_ROLLUP_TRACE_SYSTEMS);
	if (dp_list_looks_beyond(f, OF_TRACE | OF_COUNTS))
		dp_list_add_events(q, r, r->s->backend->dialect->trace_key);
}

static void note_trace(struct dp_list_reading *r, const struct dp_store_cell *c)
{
	r->at.us = c[2].number;
	r->at.rank = r->order == &by_duration ? c[2].number - c[1].number
		     : r->order == &by_errors ? c[4].number
					      : 0;
	dp_str_copy(c[0].text, r->at.id, sizeof r->at.id);
}

static int give_trace(const struct dp_list_reading *r, const struct dp_store_cell *c)
{
	const struct dp_store_trace_row row = {
	    .trace_id = c[0].text,
	    .first_us = c[1].number,
	    .last_us = c[2].number,
	    .events = c[3].number,
	    .errors = c[4].number,
	    .warnings = c[5].number,
	    .title = c[6].text,
	    .systems = c[7].text,
	    .environment = c[8].text,
	    .last_error = c[9].text,
	    .at = &r->at,
	};

	return r->fn.trace(r->arg, &row);
}

static const struct dp_list_kind traces = {
    .columns = "SELECT trace_id, first_ts, last_ts, events, errors, warnings, title, systems, "
	       "environment, last_error",
    .wanted_at = 10,
    .table = " FROM traces AS list",
    .add_range = add_trace_range,
    .add_wishes = add_trace_wishes,
    .note_place = note_trace,
    .give = give_trace,
};

/* First those with errors, then the rest by time; backwards the other way round. */
static int read_by_errors(struct dp_list_reading *r)
{
	const bool is_back = r->list->is_backwards;
	const bool in_rest = r->list->from ? r->list->from->rank == 0 : is_back;
	int rc;

	r->order = in_rest ? &by_time : &by_errors;
	rc = dp_list_read(r);
	if (rc < 0 || r->is_ended || r->is_late || in_rest != is_back)
		return rc;
	r->order = in_rest ? &by_errors : &by_time;
	r->has_place = false;
	return dp_list_read(r);
}

int dp_store_traces(struct dp_store *s, const struct dp_store_list *l, dp_store_trace_fn *fn,
    void *arg, struct dp_store_place *reached)
{
	struct dp_list_reading r = {.kind = &traces, .fn.trace = fn, .arg = arg};
	int rc;

	dp_list_begin(&r, s, l);
	r.order = l->order == DP_STORE_BY_DURATION ? &by_duration : &by_time;
	rc = l->order == DP_STORE_BY_ERRORS ? read_by_errors(&r) : dp_list_read(&r);
	return dp_list_end(&r, rc, reached);
}
