/* Whatever text a filter is: it is taken, or what is wrong with it has a place in it; what was
 * taken says the same of an event however often it is asked, and its negations the opposite. The
 * first line is the filter, the rest an event. */
#include "filter.h"
#include "text.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

static const int64_t NOW_US = INT64_C(1767323045678901);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(struct dp_str text, const struct dp_filter_error *error)
{
	struct dp_buf shown = {0};

	assert(error->offset <= text.n && error->column >= 1 && error->column <= text.n + 1);
	assert(error->why && *error->why);
	dp_filter_write_place(&shown, text, error);
	assert(dp_text_is_valid(shown.data, shown.len));
	dp_buf_release(&shown);
}

static void check_term(const struct dp_filter_term *t)
{
	assert(t->count <= DP_FILTER_VALUES_MAX && t->depth <= DP_FILTER_PATH_MAX);
	assert(t->test < DP_FILTER_ABOVE || t->field == DP_FILTER_SEVERITY || t->count == 1);
	for (size_t i = 0; i < t->count; i++) {
		const char *text = t->values[i].text;

		assert(!text || dp_text_is_valid(text, strlen(text)));
		assert(!text || t->test != DP_FILTER_HAS || *text);
	}
}

static void check_match(struct dp_filter *f, const struct dp_event *ev)
{
	const bool matches = dp_filter_match(f, ev);
	bool all = true;

	assert(dp_filter_match(f, ev) == matches);
	for (size_t i = 0; i < f->count; i++) {
		struct dp_filter one = {1, {f->terms[i]}};
		const bool holds = dp_filter_match(&one, ev);

		one.terms[0].negated = !one.terms[0].negated;
		assert(dp_filter_match(&one, ev) != holds);
		all = all && holds;
	}
	assert(all == matches);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	const char *newline = size > 0 ? memchr(p, '\n', size) : NULL;
	const struct dp_str text = {p, newline ? (size_t)(newline - p) : size};
	struct dp_str event = DP_STR("{\"details\":\"x\"}");
	struct dp_event_reader *r = dp_event_reader_new();
	struct dp_filter f = {0};
	struct dp_filter_error error;
	struct dp_refusal why;
	struct dp_event ev;

	if (newline)
		event = (struct dp_str){newline + 1, size - text.n - 1};
	if (dp_filter_parse(&f, text, NOW_US, &error) < 0) {
		check_error(text, &error);
		assert(f.count == 0);
	}
	for (size_t i = 0; i < f.count; i++)
		check_term(&f.terms[i]);
	if (dp_event_read(r, event, NOW_US, &ev, &why) == 0)
		check_match(&f, &ev);
	dp_filter_release(&f);
	dp_event_reader_free(&r);
	return 0;
}
