/* Asks a listening program whether it is well: what --healthcheck does, for compose files and
 * scripts where there is no curl. */
#ifndef DP_HEALTH_H
#define DP_HEALTH_H

#include "listen.h"

/* Asks who listens on `l` for GET `path`, showing `token` where it isn't empty, for at most 2
 * seconds. Returns 0 where the answer is 200, or -1 with *why (good until the next call). */
int dp_health_ask(const struct dp_listen *l, const char *token, const char *path, const char **why);

#endif
