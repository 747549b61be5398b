#include "../../cmd/dp-http/accept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const types[] = {"application/x-ndjson", "text/event-stream"};
enum { NDJSON, SSE, NONE = -1 };

static const struct accept_case {
	const char *accept;
	int want;
} cases[] = {
    {NULL, NDJSON},
    {"", NDJSON},
    {"  ", NDJSON},
    {"*/*", NDJSON},
    {"text/event-stream", SSE},
    {"TEXT/Event-Stream", SSE},
    {"text/*", SSE},
    {"application/*", NDJSON},
    {"application/x-ndjson", NDJSON},
    {"application/json", NONE},
    {"text/event-streams", NONE},
    {"text/event", NONE},
    {"*", NONE},
    {"text/html, text/event-stream", SSE},
    {"text/event-stream, */*", SSE},
    {"text/event-stream,*/*;q=0.1", SSE},
    {"text/event-stream;q=0.1, */*", NDJSON},
    {"text/event-stream; q=0.4 , application/x-ndjson ;q=0.5", NDJSON},
    {"text/event-stream;q=0.5;x=y,application/x-ndjson;q=0.4", SSE},
    {"text/event-stream;q=0", NONE},
    {"text/event-stream;q=0.000, */*;q=0", NONE},
    {"*/*;q=0.5, application/x-ndjson;q=0", SSE},
    {"text/event-stream;charset=utf-8", SSE},
    {",, ,text/event-stream,,", SSE},
    {";", NONE},
    {";;;q=", NONE},
    {"text/event-stream;q=", NONE},
    {"text/event-stream;q=0.", NONE},
    {"text/event-stream;q=0.001", SSE},
    {"text/event-stream;q=1.000", SSE},
};

static void test_choose(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int got = accept_choose(cases[i].accept, types, 2);

		if (got != cases[i].want)
			fail_msg("'%s': %d instead of %d",
			    cases[i].accept ? cases[i].accept : "(none)", got, cases[i].want);
	}
}

static const struct gzip_case {
	const char *accept_encoding;
	bool want;
} gzip_cases[] = {
    {NULL, false},
    {"", false},
    {"gzip", true},
    {"GZIP", true},
    {"br, deflate, gzip;q=0.1", true},
    {"gzip;q=0", false},
    {"gzip;q=0, *", false},
    {"*, gzip;q=0", false},
    {"*", true},
    {"*;q=0", false},
    {"identity", false},
    {"gzipped, xgzip", false},
    {"identity;q=0, *;q=0.5", true},
};

static void test_gzip(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof gzip_cases / sizeof *gzip_cases; i++)
		if (accept_gzip(gzip_cases[i].accept_encoding) != gzip_cases[i].want)
			fail_msg("'%s'", gzip_cases[i].accept_encoding);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_choose),
	    cmocka_unit_test(test_gzip),
	};

	return cmocka_run_group_tests_name("http_accept", tests, NULL, NULL);
}
