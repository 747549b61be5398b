#include "export.h"

#include "body.h"
#include "mem.h"
#include "store_trace.h"

#include <stdlib.h>
#include <string.h>

enum { PART = 512, PART_BYTES = 256 * 1024 };

/* A file on its way. */
struct export
{
	char *trace_id;
	struct dp_store_extent extent;
	int64_t written;             /* events */
	char last[DP_UUID_TEXT + 1]; /* the id of the event written last, or "" */
	size_t part;                 /* events to ask for: as many as PART_BYTES have room for */
	size_t rows;                 /* that came */
	bool is_cut;
	struct dp_buf *out;
};

static int on_row(void *arg, const struct dp_store_row *row)
{
	struct export *x = arg;

	dp_buf_add_str(x->out, row->json);
	dp_buf_add_char(x->out, '\n');
	memcpy(x->last, row->event_id, sizeof x->last);
	x->rows++;
	x->written++;
	x->is_cut = x->out->len >= PART_BYTES;
	return x->is_cut;
}

/* In order of their ids, which the key has: so a part costs the same wherever it lies, and the file
 * is in order of time where the ids are (UUIDv7). */
static enum body_step next(void *arg, struct dp_store *s, struct dp_buf *out)
{
	struct export *x = arg;

	x->out = out;
	x->rows = 0;
	x->is_cut = false;
	if (dp_store_trace_part(s, x->trace_id, x->extent.seq, x->last, x->part, on_row, x) < 0)
		return BODY_FAILED;
	if (!x->is_cut && x->rows < x->part) /* retention may have been there */
		return x->written == x->extent.events ? BODY_END : BODY_GONE;
	x->part = x->is_cut ? x->rows : x->part < PART / 2 ? 2 * x->part : PART;
	return BODY_MORE;
}

static void release(void *arg)
{
	struct export *x = arg;

	free(x->trace_id);
	free(x);
}

static const struct body_maker maker = {next, release};

/* A name that is a file's everywhere. */
static void write_name(struct dp_buf *out, const char *id)
{
	for (const char *p = id; *p; p++) {
		const bool is_safe = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
				     (*p >= '0' && *p <= '9') || *p == '-' ||
				     (p > id && strchr("._", *p));

		if (is_safe)
			dp_buf_add_char(out, *p);
		else
			dp_buf_add_char(out, '_');
	}
	dp_buf_add_text(out, ".ndjson");
}

static int answer(struct request *r, struct dp_store *s, enum MHD_Result *result)
{
	struct dp_buf name = {0};
	struct answer_head head = {.type = "application/x-ndjson"};
	struct dp_store_extent extent;
	struct export *x;
	int rc;

	if (dp_store_trace_extent(s, r->trace_id, &extent) < 0)
		return -1;
	if (extent.events == 0) {
		*result = answer_problem(r, PROBLEM_NOT_FOUND, "there is no such trace");
		return 0;
	}
	write_name(&name, r->trace_id);
	head.file = dp_buf_text(&name);
	x = dp_mem_new(sizeof *x);
	x->part = PART;
	x->extent = extent;
	x->trace_id = dp_mem_copy(r->trace_id, strlen(r->trace_id));
	rc = body_answer(r, s, &head, &maker, x, result);
	dp_buf_release(&name);
	return rc;
}

int export_answer(struct request *r, struct dp_store *s, enum MHD_Result *result)
{
	return body_answer_by(answer, r, s, result);
}
