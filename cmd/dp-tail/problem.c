#include "problem.h"

#include "json.h"

static void add_string(
    struct dp_buf *out, const char *before, const struct dp_json *object, const char *name)
{
	struct dp_json v = dp_json_member(object, name);

	if (v.type != DP_JSON_STRING)
		return;
	dp_buf_add_text(out, before);
	dp_json_decode(&v, out);
}

/* What is wrong with which parameter. */
static void add_errors(struct dp_buf *out, const struct dp_json *problem)
{
	struct dp_json errors = dp_json_member(problem, "errors");
	struct dp_json_cursor cursor = dp_json_children(&errors);
	struct dp_json error;

	while (dp_json_next(&cursor, &error)) {
		add_string(out, "; ", &error, "parameter");
		add_string(out, ": ", &error, "detail");
	}
}

void problem_write(struct dp_buf *out, long status, struct dp_str body)
{
	size_t start = out->len;
	struct dp_buf canonical = {0};
	struct dp_refusal why;

	if (body.n > 0 && dp_json_normalize(body.p, body.n, &canonical, &why) >= 0) {
		struct dp_json problem = dp_json_value(dp_buf_str(&canonical));

		add_string(out, "", &problem, "title");
		add_string(out, out->len > start ? ": " : "", &problem, "detail");
		add_errors(out, &problem);
	}
	if (out->len == start)
		dp_buf_addf(out, "HTTP status %ld", status);
	dp_buf_release(&canonical);
}
