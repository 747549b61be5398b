#include "store_read_list.h"

#include "clock.h"

#include <assert.h>
#include <string.h>

enum {
	WINDOW = 256,         /* rows, the first time */
	WINDOW_OF_EVENTS = 8, /* where their events are looked at */
	WINDOW_MAX = 4096,
	GROWTH = 4,
};

static const struct dp_filter everything;

static int on_row(void *arg, const struct dp_store_cell *c)
{
	struct dp_list_reading *r = arg;

	r->seen++;
	r->kind->note_place(r, c);
	if (r->is_plain || c[r->kind->wanted_at].number != 0) {
		r->rows++;
		r->is_ended = r->kind->give(r, c) != 0 || r->rows == r->list->limit;
	} else {
		r->has_passed = true;
	}
	r->is_late = !r->is_ended && dp_clock_monotonic_ms() >= r->list->end_ms;
	return r->is_ended || r->is_late;
}

static void add_rank(
    struct dp_query *q, const struct dp_list_reading *r, const struct dp_store_place *at)
{
	if (r->order->rank_is_span) {
		dp_query_add_time(q, at->rank);
		dp_buf_add_text(&q->sql, r->s->backend->dialect->epoch);
	} else {
		dp_query_add_number(q, at->rank);
	}
}

/* " AND (last_ts, trace_id) < (…)". By a rank that is an expression SQLite finds the place in its
 * index only where it is compared by itself. */
static void add_place(
    struct dp_query *q, const struct dp_list_reading *r, const struct dp_store_place *from)
{
	const struct dp_list_order *o = r->order;
	const char *compare = r->list->is_backwards ? ">" : "<";

	if (!r->has_place)
		return;
	if (o->rank) {
		dp_buf_addf(&q->sql, " AND %s %s= ", o->rank, compare);
		add_rank(q, r, from);
	}
	dp_buf_addf(&q->sql, " AND (%s%s%s%s%s) %s%s (", o->rank ? o->rank : "",
	    o->rank ? ", " : "", o->us ? o->us : "", o->us ? ", " : "", o->id, compare,
	    r->is_inclusive ? "=" : "");
	if (o->rank) {
		add_rank(q, r, from);
		dp_buf_add_text(&q->sql, ", ");
	}
	if (o->us) {
		dp_query_add_time(q, from->us);
		dp_buf_add_text(&q->sql, ", ");
	}
	dp_query_add_text(q, from->id);
	dp_buf_add_char(&q->sql, ')');
}

static void add_order(struct dp_query *q, const struct dp_list_reading *r)
{
	const char *const columns[] = {r->order->rank, r->order->us, r->order->id};
	const char *before = " ORDER BY ";

	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
		if (!columns[i])
			continue;
		dp_buf_addf(
		    &q->sql, "%s%s%s", before, columns[i], r->list->is_backwards ? "" : " DESC");
		before = ", ";
	}
}

/* How many rows to read next: `before` is the last window, 0 at first. */
static size_t next_window(const struct dp_list_reading *r, size_t before)
{
	const size_t left = r->list->limit - r->rows;
	const size_t first = r->of_events ? WINDOW_OF_EVENTS : WINDOW;
	size_t window = before == 0 ? first : before * GROWTH;

	if (r->is_plain)
		return left;
	if (window > WINDOW_MAX)
		window = WINDOW_MAX;
	return r->has_passed || window < left ? window : left;
}

static int read_window(struct dp_list_reading *r, size_t *window)
{
	const struct dp_store_place from = r->at; /* which moves while the query runs */
	struct dp_query q = {.count = 0};
	size_t bare;
	size_t asked;

	dp_buf_add_text(&q.sql, r->kind->columns);
	bare = q.sql.len;
	dp_buf_add_text(&q.sql, ", CAST(CASE WHEN TRUE");
	asked = q.sql.len;
	r->kind->add_wishes(&q, r);
	r->is_plain = q.sql.len == asked;
	if (r->is_plain)
		q.sql.len = bare;
	else
		dp_buf_add_text(&q.sql, " THEN 1 ELSE 0 END AS bigint)");
	q.is_kept = r->is_plain && r->filter->count == 0;
	q.is_short = r->is_plain;
	dp_buf_addf(&q.sql, "%s WHERE TRUE", r->kind->table);
	r->kind->add_range(&q, r);
	dp_buf_add_text(&q.sql, r->order->only);
	add_place(&q, r, &from);
	add_order(&q, r);
	*window = next_window(r, *window);
	r->seen = 0;
	dp_query_add_limit(&q, *window);
	return dp_query_ask(r->s, &q, on_row, r);
}

int dp_list_read(struct dp_list_reading *r)
{
	size_t window = 0;

	do {
		if (read_window(r, &window) < 0)
			return -1;
		r->has_place = true;
		r->is_inclusive = false;
	} while (!r->is_ended && !r->is_late && r->seen == window);
	return 0;
}

void dp_list_begin(struct dp_list_reading *r, struct dp_store *s, const struct dp_store_list *l)
{
	assert(l->limit > 0);
	r->s = s;
	r->list = l;
	r->filter = l->filter ? l->filter : &everything;
	r->has_place = l->from != NULL;
	r->is_inclusive = l->is_inclusive;
	if (l->from)
		r->at = *l->from;
}

int dp_list_end(const struct dp_list_reading *r, int rc, struct dp_store_place *reached)
{
	if (rc == 0 && r->is_late)
		*reached = r->at;
	return rc < 0 ? -1 : r->is_late;
}

static void add_bounds(struct dp_query *q, const struct dp_filter *f, bool lower)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct dp_filter_term *t = &f->terms[i];
		const bool is_lower = t->test == DP_FILTER_FROM || t->test == DP_FILTER_ABOVE;

		if (t->field != DP_FILTER_TIME || t->negated || t->test < DP_FILTER_ABOVE ||
		    is_lower != lower)
			continue;
		dp_buf_add_text(&q->sql, lower ? " AND last_ts >= " : " AND first_ts <= ");
		dp_query_add_time(q, t->values[0].us);
	}
}

void dp_list_add_since(struct dp_query *q, const struct dp_filter *f)
{
	add_bounds(q, f, true);
}

void dp_list_add_until(struct dp_query *q, const struct dp_filter *f)
{
	add_bounds(q, f, false);
}

unsigned dp_list_severities(const struct dp_filter *f)
{
	unsigned all = (1U << (DP_ERROR + 1)) - 1;

	for (size_t i = 0; i < f->count; i++) {
		const struct dp_filter_term *t = &f->terms[i];

		if (t->field == DP_FILTER_SEVERITY)
			all &= t->negated ? ~t->severities : t->severities;
		else if (t->field == DP_FILTER_FINGERPRINT && !t->negated)
			all &= 1U << DP_ERROR;
	}
	return all;
}

/* Whether a name can be looked for in a list by LIKE, as it stands. '_' finds too much only. */
static bool is_simple(const char *name)
{
	for (; *name; name++)
		if ((unsigned char)*name < ' ' || strchr("\"\\%", *name))
			return false;
	return true;
}

static bool names_simple_systems(const struct dp_filter_term *t)
{
	if (t->field != DP_FILTER_SYSTEM || t->test != DP_FILTER_IS || t->negated)
		return false;
	for (size_t i = 0; i < t->count; i++)
		if (!is_simple(t->values[i].text))
			return false;
	return true;
}

/* A row's list of systems is complete where it is short: its names take four characters each, at
 * least, and there is room for `max`. */
void dp_list_add_systems(struct dp_query *q, const struct dp_filter *f, size_t max)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct dp_filter_term *t = &f->terms[i];

		if (!names_simple_systems(t))
			continue;
		dp_buf_addf(&q->sql, " AND (length(systems) >= %zu", 4 * max);
		for (size_t k = 0; k < t->count; k++) {
			dp_buf_add_text(&q->sql, " OR systems LIKE '%\"' || ");
			dp_query_add_text(q, t->values[k].text);
			dp_buf_add_text(&q->sql, " || '\"%'");
		}
		dp_buf_add_char(&q->sql, ')');
	}
}

bool dp_list_looks_beyond(const struct dp_filter *f, unsigned fields)
{
	for (size_t i = 0; i < f->count; i++)
		if (!(fields >> f->terms[i].field & 1))
			return true;
	return false;
}

/* One event matches. Its times tell PostgreSQL in which partitions to look. */
void dp_list_add_events(struct dp_query *q, struct dp_list_reading *r, const char *key)
{
	r->of_events = true;
	dp_buf_addf(&q->sql,
	    " AND EXISTS (SELECT 1 FROM events WHERE %s = list.%s AND ts >= list.first_ts AND ts "
	    "<= "
	    "list.last_ts",
	    key, key);
	dp_query_add_filter(q, r->s->backend->dialect, r->filter, true);
	dp_buf_add_char(&q->sql, ')');
}
