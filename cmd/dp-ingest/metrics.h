/* GET /metrics: what the server counts, as text for Prometheus. */
#ifndef METRICS_H
#define METRICS_H

#include "server.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

void metrics_write(const struct server *s, struct dp_buf *out);

#endif
