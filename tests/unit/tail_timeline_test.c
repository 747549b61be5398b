#include "../../cmd/dp-tail/timeline.h"

#include "../../cmd/dp-tail/fold.h"
#include "../../cmd/dp-tail/render.h"
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <locale.h>
#include <string.h>

#define T(ms) "\"2026-01-02T03:04:05." ms "Z\""
#define EVENT(ms, severity, data) \
	"{\"timestamp\":" T(ms) ",\"severity\":\"" severity "\",\"data\":{" data "}}"
#define STAGE(system, from, to, status, events)                                  \
	"{\"system\":\"" system "\",\"start_time\":" T(from) ",\"end_time\":" T( \
	    to) ",\"status\":\"" status "\",\"events\":[" events "]}"

static const char document[] = "{\"trace_id\":\"abc123\",\"stages\":[" STAGE("web", "000", "100",
    "success", EVENT("000", "info", "") "," EVENT("100", "info", "")) "," STAGE("worker", "050",
    "075", "error",
    EVENT("050", "warning", "") "," EVENT(
	"075", "error", "\"details\":\"division by zero\",\"file\":\"a.py\",\"line\":7")) "]}";

static void stages_are_on_one_axis(void **state)
{
	const struct timeline_options narrow = {60, false, WHEN_UTC};
	const struct timeline_options wide = {100, false, WHEN_UTC};
	struct dp_buf out = {0};

	(void)state;
	assert_int_equal(timeline_write(&out, dp_str_from(document), &narrow), 0);
	assert_string_equal(dp_buf_text(&out),
	    "trace abc123  2026-01-02T03:04:05.000Z  100 ms  4 events\n"
	    "1 error\n"
	    "web     ●━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━●     100 ms\n"
	    "worker                      ▲━━━━━━━━━✖                25 ms\n"
	    "        +75 ms   worker division by zero  a.py:7\n");
	dp_buf_clear(&out);
	assert_int_equal(timeline_write(&out, dp_str_from(document), &wide), 0);
	assert_non_null(strstr(dp_buf_text(&out), "✖ "));
	assert_non_null(strstr(dp_buf_text(&out), "+50 ms     25 ms    2 events    1 error\n"));
	dp_buf_release(&out);
}

static void the_worst_severity_is_found(void **state)
{
	(void)state;
	assert_int_equal(timeline_worst(dp_str_from(document)), DP_ERROR);
	assert_int_equal(timeline_worst(DP_STR("{\"stages\":[]}")), DP_DEBUG);
}

/* What a server may send: nothing of it comes out raw, no line is too wide, none is too many. */
static void whatever_comes_fits_the_terminal(void **state)
{
	static const char *const documents[] = {"{\"stages\":[]}", "{\"stages\":[1,null,{}]}",
	    "{\"stages\":[{\"events\":[1,{},{\"data\":7}],\"system\":7,\"start_time\":\"x\"}]}",
	    "{\"trace_id\":\"a\\u001b[1m\",\"stages\":[" STAGE("\\u001b]0;x\\u0007", "000", "999",
		"x", EVENT("500", "error", "\"details\":\"\\u001b\"")) "]}",
	    "{\"stages\":[" STAGE("end before start", "900", "100", "error",
		EVENT("999", "error", "") "," EVENT("000", "info", "")) "]}",
	    document};

	(void)state;
	for (size_t i = 0; i < sizeof documents / sizeof *documents; i++)
		for (int width = RENDER_WIDTH_MIN; width < 200; width += 13) {
			const struct timeline_options o = {width, false, WHEN_LOCAL};
			struct dp_buf out = {0};
			char *line;
			char *rest;

			assert_int_equal(timeline_write(&out, dp_str_from(documents[i]), &o), 0);
			dp_buf_text(&out);
			for (rest = out.data; (line = strsep(&rest, "\n"));) {
				assert_int_equal(strspn(line, "\x1b\a"), 0);
				assert_null(strpbrk(line, "\x1b\a"));
				if (fold_measure(dp_str_from(line)) > width)
					fail_msg("wider than %d: %s", width, line);
			}
			dp_buf_release(&out);
		}
	assert_int_equal(timeline_write(&(struct dp_buf){0}, DP_STR("{\"stages\":7}"),
			     &(struct timeline_options){80, false, WHEN_UTC}),
	    -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(stages_are_on_one_axis),
	    cmocka_unit_test(the_worst_severity_is_found),
	    cmocka_unit_test(whatever_comes_fits_the_terminal),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests_name("tail_timeline", tests, NULL, NULL);
}
