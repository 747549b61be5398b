#include "store_query.h"

#include "mem.h"
#include "text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void dp_query_bind(struct dp_query *q, struct dp_query_value v)
{
	assert(q->count < DP_QUERY_VALUES_MAX);
	if (q->count == q->cap) {
		q->cap = q->cap ? 2 * q->cap : 16;
		q->values = dp_mem_resize_array(q->values, q->cap, sizeof *q->values);
	}
	q->values[q->count++] = v;
}

void dp_query_bind_text(struct dp_query *q, const char *text)
{
	dp_query_bind(q, (struct dp_query_value){.type = DP_QUERY_TEXT, .text = text});
}

void dp_query_add(struct dp_query *q, struct dp_query_value v)
{
	dp_query_bind(q, v);
	dp_buf_add_char(&q->sql, '$');
	dp_buf_add_number(&q->sql, (int64_t)q->count);
}

void dp_query_release(struct dp_query *q)
{
	dp_buf_release(&q->sql);
	free(q->values);
	*q = (struct dp_query){.count = 0};
}

/* PostgreSQL refuses to compare with what is not UTF-8. No event has such a text, nor an empty one.
 */
void dp_query_add_text(struct dp_query *q, const char *text)
{
	if (!dp_text_is_valid(text, strlen(text)))
		text = "";
	dp_query_add(q, (struct dp_query_value){.type = DP_QUERY_TEXT, .text = text});
}

void dp_query_add_uuid(struct dp_query *q, const char *uuid)
{
	dp_query_add(q, (struct dp_query_value){.type = DP_QUERY_UUID, .text = uuid});
}

void dp_query_add_number(struct dp_query *q, int64_t number)
{
	dp_query_add(q, (struct dp_query_value){.type = DP_QUERY_NUMBER, .number = number});
}

void dp_query_add_time(struct dp_query *q, int64_t us)
{
	dp_query_add(q, (struct dp_query_value){.type = DP_QUERY_TIME, .number = us});
}

void dp_query_add_limit(struct dp_query *q, size_t limit)
{
	dp_buf_add_text(&q->sql, " LIMIT ");
	dp_query_add_number(q, limit < INT64_MAX ? (int64_t)limit : INT64_MAX);
}

static int ignore(void *arg, const struct dp_store_cell *c)
{
	(void)arg;
	(void)c;
	return 0;
}

int dp_query_run(struct dp_store *s, struct dp_query *q, dp_store_cells_fn *fn, void *arg)
{
	int rc;

	dp_buf_text(&q->sql);
	rc = s->backend->select(s, q, fn ? fn : ignore, arg);
	if (rc < 0)
		dp_store_blame_no_event(s);
	dp_query_release(q);
	return rc;
}

static int on_number(void *arg, const struct dp_store_cell *c)
{
	int64_t *number = arg;

	*number = c[0].number;
	return 0;
}

int dp_query_run_for_number(struct dp_store *s, struct dp_query *q, int64_t *number)
{
	int64_t found = 0;

	if (dp_query_run(s, q, on_number, &found) < 0)
		return -1;
	*number = found;
	return 0;
}

int dp_query_ask(struct dp_store *s, struct dp_query *q, dp_store_cells_fn *fn, void *arg)
{
	if (dp_store_connect(s) == 0)
		return dp_query_run(s, q, fn, arg);
	dp_query_release(q);
	return -1;
}

int dp_query_ask_for_number(struct dp_store *s, struct dp_query *q, int64_t *number)
{
	if (dp_store_connect(s) == 0)
		return dp_query_run_for_number(s, q, number);
	dp_query_release(q);
	return -1;
}
