#include "trace_doc.h"

#include "body.h"
#include "clock.h"
#include "json.h"
#include "mem.h"
#include "opt.h"
#include "trace_walk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	BATCH_BYTES = 1024 * 1024, /* of events read at a time, and one more */
	BATCH = 256,
};

/* A document on its way, which is written from the beginning to the end. */
struct doc {
	struct trace_walk walk;
	bool by_stage;
	bool is_begun;

	int64_t stages; /* opened */
	int64_t first_us;
	int64_t last_us;
	bool has_errors;

	size_t batch;       /* events to be read at a time */
	struct dp_buf text; /* of those that were */
	struct {
		size_t at;
		size_t n; /* 0: not read */
	} places[BATCH];
	size_t batch_count; /* of places */
	size_t guess;       /* where the next one may belong */
	size_t found;
};

void trace_doc_write_ms(struct dp_buf *out, int64_t us)
{
	const int fraction = (int)(us % 1000);
	const char digits[] = {(char)('0' + fraction / 100), (char)('0' + fraction / 10 % 10),
	    (char)('0' + fraction % 10)};
	size_t n = sizeof digits;

	dp_buf_add_number(out, us / 1000);
	while (n > 0 && digits[n - 1] == '0')
		n--;
	if (n == 0)
		return;
	dp_buf_add_char(out, '.');
	dp_buf_add(out, digits, n);
}

void trace_doc_write_time(struct dp_buf *out, int64_t us)
{
	char text[DP_CLOCK_MAX];
	const int digits = us % 1000000 == 0 ? 0 : us % 1000 == 0 ? 3 : 6;
	const size_t n = dp_clock_write((struct dp_time){us, 0, digits}, text);

	dp_buf_add_char(out, '"');
	dp_buf_add(out, text, n);
	dp_buf_add_char(out, '"');
}

/* Appends the event in the shape of the API. Its own text is copied, so that its numbers and its
 * time keep their digits. */
void trace_doc_write_event(struct dp_buf *out, const struct dp_store_row *row)
{
	struct dp_json event = dp_json_value(row->json);
	struct dp_json timestamp = dp_json_member(&event, "timestamp");

	dp_buf_add_text(out, "{\"id\":");
	dp_buf_add_number(out, dp_event_number(row->event_id));
	dp_json_write_member(out, ",\"trace_id\":", row->trace_id);
	dp_json_write_member(out, ",\"system\":", row->system);
	dp_json_write_member(out, ",\"event_type\":", row->type);
	dp_buf_add_text(out, ",\"timestamp\":");
	dp_buf_add_str(out, timestamp.text);
	dp_buf_add_text(out, ",\"data\":");
	dp_event_write_data(out, row->json);
	dp_buf_add_text(out, ",\"event_id\":\"");
	dp_buf_add_text(out, row->event_id);
	dp_buf_add_text(out, "\",\"severity\":\"");
	dp_buf_add_text(out, dp_severity_name(row->severity));
	dp_buf_add_text(out, "\"}");
}

static const char *status_of(enum dp_severity worst)
{
	return worst == DP_ERROR ? "error" : worst == DP_WARNING ? "warning" : "success";
}

/* Writes how a stage begins. */
static void open_stage(struct doc *d, const struct walk_stage *stage, struct dp_buf *out)
{
	dp_json_write_member(
	    out, d->stages > 0 ? "]},{\"system\":" : "{\"system\":", stage->system);
	dp_buf_add_text(out, ",\"start_time\":");
	trace_doc_write_time(out, stage->first_us);
	dp_buf_add_text(out, ",\"end_time\":");
	trace_doc_write_time(out, stage->last_us);
	dp_buf_add_text(out, ",\"duration_ms\":");
	trace_doc_write_ms(out, stage->last_us - stage->first_us);
	dp_buf_addf(out, ",\"status\":\"%s\",\"event_count\":%" PRId64 ",\"events\":[",
	    status_of(stage->worst), stage->events);
	if (d->stages == 0)
		d->first_us = stage->first_us;
	if (d->stages++ == 0 || stage->last_us > d->last_us)
		d->last_us = stage->last_us;
	d->has_errors = d->has_errors || stage->worst == DP_ERROR;
}

/* The place of an event among those that are read. They come in an order of the database's, which
 * is mostly that of the keys. */
static size_t place_of(struct doc *d, const char *event_id)
{
	uint8_t id[16];

	dp_uuid_to_bytes(event_id, id);
	for (size_t i = 0; i < d->batch_count; i++) {
		size_t place = (d->guess + i) % d->batch_count;

		if (memcmp(d->walk.keys[d->walk.taken + place], id, sizeof id) == 0)
			return place;
	}
	return BATCH;
}

static int on_event(void *arg, const struct dp_store_row *row)
{
	struct doc *d = arg;
	size_t place = place_of(d, row->event_id);

	if (place == BATCH || d->places[place].n > 0)
		return 0;
	d->places[place].at = d->text.len;
	trace_doc_write_event(&d->text, row);
	d->places[place].n = d->text.len - d->places[place].at;
	d->guess = place + 1;
	d->found++;
	return d->text.len > BATCH_BYTES;
}

/* Reads the next d->batch events, if there are so many. */
static int read_batch(struct doc *d, struct dp_store *s)
{
	const size_t left = d->walk.key_count - d->walk.taken;
	char ids[BATCH][DP_UUID_TEXT + 1];

	d->batch_count = left < d->batch ? left : d->batch;
	d->guess = 0;
	d->found = 0;
	dp_buf_clear(&d->text);
	for (size_t i = 0; i < d->batch_count; i++) {
		dp_uuid_from_bytes(d->walk.keys[d->walk.taken + i], ids[i]);
		d->places[i].n = 0;
	}
	return dp_store_trace_events(s, d->walk.trace_id, ids, d->batch_count, on_event, d);
}

/* Reads the next events: as many as there is room for, which only shows by reading. */
static enum body_step read_events(struct doc *d, struct dp_store *s)
{
	do {
		if (read_batch(d, s) < 0)
			return BODY_FAILED;
		if (d->found == d->batch_count)
			break;
		if (d->text.len <= BATCH_BYTES)
			return BODY_GONE;
		d->batch = (d->found + 1) / 2;
	} while (true);
	if (d->text.len < BATCH_BYTES / 4 && d->batch < BATCH)
		d->batch = 2 * d->batch < BATCH ? 2 * d->batch : BATCH;
	return BODY_MORE;
}

static void write_events(struct doc *d, struct dp_buf *out)
{
	for (size_t i = 0; i < d->batch_count; i++) {
		const struct walk_stage *opened = trace_walk_take(&d->walk);

		if (opened && d->by_stage)
			open_stage(d, opened, out);
		else if (d->walk.all_taken > 1)
			dp_buf_add_char(out, ',');
		dp_buf_add(out, d->text.data + d->places[i].at, d->places[i].n);
	}
}

static void write_beginning(struct dp_buf *out, const char *trace_id, bool by_stage)
{
	dp_json_write_member(out, "{\"trace_id\":", dp_str_from(trace_id));
	dp_buf_add_text(out, by_stage ? ",\"stages\":[" : ",\"events\":[");
}

static void write_end(const struct doc *d, struct dp_buf *out)
{
	if (!d->by_stage) {
		dp_buf_add_text(out, "]}\n");
		return;
	}
	dp_buf_addf(out,
	    "]}],\"total_stages\":%" PRId64 ",\"has_errors\":%s,\"total_duration_ms\":", d->stages,
	    d->has_errors ? "true" : "false");
	trace_doc_write_ms(out, d->last_us - d->first_us);
	dp_buf_add_text(out, "}\n");
}

static enum body_step next(void *arg, struct dp_store *s, struct dp_buf *out)
{
	struct doc *d = arg;
	enum body_step step = trace_walk_read(&d->walk, s);

	if (!d->is_begun)
		write_beginning(out, d->walk.trace_id, d->by_stage);
	d->is_begun = true;
	if (step == BODY_MORE)
		step = read_events(d, s);
	if (step == BODY_MORE)
		write_events(d, out);
	if (step == BODY_END)
		write_end(d, out);
	return step;
}

static void release(void *arg)
{
	struct doc *d = arg;

	trace_walk_release(&d->walk);
	dp_buf_release(&d->text);
	free(d);
}

static const struct body_maker maker = {next, release};

/* What decides a document's bytes: which events it has, and who writes it how. */
static void make_tag(struct etag *t, const struct dp_store *s, const struct dp_store_extent *e)
{
	struct dp_buf b = {0};

	dp_buf_addf(&b, "%s %" PRId64 " %" PRId64 " %s", dp_store_id(s), e->events, e->seq,
	    dp_opt_version());
	etag_make(t, dp_buf_str(&b));
	dp_buf_release(&b);
}

/* Takes the document, whose trace is there. */
static int answer_document(
    struct request *r, struct dp_store *s, struct doc *d, enum MHD_Result *result)
{
	struct etag etag;
	const struct answer_head head = {.type = "application/json", .etag = &etag};

	make_tag(&etag, s, &d->walk.extent);
	if (!answer_unchanged(r, &head, result))
		return body_answer(r, s, &head, &maker, d, result);
	release(d);
	return 0;
}

static int answer(struct request *r, struct dp_store *s, bool by_stage, enum MHD_Result *result)
{
	struct doc *d = dp_mem_new(sizeof *d);
	const int rc = trace_walk_begin(&d->walk, s, r->trace_id, by_stage);

	d->by_stage = by_stage;
	d->batch = BATCH;
	if (rc == 0 && d->walk.extent.events > 0)
		return answer_document(r, s, d, result);
	release(d);
	if (rc == 0)
		*result = answer_problem(r, PROBLEM_NOT_FOUND, "there is no such trace");
	return rc;
}

/* A document that is read at once, if there are so few events. */
struct small {
	struct dp_buf events;
	struct dp_store_extent extent;
	bool is_too_large;
};

static int on_small(void *arg, const struct dp_store_row *row)
{
	struct small *d = arg;

	d->is_too_large = d->extent.events == BATCH || d->events.len > BATCH_BYTES;
	if (d->is_too_large)
		return 1;
	if (d->extent.events++ > 0)
		dp_buf_add_char(&d->events, ',');
	trace_doc_write_event(&d->events, row);
	if (row->seq > d->extent.seq)
		d->extent.seq = row->seq;
	return 0;
}

static int answer_small(
    struct request *r, const struct dp_store *s, const struct small *d, enum MHD_Result *result)
{
	struct etag etag;
	const struct answer_head head = {.type = "application/json", .etag = &etag};
	struct dp_buf body = {0};

	make_tag(&etag, s, &d->extent);
	if (answer_unchanged(r, &head, result))
		return 0;
	write_beginning(&body, r->trace_id, false);
	dp_buf_add_str(&body, dp_buf_str(&d->events));
	dp_buf_add_text(&body, "]}\n");
	*result = answer_body(r, &head, &body);
	return 0;
}

static int answer_trace(struct request *r, struct dp_store *s, enum MHD_Result *result)
{
	return answer(r, s, false, result);
}

static int answer_timeline(struct request *r, struct dp_store *s, enum MHD_Result *result)
{
	return answer(r, s, true, result);
}

int trace_doc_answer(struct request *r, struct dp_store *s, enum MHD_Result *result)
{
	struct small d = {.extent = {0}};
	int rc = dp_store_trace(s, r->trace_id, BATCH, on_small, &d);

	if (rc == 0)
		rc = d.is_too_large || d.extent.events == 0
			 ? body_answer_by(answer_trace, r, s, result)
			 : answer_small(r, s, &d, result);
	dp_buf_release(&d.events);
	return rc;
}

int trace_doc_answer_timeline(struct request *r, struct dp_store *s, enum MHD_Result *result)
{
	return body_answer_by(answer_timeline, r, s, result);
}
