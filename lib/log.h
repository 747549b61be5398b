/* What a program says to people: lines on stderr, "prog: level: text".
 *
 * Text that came from outside may be logged: control and bidirectional characters are written as
 * escapes (text.h), and a line is cut at 2,000 bytes. Safe from several threads. */
#ifndef DP_LOG_H
#define DP_LOG_H

#include <stdint.h>

enum dp_log_level { DP_LOG_ERROR, DP_LOG_WARNING, DP_LOG_INFO };

enum {
	DP_EXIT_FAILURE = 1, /* something failed, a restart may help */
	DP_EXIT_USAGE = 2,   /* wrong usage or configuration: a restart will not help */
};

/* Names the program; `name` is kept. Call first. Where stderr goes to systemd's journal, each line
 * begins with its priority from here on. */
void dp_log_init(const char *name);

void dp_log(enum dp_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As dp_log, at most once a minute for each `kind` (a constant string; the first 32 kinds have a
 * limit of their own). The next line of a kind says how many were held back. */
void dp_log_limited(enum dp_log_level level, const char *kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Logs an error and ends the program with `status` (DP_EXIT_*). For main() and mem only. */
_Noreturn void dp_log_die(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
