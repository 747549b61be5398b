/* What Linux says of this process (proc(5)). What it does not say is left out. */
#include "metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Fields of /proc/self/stat behind the name, which may hold blanks: state is the third of all. */
struct stat_fields {
	unsigned long long utime;
	unsigned long long stime;
	unsigned long long start;
	unsigned long long virtual_bytes;
	long long resident_pages;
};

static bool read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	bool ok = file && fgets(line, (int)size, file);

	if (file)
		fclose(file);
	return ok;
}

/* A field of proc(5), by its number there; `third` is where the third one begins. */
static unsigned long long field(const char *third, int number)
{
	const char *p = third;

	for (int n = 3; p && n < number; n++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	return p ? strtoull(p, NULL, 10) : 0;
}

static bool read_stat(struct stat_fields *f)
{
	char line[1000];
	const char *name_end;

	if (!read_line("/proc/self/stat", line, sizeof line))
		return false;
	name_end = strrchr(line, ')');
	if (!name_end || !name_end[1])
		return false;
	*f = (struct stat_fields){
	    .utime = field(name_end + 2, 14),
	    .stime = field(name_end + 2, 15),
	    .start = field(name_end + 2, 22),
	    .virtual_bytes = field(name_end + 2, 23),
	    .resident_pages = (long long)field(name_end + 2, 24),
	};
	return true;
}

/* Open descriptors, or -1. */
static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *e;
	int n = -1; /* that of the folder */

	if (!dir)
		return -1;
	while ((e = readdir(dir)))
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void write_seconds(
    struct dp_buf *out, const char *name, const char *type, const char *help, double seconds)
{
	metrics_write_help(out, name, type, help);
	dp_buf_addf(out, "%s %.2f\n", name, seconds);
}

static void write_stat(struct dp_buf *out, const struct stat_fields *f)
{
	const double ticks = (double)sysconf(_SC_CLK_TCK);
	struct timespec since_boot;
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &since_boot);
	clock_gettime(CLOCK_REALTIME, &now);
	write_seconds(out, "process_cpu_seconds_total", "counter", "Time on a processor.",
	    (double)(f->utime + f->stime) / ticks);
	write_seconds(out, "process_start_time_seconds", "gauge", "When it began, since 1970.",
	    (double)(now.tv_sec - since_boot.tv_sec) + (double)f->start / ticks);
	metrics_write_value(out, "process_resident_memory_bytes", "gauge", "Memory in use.",
	    f->resident_pages * sysconf(_SC_PAGESIZE));
	metrics_write_value(out, "process_virtual_memory_bytes", "gauge", "Addresses in use.",
	    (int64_t)f->virtual_bytes);
}

void metrics_write_process(struct dp_buf *out)
{
	struct stat_fields f;
	struct rlimit limit;
	int fds = count_fds();

	if (read_stat(&f))
		write_stat(out, &f);
	if (fds >= 0)
		metrics_write_value(out, "process_open_fds", "gauge", "Open descriptors.", fds);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		metrics_write_value(out, "process_max_fds", "gauge", "The most it may open.",
		    (int64_t)limit.rlim_cur);
}
