/* What the disk gives: appends BYTES at a time to a file in FOLDER, each with pwrite and fdatasync,
 * for some seconds. Prints bytes, seconds, and syncs.
 *
 *	sync FOLDER BYTES SECONDS */
#include "mem.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	char path[4096];
	long long at = 0;
	long syncs = 0;
	double start;
	size_t n;
	char *p;
	int fd;

	if (argc != 4)
		errx(2, "usage: sync FOLDER BYTES SECONDS");
	n = strtoull(argv[2], NULL, 10);
	p = dp_mem_new(n);
	memset(p, 'x', n);
	snprintf(path, sizeof path, "%s/sync.tmp", argv[1]);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		err(1, "%s", path);
	unlink(path);
	start = now();
	while (now() - start < strtod(argv[3], NULL)) {
		if (pwrite(fd, p, n, at) != (ssize_t)n || fdatasync(fd) < 0)
			err(1, "%s", path);
		at += (long long)n;
		syncs++;
	}
	printf("%lld %.3f %ld\n", at, now() - start, syncs);
	return 0;
}
