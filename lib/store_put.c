/* The writing half of store.h: a batch is one transaction, in which what the database rejects is
 * found, where the backend can't tell by bisection, and put aside. */
#include "store_query.h"

#include "clock.h"
#include "mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { DEADLOCKS_MAX = 5 }; /* of a batch, one after the other: then it is told */

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

/* Those that have been counted apart go on being so. Where there is no room for another one those
 * that were not seen for a day make some. */
static int load_systems(struct dp_store *s)
{
	static const int64_t hour_us = INT64_C(3600000000);
	const int64_t now_us = dp_clock_now_us();
	const int64_t hour = now_us / hour_us;
	struct dp_store *known = s->primary;
	struct dp_query q = {.count = 0};

	if (known->has_systems &&
	    (known->systems.n < DP_ROLLUP_SYSTEMS || known->systems_hour == hour))
		return 0;
	dp_systems_release(&known->systems);
	known->systems_hour = hour;
	dp_buf_add_text(&q.sql, "SELECT DISTINCT system FROM minute_counts WHERE minute >= ");
	dp_query_add_time(&q, now_us - 24 * hour_us);
	known->has_systems = dp_query_run(s, &q, on_system, &known->systems) == 0;
	return known->has_systems ? 0 : -1;
}

/* Sums up those that are new, instead of what *r has. */
static void sum_up(struct dp_rollup *r, const struct dp_entry *entries, size_t n)
{
	dp_rollup_release(r);
	dp_rollup_init(r, entries, n);
}

static bool are_all_new(const struct dp_entry *entries, size_t n)
{
	size_t i = 0;

	while (i < n && entries[i].is_new)
		i++;
	return i == n;
}

/* Stores events, and sums up in *r those that are new (is_summed: it has the sum of all): while the
 * database works, what seems to be new, and again where something was not. */
static int send_events(
    struct dp_store *s, struct dp_entry *entries, size_t n, struct dp_rollup *r, bool is_summed)
{
	int rc;

	for (size_t i = 0; i < n; i++)
		entries[i].is_new = false;
	if (s->backend->begin_put(s, entries, n) < 0)
		return -1;
	if (!is_summed)
		sum_up(r, entries, n);
	rc = s->backend->end_put(s, entries, n);
	if (rc < 0)
		return -1;
	if (rc > 0 || (is_summed && !are_all_new(entries, n)))
		sum_up(r, entries, n);
	return 0;
}

/* Puts what those that are new add to the roll-ups. */
static int put_sums(
    struct dp_store *s, const struct dp_entry *entries, size_t n, struct dp_rollup *r)
{
	if (r->trace_count == 0)
		return 0;
	dp_rollup_count(r, entries, n, &s->primary->systems);
	return s->backend->put_rollup(s, r);
}

static int put_entries(
    struct dp_store *s, struct dp_entry *entries, size_t n, struct dp_rollup *r, bool is_summed)
{
	if (load_systems(s) < 0 || send_events(s, entries, n, r, is_summed) < 0)
		return -1;
	return put_sums(s, entries, n, r);
}

int dp_store_put_entries(struct dp_store *s, struct dp_entry *entries, size_t n)
{
	struct dp_rollup r = {0};
	int rc = put_entries(s, entries, n, &r, false);

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

	if (!r->is_whole)
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
	struct dp_draft *d;
	const struct dp_store_step *step;
};

static void note_outcomes(struct dp_draft *d, size_t from, size_t n)
{
	for (size_t i = from; i < from + n; i++)
		d->outcomes[i] = d->entries[i].is_rejected ? DP_STORE_DEAD
				 : d->entries[i].is_new    ? DP_STORE_NEW
							   : DP_STORE_OLD;
}

static int put_events(const struct put *p, size_t from, size_t n)
{
	struct dp_draft *d = p->d;
	struct dp_entry *entries = d->entries + from;
	const bool is_summed = n == d->n && d->is_summed;
	struct dp_rollup part = {0};
	int rc;

	for (size_t i = 0; i < n; i++)
		entries[i].seq = 0;
	rc = put_entries(p->s, entries, n, is_summed ? &d->rollup : &part, is_summed);
	if (is_summed)
		d->is_summed = false; /* what the database had was added */
	dp_rollup_release(&part);
	if (rc == 0)
		note_outcomes(d, from, n);
	return rc;
}

/* Keeps an event apart, with the error that it has just met. */
static int bury(const struct put *p, size_t at)
{
	if (p->s->backend->put_dead(p->s, p->d->entries[at].ev, dp_store_error(p->s)) < 0) {
		dp_store_blame_no_event(p->s);
		return -1;
	}
	p->d->entries[at].is_rejected = true;
	note_outcomes(p->d, at, 1);
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

/* Stores events that the database has rejected as a whole: without those that it rejects by
 * themselves; and if it rejects the others still, each half by itself. */
static int put_sieved(const struct put *p, size_t from, size_t n)
{
	const struct dp_store_backend *backend = p->s->backend;

	if (n > 1 && backend->sieve && backend->sieve(p->s, p->d->entries + from, n) < 0) {
		dp_store_blame_no_event(p->s);
		return -1;
	}
	return put_part(p, from, n);
}

typedef int put_fn(const struct put *p, size_t from, size_t n);

/* Returns 0, -1, or 1 where it is to be done again. */
static int put_once(const struct put *p, put_fn *put_them)
{
	const struct dp_store_backend *backend = p->s->backend;
	int rc = -1;

	if (backend->begin(p->s) == 0 && (!p->step || backend->put_position(p->s, p->step) == 0) &&
	    (p->d->n == 0 || put_them(p, 0, p->d->n) == 0))
		rc = backend->commit(p->s);
	if (rc != 0)
		backend->roll_back(p->s);
	return rc;
}

static int put_all(const struct put *p, put_fn *put_them)
{
	int deadlocks = 0;
	int rc;

	do
		rc = put_once(p, put_them);
	while (rc > 0 || (rc < 0 && p->s->is_victim && ++deadlocks < DEADLOCKS_MAX));
	return rc;
}

int dp_store_put_draft(struct dp_store *s, struct dp_draft *d, const struct dp_store_step *step)
{
	const struct put p = {s, d, step};
	int rc;

	assert(!step || step->from <= step->to);
	if (d->n == 0 && !step)
		return 0;
	s->is_ahead = false;
	if (dp_store_connect(s) < 0)
		return -1;
	for (size_t i = 0; i < d->n; i++)
		d->entries[i].is_rejected = false;
	rc = s->backend->prepare ? s->backend->prepare(s, d->entries, d->n) : 0;
	if (rc == 0)
		rc = put_all(&p, put_events);
	if (rc < 0 && s->fault == DP_STORE_REJECT)
		/* Again from the beginning, as another writer's new partition may have been in the
		 * way. */
		rc = put_all(&p, put_sieved);
	if (rc < 0)
		dp_store_blame_no_event(s);
	else
		s->fault = DP_STORE_OK;
	return rc;
}

int dp_store_put(struct dp_store *s, const struct dp_event *const *events, size_t n,
    const struct dp_store_step *step, enum dp_store_outcome *outcomes)
{
	struct dp_draft *d = dp_draft_new(events, n);
	int rc = dp_store_put_draft(s, d, step);

	for (size_t i = 0; i < n && rc == 0 && outcomes; i++)
		outcomes[i] = d->outcomes[i];
	dp_draft_free(&d);
	return rc;
}

/* In the transaction of what was sent. */
static int finish(struct dp_store *s, struct dp_draft *d, const struct dp_store_step *step)
{
	const struct dp_store_backend *backend = s->backend;

	if (load_systems(s) < 0)
		return -1;
	if (s->is_ahead && backend->take_numbers(s, d->n, dp_draft_last(d)) < 0)
		return -1;
	if (step && backend->put_position(s, step) < 0)
		return -1;
	if (put_sums(s, d->entries, d->n, &d->rollup) < 0)
		return -1;
	return backend->commit(s);
}

/* What another way may store is to be put. */
static int take_back(struct dp_store *s, int rc)
{
	s->backend->roll_back(s);
	return rc > 0 || s->fault == DP_STORE_REJECT || s->is_victim ? 1 : -1;
}

int dp_store_finish(struct dp_store *s, struct dp_draft *d, const struct dp_store_step *step)
{
	const int rc = finish(s, d, step);

	if (rc != 0)
		return take_back(s, rc);
	s->fault = DP_STORE_OK;
	note_outcomes(d, 0, d->n);
	return 0;
}

void dp_store_drop(struct dp_store *s, struct dp_draft *d)
{
	d->is_summed = false;
	s->backend->roll_back(s);
}

/* Of an event that has the time of its receipt the key doesn't tell. */
bool dp_draft_needs_turn(const struct dp_draft *d)
{
	size_t i = 0;

	while (i < d->n && !d->entries[i].ev->ts_received)
		i++;
	return i < d->n;
}

static int send(struct dp_store *s, struct dp_draft *d)
{
	const bool is_summed = d->is_summed;

	if (s->backend->begin(s) < 0)
		return -1;
	d->is_summed = false;
	if (send_events(s, d->entries, d->n, &d->rollup, is_summed) < 0)
		return -1;
	return s->backend->settle(s);
}

int64_t dp_draft_last(const struct dp_draft *d)
{
	return d->entries[d->n - 1].seq;
}

int dp_store_send(struct dp_store *s, struct dp_draft *d, int64_t before)
{
	int rc;

	s->is_ahead = before > 0;
	if (s->is_ahead && dp_draft_needs_turn(d))
		return 1;
	if (dp_store_connect(s) < 0)
		return -1;
	for (size_t i = 0; i < d->n; i++)
		d->entries[i].seq = s->is_ahead ? before + 1 + (int64_t)i : 0;
	rc = s->backend->prepare(s, d->entries, d->n);
	if (rc != 0)
		return rc;
	return send(s, d) < 0 ? take_back(s, -1) : 0;
}
