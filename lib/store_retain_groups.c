/* Error groups when some of their errors go: the counts by what goes, the times by an index, and
 * the traces that stand for a group by whether theirs went. */
#include "store_query.h"
#include "store_retain.h"

static void add_groups(struct dp_query *q, const struct dp_removal *r)
{
	for (size_t i = 0; i < r->sum.group_count; i++) {
		dp_buf_add_text(&q->sql, i > 0 ? ", " : "");
		dp_query_add_text(q, r->sum.groups[i].fingerprint.p);
	}
}

static int shrink_groups(struct dp_store *s, const struct dp_removal *r)
{
	struct dp_query q = {.count = 0};

	dp_buf_add_text(
	    &q.sql, "UPDATE error_groups SET events = events - v.column2 FROM (VALUES ");
	for (size_t i = 0; i < r->sum.group_count; i++) {
		dp_buf_add_text(&q.sql, i > 0 ? ", (" : "(");
		dp_query_add_text(&q, r->sum.groups[i].fingerprint.p);
		dp_buf_addf(&q.sql, ", %d)", (int)r->sum.groups[i].events);
	}
	dp_buf_add_text(&q.sql, ") AS v WHERE fingerprint = v.column1");
	return dp_query_run(s, &q, NULL, NULL);
}

static int remove_empty_groups(struct dp_store *s, const struct dp_removal *r)
{
	struct dp_query q = {.count = 0};

	dp_buf_add_text(&q.sql, "DELETE FROM error_groups WHERE events <= 0 AND fingerprint IN (");
	add_groups(&q, r);
	dp_buf_add_char(&q.sql, ')');
	return dp_query_run(s, &q, NULL, NULL);
}

/* By the index on (fingerprint, ts). */
static int narrow_groups(struct dp_store *s, const struct dp_removal *r)
{
	struct dp_query q = {.count = 0};

	dp_buf_add_text(&q.sql,
	    "UPDATE error_groups SET "
	    "first_ts = coalesce((SELECT min(ts) FROM events WHERE events.fingerprint = "
	    "error_groups.fingerprint), first_ts), "
	    "last_ts = coalesce((SELECT max(ts) FROM events WHERE events.fingerprint = "
	    "error_groups.fingerprint), last_ts) WHERE fingerprint IN (");
	add_groups(&q, r);
	dp_buf_add_char(&q.sql, ')');
	return dp_query_run(s, &q, NULL, NULL);
}

/* The traces that stand for groups. */
struct samples {
	struct {
		struct dp_str fingerprint;
		struct dp_names traces;
	} groups[DP_RETAIN_GROUPS];
	size_t n;
	struct dp_removal *removal;
};

static int on_samples(void *arg, const struct dp_store_cell *c)
{
	struct samples *l = arg;

	l->groups[l->n].fingerprint = dp_removal_keep(l->removal, c[0].text);
	dp_names_read(&l->groups[l->n++].traces, c[1].text, c[2].text, dp_names_see,
	    DP_ROLLUP_GROUP_SAMPLES, &l->removal->arena);
	return 0;
}

static int on_sample(void *arg, const struct dp_store_cell *c)
{
	struct samples *l = arg;

	dp_names_sample(&l->groups[l->n].traces, dp_removal_keep(l->removal, c[0].text),
	    c[1].number, DP_ROLLUP_GROUP_SAMPLES);
	return 0;
}

/* Where all that stood for a group are gone, its last ones do. */
static int read_last_traces(struct dp_store *s, struct samples *l, size_t i)
{
	struct dp_query q = {.count = 0};

	l->n = i;
	dp_buf_add_text(&q.sql, "SELECT trace_id, ts FROM events WHERE fingerprint = ");
	dp_query_add_text(&q, l->groups[i].fingerprint.p);
	dp_buf_add_text(&q.sql, " ORDER BY ts DESC LIMIT ");
	dp_query_add_number(&q, DP_ROLLUP_GROUP_SAMPLES);
	return dp_query_run(s, &q, on_sample, l);
}

static int put_samples(struct dp_store *s, const struct samples *l, size_t i)
{
	struct dp_query q = {.count = 0};
	struct dp_buf names = {0};
	struct dp_buf times = {0};
	int rc;

	dp_names_write(&l->groups[i].traces, &names, &times);
	dp_buf_add_text(&q.sql, "UPDATE error_groups SET traces = ");
	dp_query_add_text(&q, dp_buf_text(&names));
	dp_buf_add_text(&q.sql, ", trace_times = ");
	dp_query_add_text(&q, dp_buf_text(&times));
	dp_buf_add_text(&q.sql, " WHERE fingerprint = ");
	dp_query_add_text(&q, l->groups[i].fingerprint.p);
	rc = dp_query_run(s, &q, NULL, NULL);
	dp_buf_release(&names);
	dp_buf_release(&times);
	return rc;
}

/* Whether the error went for which a trace stands. */
static bool is_gone(
    const struct dp_removal *r, struct dp_str fingerprint, const struct dp_name *sample)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct dp_entry *e = &r->entries[i];

		if (e->is_new && e->ev->ts_us == sample->us && e->fingerprint &&
		    dp_str_is(fingerprint, e->fingerprint->id) &&
		    dp_str_equal(e->ev->trace_id, sample->name))
			return true;
	}
	return false;
}

/* Takes the traces that stood for an error that is gone off the list of the i-th group. */
static int settle_samples_of(struct dp_store *s, struct samples *l, size_t i)
{
	struct dp_names *traces = &l->groups[i].traces;
	size_t n = 0;

	for (size_t t = 0; t < traces->n; t++)
		if (!is_gone(l->removal, l->groups[i].fingerprint, &traces->at[t]))
			traces->at[n++] = traces->at[t];
	if (n == traces->n)
		return 0;
	traces->n = n;
	if (n == 0)
		dp_names_release(traces);
	if (n == 0 && read_last_traces(s, l, i) < 0)
		return -1;
	return put_samples(s, l, i);
}

static int settle_samples(struct dp_store *s, struct dp_removal *r)
{
	struct samples l = {.removal = r};
	struct dp_query q = {.count = 0};
	size_t n;
	int rc;

	dp_buf_add_text(&q.sql,
	    "SELECT fingerprint, traces, trace_times FROM error_groups WHERE fingerprint IN (");
	add_groups(&q, r);
	dp_buf_add_char(&q.sql, ')');
	rc = dp_query_run(s, &q, on_samples, &l);
	n = l.n;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = settle_samples_of(s, &l, i);
	for (size_t i = 0; i < n; i++)
		dp_names_release(&l.groups[i].traces);
	return rc;
}

int dp_removal_settle_groups(struct dp_store *s, struct dp_removal *r)
{
	if (r->sum.group_count == 0)
		return 0;
	return shrink_groups(s, r) < 0 || remove_empty_groups(s, r) < 0 ||
		       narrow_groups(s, r) < 0 || settle_samples(s, r) < 0
		   ? -1
		   : 0;
}
