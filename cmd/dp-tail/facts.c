#include "facts.h"

#include "value.h"

#include <string.h>

const char *facts_severity(enum dp_severity s)
{
	static const char *const words[] = {
	    [DP_DEBUG] = "DEBUG", [DP_INFO] = "INFO", [DP_WARNING] = "WARN", [DP_ERROR] = "ERROR"};

	return words[s];
}

struct dp_json facts_member(const struct dp_json *event, const char *key)
{
	struct dp_json v = dp_json_member(event, key);

	if (v.type == DP_JSON_NULL)
		return (struct dp_json){.type = DP_JSON_END};
	return v;
}

struct dp_str facts_trim(struct dp_str text)
{
	while (text.n > 0 && strchr(" \t\r\n", text.p[text.n - 1]))
		text.n--;
	return text;
}

static bool begins_with(struct dp_str text, struct dp_str head)
{
	return text.n >= head.n && (head.n == 0 || memcmp(text.p, head.p, head.n) == 0);
}

void facts_add_message(struct dp_buf *out, const struct dp_json *event, size_t max)
{
	struct dp_json name = facts_member(event, "name");
	struct dp_json details = facts_member(event, "details");
	struct dp_buf title = {0};
	struct dp_buf text = {0};
	struct dp_str said;

	dp_json_decode(&name, &title);
	if (details.type == DP_JSON_OBJECT || details.type == DP_JSON_ARRAY)
		value_write_compact(&text, &details, max);
	else if (details.type != DP_JSON_END)
		dp_json_decode(&details, &text);
	said = facts_trim(dp_buf_str(&text));
	if (name.type != DP_JSON_END && !begins_with(said, dp_buf_str(&title))) {
		dp_buf_add_str(out, facts_trim(dp_buf_str(&title)));
		dp_buf_add_text(out, said.n > 0 ? ": " : "");
	}
	dp_buf_add_str(out, said);
	dp_buf_release(&title);
	dp_buf_release(&text);
}

void facts_add_place(struct dp_buf *out, const struct dp_json *event)
{
	struct dp_json file = facts_member(event, "file");
	struct dp_json line = facts_member(event, "line");
	const size_t start = out->len;

	if (file.type != DP_JSON_END)
		dp_json_decode(&file, out);
	if (line.type == DP_JSON_END)
		return;
	dp_buf_add_text(out, out->len > start ? ":" : "line ");
	dp_json_decode(&line, out);
}

void facts_add_ms(struct dp_buf *out, double ms)
{
	if (ms < 1000)
		dp_buf_addf(out, ms < 100 ? "%.3g ms" : "%.0f ms", ms);
	else if (ms < 600000)
		dp_buf_addf(out, "%.2f s", ms / 1000);
	else
		dp_buf_addf(out, "%.6g min", ms / 60000);
}

void facts_add_duration(struct dp_buf *out, const struct dp_event *ev)
{
	if (ev->has_duration)
		facts_add_ms(out, ev->duration_ms);
}
