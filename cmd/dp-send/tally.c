#include "tally.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void add_kind(struct tally *t, const char *code, uint64_t count)
{
	size_t i = 0;

	t->count += count;
	while (
	    i < TALLY_KINDS_MAX - 1 && t->kinds[i].code[0] && strcmp(t->kinds[i].code, code) != 0)
		i++;
	if (i == TALLY_KINDS_MAX - 1)
		return;
	snprintf(t->kinds[i].code, sizeof t->kinds[i].code, "%s", code);
	t->kinds[i].count += count;
}

static void note_first(struct tally *t, uint64_t line, const char *why)
{
	if (t->first_line && t->first_line <= line)
		return;
	t->first_line = line;
	snprintf(t->first_why, sizeof t->first_why, "%s", why);
}

void tally_add(struct tally *t, uint64_t line, const char *code, const char *why)
{
	char cut[sizeof t->kinds[0].code];

	snprintf(cut, sizeof cut, "%s", code);
	add_kind(t, cut, 1);
	note_first(t, line, why);
}

void tally_merge(struct tally *t, const struct tally *other)
{
	for (size_t i = 0; i < TALLY_KINDS_MAX && other->kinds[i].code[0]; i++)
		add_kind(t, other->kinds[i].code, other->kinds[i].count);
	if (other->first_line)
		note_first(t, other->first_line, other->first_why);
}

void tally_describe(const struct tally *t, struct dp_buf *out)
{
	dp_buf_addf(out, "%" PRIu64 ":", t->count);
	for (size_t i = 0; i < TALLY_KINDS_MAX && t->kinds[i].code[0]; i++)
		dp_buf_addf(
		    out, "%s %s %" PRIu64, i ? "," : "", t->kinds[i].code, t->kinds[i].count);
	dp_buf_addf(out, " (first: line %" PRIu64 ": %s)", t->first_line, t->first_why);
}
