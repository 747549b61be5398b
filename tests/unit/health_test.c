#include "health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
	const char *token;
	const char *answer; /* NULL: nobody listens */
	int want;
	const char *why;
} rows[] = {
    {"", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, "/readyz answers 200"},
    {"0123456789abcdef", "HTTP/1.0 200 \r\n\r\n", 0, "/readyz answers 200"},
    {"", "HTTP/1.1 503 Service Unavailable\r\n\r\n200", -1, "/readyz answers 503"},
    {"", "HTTP/1.1 20", -1, "no answer within 2 s"},
    {"", "SSH-2.0-x 200 y", -1, "no answer within 2 s"},
    {"", "", -1, "no answer within 2 s"},
    {"", NULL, -1, "cannot connect: Connection refused"},
};

/* Answers one request, which must be whole, in a child process. */
static pid_t serve(int listener, const char *token, const char *answer)
{
	struct pollfd ready = {.fd = listener, .events = POLLIN};
	char request[500];
	ssize_t n;
	pid_t pid = fork();
	int fd;

	if (pid != 0)
		return pid;
	poll(&ready, 1, -1);
	fd = accept(listener, NULL, NULL);
	n = read(fd, request, sizeof request - 1);
	request[n > 0 ? n : 0] = '\0';
	if (strstr(request, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n") != request ||
	    !strstr(request, "\r\n\r\n") || !strstr(request, token) ||
	    !strstr(request, "\r\nAuthorization: Bearer ") != !*token)
		_exit(1);
	_exit(write(fd, answer, strlen(answer)) < 0);
}

static void tells_a_good_answer_from_all_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dp_listen l;
		const char *why = "";
		int status = 0;
		pid_t pid = -1;
		int listener;
		int rc;

		assert_int_equal(dp_listen_parse("0.0.0.0:0", &l, &why), 0);
		listener = dp_listen_open(&l);
		assert_true(listener >= 0);
		if (rows[i].answer)
			pid = serve(listener, rows[i].token, rows[i].answer);
		close(listener);
		rc = dp_health_ask(&l, rows[i].token, "/readyz", &why);
		if (rc != rows[i].want || strcmp(why, rows[i].why) != 0)
			fail_msg("row %zu: %d, %s", i, rc, why);
		if (pid > 0) {
			assert_int_equal(waitpid(pid, &status, 0), pid);
			assert_int_equal(status, 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tells_a_good_answer_from_all_else),
	};

	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
