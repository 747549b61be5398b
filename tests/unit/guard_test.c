#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
	const char *host;
	bool want;
} hosts[] = {
    {"localhost", true},
    {"localhost:8088", true},
    {"LocalHost:1", true},
    {"127.0.0.1", true},
    {"127.0.0.1:8088", true},
    {"[::1]", true},
    {"[::1]:8088", true},
    {"devbox.lan", true},
    {"devbox.lan:8088", true},
    {"DEVBOX.LAN:8088", true},
    {"ported.lan:99", true},
    {"[2001:db8::7]:5", true},
    {"", false},
    {"localhos", false},
    {"localhostx", false},
    {"localhost.", false},
    {"localhost:", false},
    {"localhost:80x", false},
    {"localhost:-1", false},
    {"localhost:80:80", false},
    {"localhost.evil.example", false},
    {"evil.example", false},
    {"evil.example:8088", false},
    {"xlocalhost:80", false},
    {"localhost ", false},
    {" localhost", false},
    {"localhost,evil.example", false},
    {"localhost@evil.example", false},
    {"127.0.0.2", false},
    {"0.0.0.0:8088", false},
    {"::1", false},
    {"[::1", false},
    {"ported.lan", false},
    {"ported.lan:98", false},
    {"null", false},
    {":80", false},
    {"80", false},
};

static void shares_with_exact_origins_only(void **state)
{
	static const struct {
		const char *origin;
		bool want;
	} rows[] = {
	    {"https://notes.example", true},
	    {"http://notes.example:3000", true},
	    {"http://notes.example", false},
	    {"https://notes.example:443", false},
	    {"https://notes.example.evil", false},
	    {"https://xnotes.example", false},
	    {"null", false},
	    {"", false},
	    {"http://localhost", false},
	};
	struct dp_guard *g = dp_guard_new(NULL, NULL, NULL);

	(void)state;
	assert_false(dp_guard_origin_ok(g, DP_STR("https://notes.example")));
	dp_guard_share(g, "https://notes.example, http://notes.example:3000");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (dp_guard_shares(g, dp_str_from(rows[i].origin)) != rows[i].want)
			fail_msg("'%s'", rows[i].origin);
	assert_true(dp_guard_origin_ok(g, DP_STR("https://notes.example")));
	assert_true(dp_guard_origin_ok(g, DP_STR("http://localhost")));
	assert_false(dp_guard_host_ok(g, DP_STR("notes.example")));
	dp_guard_free(&g);
}

static void allows_exact_hosts_only(void **state)
{
	struct dp_guard *g = dp_guard_new("devbox.lan, ported.lan:99,,[2001:db8::7]", NULL, NULL);

	(void)state;
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
		if (dp_guard_host_ok(g, dp_str_from(hosts[i].host)) != hosts[i].want)
			fail_msg("'%s'", hosts[i].host);
	assert_false(dp_guard_host_ok(g, (struct dp_str){NULL, 0}));
	assert_false(dp_guard_host_ok(g, (struct dp_str){"localhost\0:80", 13}));
	assert_false(dp_guard_host_ok(g, (struct dp_str){"local\0ost", 9}));
	dp_guard_free(&g);
	assert_null(g);
	dp_guard_free(&g);
	g = dp_guard_new(NULL, NULL, NULL);
	assert_false(dp_guard_host_ok(g, DP_STR("devbox.lan")));
	assert_true(dp_guard_host_ok(g, DP_STR("localhost")));
	dp_guard_free(&g);
	g = dp_guard_new(" , ,", NULL, NULL);
	assert_false(dp_guard_host_ok(g, DP_STR("")));
	dp_guard_free(&g);
}

static void allows_its_own_address_unless_that_is_all_of_them(void **state)
{
	static const struct {
		const char *listen;
		const char *host;
		bool want;
	} rows[] = {
	    {"192.168.1.20:8088", "192.168.1.20:8088", true},
	    {"192.168.1.20:8088", "192.168.1.20:8089", false},
	    {"[2001:db8::7]:8088", "[2001:db8::7]:8088", true},
	    {"0.0.0.0:8088", "0.0.0.0:8088", false},
	    {"[::]:8088", "[::]:8088", false},
	    {"0.0.0.0:8088", "localhost:8088", true},
	};
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dp_listen l;
		struct dp_guard *g;

		assert_int_equal(dp_listen_parse(rows[i].listen, &l, &why), 0);
		g = dp_guard_new(NULL, &l, NULL);
		if (dp_guard_host_ok(g, dp_str_from(rows[i].host)) != rows[i].want)
			fail_msg("%s: %s", rows[i].listen, rows[i].host);
		dp_guard_free(&g);
	}
}

static const struct {
	const char *origin;
	bool want;
} origins[] = {
    {"http://localhost:8088", true},
    {"https://localhost", true},
    {"HTTP://LOCALHOST:1", true},
    {"http://[::1]:8088", true},
    {"http://devbox.lan:3000", true},
    {"http://ported.lan:99", true},
    {"http://ported.lan:98", false},
    {"", false},
    {"null", false},
    {"localhost", false},
    {"http://", false},
    {"http:/localhost", false},
    {"ftp://localhost", false},
    {"file://localhost", false},
    {"http://localhost/", false},
    {"http://localhost:8088/path", false},
    {"http://localhost.evil.example", false},
    {"http://evil.example", false},
    {"http://evil.example:8088", false},
    {"http://user@localhost", false},
    {"http://localhost:8088 http://evil.example", false},
    {"chrome-extension://localhost", false},
};

static void allows_exact_origins_only(void **state)
{
	struct dp_guard *g = dp_guard_new("devbox.lan,ported.lan:99", NULL, NULL);

	(void)state;
	for (size_t i = 0; i < sizeof origins / sizeof *origins; i++)
		if (dp_guard_origin_ok(g, dp_str_from(origins[i].origin)) != origins[i].want)
			fail_msg("'%s'", origins[i].origin);
	assert_false(dp_guard_origin_ok(g, (struct dp_str){NULL, 0}));
	dp_guard_free(&g);
}

static void compares_tokens(void **state)
{
	static const struct {
		const char *token;
		const char *offered;
		bool want;
	} rows[] = {
	    {NULL, "", true},
	    {NULL, "anything", true},
	    {"0123456789abcdef", "0123456789abcdef", true},
	    {"0123456789abcdef", "", false},
	    {"0123456789abcdef", "0123456789abcdeg", false},
	    {"0123456789abcdef", "1123456789abcdef", false},
	    {"0123456789abcdef", "0123456789abcde", false},
	    {"0123456789abcdef", "0123456789abcdef0", false},
	    {"0123456789abcdef", "0123456789abcdef0123456789abcdef", false},
	    {"0123456789abcdef", "0123456789ABCDEF", false},
	    {"", "", true},
	    {"", "x", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dp_guard *g = dp_guard_new(NULL, NULL, rows[i].token);

		assert_int_equal(dp_guard_wants_token(g), rows[i].token && *rows[i].token);
		if (dp_guard_token_ok(g, dp_str_from(rows[i].offered)) != rows[i].want)
			fail_msg("token '%s', offered '%s'", rows[i].token, rows[i].offered);
		dp_guard_free(&g);
	}
}

static void finds_the_bearer_token(void **state)
{
	static const struct {
		const char *header;
		const char *want;
	} rows[] = {{"Bearer abc", "abc"}, {"bearer abc", "abc"}, {"BEARER a b", "a b"},
	    {"Bearer ", ""}, {"Bearer", ""}, {"Basic abc", ""}, {"Bearerabc", ""}, {"", ""},
	    {"abc", ""}, {" Bearer abc", ""}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (!dp_str_is(dp_guard_bearer(dp_str_from(rows[i].header)), rows[i].want))
			fail_msg("'%s'", rows[i].header);
	assert_int_equal(dp_guard_bearer((struct dp_str){NULL, 0}).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(allows_exact_hosts_only),
	    cmocka_unit_test(shares_with_exact_origins_only),
	    cmocka_unit_test(allows_its_own_address_unless_that_is_all_of_them),
	    cmocka_unit_test(allows_exact_origins_only),
	    cmocka_unit_test(compares_tokens),
	    cmocka_unit_test(finds_the_bearer_token),
	};

	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
