/* Read-only store handles for many threads: taken for a request, given back behind it. */
#ifndef POOL_H
#define POOL_H

#include "store.h"

#include <stdbool.h>
#include <stddef.h>

struct pool;

/* Opens a handle to read by: dp_store_open, and with little patience for a database that doesn't
 * answer while the program ends. */
struct dp_store *pool_open_reader(const char *url, const char **why);

/* `count` handles on a URL; NULL with *why where it is none. */
struct pool *pool_new(const char *url, size_t count, const char **why);
void pool_free(struct pool **p);

/* A handle for this thread alone; waits where all are taken. NULL while the database is away and
 * another thread tries to reach it: one thread at a time waits for a dead server, not all. */
struct dp_store *pool_take(struct pool *p);

/* Gives it back; `reachable`: the last call did not fail as DP_STORE_AWAY. */
void pool_give(struct pool *p, struct dp_store **s, bool reachable);

#endif
