#include "flow_doc.h"

#include "answer.h"
#include "clock.h"
#include "flow.h"
#include "range.h"
#include "systems.h"
#include "trace_doc.h"

#include <inttypes.h>
#include <string.h>

enum {
	TRACES_MAX = 1000,
	EVENTS_MAX = 200000, /* of which the traces are found */
	PART = 256,          /* events of a trace that are read at a time */
};

/* An answer on its way. */
struct doc {
	struct range range;
	struct dp_flow flow;
	struct dp_roster traces; /* that were found in the range */
	bool is_complete;        /* no trace is missing among them */
	bool is_over;            /* no more events are read */
	size_t part;             /* that were read of a trace */
	char last[DP_UUID_TEXT + 1];
	int64_t first_us; /* of the events read */
	int64_t last_us;
};

static int on_sample(void *arg, const struct dp_store_sample *x)
{
	struct doc *d = arg;
	size_t number;

	return dp_roster_take(&d->traces, x->trace_id, &number) < 0;
}

/* Half of the budget is for reading the traces that are found. */
static int find_traces(struct dp_store *s, struct doc *d)
{
	const struct dp_store_span span = {d->range.since_us, d->range.until_us, &d->range.filter,
	    false, EVENTS_MAX, d->range.end_ms - RANGE_BUDGET_MS / 2};
	struct dp_store_reach reach;

	if (dp_store_samples(s, &span, on_sample, d, &reach) < 0)
		return -1;
	d->is_complete = reach.is_complete;
	return 0;
}

static int on_row(void *arg, const struct dp_store_row *row)
{
	struct doc *d = arg;
	struct dp_flow_event ev = {
	    .system = row->system, .ts_us = row->ts_us, .severity = row->severity};

	dp_event_read_span(row->json, &ev.span);
	d->is_over = !dp_flow_add(&d->flow, &ev);
	if (d->is_over)
		return 1;
	d->first_us = d->flow.events == 1 || row->ts_us < d->first_us ? row->ts_us : d->first_us;
	d->last_us = d->flow.events == 1 || row->ts_us > d->last_us ? row->ts_us : d->last_us;
	d->is_over = dp_clock_monotonic_ms() >= d->range.end_ms;
	d->part++;
	memcpy(d->last, row->event_id, sizeof d->last);
	return d->is_over;
}

static int read_trace(struct dp_store *s, struct doc *d, struct dp_str id)
{
	char text[DP_EVENT_TRACE_ID_MAX + 1] = "";

	memcpy(text, id.p, id.n < sizeof text ? id.n : 0);
	d->last[0] = '\0';
	/* In the order of the key, and in parts: else the database may sort a trace of any length
	 * before the first event comes, and with it the end of the budget. */
	do {
		d->part = 0;
		if (dp_store_trace_part(s, text, INT64_MAX, d->last, PART, on_row, d) < 0)
			return -1;
	} while (d->part == PART && !d->is_over);
	dp_flow_end_trace(&d->flow);
	return 0;
}

static int read_traces(struct dp_store *s, struct doc *d)
{
	for (size_t i = 0; i < d->traces.n && !d->is_over; i++)
		if (read_trace(s, d, d->traces.names[i]) < 0)
			return -1;
	return 0;
}

static void write_name(struct dp_buf *out, const char *before, const struct doc *d, size_t node)
{
	dp_buf_add_text(out, before);
	systems_write_name(out, &d->flow.nodes, node);
}

static void write_node(struct dp_buf *out, const void *arg, size_t i)
{
	const struct doc *d = arg;
	const struct dp_census_row *row = &d->flow.nodes.rows[i];

	write_name(out, "{\"system\":", d, i);
	dp_buf_addf(out, ",\"events\":%" PRId64 ",\"errors\":%" PRId64 ",\"traces\":%" PRId64 "}",
	    row->events, row->errors, row->traces);
}

static void write_edge(struct dp_buf *out, const struct doc *d, const struct dp_flow_edge *e)
{
	write_name(out, "{\"from\":", d, e->from);
	write_name(out, ",\"to\":", d, e->to);
	dp_buf_addf(out, ",\"count\":%" PRId64 ",\"errors\":%" PRId64, e->count, e->errors);
	if (e->measured == 0)
		dp_buf_add_text(out, ",\"p50_ms\":null,\"p95_ms\":null}");
	else
		dp_buf_addf(out, ",\"p50_ms\":%.15g,\"p95_ms\":%.15g}", e->p50_ms, e->p95_ms);
}

static void write_document(struct dp_buf *out, const struct doc *d)
{
	bool is_folded;

	dp_buf_add_text(out, "{\"nodes\":[");
	is_folded = systems_write(out, &d->flow.nodes, write_node, d);
	dp_buf_add_text(out, "],\"edges\":[");
	for (size_t i = 0; i < d->flow.edge_count; i++) {
		dp_buf_add_text(out, i > 0 ? "," : "");
		write_edge(out, d, &d->flow.edges[i]);
	}
	dp_buf_addf(out,
	    "],\"traces\":%" PRId64 ",\"folded\":%s,\"complete\":%s,\"since\":", d->flow.traces,
	    is_folded ? "true" : "false", d->is_complete && !d->is_over ? "true" : "false");
	trace_doc_write_time(out, d->range.since_us);
	dp_buf_add_text(out, ",\"until\":");
	trace_doc_write_time(out, d->range.until_us);
	dp_buf_add_text(out, "}\n");
}

static enum MHD_Result answer_document(struct request *r, struct doc *d)
{
	struct dp_buf body = {0};

	dp_flow_finish(&d->flow);
	write_document(&body, d);
	return answer_json(r, &body);
}

static int answer_range(
    struct request *r, struct dp_store *s, struct doc *d, enum MHD_Result *result)
{
	if (find_traces(s, d) < 0 || read_traces(s, d) < 0)
		return -1;
	*result = answer_document(r, d);
	return 0;
}

static int answer_trace(
    struct request *r, struct dp_store *s, struct doc *d, const char *id, enum MHD_Result *result)
{
	d->is_complete = true;
	if (read_trace(s, d, dp_str_from(id)) < 0)
		return -1;
	d->range.since_us = d->first_us;
	d->range.until_us = d->last_us;
	*result = d->flow.traces > 0
		      ? answer_document(r, d)
		      : answer_problem(r, PROBLEM_NOT_FOUND, "there is no such trace");
	return 0;
}

/* A trace is asked for whole. */
static void check_trace(const struct query *q, const char *id, struct dp_buf *errors)
{
	if (!*id)
		answer_add_error(errors, "trace", "the id of a trace is wanted");
	if (q->count > 1)
		answer_add_error(errors, "trace", "with it nothing else can be asked for");
}

int flow_doc_answer(struct request *r, struct dp_store *s, enum MHD_Result *result)
{
	const char *id = query_get(&r->query, "trace");
	struct doc d = {.traces = {.max = TRACES_MAX}};
	struct dp_buf errors = {0};
	int rc = 0;

	dp_flow_init(&d.flow);
	range_read(&d.range, &r->query, &errors);
	if (id)
		check_trace(&r->query, id, &errors);
	if (errors.len > 0)
		*result = answer_bad_parameters(r, dp_buf_str(&errors));
	else if (id)
		rc = answer_trace(r, s, &d, id, result);
	else
		rc = answer_range(r, s, &d, result);
	dp_buf_release(&errors);
	dp_roster_release(&d.traces);
	dp_flow_release(&d.flow);
	range_release(&d.range);
	return rc;
}
