#include "trace_walk.h"

#include "json.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

enum {
	KEYS = 131072, /* 2 MiB */
	STAGES = 16384,
	NAME_BYTES = 64, /* of each, on average: with longer ones they are fewer */
};

static int on_stage(void *arg, const struct dp_store_stage *stage)
{
	struct trace_walk *w = arg;

	if (w->stage_count == w->stage_cap) {
		w->stage_cap = w->stage_cap ? 2 * w->stage_cap : 8;
		w->stages = dp_mem_resize_array(w->stages, w->stage_cap, sizeof *w->stages);
	}
	w->stages[w->stage_count++] = (struct walk_stage){.first_us = stage->first_us,
	    .last_us = stage->last_us,
	    .events = stage->events,
	    .worst = stage->worst,
	    .name = w->names.len};
	dp_buf_add_str(&w->names, stage->system);
	dp_buf_add_char(&w->names, '\0');
	w->extent.events += stage->events;
	w->extent.seq = w->extent.seq > stage->seq ? w->extent.seq : stage->seq;
	w->has_all_stages =
	    w->stage_count < w->stages_max && w->names.len < w->stages_max * NAME_BYTES;
	return !w->has_all_stages;
}

static struct dp_str name_of(const struct trace_walk *w, size_t stage)
{
	return dp_str_from(w->names.data + w->stages[stage].name);
}

/* Reads the stages behind the last one at hand, up to the number seq. */
static int read_stages(struct trace_walk *w, struct dp_store *s, int64_t seq)
{
	const struct dp_store_extent extent = w->extent;
	struct dp_buf names = w->names;
	struct dp_store_stage last;
	const bool is_first = w->stage_count == 0;
	int rc;

	if (!is_first)
		last = (struct dp_store_stage){.system = name_of(w, w->stage_count - 1),
		    .first_us = w->stages[w->stage_count - 1].first_us};
	w->names = (struct dp_buf){0};
	w->stage_count = 0;
	w->stage = 0;
	w->has_all_stages = true;
	rc = dp_store_trace_stages(
	    s, w->trace_id, seq, is_first ? NULL : &last, w->stages_max, on_stage, w);
	dp_buf_release(&names);
	if (!is_first)
		w->extent = extent;
	for (size_t i = 0; i < w->stage_count; i++)
		w->stages[i].system = name_of(w, i);
	return rc;
}

/* Mostly the stages say all. */
static int begin_stages(struct trace_walk *w, struct dp_store *s)
{
	struct dp_store_extent extent;

	if (read_stages(w, s, INT64_MAX) < 0)
		return -1;
	if (w->has_all_stages)
		return 0;
	w->stage_count = 0;
	if (dp_store_trace_extent(s, w->trace_id, &extent) < 0 || read_stages(w, s, extent.seq) < 0)
		return -1;
	w->extent = extent;
	return 0;
}

int trace_walk_begin(struct trace_walk *w, struct dp_store *s, const char *trace_id, bool by_stage)
{
	w->trace_id = dp_mem_copy(trace_id, strlen(trace_id));
	w->by_stage = by_stage;
	w->keys_max = w->keys_max > 0 ? w->keys_max : KEYS;
	w->stages_max = w->stages_max > 0 ? w->stages_max : STAGES;
	if (by_stage)
		return begin_stages(w, s);
	if (dp_store_trace_extent(s, trace_id, &w->extent) < 0)
		return -1;
	w->stages = dp_mem_new(sizeof *w->stages);
	w->stages[0].events = w->extent.events;
	w->stage_count = w->extent.events > 0;
	w->has_all_stages = true;
	return 0;
}

void trace_walk_release(struct trace_walk *w)
{
	free(w->trace_id);
	free(w->keys);
	free(w->stages);
	dp_buf_release(&w->names);
	dp_roster_release(&w->run);
}

/* Chooses what is read next: as many whole stages as there is room for, or a part of one. Returns
 * the number of keys. */
static size_t choose_run(struct trace_walk *w, struct dp_buf *systems)
{
	const int64_t left = w->stages[w->stage].events - w->stage_taken;
	const int64_t most = (int64_t)w->keys_max;
	size_t total = (size_t)(left < most ? left : most);
	size_t end = w->stage;

	dp_roster_release(&w->run);
	dp_buf_clear(systems);
	w->stages[end].next = 0;
	w->stages[end].end = total;
	do {
		size_t number;

		dp_buf_add_char(systems, systems->len > 0 ? ',' : '[');
		dp_json_write_string(systems, w->stages[end].system);
		dp_roster_take(&w->run, w->stages[end].system, &number);
		if (++end == w->stage_count || w->stage_taken > 0 || left > most ||
		    w->stages[end].events > most - (int64_t)total)
			break;
		w->stages[end].next = total;
		total += (size_t)w->stages[end].events;
		w->stages[end].end = total;
	} while (true);
	dp_buf_add_char(systems, ']');
	return total;
}

/* They come in order of time, and each goes to its stage. */
static int on_key(void *arg, const struct dp_store_key *key)
{
	struct trace_walk *w = arg;
	struct walk_stage *stage = &w->stages[w->stage];
	size_t number = 0;

	w->is_gone = w->by_stage && dp_roster_find(&w->run, key->system, &number) < 0;
	stage += number;
	w->is_gone = w->is_gone || stage->next == stage->end;
	if (w->is_gone)
		return 1;
	dp_uuid_to_bytes(key->event_id, w->keys[stage->next++]);
	w->key_count++;
	w->last = *key;
	return 0;
}

static enum body_step read_run(struct trace_walk *w, struct dp_store *s)
{
	const struct dp_store_key last = w->last;
	struct dp_buf systems = {0};
	const size_t total = choose_run(w, &systems);
	const bool is_whole = !w->by_stage || (int64_t)total == w->extent.events;
	int rc;

	w->keys = dp_mem_resize_array(w->keys, total, sizeof *w->keys);
	w->taken = 0;
	w->key_count = 0;
	rc = dp_store_trace_keys(s, w->trace_id, w->extent.seq,
	    is_whole ? NULL : dp_buf_text(&systems), w->stage_taken > 0 ? &last : NULL, total,
	    on_key, w);
	dp_buf_release(&systems);
	if (rc < 0)
		return BODY_FAILED;
	return w->key_count == total && !w->is_gone ? BODY_MORE : BODY_GONE;
}

/* Where retention was there meanwhile the keys are too few, if not of a stage then at the end. */
enum body_step trace_walk_read(struct trace_walk *w, struct dp_store *s)
{
	if (w->taken < w->key_count)
		return BODY_MORE;
	if (w->stage == w->stage_count && !w->has_all_stages &&
	    read_stages(w, s, w->extent.seq) < 0)
		return BODY_FAILED;
	if (w->stage < w->stage_count)
		return read_run(w, s);
	return w->all_taken == w->extent.events ? BODY_END : BODY_GONE;
}

const struct walk_stage *trace_walk_take(struct trace_walk *w)
{
	const struct walk_stage *stage = &w->stages[w->stage];
	const bool is_first = w->stage_taken == 0;

	w->taken++;
	w->all_taken++;
	if (++w->stage_taken == stage->events) {
		w->stage++;
		w->stage_taken = 0;
	}
	return is_first ? stage : NULL;
}
