#include "proc.h"

#include "child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Each child returns 0 where all went well, or the number of the step that failed. */
static void check(int (*run)(const void *), const void *arg)
{
	struct child c = child_run(run, arg);

	if (c.status != 0 || c.out.len != 0)
		fail_msg("failed at step %d: %s", c.status, dp_buf_text(&c.out));
	child_release(&c);
}

static int be_stopped(const void *arg)
{
	struct pollfd p;

	dp_proc_init();
	p = (struct pollfd){.fd = dp_proc_stop_fd(), .events = POLLIN};
	if (dp_proc_stopping() || dp_proc_stop_signal() != 0 || poll(&p, 1, 0) != 0)
		return 1;
	for (int i = 0; i < 3; i++) {
		raise(i == 0 ? *(const int *)arg : SIGTERM);
		if (!dp_proc_stopping() || poll(&p, 1, -1) != 1)
			return 2;
	}
	if (dp_proc_stop_signal() != *(const int *)arg)
		return 3;
	return fcntl(p.fd, F_GETFD) & FD_CLOEXEC ? 0 : 4;
}

static void a_signal_makes_the_stop_descriptor_readable(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

	(void)state;
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		check(be_stopped, &signals[i]);
}

static int be_hung_up_on(const void *arg)
{
	(void)arg;
	signal(SIGHUP, SIG_IGN);
	dp_proc_init();
	raise(SIGHUP);
	return dp_proc_stopping() ? 1 : 0;
}

static void under_nohup_a_hangup_is_nothing(void **state)
{
	(void)state;
	check(be_hung_up_on, NULL);
}

/* More signals than the pipe takes, and errno is not disturbed. */
static int be_stopped_often(const void *arg)
{
	(void)arg;
	dp_proc_init();
	errno = EDOM;
	for (int i = 0; i < 70000; i++)
		raise(SIGTERM);
	return errno == EDOM && dp_proc_stopping() ? 0 : 1;
}

static void many_signals_do_not_block(void **state)
{
	(void)state;
	check(be_stopped_often, NULL);
}

static int write_to_nobody(const void *arg)
{
	int fd[2];

	(void)arg;
	dp_proc_init();
	if (pipe(fd) < 0)
		return 1;
	close(fd[0]);
	return write(fd[1], "x", 1) == -1 && errno == EPIPE ? 0 : 2;
}

static void a_broken_pipe_is_an_error_and_no_signal(void **state)
{
	(void)state;
	check(write_to_nobody, NULL);
}

static int write_too_much(const void *arg)
{
	const struct rlimit limit = {1, 1};
	int fd = fileno(tmpfile());

	(void)arg;
	dp_proc_init();
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0 || write(fd, "xx", 2) != 1)
		return 1;
	return write(fd, "x", 1) == -1 && errno == EFBIG ? 0 : 2;
}

static void a_file_that_is_too_large_is_an_error_and_no_signal(void **state)
{
	(void)state;
	check(write_too_much, NULL);
}

static int say_ready(const void *arg)
{
	char got[4];
	int fd[2];

	(void)arg;
	unsetenv("NOTIFY_SOCKET");
	if (pipe(fd) < 0)
		return 1;
	dp_proc_ready(fd[1]);
	if (fcntl(fd[1], F_GETFD) != -1)
		return 2;
	if (read(fd[0], got, sizeof got) != 1 || got[0] != '\n')
		return 3;
	if (read(fd[0], got, sizeof got) != 0)
		return 4;
	dp_proc_ready(-1);
	return 0;
}

static void ready_is_a_newline_and_a_close(void **state)
{
	(void)state;
	check(say_ready, NULL);
}

/* Binds the address that NOTIFY_SOCKET names: a path, or "@name" of the abstract namespace. */
static int bind_notify(const char *name)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(addr.sun_path, name, strlen(name));
	if (name[0] == '@')
		addr.sun_path[0] = '\0';
	if (bind(fd, (struct sockaddr *)&addr,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))) < 0)
		return -1;
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static int notify(const void *arg)
{
	char got[32];
	int fd = bind_notify(arg);

	if (fd < 0)
		return 1;
	dp_proc_ready(-1);
	return recv(fd, got, sizeof got, MSG_DONTWAIT) == 7 && memcmp(got, "READY=1", 7) == 0 ? 0
											      : 2;
}

static void ready_is_told_to_systemd(void **state)
{
	char directory[] = "/tmp/devpulse-proc.XXXXXX";
	char path[64];
	char abstract[64];

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/notify", directory);
	snprintf(abstract, sizeof abstract, "@%s", directory);
	check(notify, path);
	check(notify, abstract);
	unlink(path);
	rmdir(directory);
}

static int fail_to_be_ready(const void *arg)
{
	(void)arg;
	setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
	dp_proc_ready(99);
	return 0;
}

static void what_cannot_be_told_is_a_warning(void **state)
{
	struct child c = child_run(fail_to_be_ready, NULL);

	(void)state;
	assert_int_equal(c.status, 0);
	assert_string_equal(dp_buf_text(&c.out),
	    "devpulse: warning: cannot write to the ready descriptor 99: Bad file descriptor\n"
	    "devpulse: warning: cannot notify /nonexistent/notify: No such file or directory\n");
	child_release(&c);
}

static int ignore_strange_sockets(const void *arg)
{
	(void)arg;
	setenv("NOTIFY_SOCKET", "relative/path", 1);
	dp_proc_ready(-1);
	setenv("NOTIFY_SOCKET", "", 1);
	dp_proc_ready(-1);
	return 0;
}

static void a_strange_socket_is_ignored(void **state)
{
	(void)state;
	check(ignore_strange_sockets, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_signal_makes_the_stop_descriptor_readable),
	    cmocka_unit_test(under_nohup_a_hangup_is_nothing),
	    cmocka_unit_test(many_signals_do_not_block),
	    cmocka_unit_test(a_broken_pipe_is_an_error_and_no_signal),
	    cmocka_unit_test(a_file_that_is_too_large_is_an_error_and_no_signal),
	    cmocka_unit_test(ready_is_a_newline_and_a_close),
	    cmocka_unit_test(ready_is_told_to_systemd),
	    cmocka_unit_test(what_cannot_be_told_is_a_warning),
	    cmocka_unit_test(a_strange_socket_is_ignored),
	};

	return cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
