#include "range.h"

int range_resolve(const char *time, char instant[DP_CLOCK_MAX], const char **why)
{
	struct dp_filter f = {0};
	struct dp_filter_error error;
	struct dp_buf text = {0};
	int rc;

	dp_buf_add_text(&text, "since=");
	dp_json_write_string(&text, dp_str_from(time));
	rc = dp_filter_parse(&f, dp_buf_str(&text), dp_clock_now_us(), &error);
	if (rc == 0)
		dp_clock_write((struct dp_time){f.terms[0].values[0].us, 0, 6}, instant);
	else
		*why = error.why;
	dp_buf_release(&text);
	dp_filter_release(&f);
	return rc;
}

bool range_has_since(const struct dp_filter *f, int64_t *until_us)
{
	bool since = false;

	*until_us = INT64_MAX;
	for (size_t i = 0; i < f->count; i++) {
		const struct dp_filter_term *t = &f->terms[i];

		if (t->field != DP_FILTER_TIME || t->negated)
			continue;
		since = since || t->test == DP_FILTER_FROM || t->test == DP_FILTER_ABOVE;
		if ((t->test == DP_FILTER_BELOW || t->test == DP_FILTER_UPTO) &&
		    t->values[0].us < *until_us)
			*until_us = t->values[0].us;
	}
	return since;
}
