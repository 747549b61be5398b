/* A filter in memory. What is done here store_filter.c says in SQL. */
#include "filter.h"

#include "fingerprint.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* more than a value that is escaped */
	WINDOW = 16 * 1024,
	NUMBER_MAX = 2 * DP_JSON_DIGITS_MAX + 5,
};

/* An event that is looked at. */
struct look {
	const struct dp_event *ev;
	struct dp_buf decoded;
	struct dp_fingerprint fingerprint;
	bool has_fingerprint; /* it was read */
};

/* The member of a path; type DP_JSON_END where it is missing. */
static struct dp_json member_of(const struct dp_event *ev, const struct dp_filter_term *t)
{
	struct dp_json v = dp_json_value(ev->json);

	for (size_t i = 0; i < t->depth && v.type != DP_JSON_END; i++)
		v = dp_json_member(&v, t->path[i]);
	return v;
}

static bool member_text(struct look *l, const struct dp_filter_term *t, struct dp_str *out)
{
	const struct dp_json v = member_of(l->ev, t);

	if (v.type == DP_JSON_END)
		return false;
	if (v.type != DP_JSON_STRING) {
		*out = v.text;
	} else if (!dp_json_plain(&v, out)) {
		dp_buf_clear(&l->decoded);
		dp_json_decode(&v, &l->decoded);
		*out = dp_buf_str(&l->decoded);
	}
	return true;
}

/* Whether there is the text that a term looks at. */
static bool text_of(struct look *l, const struct dp_filter_term *t, struct dp_str *out)
{
	switch (t->field) {
	case DP_FILTER_TRACE:
		*out = l->ev->trace_id;
		return true;
	case DP_FILTER_SYSTEM:
		*out = l->ev->system;
		return true;
	case DP_FILTER_TYPE:
		*out = l->ev->type;
		return true;
	case DP_FILTER_ENVIRONMENT:
		*out = l->ev->environment;
		return true;
	case DP_FILTER_EVENT_ID:
		*out = dp_str_from(l->ev->event_id);
		return true;
	case DP_FILTER_FINGERPRINT:
		if (l->ev->severity != DP_ERROR)
			return false;
		if (!l->has_fingerprint)
			dp_fingerprint_read(l->ev, &l->fingerprint);
		l->has_fingerprint = true;
		*out = dp_str_from(l->fingerprint.id);
		return true;
	case DP_FILTER_MEMBER:
		return member_text(l, t, out);
	default:
		*out = l->ev->json;
		return true;
	}
}

/* Whether s holds what is in small letters. */
static bool has(struct dp_str s, struct dp_str small)
{
	char window[WINDOW];
	size_t n;

	for (size_t at = 0; s.n - at >= small.n; at += n - small.n + 1) {
		n = s.n - at < WINDOW ? s.n - at : WINDOW;
		for (size_t i = 0; i < n; i++) {
			const unsigned char c = (unsigned char)s.p[at + i];

			window[i] = (char)(c | (((unsigned char)(c - 'A') < 26) << 5));
		}
		if (memmem(window, n, small.p, small.n))
			return true;
	}
	return false;
}

static bool holds_for_text(struct look *l, const struct dp_filter_term *t)
{
	struct dp_str text;

	if (!text_of(l, t, &text))
		return false;
	for (size_t i = 0; i < t->count; i++)
		if (t->test == DP_FILTER_IS ? dp_str_is(text, t->values[i].text)
					    : has(text, dp_str_from(t->values[i].text)))
			return true;
	return false;
}

/* `order`: below, equal or above 0, as what is tested is to the value. */
static bool holds_for_order(enum dp_filter_test test, int order)
{
	switch (test) {
	case DP_FILTER_ABOVE:
		return order > 0;
	case DP_FILTER_FROM:
		return order >= 0;
	case DP_FILTER_BELOW:
		return order < 0;
	case DP_FILTER_UPTO:
		return order <= 0;
	default:
		return order == 0;
	}
}

static bool holds_for_time(const struct dp_filter_term *t, int64_t us)
{
	for (size_t i = 0; i < t->count; i++) {
		const int64_t value = t->values[i].us;

		if (holds_for_order(t->test, (us > value) - (us < value)))
			return true;
	}
	return false;
}

static bool holds_for_number(const struct dp_filter_term *t, double number)
{
	for (size_t i = 0; i < t->count; i++) {
		const double value = t->values[i].number;

		if (holds_for_order(t->test, (number > value) - (number < value)))
			return true;
	}
	return false;
}

static bool holds_for_member(const struct look *l, const struct dp_filter_term *t)
{
	const struct dp_json v = member_of(l->ev, t);
	char text[NUMBER_MAX + 1];

	if (v.type != DP_JSON_NUMBER || v.text.n > NUMBER_MAX)
		return false;
	memcpy(text, v.text.p, v.text.n);
	text[v.text.n] = '\0';
	return holds_for_number(t, strtod(text, NULL));
}

static bool holds(struct look *l, const struct dp_filter_term *t)
{
	const struct dp_event *ev = l->ev;

	if (t->field == DP_FILTER_SEVERITY)
		return t->severities >> ev->severity & 1;
	if (t->field == DP_FILTER_TIME)
		return holds_for_time(t, ev->ts_us);
	if (t->field == DP_FILTER_DURATION)
		return ev->has_duration && holds_for_number(t, ev->duration_ms);
	if (t->test >= DP_FILTER_ABOVE)
		return holds_for_member(l, t);
	return holds_for_text(l, t);
}

bool dp_filter_match(const struct dp_filter *f, const struct dp_event *ev)
{
	struct look l;
	bool matches = true;

	l.ev = ev;
	l.decoded = (struct dp_buf){0};
	l.has_fingerprint = false;
	for (size_t i = 0; i < f->count && matches; i++)
		matches = holds(&l, &f->terms[i]) != f->terms[i].negated;
	dp_buf_release(&l.decoded);
	return matches;
}
