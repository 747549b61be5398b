/* A process among others: it is asked to stop by SIGINT, SIGTERM or SIGHUP, and it says when it is
 * ready. */
#ifndef DP_PROC_H
#define DP_PROC_H

#include <stdbool.h>

/* From here on SIGINT and SIGTERM, and SIGHUP unless it was ignored, make the stop descriptor
 * readable instead of ending the program. SIGPIPE and SIGXFSZ are ignored: every write is checked.
 * Of stdin, stdout and stderr none that is closed is taken by another file: it still gives EBADF.
 * Call once, before any thread or file is made. */
void dp_proc_init(void);

/* Readable from the first stop signal on, for ever. Poll it beside the input; do not read it. */
int dp_proc_stop_fd(void);

/* Whether a stop signal has come. */
bool dp_proc_stopping(void);

/* The first of them; 0 where none has come. */
int dp_proc_stop_signal(void);

/* Says that the program does its work from here on: a newline to `fd`, which is closed (none where
 * fd < 0), and READY=1 to $NOTIFY_SOCKET (sd_notify(3)). */
void dp_proc_ready(int fd);

#endif
