/* A filter as SQL. What is said here filter_match.c does in memory. */
#include "store_query.h"

/* One term on its way into a query. */
struct adding {
	struct dp_query *q;
	const struct dp_store_dialect *dialect;
	const struct dp_filter_term *term;
	bool of_events; /* that are looked at, not the rows of a list */
	bool by_key;
	size_t first; /* the parameter with the path's first part */
};

static void add_sql(const struct adding *a, const char *sql)
{
	dp_buf_add_text(&a->q->sql, sql);
}

static const char *column_of(enum dp_filter_field field)
{
	static const char *const columns[] = {
	    [DP_FILTER_SEVERITY] = "severity",
	    [DP_FILTER_TIME] = "ts",
	    [DP_FILTER_SYSTEM] = "system",
	    [DP_FILTER_TYPE] = "type",
	    [DP_FILTER_ENVIRONMENT] = "environment",
	    [DP_FILTER_DURATION] = "duration_ms",
	    [DP_FILTER_EVENT_ID] = "CAST(event_id AS text)",
	    [DP_FILTER_FINGERPRINT] = "fingerprint",
	    [DP_FILTER_ANYWHERE] = "CAST(body AS text)",
	};

	return columns[field];
}

/* Makes parameters of the path, which the text then names as often as it has to. */
static void take_path(struct adding *a)
{
	struct dp_query *q = a->q;

	a->first = q->count + 1;
	for (size_t i = 0; i < a->term->depth; i++)
		dp_query_bind_text(q, a->term->path[i]);
}

/* What the term looks at. */
static void add_operand(const struct adding *a)
{
	const struct dp_filter_term *t = a->term;

	if (t->field == DP_FILTER_TRACE)
		add_sql(a, a->by_key ? "trace_id" : "trace_id || ''");
	else if (t->field != DP_FILTER_MEMBER)
		add_sql(a, column_of(t->field));
	else if (t->test >= DP_FILTER_ABOVE)
		a->dialect->add_number(&a->q->sql, a->first, t->depth);
	else
		a->dialect->add_text(&a->q->sql, a->first, t->depth);
}

static void add_value(const struct adding *a, size_t i)
{
	const struct dp_filter_term *t = a->term;
	const struct dp_filter_value *v = &t->values[i];
	struct dp_query_value value = {.type = DP_QUERY_REAL, .real = v->number};

	if (v->text)
		value = (struct dp_query_value){.type = DP_QUERY_TEXT, .text = v->text};
	else if (t->field == DP_FILTER_TIME)
		value = (struct dp_query_value){.type = DP_QUERY_TIME, .number = v->us};
	dp_query_add(a->q, value);
}

static void add_values(const struct adding *a)
{
	for (size_t i = 0; i < a->term->count; i++) {
		add_sql(a, i > 0 ? ", " : "");
		add_value(a, i);
	}
}

static void add_equality(const struct adding *a)
{
	const bool finds_events = a->of_events && a->by_key && a->term->field == DP_FILTER_TRACE;

	if (finds_events) {
		add_sql(a, a->dialect->of_traces);
	} else {
		add_operand(a);
		add_sql(a, " IN (");
	}
	add_values(a);
	add_sql(a, finds_events ? a->dialect->of_traces_end : ")");
}

static void add_search(const struct adding *a)
{
	for (size_t i = 0; i < a->term->count; i++) {
		add_sql(a, i > 0 ? " OR " : "(");
		add_sql(a, a->dialect->find);
		add_operand(a);
		add_sql(a, a->dialect->in_text);
		add_value(a, i);
		add_sql(a, ") > 0");
	}
	add_sql(a, ")");
}

static void add_order(const struct adding *a)
{
	static const char *const operators[] = {[DP_FILTER_ABOVE] = " > ",
	    [DP_FILTER_FROM] = " >= ",
	    [DP_FILTER_BELOW] = " < ",
	    [DP_FILTER_UPTO] = " <= "};

	add_operand(a);
	add_sql(a, operators[a->term->test]);
	add_value(a, 0);
}

static void add_severities(const struct adding *a)
{
	const char *before = "severity IN (";

	if (a->term->severities == 0)
		add_sql(a, "FALSE");
	for (int i = 0; i <= DP_ERROR; i++) {
		if (!(a->term->severities >> i & 1))
			continue;
		add_sql(a, before);
		dp_query_add(a->q, (struct dp_query_value){.type = DP_QUERY_TEXT,
				       .text = dp_severity_name((enum dp_severity)i)});
		before = ", ";
	}
	if (a->term->severities != 0)
		add_sql(a, ")");
}

static void add_term(struct adding *a)
{
	const struct dp_filter_term *t = a->term;

	/* NULL, what is missing, is not true; so its negation is */
	add_sql(a, t->negated ? " AND NOT COALESCE(" : " AND ");
	take_path(a);
	if (t->field == DP_FILTER_SEVERITY)
		add_severities(a);
	else if (t->test == DP_FILTER_IS)
		add_equality(a);
	else if (t->test == DP_FILTER_HAS)
		add_search(a);
	else
		add_order(a);
	add_sql(a, t->negated ? ", FALSE)" : "");
}

void dp_query_add_terms(struct dp_query *q, const struct dp_store_dialect *d,
    const struct dp_filter *f, unsigned fields)
{
	for (size_t i = 0; i < f->count; i++) {
		struct adding a = {.q = q, .dialect = d, .term = &f->terms[i], .by_key = true};

		if (fields >> f->terms[i].field & 1)
			add_term(&a);
	}
}

void dp_query_add_filter(
    struct dp_query *q, const struct dp_store_dialect *d, const struct dp_filter *f, bool by_key)
{
	for (size_t i = 0; i < f->count; i++) {
		struct adding a = {.q = q,
		    .dialect = d,
		    .term = &f->terms[i],
		    .of_events = true,
		    .by_key = by_key};

		add_term(&a);
	}
}
