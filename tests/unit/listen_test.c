#include "listen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
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

static void opens_a_socket_on_a_port_of_its_own(void **state)
{
	char name[DP_LISTEN_NAME_MAX];
	struct dp_listen l;
	struct dp_listen same;
	const char *why;
	int fd;

	(void)state;
	assert_int_equal(dp_listen_parse("127.0.0.1:0", &l, &why), 0);
	fd = dp_listen_open(&l);
	assert_true(fd >= 0);
	assert_true(l.port > 0);
	assert_true(dp_listen_is_loopback(fd));
	assert_int_equal(dp_listen_parse(dp_listen_name(&l, name), &same, &why), 0);
	assert_int_equal(same.port, l.port);
	errno = 0;
	assert_int_equal(dp_listen_open(&same), -1);
	assert_int_equal(errno, EADDRINUSE);
	close(fd);
}

/* That the kernel heeds it is shown where there are networks: tests/compose. */
static void asks_the_kernel_to_answer_attached_networks_only(void **state)
{
	struct dp_listen l;
	const char *why;

	(void)state;
	assert_int_equal(dp_listen_parse("0.0.0.0:0", &l, &why), 0);
	for (int wanted = 0; wanted < 2; wanted++) {
		int on = -1;
		socklen_t size = sizeof on;
		int fd;

		l.attached_only = wanted;
		fd = dp_listen_open(&l);
		assert_true(fd >= 0);
		assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_DONTROUTE, &on, &size), 0);
		assert_int_equal(on, wanted);
		close(fd);
	}
}

static void writes_the_name_of_an_address(void **state)
{
	static const char *const names[] = {"127.0.0.1:8008", "[::1]:8088", "0.0.0.0:1"};
	char name[DP_LISTEN_NAME_MAX];
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct dp_listen l;

		assert_int_equal(dp_listen_parse(names[i], &l, &why), 0);
		assert_string_equal(dp_listen_name(&l, name), names[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_addresses),
	    cmocka_unit_test(tells_what_a_socket_is_bound_to),
	    cmocka_unit_test(opens_a_socket_on_a_port_of_its_own),
	    cmocka_unit_test(asks_the_kernel_to_answer_attached_networks_only),
	    cmocka_unit_test(writes_the_name_of_an_address),
	};

	return cmocka_run_group_tests_name("listen", tests, NULL, NULL);
}
