#include "store_rollup.h"

#include "mem.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

static const int64_t minute_us = INT64_C(60000000);

enum { NO_TITLE = 2 };

static int compare_numbers(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static uint64_t head_of(struct dp_str id)
{
	uint64_t head = 0;

	memcpy(&head, id.p, id.n < sizeof head ? id.n : sizeof head);
	return be64toh(head);
}

/* Entries are compared by their places, too: qsort(3) is not stable. */
static int compare_traced(const void *pa, const void *pb)
{
	const struct dp_traced *a = pa;
	const struct dp_traced *b = pb;
	int order = (a->head > b->head) - (a->head < b->head);

	if (order == 0)
		order = dp_str_compare(a->entry->ev->trace_id, b->entry->ev->trace_id);
	return order != 0 ? order : (a->entry > b->entry) - (a->entry < b->entry);
}

size_t dp_entries_sort(
    const struct dp_entry *entries, size_t n, bool only_new, struct dp_traced *sorted)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		if (entries[i].is_new || !only_new)
			sorted[count++] =
			    (struct dp_traced){head_of(entries[i].ev->trace_id), &entries[i]};
	if (count > 0)
		qsort(sorted, count, sizeof *sorted, compare_traced);
	return count;
}

bool dp_traced_begins(const struct dp_traced *sorted, size_t i)
{
	return i == 0 ||
	       !dp_str_equal(sorted[i].entry->ev->trace_id, sorted[i - 1].entry->ev->trace_id);
}

static int compare_traces(const void *pa, const void *pb)
{
	const struct dp_trace_row *a = pa;
	const struct dp_trace_row *b = pb;

	return dp_str_compare(a->trace_id, b->trace_id);
}

static int compare_groups(const void *pa, const void *pb)
{
	const struct dp_group_row *a = pa;
	const struct dp_group_row *b = pb;

	return dp_str_compare(a->fingerprint, b->fingerprint);
}

static int compare_minutes(const void *pa, const void *pb)
{
	const struct dp_minute_row *a = pa;
	const struct dp_minute_row *b = pb;
	int order = compare_numbers(a->minute_us, b->minute_us);

	if (order == 0)
		order = dp_str_compare(a->system, b->system);
	return order != 0 ? order : (a->severity > b->severity) - (a->severity < b->severity);
}

/* Widens a span of time by another. */
static void widen(int64_t *first_us, int64_t *last_us, int64_t from_us, int64_t to_us)
{
	if (from_us < *first_us)
		*first_us = from_us;
	if (to_us > *last_us)
		*last_us = to_us;
}

static void add_title(struct dp_trace_row *row, struct dp_str title, int64_t us, int64_t rank)
{
	if (rank > row->title_rank || (rank == row->title_rank && us >= row->title_us))
		return;
	row->title = title;
	row->title_us = us;
	row->title_rank = rank;
}

/* Of errors at one instant the one that is added last stays. */
static void add_error(struct dp_trace_row *row, struct dp_str title, int64_t us)
{
	if (row->errors > 0 && us < row->last_error_us)
		return;
	row->last_error = title;
	row->last_error_us = us;
}

static int64_t title_rank(const struct dp_event *ev)
{
	if (ev->title.n == 0)
		return NO_TITLE;
	return dp_str_is(ev->type, "request") ? 0 : 1;
}

/* "TypeError: no such thing", as far as the event says so. */
static struct dp_str error_text(struct dp_rollup *r, const struct dp_event *ev)
{
	struct dp_buf text = {0};
	struct dp_str copy;

	if (ev->details.n == 0 || dp_str_equal(ev->title, ev->details))
		return ev->title;
	dp_buf_add_str(&text, ev->title);
	dp_buf_add_text(&text, ": ");
	dp_buf_add_str(&text, ev->details);
	copy = dp_arena_copy(&r->arena, dp_buf_str(&text));
	dp_buf_release(&text);
	return copy;
}

static void add_to_trace(struct dp_rollup *r, struct dp_trace_row *row, const struct dp_event *ev)
{
	widen(&row->first_us, &row->last_us, ev->ts_us, ev->ts_us);
	add_title(row, ev->title, ev->ts_us, title_rank(ev));
	if (ev->severity == DP_ERROR)
		add_error(row, error_text(r, ev), ev->ts_us);
	row->events++;
	row->errors += ev->severity == DP_ERROR;
	row->warnings += ev->severity == DP_WARNING;
	row->debugs += ev->severity == DP_DEBUG;
	if (row->environment.n == 0)
		row->environment = ev->environment;
	dp_names_see(&row->systems, ev->system, ev->ts_us, DP_ROLLUP_TRACE_SYSTEMS);
}

static void init_traces(struct dp_rollup *r, const struct dp_traced *sorted, size_t n)
{
	r->traces = dp_mem_resize_array(NULL, n, sizeof *r->traces);
	for (size_t i = 0; i < n; i++) {
		const struct dp_event *ev = sorted[i].entry->ev;

		if (dp_traced_begins(sorted, i))
			r->traces[r->trace_count++] = (struct dp_trace_row){
			    .trace_id = ev->trace_id,
			    .entry = sorted[i].entry,
			    .first_us = ev->ts_us,
			    .last_us = ev->ts_us,
			    .title_us = ev->ts_us,
			    .title_rank = NO_TITLE,
			    .last_error_us = ev->ts_us,
			};
		add_to_trace(r, &r->traces[r->trace_count - 1], ev);
	}
}

static void add_to_group(struct dp_rollup *r, struct dp_group_row *row, const struct dp_event *ev)
{
	if (ev->ts_us >= row->last_us)
		row->title = error_text(r, ev);
	widen(&row->first_us, &row->last_us, ev->ts_us, ev->ts_us);
	row->events++;
	dp_names_see(&row->systems, ev->system, ev->ts_us, DP_ROLLUP_GROUP_NAMES);
	if (ev->environment.n > 0)
		dp_names_see(&row->environments, ev->environment, ev->ts_us, DP_ROLLUP_GROUP_NAMES);
	dp_names_sample(&row->traces, ev->trace_id, ev->ts_us, DP_ROLLUP_GROUP_SAMPLES);
}

static struct dp_group_row *find_group(struct dp_rollup *r, struct dp_str fingerprint)
{
	const struct dp_group_row key = {.fingerprint = fingerprint};

	return bsearch(&key, r->groups, r->group_count, sizeof key, compare_groups);
}

static void init_groups(struct dp_rollup *r, const struct dp_entry **errors, size_t n)
{
	size_t count = 0;

	r->groups = dp_mem_resize_array(NULL, n, sizeof *r->groups);
	for (size_t i = 0; i < n; i++) {
		const struct dp_fingerprint *f = errors[i]->fingerprint;

		r->groups[i] = (struct dp_group_row){
		    .fingerprint = dp_str_from(f->id),
		    .type = dp_str_from(f->type),
		    .place = dp_str_from(f->place),
		    .message = dp_str_from(f->message),
		    .first_us = errors[i]->ev->ts_us,
		    .last_us = errors[i]->ev->ts_us,
		};
	}
	qsort(r->groups, n, sizeof *r->groups, compare_groups);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || compare_groups(&r->groups[count - 1], &r->groups[i]) != 0)
			r->groups[count++] = r->groups[i];
	r->group_count = count;
	for (size_t i = 0; i < n; i++)
		add_to_group(
		    r, find_group(r, dp_str_from(errors[i]->fingerprint->id)), errors[i]->ev);
}

/* Begins before 1970, too. */
static int64_t minute_of(int64_t us)
{
	const int64_t rest = us % minute_us;

	return us - (rest < 0 ? rest + minute_us : rest);
}

/* Where rows of late are, from 1: a table that forgets. */
enum { RECENT_BITS = 8, RECENT = 1 << RECENT_BITS };

/* The systems are those that dp_systems_take keeps, one text each. */
static size_t *find_recent(size_t recent[RECENT], const struct dp_minute_row *row)
{
	const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15); /* Fibonacci hashing: Knuth 6.4 */
	const uint64_t minute = (uint64_t)row->minute_us / (uint64_t)minute_us;

	return &recent[(((uintptr_t)row->system.p + minute * golden + row->severity) * golden) >>
		       (64 - RECENT_BITS)];
}

static bool is_same_minute(const struct dp_minute_row *a, const struct dp_minute_row *b)
{
	return a->system.p == b->system.p && a->minute_us == b->minute_us &&
	       a->severity == b->severity;
}

static void count_minute(
    struct dp_rollup *r, size_t recent[RECENT], const struct dp_minute_row *row)
{
	size_t *at = find_recent(recent, row);

	if (*at > 0 && is_same_minute(&r->minutes[*at - 1], row)) {
		r->minutes[*at - 1].events++;
		return;
	}
	r->minutes[r->minute_count++] = *row;
	*at = r->minute_count;
}

/* Sorts the rows, and makes one of those that are of one minute, system and severity. */
static void merge_minutes(struct dp_rollup *r)
{
	const size_t n = r->minute_count;

	if (n > 0)
		qsort(r->minutes, n, sizeof *r->minutes, compare_minutes);
	r->minute_count = 0;
	for (size_t i = 0; i < n; i++) {
		struct dp_minute_row *last = &r->minutes[r->minute_count - 1];

		if (r->minute_count > 0 && compare_minutes(last, &r->minutes[i]) == 0)
			last->events += r->minutes[i].events;
		else
			r->minutes[r->minute_count++] = r->minutes[i];
	}
}

/* Batches hold few different minutes, systems and severities: most are found without sorting. */
void dp_rollup_count(
    struct dp_rollup *r, const struct dp_entry *entries, size_t n, struct dp_systems *systems)
{
	size_t recent[RECENT] = {0};

	r->minutes = dp_mem_resize_array(NULL, n, sizeof *r->minutes);
	for (size_t i = 0; i < n; i++) {
		const struct dp_event *ev = entries[i].ev;

		if (entries[i].is_new)
			count_minute(r, recent,
			    &(struct dp_minute_row){
				.minute_us = minute_of(ev->ts_us),
				.system = dp_systems_take(systems, ev->system),
				.severity = ev->severity,
				.events = 1,
			    });
	}
	merge_minutes(r);
}

void dp_rollup_init(struct dp_rollup *r, const struct dp_entry *entries, size_t n)
{
	struct dp_traced *sorted = dp_mem_resize_array(NULL, n, sizeof *sorted);
	const struct dp_entry **errors = dp_mem_resize_array(NULL, n, sizeof(struct dp_entry *));
	size_t error_count = 0;

	*r = (struct dp_rollup){0};
	for (size_t i = 0; i < n; i++)
		if (entries[i].is_new && entries[i].fingerprint)
			errors[error_count++] = &entries[i];
	init_traces(r, sorted, dp_entries_sort(entries, n, true, sorted));
	if (error_count > 0)
		init_groups(r, errors, error_count);
	free(errors);
	free(sorted);
}

void dp_rollup_release(struct dp_rollup *r)
{
	for (size_t i = 0; i < r->trace_count; i++)
		dp_names_release(&r->traces[i].systems);
	for (size_t i = 0; i < r->group_count; i++) {
		dp_names_release(&r->groups[i].systems);
		dp_names_release(&r->groups[i].environments);
		dp_names_release(&r->groups[i].traces);
	}
	free(r->traces);
	free(r->groups);
	free(r->minutes);
	dp_arena_release(&r->arena);
	*r = (struct dp_rollup){0};
}

/* The names that are stored come first: where there is no room for all, they stay. */
static void add_names(struct dp_names *l, struct dp_str names, struct dp_str times,
    dp_names_add_fn *add, size_t max, struct dp_arena *arena)
{
	struct dp_names batch = *l;

	*l = (struct dp_names){0};
	dp_names_read(l, names, times, add, max, arena);
	for (size_t i = 0; i < batch.n; i++)
		add(l, batch.at[i].name, batch.at[i].us, max);
	dp_names_release(&batch);
}

/* Where two are equal what was stored stays. */
void dp_rollup_add_trace(struct dp_rollup *r, const struct dp_trace_row *stored,
    struct dp_str systems, struct dp_str system_times)
{
	struct dp_trace_row *row =
	    bsearch(stored, r->traces, r->trace_count, sizeof *row, compare_traces);
	struct dp_arena *a = &r->arena;

	if (!row)
		return;
	widen(&row->first_us, &row->last_us, stored->first_us, stored->last_us);
	if (stored->title_rank < row->title_rank ||
	    (stored->title_rank == row->title_rank && stored->title_us <= row->title_us)) {
		row->title = dp_arena_copy(a, stored->title);
		row->title_us = stored->title_us;
		row->title_rank = stored->title_rank;
	}
	if (stored->errors > 0 &&
	    (row->errors == 0 || stored->last_error_us > row->last_error_us)) {
		row->last_error = dp_arena_copy(a, stored->last_error);
		row->last_error_us = stored->last_error_us;
	}
	row->events += stored->events;
	row->errors += stored->errors;
	row->warnings += stored->warnings;
	row->debugs += stored->debugs;
	if (stored->environment.n > 0)
		row->environment = dp_arena_copy(a, stored->environment);
	add_names(&row->systems, systems, system_times, dp_names_see, DP_ROLLUP_TRACE_SYSTEMS, a);
}

void dp_rollup_add_group(
    struct dp_rollup *r, const struct dp_group_row *stored, const struct dp_group_texts *names)
{
	struct dp_group_row *row = find_group(r, stored->fingerprint);
	struct dp_arena *a = &r->arena;

	if (!row)
		return;
	if (stored->last_us > row->last_us)
		row->title = dp_arena_copy(a, stored->title);
	widen(&row->first_us, &row->last_us, stored->first_us, stored->last_us);
	row->events += stored->events;
	add_names(&row->systems, names->systems, names->system_times, dp_names_see,
	    DP_ROLLUP_GROUP_NAMES, a);
	add_names(&row->environments, names->environments, names->environment_times, dp_names_see,
	    DP_ROLLUP_GROUP_NAMES, a);
	add_names(&row->traces, names->traces, names->trace_times, dp_names_sample,
	    DP_ROLLUP_GROUP_SAMPLES, a);
}
