/* Errors as applications write them: those of a group have one fingerprint, those of different
 * groups different ones. */
#include "fingerprint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Also read by the tests of the Python SDK: each line is an event, "group" a member of its own. */
static const char path[] = "tests/data/errors.ndjson";

enum { ERRORS_MAX = 500 };

static struct error {
	struct dp_str json;
	struct dp_str group;
	const char *name; /* the same, as text */
} errors[ERRORS_MAX];
static size_t error_count;

enum form { AS_TEXT, AS_LINES, FORM_COUNT };

static void add_lines(struct dp_buf *json, const char *text)
{
	dp_buf_add_text(json, ",\"stacktrace\":[");
	for (const char *end; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		dp_json_write_string(json, (struct dp_str){text, (size_t)(end - text)});
		if (*end && end[1])
			dp_buf_add_char(json, ',');
	}
	dp_buf_add_char(json, ']');
}

/* The event with its stack, where it has one, as an array. */
static void write_as_lines(struct dp_buf *json, struct dp_str event)
{
	const struct dp_json all = dp_json_value(event);
	const struct dp_json stack = dp_json_member(&all, "stacktrace");
	struct dp_buf text = {0};

	dp_buf_add_str(json, event);
	if (stack.type != DP_JSON_STRING)
		return;
	dp_json_decode(&stack, &text);
	json->len = (size_t)(stack.key.p - event.p) - 2; /* it is the last member */
	add_lines(json, dp_buf_text(&text));
	dp_buf_add_char(json, '}');
	dp_buf_release(&text);
}

static void fingerprint(const struct error *e, enum form form, struct dp_fingerprint *out)
{
	struct dp_event_reader *r = dp_event_reader_new();
	struct dp_buf json = {0};
	struct dp_event ev;
	struct dp_refusal why;

	if (form == AS_LINES)
		write_as_lines(&json, e->json);
	else
		dp_buf_add_str(&json, e->json);
	if (dp_event_read(r, dp_buf_str(&json), 0, &ev, &why) < 0)
		fail_msg("%s: %s", e->name, why.why);
	dp_fingerprint_read(&ev, out);
	dp_event_reader_free(&r);
	dp_buf_release(&json);
}

/* Each with each; `b` may have its stack in another form. */
static void compare(
    size_t a, const struct dp_fingerprint *fa, size_t b, const struct dp_fingerprint *fb)
{
	const bool is_same = dp_str_equal(errors[a].group, errors[b].group);

	if (is_same != (strcmp(fa->id, fb->id) == 0))
		fail_msg("%zu (%s) and %zu (%s)\n%s|%s|%s\n%s|%s|%s", a, errors[a].name, b,
		    errors[b].name, fa->type, fa->place, fa->message, fb->type, fb->place,
		    fb->message);
}

static void test_groups(void **state)
{
	static struct dp_fingerprint all[FORM_COUNT][ERRORS_MAX];

	(void)state;
	for (size_t i = 0; i < error_count; i++)
		for (enum form form = AS_TEXT; form < FORM_COUNT; form++)
			fingerprint(&errors[i], form, &all[form][i]);
	for (size_t a = 0; a < error_count; a++)
		for (size_t b = 0; b < error_count; b++) {
			compare(a, &all[AS_TEXT][a], b, &all[AS_TEXT][b]);
			compare(a, &all[AS_TEXT][a], b, &all[AS_LINES][b]);
		}
}

/* A line of the file, which stays. */
static void add_error(const char *line, size_t n)
{
	struct error *e = &errors[error_count++];
	const char *copy = strndup(line, n);
	struct dp_json event;

	e->json = (struct dp_str){copy, n};
	event = dp_json_value(e->json);
	event = dp_json_member(&event, "group");
	assert_true(dp_json_plain(&event, &e->group));
	e->name = strndup(e->group.p, e->group.n);
}

static int read_errors(void **state)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	(void)state;
	assert_non_null(f);
	while ((n = getline(&line, &room, f)) > 0 && error_count < ERRORS_MAX)
		add_error(line, (size_t)n - 1);
	free(line);
	fclose(f);
	assert_in_range(error_count, 100, ERRORS_MAX - 1);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_groups),
	};

	return cmocka_run_group_tests_name("fingerprint_groups", tests, read_errors, NULL);
}
