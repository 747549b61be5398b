/* What the server counts of its requests, as text for Prometheus (0.0.4). Safe from several
 * threads. */
#ifndef METRICS_H
#define METRICS_H

#include "buf.h"

#include <stdint.h>

struct metrics;

struct metrics *metrics_new(void);
void metrics_free(struct metrics **m);

/* Counts a request: by its route (a constant string, NULL where it has none), method and status;
 * us: microseconds until its answer began. */
void metrics_count(
    struct metrics *m, const char *route, const char *method, int status, int64_t us);

/* Counts a connection that begins (1) or ends (-1). */
void metrics_count_connection(struct metrics *m, int change);

void metrics_write(struct metrics *m, struct dp_buf *out);

/* Appends the lines that say what follows: # HELP and # TYPE. */
void metrics_write_help(struct dp_buf *out, const char *name, const char *type, const char *help);

/* Appends these and one value. */
void metrics_write_value(
    struct dp_buf *out, const char *name, const char *type, const char *help, int64_t value);

/* Appends what the process takes of the machine: process_*, by Prometheus' names. */
void metrics_write_process(struct dp_buf *out);

#endif
