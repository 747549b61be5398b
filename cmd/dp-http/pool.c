#include "pool.h"

#include "mem.h"
#include "proc.h"

#include <pthread.h>
#include <stdlib.h>

enum { STOP_MS = 300 }; /* for an answer */

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t given;
	bool away;
	struct dp_store *trying; /* while away: the handle that tries to reach the database */
	struct dp_store **all;
	struct dp_store **idle;
	size_t count;
	size_t idle_count;
};

struct dp_store *pool_open_reader(const char *url, const char **why)
{
	const struct dp_store_patience patience = {
	    .stop_fd = dp_proc_stop_fd(), .end_fd = -1, .stop_ms = STOP_MS};
	struct dp_store *s = dp_store_open(url, DP_STORE_READ, why);

	if (s)
		dp_store_set_patience(s, &patience);
	return s;
}

struct pool *pool_new(const char *url, size_t count, const char **why)
{
	struct pool *p = dp_mem_new(sizeof *p);

	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->given, NULL);
	p->all = dp_mem_resize_array(NULL, count, sizeof(struct dp_store *));
	p->idle = dp_mem_resize_array(NULL, count, sizeof(struct dp_store *));
	while (p->count < count) {
		struct dp_store *s = pool_open_reader(url, why);

		if (!s) {
			pool_free(&p);
			return NULL;
		}
		p->all[p->count++] = s;
		p->idle[p->idle_count++] = s;
	}
	return p;
}

void pool_free(struct pool **p)
{
	if (!*p)
		return;
	for (size_t i = 0; i < (*p)->count; i++)
		dp_store_close(&(*p)->all[i]);
	pthread_mutex_destroy(&(*p)->lock);
	pthread_cond_destroy(&(*p)->given);
	free((void *)(*p)->all);
	free((void *)(*p)->idle);
	free(*p);
	*p = NULL;
}

struct dp_store *pool_take(struct pool *p)
{
	struct dp_store *s = NULL;

	pthread_mutex_lock(&p->lock);
	while (p->idle_count == 0 && !(p->away && p->trying))
		pthread_cond_wait(&p->given, &p->lock);
	if (!(p->away && p->trying)) {
		s = p->idle[--p->idle_count];
		if (p->away)
			p->trying = s;
	}
	pthread_mutex_unlock(&p->lock);
	return s;
}

/* One that could not reach the database comes last: it may have no room for one more, and have some
 * for those of the others that are connected. */
static void put_back(struct pool *p, struct dp_store *s, bool reachable)
{
	size_t at = p->idle_count++;

	for (; !reachable && at > 0; at--)
		p->idle[at] = p->idle[at - 1];
	p->idle[at] = s;
}

void pool_give(struct pool *p, struct dp_store **s, bool reachable)
{
	pthread_mutex_lock(&p->lock);
	if (p->trying == *s)
		p->trying = NULL;
	p->away = !reachable;
	put_back(p, *s, reachable);
	*s = NULL;
	pthread_cond_broadcast(&p->given);
	pthread_mutex_unlock(&p->lock);
}
