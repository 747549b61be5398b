/* Runs a function in a child process and tells what it wrote and how it ended: for what exits, and
 * for what can be done only once in a process. */
#ifndef DP_TEST_CHILD_H
#define DP_TEST_CHILD_H

#include "buf.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	struct dp_buf out; /* what it wrote to stdout and to stderr, in order */
	int status;        /* its exit status, or 128 + the signal that ended it */
};

static inline void child_release(struct child *c)
{
	dp_buf_release(&c->out);
}

/* `run` may return, which counts as an exit with the status that it returns. */
static inline struct child child_run(int (*run)(const void *arg), const void *arg)
{
	struct child c = {.status = -1};
	ssize_t n = 1;
	int status;
	int fd[2];
	pid_t pid;

	if (pipe(fd) < 0)
		return c;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		dup2(fd[1], STDOUT_FILENO);
		dup2(fd[1], STDERR_FILENO);
		close(fd[0]);
		close(fd[1]);
		status = run(arg);
		fflush(NULL);
		_exit(status);
	}
	close(fd[1]);
	while (n > 0) {
		dp_buf_reserve(&c.out, 4096);
		n = read(fd[0], c.out.data + c.out.len, 4096);
		c.out.len += n > 0 ? (size_t)n : 0;
	}
	close(fd[0]);
	if (pid > 0 && waitpid(pid, &status, 0) == pid)
		c.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return c;
}

#endif
