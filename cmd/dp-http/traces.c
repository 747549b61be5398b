#include "traces.h"

#include "answer.h"
#include "json.h"
#include "page.h"
#include "terms.h"
#include "trace_doc.h"

#include <string.h>

static const char *const statuses[] = {
    [DP_STORE_SUCCESS] = "success", [DP_STORE_WARNING] = "warning", [DP_STORE_ERROR] = "error"};
static const char *const orders[] = {[DP_STORE_BY_TIME] = "time",
    [DP_STORE_BY_DURATION] = "duration",
    [DP_STORE_BY_ERRORS] = "errors"};

static void write_number(struct dp_buf *out, const char *before, int64_t n)
{
	dp_buf_add_text(out, before);
	dp_buf_add_number(out, n);
}

static void write_trace(struct dp_buf *out, const struct dp_store_trace_row *row)
{
	enum dp_store_status status = row->errors > 0     ? DP_STORE_ERROR
				      : row->warnings > 0 ? DP_STORE_WARNING
							  : DP_STORE_SUCCESS;

	dp_json_write_member(out, "{\"trace_id\":", row->trace_id);
	dp_json_write_member(out, ",\"title\":", row->title);
	dp_buf_add_text(out, ",\"systems\":");
	dp_buf_add_str(out, row->systems);
	dp_json_write_member(out, ",\"environment\":", row->environment);
	dp_buf_add_text(out, ",\"start_time\":");
	trace_doc_write_time(out, row->first_us);
	dp_buf_add_text(out, ",\"end_time\":");
	trace_doc_write_time(out, row->last_us);
	dp_buf_add_text(out, ",\"duration_ms\":");
	trace_doc_write_ms(out, row->last_us - row->first_us);
	write_number(out, ",\"event_count\":", row->events);
	write_number(out, ",\"error_count\":", row->errors);
	write_number(out, ",\"warning_count\":", row->warnings);
	dp_buf_add_text(out, ",\"status\":\"");
	dp_buf_add_text(out, statuses[status]);
	dp_json_write_member(out, "\",\"last_error\":", row->last_error);
	dp_buf_add_char(out, '}');
}

static int on_trace(void *arg, const struct dp_store_trace_row *row)
{
	struct page *p = arg;
	struct dp_buf *out = page_next(p);

	if (!out)
		return 1;
	write_trace(out, row);
	page_add(p, row->at);
	return 0;
}

/* The place of a parameter's value among the names, or `otherwise` where it is not given. */
static size_t choose(const struct query *q, const char *param, const char *const *names, size_t n,
    size_t otherwise, const char *wanted, struct dp_buf *errors)
{
	const char *value = query_get(q, param);

	if (!value)
		return otherwise;
	for (size_t i = 0; i < n; i++)
		if (names[i] && strcmp(value, names[i]) == 0)
			return i;
	answer_add_error(errors, param, wanted);
	return otherwise;
}

static void read_question(
    struct page *p, const struct query *q, struct dp_filter *f, struct dp_buf *errors)
{
	static const char letters[] = {
	    [DP_STORE_BY_TIME] = 't', [DP_STORE_BY_DURATION] = 'd', [DP_STORE_BY_ERRORS] = 'e'};
	const size_t order = choose(q, "sort", orders, sizeof orders / sizeof *orders,
	    DP_STORE_BY_TIME, "one of time, duration, errors is wanted", errors);

	page_init(p, q, letters[order], NULL, errors);
	p->list.order = (enum dp_store_order)order;
	p->list.status =
	    (enum dp_store_status)choose(q, "status", statuses, sizeof statuses / sizeof *statuses,
		DP_STORE_ANY_STATUS, "one of success, warning, error is wanted", errors);
	p->list.title = query_get(q, "title");
	p->list.filter = f;
	terms_read(f, q, errors);
}

int traces_answer(struct request *r, struct dp_store *s, enum MHD_Result *result)
{
	struct dp_filter filter = {0};
	struct dp_buf errors = {0};
	struct dp_store_place reached;
	struct page p;
	int rc = 0;

	read_question(&p, &r->query, &filter, &errors);
	if (errors.len > 0)
		*result = answer_bad_parameters(r, dp_buf_str(&errors));
	else if ((rc = dp_store_traces(s, &p.list, on_trace, &p, &reached)) >= 0)
		*result = page_answer(r, &p, rc == 1 ? &reached : NULL);
	page_release(&p);
	dp_buf_release(&errors);
	dp_filter_release(&filter);
	return rc < 0 ? -1 : 0;
}
