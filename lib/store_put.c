/* The writing half of store.h: a batch is one transaction, in which what the database rejects is
 * found by bisection and put aside. */
#include "store_query.h"

#include "clock.h"
#include "mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* For what holds no event. */
static int execute(struct dp_store *s, const char *sql)
{
	int rc = s->backend->execute(s, sql);

	if (rc < 0)
		dp_store_blame_no_event(s);
	return rc;
}

static int on_system(void *arg, const struct dp_store_cell *c)
{
	dp_systems_take(arg, c[0].text);
	return 0;
}

/* Those that have been counted apart go on being so. */
static int load_systems(struct dp_store *s)
{
	static const int64_t day_us = INT64_C(86400000000);
	struct dp_query q = {.count = 0};

	if (s->has_systems)
		return 0;
	dp_buf_add_text(&q.sql, "SELECT DISTINCT system FROM minute_counts WHERE minute >= ");
	dp_query_add_time(&q, dp_clock_now_us() - day_us);
	s->has_systems = dp_query_run(s, &q, on_system, &s->systems) == 0;
	return s->has_systems ? 0 : -1;
}

/* What the batch adds to the roll-ups is summed up while the database works on it, of all that seem
 * to be new, and again where some were not. */
int dp_store_put_entries(struct dp_store *s, struct dp_entry *entries, size_t n)
{
	struct dp_rollup r;
	int rc;

	for (size_t i = 0; i < n; i++)
		entries[i].is_new = false;
	if (load_systems(s) < 0 || s->backend->begin_put(s, entries, n) < 0)
		return -1;
	dp_rollup_init(&r, entries, n, &s->systems);
	rc = s->backend->end_put(s, entries, n);
	if (rc > 0) {
		dp_rollup_release(&r);
		dp_rollup_init(&r, entries, n, &s->systems);
		rc = 0;
	}
	if (rc == 0 && r.trace_count > 0)
		rc = s->backend->put_rollup(s, &r);
	dp_rollup_release(&r);
	return rc;
}

void dp_store_add_trace(struct dp_rollup *r, const struct dp_store_cell *c)
{
	const struct dp_trace_row row = {
	    .trace_id = c[0].text,
	    .first_us = c[1].number,
	    .last_us = c[2].number,
	    .events = c[3].number,
	    .errors = c[4].number,
	    .warnings = c[5].number,
	    .debugs = c[6].number,
	    .title = c[7].text,
	    .title_us = c[8].number,
	    .title_rank = c[9].number,
	    .environment = c[10].text,
	    .last_error = c[11].text,
	    .last_error_us = c[12].number,
	};

	dp_rollup_add_trace(r, &row, c[13].text, c[14].text);
}

void dp_store_add_group(struct dp_rollup *r, const struct dp_store_cell *c)
{
	const struct dp_group_row row = {
	    .fingerprint = c[0].text,
	    .title = c[4].text,
	    .first_us = c[5].number,
	    .last_us = c[6].number,
	    .events = c[7].number,
	};
	const struct dp_group_texts names = {
	    .systems = c[8].text,
	    .system_times = c[9].text,
	    .environments = c[10].text,
	    .environment_times = c[11].text,
	    .traces = c[12].text,
	    .trace_times = c[13].text,
	};

	dp_rollup_add_group(r, &row, &names);
}

int dp_store_fail_step(struct dp_store *s, const struct dp_store_step *step)
{
	return dp_store_fail(s, DP_STORE_BROKEN,
	    "the position of the spool %s is not at %lld any more: another program stores from "
	    "that spool, too, or the database was set back",
	    step->source, (long long)step->from);
}

/* A call of dp_store_put. */
struct put {
	struct dp_store *s;
	struct dp_entry *entries;
	size_t n;
	const struct dp_store_step *step;
	enum dp_store_outcome *outcomes;
};

static int put_events(const struct put *p, size_t from, size_t n)
{
	for (size_t i = from; i < from + n; i++)
		p->entries[i].seq = 0;
	if (dp_store_put_entries(p->s, p->entries + from, n) < 0)
		return -1;
	for (size_t i = from; i < from + n; i++)
		p->outcomes[i] = p->entries[i].is_new ? DP_STORE_NEW : DP_STORE_OLD;
	return 0;
}

/* Keeps an event apart, with the error that it has just met. */
static int bury(const struct put *p, size_t at)
{
	if (p->s->backend->put_dead(p->s, p->entries[at].ev, dp_store_error(p->s)) < 0) {
		dp_store_blame_no_event(p->s);
		return -1;
	}
	p->outcomes[at] = DP_STORE_DEAD;
	return 0;
}

static int put_part(const struct put *p, size_t from, size_t n);

/* Stores events that the database has rejected as a whole: each half by itself. */
static int put_halves(const struct put *p, size_t from, size_t n)
{
	if (n == 1)
		return bury(p, from);
	return put_part(p, from, n / 2) < 0 ? -1 : put_part(p, from + n / 2, n - n / 2);
}

static int put_part(const struct put *p, size_t from, size_t n)
{
	if (execute(p->s, "SAVEPOINT part") < 0)
		return -1;
	if (put_events(p, from, n) == 0 && p->s->backend->settle(p->s) == 0)
		return execute(p->s, "RELEASE SAVEPOINT part");
	if (p->s->fault != DP_STORE_REJECT ||
	    execute(p->s, "ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part") < 0)
		return -1;
	return put_halves(p, from, n);
}

typedef int put_fn(const struct put *p, size_t from, size_t n);

/* Returns 0, -1, or 1 where it is to be done again. */
static int put_once(const struct put *p, put_fn *put_them)
{
	const struct dp_store_backend *backend = p->s->backend;
	int rc = -1;

	if (backend->begin(p->s) == 0 && (!p->step || backend->put_position(p->s, p->step) == 0) &&
	    (p->n == 0 || put_them(p, 0, p->n) == 0))
		rc = backend->commit(p->s);
	if (rc != 0)
		backend->roll_back(p->s);
	return rc;
}

static int put_all(const struct put *p, put_fn *put_them)
{
	int rc;

	while ((rc = put_once(p, put_them)) > 0)
		;
	return rc;
}

/* Entries and, behind them in *fingerprints, the fingerprints of those that are errors. */
static struct dp_entry *make_entries(
    const struct dp_event *const *events, size_t n, struct dp_fingerprint **fingerprints)
{
	struct dp_entry *entries = dp_mem_new(n * sizeof *entries);
	struct dp_fingerprint *f;
	size_t errors = 0;

	for (size_t i = 0; i < n; i++)
		errors += events[i]->severity == DP_ERROR;
	f = *fingerprints = dp_mem_resize_array(NULL, errors, sizeof *f);
	for (size_t i = 0; i < n; i++) {
		entries[i].ev = events[i];
		if (events[i]->severity != DP_ERROR)
			continue;
		dp_fingerprint_read(events[i], f);
		entries[i].fingerprint = f++;
	}
	return entries;
}

int dp_store_put(struct dp_store *s, const struct dp_event *const *events, size_t n,
    const struct dp_store_step *step, enum dp_store_outcome *outcomes)
{
	struct put p = {.s = s, .n = n, .step = step};
	struct dp_fingerprint *fingerprints;
	int rc;

	assert(!step || step->from <= step->to);
	if (n == 0 && !step)
		return 0;
	if (dp_store_connect(s) < 0)
		return -1;
	p.entries = make_entries(events, n, &fingerprints);
	p.outcomes = dp_mem_new(n * sizeof *p.outcomes);
	rc = s->backend->prepare ? s->backend->prepare(s, p.entries, n) : 0;
	if (rc == 0)
		rc = put_all(&p, put_events);
	if (rc < 0 && s->fault == DP_STORE_REJECT)
		/* One event is tried once more, as another writer's new partition may have been in
		 * its way; of more each part is anyway. */
		rc = put_all(&p, n == 1 ? put_part : put_halves);
	if (rc < 0)
		dp_store_blame_no_event(s);
	else
		s->fault = DP_STORE_OK;
	if (rc == 0 && outcomes && n > 0)
		memcpy(outcomes, p.outcomes, n * sizeof *outcomes);
	free(p.outcomes);
	free(p.entries);
	free(fingerprints);
	return rc;
}
