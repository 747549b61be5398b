#include "proc.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int stop_pipe[2] = {-1, -1};
static volatile sig_atomic_t stop_signal;

static void on_stop_signal(int signo)
{
	int saved = errno;

	if (!stop_signal)
		stop_signal = signo;
	if (write(stop_pipe[1], "", 1) < 0) {
		/* full: it is readable already */
	}
	errno = saved;
}

/* Takes the place of each standard descriptor that is closed by one which cannot be used as that.
 */
static void fill_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			dp_log_die(DP_EXIT_FAILURE, "cannot open /dev/null: %s", strerror(errno));
}

/* Not where nohup(1) has it ignored. */
static void stop_on_hangup(const struct sigaction *stop)
{
	struct sigaction before;

	if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
		sigaction(SIGHUP, stop, NULL);
}

void dp_proc_init(void)
{
	struct sigaction stop = {.sa_handler = on_stop_signal};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	fill_standard_descriptors();
	if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		dp_log_die(DP_EXIT_FAILURE, "cannot make a pipe: %s", strerror(errno));
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	stop_on_hangup(&stop);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGXFSZ, &ignore, NULL);
}

int dp_proc_stop_fd(void)
{
	return stop_pipe[0];
}

bool dp_proc_stopping(void)
{
	struct pollfd p = {.fd = stop_pipe[0], .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

int dp_proc_stop_signal(void)
{
	return stop_signal;
}

static void notify_systemd(void)
{
	static const char ready[] = "READY=1";
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	socklen_t size;
	int fd;

	if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof addr.sun_path)
		return;
	memcpy(addr.sun_path, path, strlen(path));
	if (path[0] == '@')
		addr.sun_path[0] = '\0';
	size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, ready, sizeof ready - 1, MSG_NOSIGNAL, (struct sockaddr *)&addr, size) < 0)
		dp_log(DP_LOG_WARNING, "cannot notify %s: %s", path, strerror(errno));
	close(fd);
}

void dp_proc_ready(int fd)
{
	if (fd >= 0) {
		if (write(fd, "\n", 1) != 1)
			dp_log(DP_LOG_WARNING, "cannot write to the ready descriptor %d: %s", fd,
			    strerror(errno));
		close(fd);
	}
	notify_systemd();
}
