#include "../../cmd/dp-http/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { FIELDS_MAX = 4, PASSES = -1 };

#define HOST "Host", "localhost:8088"

static const struct check_case {
	const char *name;
	const char *method;
	const char *target;
	const char *fields[2 * FIELDS_MAX]; /* name, value, … */
	int want;                           /* PASSES or the problem */
} cases[] = {
    {"plain", "GET", "/", {HOST}, PASSES},
    {"query", "GET", "/api/traces/a%20b?x=%2f%2e%5c%0a", {HOST}, PASSES},
    {"HEAD", "HEAD", "/", {HOST}, PASSES},
    {"OPTIONS", "OPTIONS", "/", {HOST}, PASSES},
    {"POST", "POST", "/", {HOST, "Content-Length", "65536"}, PASSES},
    {"own origin", "GET", "/", {HOST, "Origin", "http://localhost:8088"}, PASSES},
    {"address", "GET", "/", {"Host", "127.0.0.1:1"}, PASSES},
    {"IPv6", "GET", "/", {"Host", "[::1]:8088"}, PASSES},
    {"allowed name", "GET", "/", {"host", "DevBox:8088"}, PASSES},
    {"tab in a value", "GET", "/", {HOST, "X", "a\tb"}, PASSES},
    {"no host", "GET", "/", {"X", "y"}, PROBLEM_BAD_REQUEST},
    {"two hosts", "GET", "/", {HOST, HOST}, PROBLEM_BAD_REQUEST},
    {"two hosts, in another case", "GET", "/", {HOST, "hOST", "localhost"}, PROBLEM_BAD_REQUEST},
    {"another host", "GET", "/", {"Host", "evil.example"}, PROBLEM_HOST},
    {"a host that begins alike", "GET", "/", {"Host", "localhost.evil.example"}, PROBLEM_HOST},
    {"a host that ends alike", "GET", "/", {"Host", "evil-localhost"}, PROBLEM_HOST},
    {"all addresses", "GET", "/", {"Host", "0.0.0.0:8088"}, PROBLEM_HOST},
    {"empty host", "GET", "/", {"Host", ""}, PROBLEM_HOST},
    {"foreign origin", "GET", "/", {HOST, "Origin", "http://evil.example"}, PROBLEM_ORIGIN},
    {"null origin", "GET", "/", {HOST, "Origin", "null"}, PROBLEM_ORIGIN},
    {"empty origin", "GET", "/", {HOST, "Origin", ""}, PROBLEM_ORIGIN},
    {"two origins", "GET", "/", {HOST, "Origin", "http://localhost", "Origin", "http://localhost"},
	PROBLEM_ORIGIN},
    {"coding", "POST", "/", {HOST, "Transfer-Encoding", "chunked"}, PROBLEM_BAD_REQUEST},
    {"coding and length", "POST", "/",
	{HOST, "Transfer-Encoding", "chunked", "Content-Length", "4"}, PROBLEM_BAD_REQUEST},
    {"unknown coding", "GET", "/", {HOST, "transfer-encoding", "x"}, PROBLEM_BAD_REQUEST},
    {"coding, name with a space", "GET", "/", {HOST, "Transfer-Encoding ", "chunked"},
	PROBLEM_BAD_REQUEST},
    {"two lengths", "POST", "/", {HOST, "Content-Length", "4", "Content-Length", "4"},
	PROBLEM_BAD_REQUEST},
    {"length of GET", "GET", "/", {HOST, "Content-Length", "4"}, PROBLEM_BAD_REQUEST},
    {"no digits", "POST", "/", {HOST, "Content-Length", "4x"}, PROBLEM_BAD_REQUEST},
    {"sign", "POST", "/", {HOST, "Content-Length", "+4"}, PROBLEM_BAD_REQUEST},
    {"list of lengths", "POST", "/", {HOST, "Content-Length", "4, 4"}, PROBLEM_BAD_REQUEST},
    {"empty length", "POST", "/", {HOST, "Content-Length", ""}, PROBLEM_BAD_REQUEST},
    {"too long", "POST", "/", {HOST, "Content-Length", "65537"}, PROBLEM_BODY_TOO_LARGE},
    {"far too long", "POST", "/", {HOST, "Content-Length", "99999999999999999999999"},
	PROBLEM_BODY_TOO_LARGE},
    {"bare CR", "GET", "/", {HOST, "X", "a\rHost: evil"}, PROBLEM_BAD_REQUEST},
    {"control in a value", "GET", "/", {HOST, "X", "a\x01"}, PROBLEM_BAD_REQUEST},
    {"colon in a name", "GET", "/", {HOST, "X:Y", "a"}, PROBLEM_BAD_REQUEST},
    {"empty name", "GET", "/", {HOST, "", "a"}, PROBLEM_BAD_REQUEST},
    {"DELETE", "DELETE", "/", {HOST}, PROBLEM_METHOD},
    {"lower case", "get", "/", {HOST}, PROBLEM_METHOD},
    {"CONNECT", "CONNECT", "localhost:80", {HOST}, PROBLEM_BAD_REQUEST},
    {"absolute target", "GET", "http://localhost/", {HOST}, PROBLEM_BAD_REQUEST},
    {"asterisk", "OPTIONS", "*", {HOST}, PROBLEM_BAD_REQUEST},
    {"empty target", "GET", "", {HOST}, PROBLEM_BAD_REQUEST},
    {"NUL in the path", "GET", "/a%00", {HOST}, PROBLEM_BAD_REQUEST},
    {"NUL in the query", "GET", "/?a=%00", {HOST}, PROBLEM_BAD_REQUEST},
    {"dot", "GET", "/%2e%2E/", {HOST}, PROBLEM_BAD_REQUEST},
    {"slash", "GET", "/api/traces/a%2Fb", {HOST}, PROBLEM_BAD_REQUEST},
    {"backslash", "GET", "/a\\b", {HOST}, PROBLEM_BAD_REQUEST},
    {"escaped backslash", "GET", "/a%5cb", {HOST}, PROBLEM_BAD_REQUEST},
    {"escaped newline", "GET", "/a%0ab", {HOST}, PROBLEM_BAD_REQUEST},
    {"escaped delete", "GET", "/a%7Fb", {HOST}, PROBLEM_BAD_REQUEST},
    {"control", "GET", "/a\x01", {HOST}, PROBLEM_BAD_REQUEST},
    {"no digits behind %", "GET", "/a%zz", {HOST}, PROBLEM_BAD_REQUEST},
    {"one digit behind %", "GET", "/?a=%4", {HOST}, PROBLEM_BAD_REQUEST},
    {"nothing behind %", "GET", "/?a=%", {HOST}, PROBLEM_BAD_REQUEST},
};

/* Limits: `target` and a field's value are so long. */
static const struct limit_case {
	size_t target;
	size_t value;
	int want;
} limits[] = {
    {CHECK_TARGET_MAX, CHECK_FIELDS_MAX - sizeof "HostlocalhostX" + 1, PASSES},
    {CHECK_TARGET_MAX + 1, 1, PROBLEM_TARGET_TOO_LONG},
    {1, CHECK_FIELDS_MAX - sizeof "HostlocalhostX" + 2, PROBLEM_FIELDS_TOO_LARGE},
};

static void test_limits(void **state)
{
	static char target[CHECK_TARGET_MAX + 2] = "/";
	static char value[CHECK_FIELDS_MAX];
	struct dp_guard *g = dp_guard_new(NULL, NULL, NULL);

	(void)state;
	memset(value, 'v', sizeof value);
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		struct headers h = {.hosts = 0};
		struct refusal refusal = {PROBLEM_NOT_FOUND, NULL};
		int want = limits[i].want;

		memset(target + 1, 'a', sizeof target - 2);
		target[limits[i].target] = '\0';
		headers_add(&h, DP_STR("Host"), DP_STR("localhost"));
		headers_add(&h, DP_STR("X"), (struct dp_str){value, limits[i].value});
		assert_int_equal(
		    check_request(g, "GET", target, &h, &refusal), want == PASSES ? 0 : -1);
		if (want != PASSES)
			assert_int_equal(refusal.problem, want);
	}
	dp_guard_free(&g);
}

static void test_request(void **state)
{
	struct dp_guard *guard = dp_guard_new("devbox", NULL, NULL);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct check_case *c = &cases[i];
		struct headers headers = {0};
		struct refusal refusal = {.detail = NULL};
		int got = PASSES;

		for (size_t k = 0; k < FIELDS_MAX && c->fields[2 * k]; k++)
			headers_add(&headers, dp_str_from(c->fields[2 * k]),
			    dp_str_from(c->fields[2 * k + 1]));
		if (check_request(guard, c->method, c->target, &headers, &refusal) < 0)
			got = (int)refusal.problem;
		if (got != c->want)
			fail_msg("%s: %d instead of %d (%s)", c->name, got, c->want,
			    refusal.detail ? refusal.detail : "it passed");
	}
	dp_guard_free(&guard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_request),
	    cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("http_check", tests, NULL, NULL);
}
