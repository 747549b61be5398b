#include "filter.h"

#include "filter_term.h"
#include "json.h"
#include "mem.h"
#include "text.h"
#include "uuid.h"

#include <stdlib.h>
#include <string.h>

enum {
	IS = 1 << DP_FILTER_IS,
	TEXT = IS | 1 << DP_FILTER_HAS,
	ORDER =
	    1 << DP_FILTER_ABOVE | 1 << DP_FILTER_FROM | 1 << DP_FILTER_BELOW | 1 << DP_FILTER_UPTO,
};

#define WANTS_TEXT  "one of = != ~ !~ is expected for this field"
#define WANTS_ORDER "one of = != > >= < <= is expected for this field"
#define WANTS_IS    "= is expected for this field"

static const struct dp_filter_rule rules[] = {
    {"trace", DP_FILTER_TRACE, TEXT, WANTS_TEXT, DP_EVENT_TRACE_ID_MAX, NULL},
    {"severity", DP_FILTER_SEVERITY, IS | ORDER, WANTS_ORDER, DP_EVENT_NAME_MAX, NULL},
    {"system", DP_FILTER_SYSTEM, TEXT, WANTS_TEXT, DP_EVENT_NAME_MAX, NULL},
    {"type", DP_FILTER_TYPE, TEXT, WANTS_TEXT, DP_EVENT_NAME_MAX, NULL},
    {"env", DP_FILTER_ENVIRONMENT, TEXT, WANTS_TEXT, DP_EVENT_NAME_MAX, NULL},
    {"environment", DP_FILTER_ENVIRONMENT, TEXT, WANTS_TEXT, DP_EVENT_NAME_MAX, NULL},
    {"since", DP_FILTER_TIME, IS, WANTS_IS, 0, NULL},
    {"until", DP_FILTER_TIME, IS, WANTS_IS, 0, NULL},
    {"timestamp", DP_FILTER_TIME, IS | ORDER, WANTS_ORDER, 0, NULL},
    {"duration", DP_FILTER_DURATION, IS | ORDER, WANTS_ORDER, 0, NULL},
    {"durationMs", DP_FILTER_DURATION, IS | ORDER, WANTS_ORDER, 0, NULL},
    {"id", DP_FILTER_EVENT_ID, TEXT, WANTS_TEXT, DP_FILTER_VALUE_MAX, NULL},
    {"eventId", DP_FILTER_EVENT_ID, TEXT, WANTS_TEXT, DP_FILTER_VALUE_MAX, NULL},
    {"traceId", DP_FILTER_TRACE, TEXT, WANTS_TEXT, DP_EVENT_TRACE_ID_MAX, NULL},
    {"fingerprint", DP_FILTER_FINGERPRINT, TEXT, WANTS_TEXT, DP_FILTER_VALUE_MAX, NULL},
    {"error", DP_FILTER_FINGERPRINT, TEXT, WANTS_TEXT, DP_FILTER_VALUE_MAX, NULL},
    {"span", DP_FILTER_MEMBER, TEXT | ORDER, NULL, DP_FILTER_VALUE_MAX, "spanId"},
};

const struct dp_filter_rule dp_filter_any_member = {
    NULL, DP_FILTER_MEMBER, TEXT | ORDER, NULL, DP_FILTER_VALUE_MAX, NULL};
const struct dp_filter_rule dp_filter_anywhere = {
    NULL, DP_FILTER_ANYWHERE, TEXT, NULL, DP_FILTER_VALUE_MAX, NULL};

const struct dp_filter_rule *dp_filter_find_rule(struct dp_str name)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (dp_str_is(name, rules[i].name))
			return &rules[i];
	return NULL;
}

void dp_filter_release_term(struct dp_filter_term *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->values[i].text);
	for (size_t i = 0; i < t->depth; i++)
		free(t->path[i]);
	free(t->values);
	*t = (struct dp_filter_term){.count = 0};
}

void dp_filter_release(struct dp_filter *f)
{
	for (size_t i = 0; i < f->count; i++)
		dp_filter_release_term(&f->terms[i]);
	f->count = 0;
}

void dp_filter_put_term(struct dp_filter *f, struct dp_filter_term *t)
{
	size_t at = f->count++;

	for (; at > 0 && f->terms[at - 1].field > t->field; at--)
		f->terms[at] = f->terms[at - 1];
	f->terms[at] = *t;
	*t = (struct dp_filter_term){.count = 0};
}

bool dp_filter_knows(const char *name)
{
	static const char *const names[] = {"trace", "severity", "system", "type"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* No event holds anything but UTF-8 without U+0000. */
static bool is_text(struct dp_str s)
{
	return dp_text_is_valid(s.p, s.n) && !memchr(s.p, '\0', s.n);
}

static const char *text_fault(
    const struct dp_filter_term *t, const struct dp_filter_rule *rule, struct dp_str value)
{
	/* a member may be the empty string */
	if (value.n == 0 && (t->field != DP_FILTER_MEMBER || t->test != DP_FILTER_IS))
		return "an empty value";
	if (value.n > rule->max)
		return rule->max == DP_EVENT_TRACE_ID_MAX ? "a trace id has at most 128 bytes"
		       : rule->max == DP_EVENT_NAME_MAX   ? "a value has at most 512 bytes here"
							  : "a value has at most 1024 bytes";
	return is_text(value) ? NULL : "a value is not UTF-8 text";
}

static void fold(char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
}

/* As it stands between the quotes of a canonical JSON string. */
static char *escape(struct dp_str value)
{
	struct dp_buf b = {0};
	char *text;

	dp_json_write_string(&b, value);
	text = dp_mem_copy(b.data + 1, b.len - 2);
	dp_buf_release(&b);
	return text;
}

static const char *read_text(const struct dp_filter_term *t, const struct dp_filter_rule *rule,
    struct dp_str value, struct dp_filter_value *v)
{
	char id[DP_UUID_TEXT + 1];
	const char *fault = text_fault(t, rule, value);

	if (fault)
		return fault;
	if (t->field == DP_FILTER_EVENT_ID && t->test == DP_FILTER_IS) {
		if (dp_uuid_parse(value, id) < 0)
			return "a UUID is expected";
		value = (struct dp_str){id, DP_UUID_TEXT};
	}
	v->text = t->field == DP_FILTER_ANYWHERE ? escape(value) : dp_mem_copy(value.p, value.n);
	if (t->test == DP_FILTER_HAS)
		fold(v->text);
	return NULL;
}

/* Those that the test holds for. */
static unsigned severities_of(enum dp_filter_test test, enum dp_severity limit)
{
	const unsigned below = (1U << limit) - 1;
	const unsigned upto = below | 1U << limit;
	const unsigned all = (1U << (DP_ERROR + 1)) - 1;

	switch (test) {
	case DP_FILTER_ABOVE:
		return all & ~upto;
	case DP_FILTER_FROM:
		return all & ~below;
	case DP_FILTER_BELOW:
		return below;
	case DP_FILTER_UPTO:
		return upto;
	default:
		return 1U << limit;
	}
}

static const char *add_severity(
    struct dp_filter_term *t, const struct dp_filter_rule *rule, struct dp_str value)
{
	enum dp_severity severity;
	const char *fault = text_fault(t, rule, value);

	if (fault)
		return fault;
	if (dp_severity_parse(value, &severity) < 0)
		return "a severity is one of error, warning, info, debug";
	t->severities |= severities_of(t->test, severity);
	return NULL;
}

/* Reads a value that is compared. NULL, or what is wrong with it. */
static const char *read_value(const struct dp_filter_term *t, const struct dp_filter_rule *rule,
    struct dp_str value, int64_t now_us, struct dp_filter_value *v)
{
	if (t->field == DP_FILTER_TIME)
		return dp_filter_read_time(value, now_us, &v->us) == 0
			   ? NULL
			   : "a time is expected, as 15m, 2h, 7d (ago), 2026-01-31 or "
			     "2026-01-31T12:00Z";
	if (t->field == DP_FILTER_DURATION)
		return dp_filter_read_duration(value, &v->number) == 0
			   ? NULL
			   : "a duration is expected, as 500ms, 1.5s, 2m or 250 (ms)";
	if (t->test >= DP_FILTER_ABOVE)
		return dp_filter_read_number(value, &v->number) == 0 ? NULL
								     : "a number is expected";
	return read_text(t, rule, value, v);
}

int dp_filter_add_value(struct dp_filter_term *t, const struct dp_filter_rule *rule,
    struct dp_str value, int64_t now_us, const char **why)
{
	struct dp_filter_value v = {NULL, 0, 0};
	const char *fault;

	if (t->field == DP_FILTER_SEVERITY)
		fault = add_severity(t, rule, value);
	else
		fault = read_value(t, rule, value, now_us, &v);
	if (fault) {
		*why = fault;
		return -1;
	}
	if (t->field == DP_FILTER_SEVERITY)
		return 0;
	t->values = dp_mem_resize_array(t->values, t->count + 1, sizeof *t->values);
	t->values[t->count++] = v;
	return 0;
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

static int add_values(struct dp_filter_term *t, const struct dp_filter_rule *rule,
    struct dp_str values, const char **why)
{
	struct dp_buf value = {0};
	size_t count = 0;
	int rc;

	for (;;) {
		take_value(&values, &value);
		if (++count > DP_FILTER_VALUES_MAX) {
			*why = "more than 32 values";
			rc = -1;
			break;
		}
		rc = dp_filter_add_value(t, rule, dp_buf_str(&value), 0, why);
		if (rc < 0 || values.n == 0)
			break;
		values = (struct dp_str){values.p + 1, values.n - 1};
	}
	dp_buf_release(&value);
	return rc;
}

int dp_filter_add(struct dp_filter *f, const char *name, struct dp_str values, const char **why)
{
	const struct dp_filter_rule *rule = dp_filter_find_rule(dp_str_from(name));
	struct dp_filter_term t = {.test = DP_FILTER_IS};

	if (!dp_filter_knows(name)) {
		*why = "no such field: there are trace, severity, system, type";
		return -1;
	}
	if (f->count == DP_FILTER_TERMS_MAX) {
		*why = "more than 16 terms";
		return -1;
	}
	t.field = rule->field;
	if (add_values(&t, rule, values, why) < 0) {
		dp_filter_release_term(&t);
		return -1;
	}
	dp_filter_put_term(f, &t);
	return 0;
}

static bool names_traces(const struct dp_filter_term *t)
{
	return t->field == DP_FILTER_TRACE && t->test == DP_FILTER_IS && !t->negated;
}

bool dp_filter_names_traces(const struct dp_filter *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (names_traces(&f->terms[i]))
			return true;
	return false;
}

const char *dp_filter_trace(const struct dp_filter *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (names_traces(&f->terms[i]) && f->terms[i].count == 1)
			return f->terms[i].values[0].text;
	return NULL;
}
