#include "trace_doc.h"

#include "answer.h"
#include "clock.h"
#include "json.h"
#include "mem.h"
#include "trace.h"

#include <inttypes.h>
#include <stdlib.h>

enum { EVENTS_MAX = 100000, BYTES_MAX = 64 * 1024 * 1024 };

/* An event of the document: where its text and system lie. */
struct entry {
	size_t at;
	size_t n;
	size_t system_at;
	size_t system_n;
	int64_t ts_us;
	enum dp_severity severity;
};

struct doc {
	struct dp_buf text;    /* the events' objects */
	struct dp_buf systems; /* their systems */
	struct entry *entries;
	size_t count;
	size_t cap;
	bool too_large;
};

void trace_doc_write_ms(struct dp_buf *out, int64_t us)
{
	int fraction = (int)(us % 1000);

	dp_buf_addf(out, "%" PRId64, us / 1000);
	if (fraction == 0)
		return;
	dp_buf_addf(out, ".%03d", fraction);
	while (out->data[out->len - 1] == '0')
		out->len--;
}

void trace_doc_write_time(struct dp_buf *out, int64_t us)
{
	char text[DP_CLOCK_MAX];
	int digits = us % 1000000 == 0 ? 0 : us % 1000 == 0 ? 3 : 6;

	dp_clock_write((struct dp_time){us, 0, digits}, text);
	dp_buf_addf(out, "\"%s\"", text);
}

/* Appends the event in the shape of the API. Its own text is copied, so that its numbers and its
 * time keep their digits. */
static void write_event(struct dp_buf *out, const struct dp_store_row *row)
{
	struct dp_json event = dp_json_value(row->json);
	struct dp_json timestamp = dp_json_member(&event, "timestamp");

	dp_buf_addf(out, "{\"id\":%" PRId64 ",\"trace_id\":", dp_event_number(row->event_id));
	dp_json_write_string(out, row->trace_id);
	dp_buf_add_text(out, ",\"system\":");
	dp_json_write_string(out, row->system);
	dp_buf_add_text(out, ",\"event_type\":");
	dp_json_write_string(out, row->type);
	dp_buf_add_text(out, ",\"timestamp\":");
	dp_buf_add_str(out, timestamp.text);
	dp_buf_add_text(out, ",\"data\":");
	dp_event_write_data(out, row->json);
	dp_buf_addf(out, ",\"event_id\":\"%s\",\"severity\":\"%s\"}", row->event_id,
	    dp_severity_name(row->severity));
}

static int on_row(void *arg, const struct dp_store_row *row)
{
	struct doc *d = arg;
	struct entry *e;

	d->too_large = d->count == EVENTS_MAX || d->text.len > BYTES_MAX;
	if (d->too_large)
		return 1;
	if (d->count == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 64;
		d->entries = dp_mem_resize_array(d->entries, d->cap, sizeof *d->entries);
	}
	e = &d->entries[d->count++];
	*e = (struct entry){
	    d->text.len, 0, d->systems.len, row->system.n, row->ts_us, row->severity};
	dp_buf_add_str(&d->systems, row->system);
	write_event(&d->text, row);
	e->n = d->text.len - e->at;
	return 0;
}

static void release(struct doc *d)
{
	dp_buf_release(&d->text);
	dp_buf_release(&d->systems);
	free(d->entries);
}

static void add_event(struct dp_buf *out, const struct doc *d, size_t index, bool first)
{
	if (!first)
		dp_buf_add_char(out, ',');
	dp_buf_add(out, d->text.data + d->entries[index].at, d->entries[index].n);
}

static void write_document(struct dp_buf *out, const char *id, const struct doc *d)
{
	dp_buf_add_text(out, "{\"trace_id\":");
	dp_json_write_string(out, dp_str_from(id));
	dp_buf_add_text(out, ",\"events\":[");
	for (size_t i = 0; i < d->count; i++)
		add_event(out, d, i, i == 0);
	dp_buf_add_text(out, "]}\n");
}

static void write_stage(struct dp_buf *out, const struct doc *d, const struct dp_stage *s)
{
	dp_buf_add_text(out, "{\"system\":");
	dp_json_write_string(out, s->system);
	dp_buf_add_text(out, ",\"start_time\":");
	trace_doc_write_time(out, s->first_us);
	dp_buf_add_text(out, ",\"end_time\":");
	trace_doc_write_time(out, s->last_us);
	dp_buf_add_text(out, ",\"duration_ms\":");
	trace_doc_write_ms(out, s->last_us - s->first_us);
	dp_buf_addf(out, ",\"status\":\"%s\",\"event_count\":%zu,\"events\":[", dp_stage_status(s),
	    s->count);
	for (size_t i = 0; i < s->count; i++)
		add_event(out, d, s->events[i], i == 0);
	dp_buf_add_text(out, "]}");
}

static void write_stages(
    struct dp_buf *out, const char *id, const struct doc *d, const struct dp_timeline *t)
{
	dp_buf_add_text(out, "{\"trace_id\":");
	dp_json_write_string(out, dp_str_from(id));
	dp_buf_add_text(out, ",\"stages\":[");
	for (size_t i = 0; i < t->count; i++) {
		if (i > 0)
			dp_buf_add_char(out, ',');
		write_stage(out, d, &t->stages[i]);
	}
	dp_buf_addf(out,
	    "],\"total_stages\":%zu,\"has_errors\":%s,\"total_duration_ms\":", t->count,
	    t->has_errors ? "true" : "false");
	trace_doc_write_ms(out, t->last_us - t->first_us);
	dp_buf_add_text(out, "}\n");
}

static void write_timeline(struct dp_buf *out, const char *id, const struct doc *d)
{
	struct dp_trace_event *events = dp_mem_resize_array(NULL, d->count, sizeof *events);
	struct dp_timeline t;

	for (size_t i = 0; i < d->count; i++) {
		const struct entry *e = &d->entries[i];

		events[i] = (struct dp_trace_event){
		    {d->systems.data + e->system_at, e->system_n}, e->ts_us, e->severity};
	}
	dp_timeline_init(&t, events, d->count);
	write_stages(out, id, d, &t);
	dp_timeline_release(&t);
	free(events);
}

typedef void write_fn(struct dp_buf *out, const char *id, const struct doc *d);

static int answer(struct request *r, struct dp_store *s, write_fn *write, enum MHD_Result *result)
{
	struct doc d = {0};
	struct dp_buf body = {0};
	int rc = dp_store_trace(s, r->trace_id, on_row, &d);

	if (rc == 0 && d.too_large) {
		*result = answer_problem(r, PROBLEM_TRACE_TOO_LARGE,
		    "a document holds at most 100000 events and 64 MiB; "
		    "/api/events?trace=… streams any trace");
	} else if (rc == 0 && d.count == 0) {
		*result = answer_problem(r, PROBLEM_NOT_FOUND, "there is no such trace");
	} else if (rc == 0) {
		write(&body, r->trace_id, &d);
		*result = answer_json(r, &body);
	}
	release(&d);
	return rc;
}

int trace_doc_answer(struct request *r, struct dp_store *s, enum MHD_Result *result)
{
	return answer(r, s, write_document, result);
}

int trace_doc_answer_timeline(struct request *r, struct dp_store *s, enum MHD_Result *result)
{
	return answer(r, s, write_timeline, result);
}
