#include "terms.h"

#include "answer.h"
#include "clock.h"
#include "json.h"

#include <string.h>

static bool is_time(const char *name)
{
	return strcmp(name, "since") == 0 || strcmp(name, "until") == 0;
}

bool terms_know(const char *name)
{
	return dp_filter_knows(name) || strcmp(name, "filter") == 0 || is_time(name);
}

static void add_filter(struct dp_filter *f, const char *text, struct dp_buf *errors)
{
	struct dp_filter_error error;

	if (dp_filter_parse(f, dp_str_from(text), dp_clock_now_us(), &error) < 0)
		answer_add_error_at(errors, "filter", error.column, error.why);
}

/* since="15m": the value in quotes, so that it is one. */
static void add_time(struct dp_filter *f, const struct param *p, struct dp_buf *errors)
{
	struct dp_filter_error error;
	struct dp_buf term = {0};

	dp_buf_addf(&term, "%s=", p->name);
	dp_json_write_string(&term, dp_str_from(p->value));
	if (dp_filter_parse(f, dp_buf_str(&term), dp_clock_now_us(), &error) < 0)
		answer_add_error(errors, p->name, error.why);
	dp_buf_release(&term);
}

void terms_add(struct dp_filter *f, const struct param *p, struct dp_buf *errors)
{
	const char *why = NULL;

	if (is_time(p->name))
		add_time(f, p, errors);
	else if (strcmp(p->name, "filter") == 0)
		add_filter(f, p->value, errors);
	else if (dp_filter_add(f, p->name, dp_str_from(p->value), &why) < 0)
		answer_add_error(errors, p->name, why);
}

void terms_read(struct dp_filter *f, const struct query *q, struct dp_buf *errors)
{
	for (size_t i = 0; i < q->count; i++)
		if (strcmp(q->params[i].name, "filter") == 0 || is_time(q->params[i].name))
			terms_add(f, &q->params[i], errors);
}
