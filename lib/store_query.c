#include "store_query.h"

#include <assert.h>

static void add_value(struct dp_query *q, struct dp_query_value v)
{
	assert(q->count < sizeof q->values / sizeof *q->values);
	q->values[q->count++] = v;
	dp_buf_addf(&q->sql, "$%zu", q->count);
}

void dp_query_add_text(struct dp_query *q, const char *text)
{
	add_value(q, (struct dp_query_value){.type = DP_QUERY_TEXT, .text = text});
}

void dp_query_add_number(struct dp_query *q, int64_t number)
{
	add_value(q, (struct dp_query_value){.type = DP_QUERY_NUMBER, .number = number});
}

void dp_query_add_time(struct dp_query *q, int64_t us)
{
	add_value(q, (struct dp_query_value){.type = DP_QUERY_TIME, .number = us});
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
	dp_buf_release(&q->sql);
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
