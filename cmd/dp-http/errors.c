#include "errors.h"

#include "answer.h"
#include "clock.h"
#include "json.h"
#include "page.h"
#include "terms.h"
#include "trace_doc.h"

#include <inttypes.h>
#include <string.h>

enum { BUCKETS_MAX = 100 };

static const int64_t day_us = INT64_C(86400000000);

/* How often an error came of late, in buckets. */
struct recent {
	size_t n; /* 0: it is not asked for */
	int64_t since_us;
	int64_t bucket_ms;
};

static void read_recent(struct recent *out, const struct query *q, struct dp_buf *errors)
{
	const char *buckets = query_get(q, "buckets");
	const char *since = query_get(q, "since");
	const int64_t now_us = dp_clock_now_us();
	int64_t span_ms;

	*out = (struct recent){.since_us = now_us - day_us};
	if (buckets && !page_parse_number(buckets, 1, BUCKETS_MAX, &out->n))
		answer_add_error(errors, "buckets", "a number from 1 to 100 is wanted");
	if (since)
		dp_filter_read_time(dp_str_from(since), now_us, &out->since_us);
	if (out->n == 0)
		return;
	span_ms = now_us > out->since_us ? (now_us - out->since_us + 999) / 1000 : 1;
	out->bucket_ms = (span_ms + (int64_t)out->n - 1) / (int64_t)out->n;
}

static int write_recent(
    struct dp_buf *out, struct dp_store *s, const char *fingerprint, const struct recent *r)
{
	int64_t counts[BUCKETS_MAX] = {0};
	struct dp_store_counts c = {
	    .since_us = r->since_us, .part_us = r->bucket_ms * 1000, .n = r->n, .counts = counts};

	if (dp_store_group_counts(s, fingerprint, &c) < 0)
		return -1;
	dp_buf_add_text(out, ",\"recent\":{\"since\":");
	trace_doc_write_time(out, r->since_us);
	dp_buf_addf(out, ",\"bucket_ms\":%" PRId64 ",\"counts\":[", r->bucket_ms);
	for (size_t i = 0; i < r->n; i++)
		dp_buf_addf(out, "%s%" PRId64, i > 0 ? "," : "", counts[i]);
	dp_buf_addf(out, "],\"partial\":%s}", c.is_partial ? "true" : "false");
	return 0;
}

static void write_json(struct dp_buf *out, const char *before, struct dp_str json)
{
	dp_buf_add_text(out, before);
	dp_buf_add_str(out, json);
}

static void write_group(struct dp_buf *out, const struct dp_store_group_row *row)
{
	dp_json_write_member(out, "{\"fingerprint\":", row->fingerprint);
	dp_json_write_member(out, ",\"type\":", row->type);
	dp_json_write_member(out, ",\"place\":", row->place);
	dp_json_write_member(out, ",\"message\":", row->message);
	dp_json_write_member(out, ",\"title\":", row->title);
	write_json(out, ",\"systems\":", row->systems);
	write_json(out, ",\"environments\":", row->environments);
	dp_buf_add_text(out, ",\"first_seen\":");
	trace_doc_write_time(out, row->first_us);
	dp_buf_add_text(out, ",\"last_seen\":");
	trace_doc_write_time(out, row->last_us);
	dp_buf_addf(out, ",\"count\":%" PRId64, row->events);
	write_json(out, ",\"traces\":", row->traces);
	dp_buf_add_char(out, '}');
}

static int on_group(void *arg, const struct dp_store_group_row *row)
{
	struct page *p = arg;
	struct dp_buf *out = page_next(p);

	if (!out)
		return 1;
	write_group(out, row);
	page_add(p, row->at);
	return 0;
}

/* Adds the recent counts to the groups of a page. */
static int add_recent(struct page *p, struct dp_store *s, const struct recent *recent)
{
	struct dp_buf text = {0};
	int rc = 0;

	for (size_t i = 0; i < p->count && rc == 0; i++) {
		struct page_item *it = &p->items[i];
		const size_t at = text.len;

		dp_buf_add(&text, p->text.data + it->at, it->n - 1); /* without its '}' */
		rc = write_recent(&text, s, it->place.id, recent);
		dp_buf_add_char(&text, '}');
		it->at = at;
		it->n = text.len - at;
	}
	dp_buf_release(&p->text);
	p->text = text;
	return rc;
}

static int answer_groups(struct request *r, struct dp_store *s, struct page *p,
    const struct recent *recent, enum MHD_Result *result)
{
	struct dp_store_place reached;
	const int rc = dp_store_groups(s, &p->list, on_group, p, &reached);

	if (rc < 0 || (recent->n > 0 && add_recent(p, s, recent) < 0))
		return -1;
	*result = page_answer(r, p, rc == 1 ? &reached : NULL);
	return 0;
}

int errors_answer(struct request *r, struct dp_store *s, enum MHD_Result *result)
{
	struct dp_filter filter = {0};
	struct dp_buf errors = {0};
	struct recent recent;
	struct page p;
	int rc = 0;

	page_init(&p, &r->query, 'g', NULL, &errors);
	p.list.filter = &filter;
	terms_read(&filter, &r->query, &errors);
	read_recent(&recent, &r->query, &errors);
	if (errors.len > 0)
		*result = answer_bad_parameters(r, dp_buf_str(&errors));
	else
		rc = answer_groups(r, s, &p, &recent, result);
	page_release(&p);
	dp_buf_release(&errors);
	dp_filter_release(&filter);
	return rc;
}

static int on_one(void *arg, const struct dp_store_group_row *row)
{
	write_group(arg, row);
	return 0;
}

static enum MHD_Result answer_no_group(struct request *r)
{
	return answer_problem(r, PROBLEM_NOT_FOUND, "there is no such group of errors");
}

static int answer_group(
    struct request *r, struct dp_store *s, const struct recent *recent, enum MHD_Result *result)
{
	struct dp_buf body = {0};
	int rc = dp_store_group(s, r->id, on_one, &body);
	const bool is_there = body.len > 0;

	if (rc == 0 && is_there && recent->n > 0) {
		body.len--; /* its '}' */
		rc = write_recent(&body, s, r->id, recent);
		dp_buf_add_char(&body, '}');
	}
	if (rc == 0 && is_there) {
		dp_buf_add_char(&body, '\n');
		*result = answer_json(r, &body);
	} else if (rc == 0) {
		*result = answer_no_group(r);
	}
	dp_buf_release(&body);
	return rc;
}

int errors_answer_group(struct request *r, struct dp_store *s, enum MHD_Result *result)
{
	struct dp_filter times = {0};
	struct dp_buf errors = {0};
	struct recent recent;
	int rc = 0;

	terms_read(&times, &r->query, &errors);
	read_recent(&recent, &r->query, &errors);
	if (errors.len > 0)
		*result = answer_bad_parameters(r, dp_buf_str(&errors));
	else
		rc = answer_group(r, s, &recent, result);
	dp_buf_release(&errors);
	dp_filter_release(&times);
	return rc;
}

static int on_event(void *arg, const struct dp_store_row *row)
{
	const struct dp_store_place place = {.rank = row->seq, .us = row->ts_us};
	struct page *p = arg;
	struct dp_buf *out = page_next(p);

	if (!out)
		return 1;
	trace_doc_write_event(out, row);
	page_add(p, &place);
	return 0;
}

static int ignore_group(void *arg, const struct dp_store_group_row *row)
{
	(void)row;
	*(bool *)arg = true;
	return 0;
}

static int answer_events(
    struct request *r, struct dp_store *s, struct page *p, enum MHD_Result *result)
{
	bool is_there = false;

	if (dp_store_group(s, r->id, ignore_group, &is_there) < 0)
		return -1;
	if (!is_there) {
		*result = answer_no_group(r);
		return 0;
	}
	if (dp_store_group_events(s, r->id, &p->list, on_event, p) < 0)
		return -1;
	*result = page_answer(r, p, NULL);
	return 0;
}

int errors_answer_events(struct request *r, struct dp_store *s, enum MHD_Result *result)
{
	struct dp_buf errors = {0};
	struct page p;
	int rc = 0;

	page_init(&p, &r->query, 'v', r->id, &errors);
	if (errors.len > 0)
		*result = answer_bad_parameters(r, dp_buf_str(&errors));
	else
		rc = answer_events(r, s, &p, result);
	page_release(&p);
	dp_buf_release(&errors);
	return rc;
}
