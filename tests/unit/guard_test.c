#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *text;
	const char *host; /* NULL: refused */
	int port;
	bool ipv6;
	bool loopback;
} addresses[] = {
    {"127.0.0.1:8008", "127.0.0.1", 8008, false, true},
    {"127.1.2.3:1", "127.1.2.3", 1, false, true},
    {"localhost:8088", "127.0.0.1", 8088, false, true},
    {"0.0.0.0:65535", "0.0.0.0", 65535, false, false},
    {"192.168.1.20:80", "192.168.1.20", 80, false, false},
    {"127.0.0.1:0", "127.0.0.1", 0, false, true},
    {"[::1]:8008", "::1", 8008, true, true},
    {"[::]:8008", "::", 8008, true, false},
    {"[2001:db8::7]:80", "2001:db8::7", 80, true, false},
    {"[::ffff:127.0.0.1]:80", "::ffff:127.0.0.1", 80, true, false},
    {"", NULL, 0, false, false},
    {"127.0.0.1", NULL, 0, false, false},
    {"8008", NULL, 0, false, false},
    {":8008", NULL, 0, false, false},
    {"127.0.0.1:", NULL, 0, false, false},
    {"127.0.0.1:65536", NULL, 0, false, false},
    {"127.0.0.1:99999999999999999999999", NULL, 0, false, false},
    {"127.0.0.1:-1", NULL, 0, false, false},
    {"127.0.0.1:+80", NULL, 0, false, false},
    {"127.0.0.1: 80", NULL, 0, false, false},
    {"127.0.0.1:80x", NULL, 0, false, false},
    {"127.0.0.1:80 ", NULL, 0, false, false},
    {"127.1:80", NULL, 0, false, false},
    {"0x7f000001:80", NULL, 0, false, false},
    {"256.0.0.1:80", NULL, 0, false, false},
    {"::1:8008", NULL, 0, false, false},
    {"[::1]", NULL, 0, false, false},
    {"[]:80", NULL, 0, false, false},
    {"[::1:80", NULL, 0, false, false},
    {"::1]:80", NULL, 0, false, false},
    {"[127.0.0.1]:80", NULL, 0, false, false},
    {"[localhost]:80", NULL, 0, false, false},
    {"example.org:80", NULL, 0, false, false},
    {"http://127.0.0.1:80", NULL, 0, false, false},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:80", NULL,
	0, false, false},
};

static void reads_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		const char *text = addresses[i].text;
		struct dp_listen l = {.port = -7};
		const char *why = NULL;
		int rc = dp_listen_parse(text, &l, &why);

		if (rc != (addresses[i].host ? 0 : -1))
			fail_msg("'%s' gave %d", text, rc);
		if (rc < 0) {
			assert_non_null(why);
			assert_int_equal(l.port, -7);
			continue;
		}
		assert_string_equal(l.host, addresses[i].host);
		assert_int_equal(l.port, addresses[i].port);
		assert_int_equal(l.ipv6, addresses[i].ipv6);
		assert_int_equal(l.loopback, addresses[i].loopback);
		assert_int_equal(l.addr.any.sa_family, l.ipv6 ? AF_INET6 : AF_INET);
		assert_int_equal(ntohs(l.ipv6 ? l.addr.in6.sin6_port : l.addr.in.sin_port), l.port);
		assert_int_equal(l.addr_size, l.ipv6 ? sizeof l.addr.in6 : sizeof l.addr.in);
	}
}

static void tells_what_a_socket_is_bound_to(void **state)
{
	static const struct {
		const char *address;
		bool want;
	} rows[] = {{"127.0.0.1:0", true}, {"127.9.9.9:0", true}, {"0.0.0.0:0", false},
	    {"[::1]:0", true}, {"[::]:0", false}};
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dp_listen l;
		int fd;

		assert_int_equal(dp_listen_parse(rows[i].address, &l, &why), 0);
		fd = socket(l.addr.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0 || bind(fd, &l.addr.any, l.addr_size) < 0) {
			print_message("no %s on this machine\n", rows[i].address);
			assert_true(l.ipv6);
		} else if (dp_listen_is_loopback(fd) != rows[i].want) {
			fail_msg("%s", rows[i].address);
		}
		close(fd);
	}
	assert_false(dp_listen_is_loopback(-1));
	assert_false(dp_listen_is_loopback(open("/dev/null", O_RDONLY | O_CLOEXEC)));
}

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

static void allows_exact_hosts_only(void **state)
{
	struct dp_guard *g = dp_guard_new("devbox.lan, ported.lan:99,,[2001:db8::7]", NULL);

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
	g = dp_guard_new(NULL, NULL);
	assert_false(dp_guard_host_ok(g, DP_STR("devbox.lan")));
	assert_true(dp_guard_host_ok(g, DP_STR("localhost")));
	dp_guard_free(&g);
	g = dp_guard_new(" , ,", NULL);
	assert_false(dp_guard_host_ok(g, DP_STR("")));
	dp_guard_free(&g);
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
	struct dp_guard *g = dp_guard_new("devbox.lan,ported.lan:99", NULL);

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
	    {"", "", false},
	    {"", "x", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dp_guard *g = dp_guard_new(NULL, rows[i].token);

		assert_int_equal(dp_guard_wants_token(g), rows[i].token != NULL);
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

#define TOKEN_16  "0123456789abcdef"
#define TOKEN_128 TOKEN_16 TOKEN_16 TOKEN_16 TOKEN_16 TOKEN_16 TOKEN_16 TOKEN_16 "ABCZ._~+/=-xyz01"

static const struct {
	const char *name;
	const char *contents;
	mode_t mode;
	const char *token; /* NULL: refused */
	const char *why;   /* a part of it */
} files[] = {
    {"with newline", TOKEN_16 "\n", 0600, TOKEN_16, NULL},
    {"without newline", TOKEN_16, 0400, TOKEN_16, NULL},
    {"the longest", TOKEN_128 "\n", 0600, TOKEN_128, NULL},
    {"too short", "0123456789abcde\n", 0600, NULL, "16 to 128"},
    {"too long", TOKEN_128 "x\n", 0600, NULL, "16 to 128"},
    {"far too long", TOKEN_128 TOKEN_128 "\n", 0600, NULL, "16 to 128"},
    {"empty", "", 0600, NULL, "16 to 128"},
    {"only a newline", "\n", 0600, NULL, "16 to 128"},
    {"two lines", TOKEN_16 "\n" TOKEN_16 "\n", 0600, NULL, "16 to 128"},
    {"two newlines", TOKEN_16 "\n\n", 0600, NULL, "16 to 128"},
    {"longest and one more line", TOKEN_128 "\nx", 0600, NULL, "16 to 128"},
    {"a space", "0123456789 abcdef\n", 0600, NULL, "16 to 128"},
    {"CR LF", TOKEN_16 "\r\n", 0600, NULL, "16 to 128"},
    {"not ASCII", "0123456789abcd\xc3\xa9\n", 0600, NULL, "16 to 128"},
    {"the group may read it", TOKEN_16 "\n", 0640, NULL, "chmod 600"},
    {"others may read it", TOKEN_16 "\n", 0604, NULL, "chmod 600"},
    {"others may write it", TOKEN_16 "\n", 0602, NULL, "chmod 600"},
};

static void reads_token_files(void **state)
{
	char path[] = "/tmp/devpulse-guard.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		const char *why = "";
		char *token;
		FILE *f;

		chmod(path, 0600);
		f = fopen(path, "w");
		assert_non_null(f);
		fputs(files[i].contents, f);
		fclose(f);
		chmod(path, files[i].mode);
		token = dp_guard_read_token(path, &why);
		if (!token != !files[i].token)
			fail_msg("%s: %s", files[i].name, token ? token : why);
		if (token)
			assert_string_equal(token, files[i].token);
		else if (!strstr(why, files[i].why))
			fail_msg("%s: %s", files[i].name, why);
		free(token);
	}
	unlink(path);
}

static void says_why_a_token_file_cannot_be_read(void **state)
{
	char directory[] = "/tmp/devpulse-guard.XXXXXX";
	const char *why = "";

	(void)state;
	assert_null(dp_guard_read_token("/nonexistent/token", &why));
	assert_string_equal(why, "No such file or directory");
	assert_non_null(mkdtemp(directory));
	assert_null(dp_guard_read_token(directory, &why));
	assert_string_equal(why, "Is a directory");
	rmdir(directory);
}

static void a_nul_is_no_part_of_a_token(void **state)
{
	(void)state;
	assert_false(dp_guard_token_is_sane((struct dp_str){"0123456789abcde\0", 16}));
	assert_false(dp_guard_token_is_sane((struct dp_str){NULL, 0}));
	assert_true(dp_guard_token_is_sane(DP_STR(TOKEN_128)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_addresses),
	    cmocka_unit_test(tells_what_a_socket_is_bound_to),
	    cmocka_unit_test(allows_exact_hosts_only),
	    cmocka_unit_test(allows_exact_origins_only),
	    cmocka_unit_test(compares_tokens),
	    cmocka_unit_test(finds_the_bearer_token),
	    cmocka_unit_test(reads_token_files),
	    cmocka_unit_test(says_why_a_token_file_cannot_be_read),
	    cmocka_unit_test(a_nul_is_no_part_of_a_token),
	};

	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
