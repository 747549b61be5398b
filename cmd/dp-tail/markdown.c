#include "markdown.h"

#include "facts.h"
#include "fold.h"
#include "plain.h"
#include "stack.h"
#include "value.h"

#include <string.h>

enum { DETAILS_BYTES_MAX = 600, WIDTH = 100 };

/* A text in one line, in which nothing is markup. */
static void add_text(struct dp_buf *out, struct dp_str text)
{
	struct dp_buf safe = {0};

	plain_add(&safe, text);
	for (size_t i = 0; i < safe.len; i++) {
		if (strchr("\\`*_[]<>#|~!&", safe.data[i]))
			dp_buf_add_char(out, '\\');
		dp_buf_add_char(out, safe.data[i]);
	}
	dp_buf_release(&safe);
}

static void add_item(struct dp_buf *out, const char *name, struct dp_str text)
{
	if (text.n == 0)
		return;
	dp_buf_addf(out, "- %s: ", name);
	add_text(out, text);
	dp_buf_add_char(out, '\n');
}

/* The most backquotes in a row. */
static int longest_run(struct dp_str text)
{
	int longest = 0;
	int run = 0;

	for (size_t i = 0; i < text.n; i++) {
		run = text.p[i] == '`' ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	return longest;
}

/* A block of code, between fences that are longer than what is like one in it. */
static void add_block(struct dp_buf *out, const char *title, struct dp_str text)
{
	const int run = longest_run(text);
	struct dp_buf fence = {0};

	dp_buf_add_text(&fence, "```");
	for (int i = 3; i <= run; i++)
		dp_buf_add_char(&fence, '`');
	dp_buf_addf(out, "\n%s:\n\n%s\n", title, dp_buf_text(&fence));
	dp_buf_add_str(out, text);
	dp_buf_addf(out, "%s\n", dp_buf_text(&fence));
	dp_buf_release(&fence);
}

static void add_cause(struct dp_buf *out, const struct dp_json *event)
{
	const struct dp_json stack = facts_member(event, "stacktrace");
	const struct dp_json locals = facts_member(event, "locals");
	const struct link none = {0};
	struct dp_buf text = {0};
	struct fold f;

	fold_init(&f, &text, WIDTH, false);
	if (stack.text.n > 2) {
		stack_write(&f, &stack, &none, 0);
		add_block(out, "Stack", dp_buf_str(&text));
	}
	dp_buf_clear(&text);
	if (locals.text.n > 2) {
		value_write_tree(&f, &locals, 0);
		add_block(out, "Local variables", dp_buf_str(&text));
	}
	dp_buf_release(&text);
}

static void add_facts(struct dp_buf *out, const struct dp_event *ev, const struct dp_json *event)
{
	struct dp_buf text = {0};

	add_item(out, "trace", ev->trace_id);
	facts_add_place(&text, event);
	add_item(out, "place", dp_buf_str(&text));
	dp_buf_clear(&text);
	facts_add_duration(&text, ev);
	add_item(out, "duration", dp_buf_str(&text));
	add_item(out, "environment", ev->environment);
	dp_buf_release(&text);
}

void markdown_write(struct dp_buf *out, const struct dp_event *ev, const struct when *when)
{
	const struct dp_json json = dp_json_value(ev->json);
	const bool is_error = ev->severity == DP_ERROR;
	struct dp_buf message = {0};
	char time[WHEN_MAX];

	when_write_whole(when, ev->ts_us, time);
	facts_add_message(&message, &json, DETAILS_BYTES_MAX);
	dp_buf_addf(out, is_error ? "\n## %s " : "- %s ", facts_severity(ev->severity));
	add_text(out, ev->system);
	dp_buf_add_text(out, ": ");
	add_text(out, dp_buf_str(&message));
	if (is_error) {
		dp_buf_add_text(out, "\n\n");
		add_item(out, "time", dp_str_from(time));
		add_facts(out, ev, &json);
		add_cause(out, &json);
	} else {
		dp_buf_addf(out, "%s%s", *time ? ", " : "", time);
	}
	dp_buf_add_char(out, '\n');
	dp_buf_release(&message);
}
