#include "tally.h"

#include "fold.h"
#include "mem.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_COLUMNS_MAX = 40, COLUMN = 10, WIDTH = INT_MAX / 4 };

void tally_release(struct tally *t)
{
	for (int i = 0; i < t->count; i++)
		free(t->rows[i].system);
	*t = (struct tally){0};
}

static struct tally_row *row_of(struct tally *t, struct dp_str system)
{
	for (int i = 0; i < t->count; i++)
		if (dp_str_is(system, t->rows[i].system))
			return &t->rows[i];
	if (t->count == TALLY_SYSTEMS)
		return &t->others;
	t->rows[t->count].system = dp_mem_copy(system.p, system.n);
	return &t->rows[t->count++];
}

void tally_add(struct tally *t, const struct dp_event *ev)
{
	t->counts[ev->severity]++;
	row_of(t, ev->system)->counts[ev->severity]++;
}

static uint64_t sum(const uint64_t counts[TALLY_SEVERITIES])
{
	uint64_t n = 0;

	for (int i = 0; i < TALLY_SEVERITIES; i++)
		n += counts[i];
	return n;
}

uint64_t tally_total(const struct tally *t)
{
	return sum(t->counts);
}

bool tally_has(const struct tally *t, enum dp_severity least)
{
	for (int i = (int)least; i < TALLY_SEVERITIES; i++)
		if (t->counts[i] > 0)
			return true;
	return false;
}

/* Writes a cell to the right of its column. */
static void write_cell(struct fold *f, int *column, const char *text)
{
	*column += COLUMN;
	fold_tab(f, *column - fold_measure(dp_str_from(text)));
	fold_say(f, text);
}

static void write_row(
    struct fold *f, int columns, const char *name, const uint64_t counts[TALLY_SEVERITIES])
{
	char number[24];

	fold_whole(f, fold_head(dp_str_from(name), columns));
	snprintf(number, sizeof number, "%llu", (unsigned long long)sum(counts));
	write_cell(f, &columns, number);
	for (int i = DP_ERROR; i >= DP_DEBUG; i--) {
		snprintf(number, sizeof number, "%llu", (unsigned long long)counts[i]);
		write_cell(f, &columns, number);
	}
	fold_end_line(f);
}

static int name_columns(const struct tally *t)
{
	int most = 10;

	for (int i = 0; i < t->count; i++) {
		const int columns = fold_measure(dp_str_from(t->rows[i].system));

		most = columns > most ? columns : most;
	}
	return most < NAME_COLUMNS_MAX ? most : NAME_COLUMNS_MAX;
}

void tally_write(struct dp_buf *out, const struct tally *t)
{
	static const char *const heads[] = {"events", "error", "warning", "info", "debug"};
	const int columns = name_columns(t);
	int column = columns;
	struct fold f;

	fold_init(&f, out, WIDTH, false);
	fold_say(&f, "system");
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
		write_cell(&f, &column, heads[i]);
	fold_end_line(&f);
	for (int i = 0; i < t->count; i++)
		write_row(&f, columns, t->rows[i].system, t->rows[i].counts);
	if (sum(t->others.counts) > 0)
		write_row(&f, columns, "(others)", t->others.counts);
	write_row(&f, columns, "(all)", t->counts);
}
