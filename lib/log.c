#include "log.h"

#include "text.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 2000, KINDS_MAX = 32, HOLD_SECONDS = 60 };

struct kind {
	const char *name;
	time_t last;
	uint64_t held;
};

static const char *log_name = "devpulse";
static bool to_journal;
static struct kind kinds[KINDS_MAX];
static pthread_mutex_t kinds_lock = PTHREAD_MUTEX_INITIALIZER;

/* Whether stderr is a stream to systemd's journal, as JOURNAL_STREAM says (systemd.exec(5)). */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char ours[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(ours, sizeof ours, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, ours) == 0;
}

void dp_log_init(const char *name)
{
	log_name = name;
	to_journal = is_journal();
}

/* One write a line, so that lines of several programs on one terminal do not mix. */
static void write_line(enum dp_log_level level, uint64_t held, const char *fmt, va_list args)
{
	static const char *const names[] = {"error", "warning", "info"};
	static const char *const priorities[] = {"<3>", "<4>", "<6>"}; /* sd-daemon(3) */
	char text[LINE_MAX_BYTES];
	char safe[LINE_MAX_BYTES];
	char line[LINE_MAX_BYTES + 200];
	char more[80] = "";
	int n;

	vsnprintf(text, sizeof text, fmt, args);
	dp_text_escape(text, strlen(text), safe, sizeof safe);
	if (held > 0)
		snprintf(more, sizeof more, " (and %llu more like it since the last such line)",
		    (unsigned long long)held);
	n = snprintf(line, sizeof line, "%s%s: %s: %s%s\n", to_journal ? priorities[level] : "",
	    log_name, names[level], safe, more);
	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nobody is left to tell */
}

void dp_log(enum dp_log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	write_line(level, 0, fmt, args);
	va_end(args);
}

/* The entry of a kind, made at its first use. The last entry serves all kinds beyond KINDS_MAX. */
static struct kind *find_kind(const char *name)
{
	size_t i = 0;

	while (i < KINDS_MAX - 1 && kinds[i].name && strcmp(kinds[i].name, name) != 0)
		i++;
	if (!kinds[i].name)
		kinds[i].name = name;
	return &kinds[i];
}

void dp_log_limited(enum dp_log_level level, const char *kind, const char *fmt, ...)
{
	struct timespec now;
	struct kind *k;
	uint64_t held;
	va_list args;

	clock_gettime(CLOCK_MONOTONIC, &now);
	pthread_mutex_lock(&kinds_lock);
	k = find_kind(kind);
	if (k->last != 0 && now.tv_sec - k->last < HOLD_SECONDS) {
		k->held++;
		pthread_mutex_unlock(&kinds_lock);
		return;
	}
	held = k->held;
	k->held = 0;
	k->last = now.tv_sec ? now.tv_sec : 1;
	pthread_mutex_unlock(&kinds_lock);

	va_start(args, fmt);
	write_line(level, held, fmt, args);
	va_end(args);
}

void dp_log_die(int status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	write_line(DP_LOG_ERROR, 0, fmt, args);
	va_end(args);
	exit(status);
}
