#include "filter.h"

#include "mem.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static const struct field {
	const char *name;
	size_t max; /* bytes of a value */
} fields[] = {
    [DP_FILTER_TRACE] = {"trace", DP_EVENT_TRACE_ID_MAX},
    [DP_FILTER_SEVERITY] = {"severity", DP_EVENT_NAME_MAX},
    [DP_FILTER_SYSTEM] = {"system", DP_EVENT_NAME_MAX},
    [DP_FILTER_TYPE] = {"type", DP_EVENT_NAME_MAX},
};
static const size_t field_count = sizeof fields / sizeof *fields;

static void term_release(struct dp_filter_term *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->values[i]);
	t->count = 0;
}

void dp_filter_release(struct dp_filter *f)
{
	for (size_t i = 0; i < f->count; i++)
		term_release(&f->terms[i]);
	*f = (struct dp_filter){0};
}

/* The index of a field, or field_count where there is none of that name. */
static size_t find_field(const char *name)
{
	size_t i = 0;

	while (i < field_count && strcmp(fields[i].name, name) != 0)
		i++;
	return i;
}

bool dp_filter_knows(const char *name)
{
	return find_field(name) < field_count;
}

/* Takes the next value off the front of *rest and unescapes it into *out. */
static void take_value(struct dp_str *rest, struct dp_buf *out)
{
	size_t i = 0;

	dp_buf_clear(out);
	for (; i < rest->n && rest->p[i] != ','; i++) {
		if (rest->p[i] == '\\' && i + 1 < rest->n)
			i++;
		dp_buf_add_char(out, rest->p[i]);
	}
	*rest = (struct dp_str){rest->p + i, rest->n - i};
}

/* No event holds anything but UTF-8 without U+0000. */
static bool is_text(struct dp_str s)
{
	return dp_text_is_valid(s.p, s.n) && !memchr(s.p, '\0', s.n);
}

static int add_value(struct dp_filter_term *t, struct dp_str value, const char **why)
{
	enum dp_severity severity;

	*why = NULL;
	if (t->count == DP_FILTER_VALUES_MAX)
		*why = "more than 32 values";
	else if (value.n == 0)
		*why = "an empty value";
	else if (value.n > fields[t->field].max)
		*why = t->field == DP_FILTER_TRACE ? "a trace id has at most 128 bytes"
						   : "a value has at most 512 bytes";
	else if (!is_text(value))
		*why = "a value is not UTF-8 text";
	else if (t->field == DP_FILTER_SEVERITY && dp_severity_parse(value, &severity) < 0)
		*why = "a severity is one of error, warning, info, debug";
	if (*why)
		return -1;
	if (t->field == DP_FILTER_SEVERITY)
		value = dp_str_from(dp_severity_name(severity));
	t->values[t->count++] = dp_mem_copy(value.p, value.n);
	return 0;
}

static int add_values(struct dp_filter_term *t, struct dp_str values, const char **why)
{
	struct dp_buf value = {0};
	int rc;

	for (;;) {
		take_value(&values, &value);
		rc = add_value(t, dp_buf_str(&value), why);
		if (rc < 0 || values.n == 0)
			break;
		values = (struct dp_str){values.p + 1, values.n - 1};
	}
	dp_buf_release(&value);
	return rc;
}

int dp_filter_add(struct dp_filter *f, const char *name, struct dp_str values, const char **why)
{
	struct dp_filter_term *t = &f->terms[f->count];
	size_t field = find_field(name);

	if (field == field_count) {
		*why = "no such field: there are trace, severity, system, type";
		return -1;
	}
	if (f->count == DP_FILTER_TERMS_MAX) {
		*why = "more than 16 terms";
		return -1;
	}
	t->field = (enum dp_filter_field)field;
	if (add_values(t, values, why) < 0) {
		term_release(t);
		return -1;
	}
	f->count++;
	return 0;
}

static struct dp_str field_of(const struct dp_event *ev, enum dp_filter_field field)
{
	switch (field) {
	case DP_FILTER_TRACE:
		return ev->trace_id;
	case DP_FILTER_SEVERITY:
		return dp_str_from(dp_severity_name(ev->severity));
	case DP_FILTER_SYSTEM:
		return ev->system;
	case DP_FILTER_TYPE:
		break;
	}
	return ev->type;
}

static bool term_matches(const struct dp_filter_term *t, const struct dp_event *ev)
{
	struct dp_str is = field_of(ev, t->field);

	for (size_t i = 0; i < t->count; i++)
		if (dp_str_is(is, t->values[i]))
			return true;
	return false;
}

bool dp_filter_match(const struct dp_filter *f, const struct dp_event *ev)
{
	for (size_t i = 0; i < f->count; i++)
		if (!term_matches(&f->terms[i], ev))
			return false;
	return true;
}

const char *dp_filter_trace(const struct dp_filter *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->terms[i].field == DP_FILTER_TRACE && f->terms[i].count == 1)
			return f->terms[i].values[0];
	return NULL;
}
