#include "store_names.h"

#include "json.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

void dp_names_release(struct dp_names *l)
{
	free(l->at);
	*l = (struct dp_names){0};
}

static size_t find(const struct dp_names *l, struct dp_str name)
{
	size_t i = 0;

	while (i < l->n && !dp_str_equal(l->at[i].name, name))
		i++;
	return i;
}

static void take_out(struct dp_names *l, size_t i)
{
	l->n--;
	memmove(&l->at[i], &l->at[i + 1], (l->n - i) * sizeof *l->at);
}

static void insert(struct dp_names *l, struct dp_str name, int64_t us)
{
	size_t i = l->n;

	if ((l->n & (l->n - 1)) == 0) /* full: the room is a power of two */
		l->at = dp_mem_resize_array(l->at, l->n ? l->n * 2 : 1, sizeof *l->at);
	while (i > 0 && l->at[i - 1].us > us)
		i--;
	memmove(&l->at[i + 1], &l->at[i], (l->n - i) * sizeof *l->at);
	l->at[i] = (struct dp_name){name, us};
	l->n++;
}

/* Moves a name that is there to an earlier time. Returns whether it is there. */
static bool see_again(struct dp_names *l, struct dp_str name, int64_t us)
{
	const size_t i = find(l, name);

	if (i == l->n)
		return false;
	if (us < l->at[i].us) {
		const struct dp_str kept = l->at[i].name;

		take_out(l, i);
		insert(l, kept, us);
	}
	return true;
}

static bool has_room(const struct dp_names *l, struct dp_str name, size_t max)
{
	size_t bytes = name.n;

	for (size_t i = 0; i < l->n; i++)
		bytes += l->at[i].name.n;
	return l->n < max && bytes <= DP_NAMES_BYTES_MAX;
}

void dp_names_see(struct dp_names *l, struct dp_str name, int64_t us, size_t max)
{
	if (!see_again(l, name, us) && has_room(l, name, max))
		insert(l, name, us);
}

/* The one whose neighbours are closest to each other. The first and the last have but one. */
static size_t find_closest(const struct dp_names *l)
{
	size_t found = 1;

	for (size_t i = 2; i + 1 < l->n; i++)
		if (l->at[i + 1].us - l->at[i - 1].us < l->at[found + 1].us - l->at[found - 1].us)
			found = i;
	return found;
}

void dp_names_sample(struct dp_names *l, struct dp_str name, int64_t us, size_t max)
{
	if (see_again(l, name, us))
		return;
	insert(l, name, us);
	if (l->n > max)
		take_out(l, find_closest(l));
}

void dp_names_write(const struct dp_names *l, struct dp_buf *names, struct dp_buf *times)
{
	char before = '[';

	for (size_t i = 0; i < l->n; i++) {
		dp_buf_add_char(names, before);
		dp_json_write_string(names, l->at[i].name);
		dp_buf_add_char(times, before);
		dp_buf_add_number(times, l->at[i].us);
		before = ',';
	}
	dp_buf_add_text(names, l->n ? "]" : "[]");
	dp_buf_add_text(times, l->n ? "]" : "[]");
}

static struct dp_str copy_name(const struct dp_json *v, struct dp_arena *arena)
{
	struct dp_buf decoded = {0};
	struct dp_str name;

	if (dp_json_plain(v, &name))
		return dp_arena_copy(arena, name);
	dp_json_decode(v, &decoded);
	name = dp_arena_copy(arena, dp_buf_str(&decoded));
	dp_buf_release(&decoded);
	return name;
}

static int64_t read_number(struct dp_str text)
{
	char copy[24] = "";

	if (text.n < sizeof copy)
		memcpy(copy, text.p, text.n);
	return strtoll(copy, NULL, 10);
}

void dp_names_read(struct dp_names *l, struct dp_str names, struct dp_str times,
    dp_names_add_fn *add, size_t max, struct dp_arena *arena)
{
	const struct dp_json all_names = dp_json_value(names);
	const struct dp_json all_times = dp_json_value(times);
	struct dp_json_cursor n = dp_json_children(&all_names);
	struct dp_json_cursor t = dp_json_children(&all_times);
	struct dp_json name;
	struct dp_json us;

	while (dp_json_next(&n, &name) && dp_json_next(&t, &us))
		add(l, copy_name(&name, arena), read_number(us.text), max);
}
