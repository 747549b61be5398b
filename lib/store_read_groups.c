/* Groups of errors: their list, and what is in one. */
#include "store_read.h"
#include "store_read_list.h"

/* What a row of `error_groups` knows of all its errors. */
enum { OF_GROUP = 1U << DP_FILTER_FINGERPRINT, OF_ERRORS = 1U << DP_FILTER_SEVERITY };

static const struct dp_list_order by_time = {.us = "last_ts", .id = "fingerprint", .only = ""};

static void add_group_range(struct dp_query *q, const struct dp_list_reading *r)
{
	dp_query_add_terms(q, r->s->backend->dialect, r->filter, OF_GROUP);
	dp_list_add_since(q, r->filter);
}

static void add_group_wishes(struct dp_query *q, struct dp_list_reading *r)
{
	if (!(dp_list_severities(r->filter) >> DP_ERROR & 1))
		dp_buf_add_text(&q->sql, " AND FALSE");
	dp_list_add_until(q, r->filter);
	dp_list_add_systems(q, r->filter, DP_ROLLUP_GROUP_NAMES);
	if (dp_list_looks_beyond(r->filter, OF_GROUP | OF_ERRORS))
		dp_list_add_events(q, r, "fingerprint");
}

static void note_group(struct dp_list_reading *r, const struct dp_store_cell *c)
{
	r->at.us = c[6].number;
	dp_str_copy(c[0].text, r->at.id, sizeof r->at.id);
}

static int give_group(const struct dp_list_reading *r, const struct dp_store_cell *c)
{
	const struct dp_store_group_row row = {
	    .fingerprint = c[0].text,
	    .type = c[1].text,
	    .place = c[2].text,
	    .message = c[3].text,
	    .title = c[4].text,
	    .first_us = c[5].number,
	    .last_us = c[6].number,
	    .events = c[7].number,
	    .systems = c[8].text,
	    .environments = c[9].text,
	    .traces = c[10].text,
	    .at = &r->at,
	};

	return r->fn.group(r->arg, &row);
}

static const struct dp_list_kind groups = {
    .columns = "SELECT fingerprint, type, place, message, title, first_ts, last_ts, events, "
	       "systems, environments, traces",
    .wanted_at = 11,
    .table = " FROM error_groups AS list",
    .add_range = add_group_range,
    .add_wishes = add_group_wishes,
    .note_place = note_group,
    .give = give_group,
};

int dp_store_groups(struct dp_store *s, const struct dp_store_list *l, dp_store_group_fn *fn,
    void *arg, struct dp_store_place *reached)
{
	struct dp_list_reading r = {.kind = &groups, .order = &by_time, .fn.group = fn, .arg = arg};

	dp_list_begin(&r, s, l);
	return dp_list_end(&r, dp_list_read(&r), reached);
}

static int on_group(void *arg, const struct dp_store_cell *c)
{
	struct dp_list_reading *r = arg;

	note_group(r, c);
	return give_group(r, c);
}

int dp_store_group(struct dp_store *s, const char *fingerprint, dp_store_group_fn *fn, void *arg)
{
	struct dp_list_reading r = {.fn.group = fn, .arg = arg};
	struct dp_query q = {.is_kept = true, .is_short = true};

	dp_buf_addf(&q.sql, "%s%s WHERE fingerprint = ", groups.columns, groups.table);
	dp_query_add_text(&q, fingerprint);
	return dp_query_ask(s, &q, on_group, &r);
}

int dp_store_group_events(struct dp_store *s, const char *fingerprint,
    const struct dp_store_list *l, dp_store_row_fn *fn, void *arg)
{
	struct dp_event_reading reading = {.fn = fn, .arg = arg};
	struct dp_query q = {.is_kept = true, .is_short = true};

	dp_buf_add_text(&q.sql, DP_SELECT_EVENTS "fingerprint = ");
	dp_query_add_text(&q, fingerprint);
	if (l->from) {
		dp_buf_addf(&q.sql, " AND (ts, seq) %s%s (", l->is_backwards ? ">" : "<",
		    l->is_inclusive ? "=" : "");
		dp_query_add_time(&q, l->from->us);
		dp_buf_add_text(&q.sql, ", ");
		dp_query_add_number(&q, l->from->rank);
		dp_buf_add_char(&q.sql, ')');
	}
	dp_buf_add_text(
	    &q.sql, l->is_backwards ? " ORDER BY ts, seq" : " ORDER BY ts DESC, seq DESC");
	dp_query_add_limit(&q, l->limit);
	return dp_query_ask(s, &q, dp_read_event, &reading);
}

struct counting {
	struct dp_store_counts *c;
	int64_t total;
	int64_t *oldest; /* the count of the oldest part that has one */
};

static int on_count(void *arg, const struct dp_store_cell *c)
{
	struct counting *k = arg;
	const int64_t part = c[0].number;

	if (part < 0 || (uint64_t)part >= k->c->n)
		return 0;
	k->c->counts[part] += c[1].number;
	k->total += c[1].number;
	if (!k->oldest)
		k->oldest = &k->c->counts[part];
	return 0;
}

/* One more is asked for than is counted, to know whether there are more: the oldest. */
int dp_store_group_counts(struct dp_store *s, const char *fingerprint, struct dp_store_counts *c)
{
	struct counting counting = {.c = c};
	struct dp_query q = {.count = 0};

	dp_buf_addf(&q.sql, "SELECT %sts - ", s->backend->dialect->us_of);
	dp_query_add_time(&q, c->since_us);
	dp_buf_addf(&q.sql, "%s / ", s->backend->dialect->us_end);
	dp_query_add_number(&q, c->part_us);
	dp_buf_add_text(
	    &q.sql, " AS part, count(*) FROM (SELECT ts FROM events WHERE fingerprint = ");
	dp_query_add_text(&q, fingerprint);
	dp_buf_add_text(&q.sql, " AND ts >= ");
	dp_query_add_time(&q, c->since_us);
	dp_buf_add_text(&q.sql, " AND ts < ");
	dp_query_add_time(&q, c->since_us + c->part_us * (int64_t)c->n);
	dp_buf_add_text(&q.sql, " ORDER BY ts DESC");
	dp_query_add_limit(&q, DP_STORE_COUNTED + 1);
	dp_buf_add_text(&q.sql, ") AS newest GROUP BY 1 ORDER BY 1");
	if (dp_query_ask(s, &q, on_count, &counting) < 0)
		return -1;
	c->is_partial = counting.total > DP_STORE_COUNTED;
	if (c->is_partial)
		--*counting.oldest;
	return 0;
}
