#include "wish.h"

#include "answer.h"
#include "page.h"
#include "terms.h"

#include <stdio.h>
#include <string.h>

enum { NEWEST_MAX = 1000000 };

static bool parse_newest(const char *text, struct wish *w)
{
	w->has_newest = true;
	w->all = strcmp(text, "all") == 0;
	return w->all || page_parse_number(text, 0, NEWEST_MAX, &w->newest);
}

static void read_param(struct wish *w, const struct param *p, struct dp_buf *errors)
{
	if (strcmp(p->name, "after") == 0)
		w->cursor = p->value;
	else if (strcmp(p->name, "follow") == 0 && !query_parse_flag(p->value, &w->follow))
		answer_add_error(errors, p->name, QUERY_FLAG_WANTED);
	else if (strcmp(p->name, "n") == 0 && !parse_newest(p->value, w))
		answer_add_error(errors, p->name, "a number from 0 to 1000000 is wanted, or all");
}

void wish_read(struct wish *w, const struct request *r, struct dp_buf *errors)
{
	const char *last =
	    MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Last-Event-ID");

	*w = (struct wish){.cursor = NULL};
	for (size_t i = 0; i < r->query.count; i++) {
		const struct param *p = &r->query.params[i];

		if (terms_know(p->name))
			terms_add(&w->filter, p, errors);
		else
			read_param(w, p, errors);
	}
	if (last && *last)
		w->cursor = last;
}

void wish_release(struct wish *w)
{
	dp_filter_release(&w->filter);
}

static int find_newest(
    const struct wish *w, struct dp_store *s, int64_t end_ms, struct wish_span *out)
{
	const int rc = dp_store_tail(s, &w->filter, w->newest, end_ms, &out->after);

	out->is_partial = rc > 0;
	return rc < 0 ? -1 : 0;
}

int wish_find(const struct wish *w, struct dp_store *s, int64_t end_ms, struct wish_span *out,
    enum problem *problem)
{
	enum cursor_fault fault;

	out->is_partial = false;
	if (dp_store_head(s, &out->until) < 0)
		return -1;
	snprintf(out->store_id, sizeof out->store_id, "%s", dp_store_id(s));
	out->after = out->until;
	if (w->cursor) {
		fault = cursor_parse_event(w->cursor, out->store_id, &out->after);
		*problem = fault == CURSOR_MALFORMED ? PROBLEM_BAD_PARAMETER : PROBLEM_CURSOR_GONE;
		return fault != CURSOR_OK || out->after > out->until;
	}
	if (w->all)
		out->after = 0;
	else if (w->newest > 0)
		return find_newest(w, s, end_ms, out);
	return 0;
}

enum MHD_Result wish_answer_problem(struct request *r, enum problem problem)
{
	struct dp_buf errors = {0};
	enum MHD_Result result;

	if (problem == PROBLEM_CURSOR_GONE)
		return answer_problem(r, problem,
		    "the cursor is of another database or of its future: begin again without it");
	answer_add_error(&errors, "after", "no cursor: it is what a stream gave as id or _cursor");
	result = answer_bad_parameters(r, dp_buf_str(&errors));
	dp_buf_release(&errors);
	return result;
}
