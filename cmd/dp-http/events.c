#include "events.h"

#include "answer.h"
#include "clock.h"
#include "page.h"
#include "trace_doc.h"
#include "uuid.h"

#include <inttypes.h>
#include <string.h>

enum {
	LIST_MAX = 1000,
	LIST_DEFAULT = 20,
	LIST_BYTES_MAX = 8 * 1024 * 1024, /* and one event more */
	FIND_MS =
	    PAGE_MS / 3, /* to find the newest: then they are read, which takes as long again */
};

static const struct dp_filter everything;

/* An answer while it is read. */
struct list {
	struct dp_buf text;
	struct wish_span span;
	size_t count;
	int64_t last; /* the number of the event written last */
	bool is_cut;  /* there are more */
	bool is_late; /* the time was over at: */
	int64_t reached;
};

static int on_row(void *arg, const struct dp_store_row *row)
{
	struct list *l = arg;
	char cursor[CURSOR_EVENT_MAX];

	l->is_cut = l->text.len > LIST_BYTES_MAX;
	if (l->is_cut || row->seq > l->span.until)
		return 1;
	cursor_write_event(cursor, l->span.store_id, row->seq);
	dp_buf_add_text(&l->text, l->count++ > 0 ? "," : "");
	dp_buf_add(&l->text, row->json.p, row->json.n - 1); /* without its '}' */
	dp_buf_addf(&l->text, ",\"_cursor\":\"%s\"}", cursor);
	l->last = row->seq;
	return 0;
}

/* Where to go on. What was passed over up to the head, or as far as there was time, does not match
 * and need not be looked at again. */
static int64_t next_of(const struct list *l, size_t limit)
{
	if (l->is_late)
		return l->reached;
	if (l->count < limit && !l->is_cut)
		return l->span.until;
	return l->count > 0 ? l->last : l->span.after;
}

static enum MHD_Result answer_list(struct request *r, const struct list *l, size_t limit)
{
	char cursor[CURSOR_EVENT_MAX];
	struct dp_buf body = {0};

	cursor_write_event(cursor, l->span.store_id, next_of(l, limit));
	dp_buf_add_text(&body, "{\"items\":[");
	dp_buf_add_str(&body, dp_buf_str(&l->text));
	dp_buf_addf(&body, "],\"next\":\"%s\",\"partial\":%s}\n", cursor,
	    l->is_late || l->span.is_partial ? "true" : "false");
	return answer_json(r, &body);
}

static int read_list(struct dp_store *s, const struct wish *w, int64_t end_ms, struct list *l)
{
	const int rc = dp_store_after_in_time(
	    s, &w->filter, l->span.after, w->newest, end_ms, on_row, l, &l->reached);

	l->is_late = rc > 0 && l->reached < l->span.until;
	return rc < 0 ? -1 : 0;
}

static enum MHD_Result answer_bad_parameter(
    struct request *r, const char *parameter, const char *why)
{
	struct dp_buf errors = {0};
	enum MHD_Result result;

	answer_add_error(&errors, parameter, why);
	result = answer_bad_parameters(r, dp_buf_str(&errors));
	dp_buf_release(&errors);
	return result;
}

int events_answer_list(
    struct request *r, struct dp_store *s, const struct wish *w, enum MHD_Result *result)
{
	struct wish wish = *w;
	enum problem problem = PROBLEM_CURSOR_GONE;
	const int64_t begin_ms = dp_clock_monotonic_ms();
	struct list l = {.count = 0};
	int rc = 0;

	if (!wish.has_newest)
		wish.newest = LIST_DEFAULT;
	if (wish.follow) {
		*result = answer_bad_parameter(r, "follow",
		    "a document ends: Accept application/x-ndjson or text/event-stream");
	} else if (wish.all || wish.newest > LIST_MAX) {
		*result = answer_bad_parameter(
		    r, "n", "a document has 1000 events at most; Accept application/x-ndjson");
	} else if ((rc = wish_find(&wish, s, begin_ms + FIND_MS, &l.span, &problem)) > 0) {
		*result = wish_answer_problem(r, problem);
	} else if (rc == 0) {
		if (wish.newest > 0)
			rc = read_list(s, &wish, begin_ms + PAGE_MS, &l);
		if (rc == 0)
			*result = answer_list(r, &l, wish.newest);
	}
	dp_buf_release(&l.text);
	return rc < 0 ? -1 : 0;
}

/* One event that is looked for. */
struct search {
	const char *store_id;
	int64_t seq;          /* or 0 */
	const char *trace_id; /* or NULL: any */
	struct dp_buf found;
};

static int on_candidate(void *arg, const struct dp_store_row *row)
{
	struct search *x = arg;
	char cursor[CURSOR_EVENT_MAX];

	if ((x->seq > 0 && row->seq != x->seq) ||
	    (x->trace_id && !dp_str_is(row->trace_id, x->trace_id)))
		return 1;
	cursor_write_event(cursor, x->store_id, row->seq);
	trace_doc_write_event(&x->found, row);
	x->found.len--; /* its '}' */
	dp_buf_addf(&x->found, ",\"cursor\":\"%s\"}\n", cursor);
	return 1;
}

static enum MHD_Result answer_found(struct request *r, struct search *x)
{
	if (x->found.len > 0)
		return answer_json(r, &x->found);
	return answer_problem(r, PROBLEM_NOT_FOUND, "there is no such event");
}

/* By its cursor: that of the number before is where to go on. */
static int find_number(struct dp_store *s, struct search *x)
{
	return x->seq > 0 ? dp_store_after(s, &everything, x->seq - 1, 1, on_candidate, x) : 0;
}

int events_answer_one(struct request *r, struct dp_store *s, enum MHD_Result *result)
{
	struct search x = {.trace_id = query_get(&r->query, "trace")};
	char event_id[DP_UUID_TEXT + 1];
	enum cursor_fault fault;
	int rc = 0;

	if (dp_store_connect(s) < 0)
		return -1;
	x.store_id = dp_store_id(s);
	fault = cursor_parse_event(r->id, x.store_id, &x.seq);
	if (fault == CURSOR_FOREIGN) {
		*result = wish_answer_problem(r, PROBLEM_CURSOR_GONE);
		return 0;
	}
	if (fault == CURSOR_OK) {
		rc = find_number(s, &x);
	} else if (dp_uuid_parse(dp_str_from(r->id), event_id) == 0) {
		if (!x.trace_id) {
			*result = answer_bad_parameter(
			    r, "trace", "beside an event's id its trace is wanted");
			return 0;
		}
		rc = dp_store_event(s, x.trace_id, event_id, on_candidate, &x);
	}
	if (rc == 0)
		*result = answer_found(r, &x);
	dp_buf_release(&x.found);
	return rc;
}
