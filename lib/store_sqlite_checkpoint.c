#include "store_sqlite_checkpoint.h"

#include "mem.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

enum { BUSY_MS = 1000 };

struct dp_checkpointer {
	sqlite3 *db;
	const char *path;
	bool has_thread;
	pthread_t thread;
	pthread_mutex_t pass; /* held by who makes a checkpoint */
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t changed;
	bool is_wanted;
	bool is_ending;
	sqlite3 *own; /* the thread's connection, while it has one */
};

/* What it cannot do for now it can do later: nothing is lost with it. */
static void checkpoint(struct dp_checkpointer *c, sqlite3 *db)
{
	pthread_mutex_lock(&c->pass);
	sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	pthread_mutex_unlock(&c->pass);
}

/* Waits until a checkpoint is wanted. Returns false at the end. */
static bool await_want(struct dp_checkpointer *c)
{
	bool goes_on;

	pthread_mutex_lock(&c->lock);
	while (!c->is_wanted && !c->is_ending)
		pthread_cond_wait(&c->changed, &c->lock);
	c->is_wanted = false;
	goes_on = !c->is_ending;
	pthread_mutex_unlock(&c->lock);
	return goes_on;
}

static void *run(void *arg)
{
	struct dp_checkpointer *c = arg;

	while (await_want(c))
		checkpoint(c, c->own);
	return NULL;
}

/* Only from the file does a connection know that there is a log: before it has read there is
 * nothing for it to do. */
static bool open_own(struct dp_checkpointer *c)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;

	return sqlite3_open_v2(c->path, &c->own, flags, NULL) == SQLITE_OK &&
	       sqlite3_busy_timeout(c->own, BUSY_MS) == SQLITE_OK &&
	       sqlite3_exec(c->own, "PRAGMA schema_version", NULL, NULL, NULL) == SQLITE_OK;
}

/* Returns whether there is a thread. */
static bool start(struct dp_checkpointer *c)
{
	if (c->has_thread)
		return true;
	c->has_thread = open_own(c) && pthread_create(&c->thread, NULL, run, c) == 0;
	if (!c->has_thread) {
		sqlite3_close(c->own);
		c->own = NULL;
	}
	return c->has_thread;
}

static void want(struct dp_checkpointer *c)
{
	pthread_mutex_lock(&c->lock);
	c->is_wanted = true;
	pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

/* What it returned would be the result of the commit, which has been made. */
static int on_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct dp_checkpointer *c = arg;

	(void)name;
	if (pages < DP_CHECKPOINT_PAGES)
		return SQLITE_OK;
	if (pages >= DP_CHECKPOINT_PAGES_MAX || !start(c))
		checkpoint(c, db);
	else
		want(c);
	return SQLITE_OK;
}

struct dp_checkpointer *dp_checkpointer_new(sqlite3 *db, const char *path)
{
	struct dp_checkpointer *c = dp_mem_new(sizeof *c);

	c->db = db;
	c->path = path;
	pthread_mutex_init(&c->pass, NULL);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	sqlite3_wal_hook(db, on_commit, c);
	return c;
}

void dp_checkpointer_free(struct dp_checkpointer **c)
{
	struct dp_checkpointer *q = *c;

	*c = NULL;
	if (!q)
		return;
	sqlite3_wal_hook(q->db, NULL, NULL);
	if (q->has_thread) {
		pthread_mutex_lock(&q->lock);
		q->is_ending = true;
		pthread_cond_signal(&q->changed);
		pthread_mutex_unlock(&q->lock);
		sqlite3_interrupt(q->own);
		pthread_join(q->thread, NULL);
	}
	sqlite3_close(q->own);
	pthread_mutex_destroy(&q->pass);
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->changed);
	free(q);
}
