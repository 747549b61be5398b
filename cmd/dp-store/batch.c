#include "batch.h"

#include "clock.h"
#include "line.h"
#include "log.h"
#include "mem.h"
#include "outage.h"
#include "proc.h"
#include "source.h"
#include "tee.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	BATCH_BYTES_MAX = 4 * 1024 * 1024,
	BATCH_AGE_MS = 1000, /* of the first event of a batch, while lines keep coming */
	DRAIN_MS = 1000,     /* after a stop signal, for more input or its end to come */
	DRAIN_MAX_MS = 8000, /* in all */
	LOOK_MS = 100,       /* for a writer that goes on to fill a pipe that was just emptied */
};

struct counts {
	unsigned long long stored;
	unsigned long long duplicates;
	unsigned long long refused;
	unsigned long long dead;
};

struct batch {
	const struct batch_options *options;
	struct dp_store *store;
	struct dp_line_reader *lines;
	struct dp_event_reader *reader;
	struct outage outage;
	struct tee tee;
	struct source source;
	struct mark *mark;
	struct dp_event **events; /* those that wait for the commit */
	enum dp_store_outcome *outcomes;
	size_t count;
	size_t bytes;
	size_t dropped;   /* a line that was read when the store failed, and is not in `events` */
	int64_t since_ms; /* of the first line */
	int64_t end_ms;   /* after a stop signal: the time to end at the latest; 0 before it */
	struct counts counts;
	bool failed; /* the store: nothing more can be stored */
};

int batch_connect(struct dp_store *store)
{
	struct outage outage = {0};

	while (dp_store_connect(store) < 0)
		if (!outage_wait(&outage, store))
			return -1;
	outage_end(&outage, store);
	return 0;
}

/* Counts what became of the batch, and passes on what is new. */
static void account(struct batch *b)
{
	const struct dp_event *dead = NULL; /* the last one: its reason is known */

	for (size_t i = 0; i < b->count; i++) {
		b->counts.stored += b->outcomes[i] == DP_STORE_NEW;
		b->counts.duplicates += b->outcomes[i] == DP_STORE_OLD;
		b->counts.dead += b->outcomes[i] == DP_STORE_DEAD;
		if (b->outcomes[i] == DP_STORE_NEW)
			tee_add(&b->tee, b->events[i]->json);
		if (b->outcomes[i] == DP_STORE_DEAD)
			dead = b->events[i];
	}
	if (dead)
		dp_log_limited(DP_LOG_WARNING, "dead-letter",
		    "event %s of trace %.*s goes to the table dead_letters: %s", dead->event_id,
		    (int)dead->trace_id.n, dead->trace_id.p, dp_store_error(b->store));
	tee_flush(&b->tee);
}

/* Whether nothing waits for the commit: no event, and no position. */
static bool is_empty(const struct batch *b)
{
	return b->count == 0 && !source_waits(&b->source);
}

/* Stores the batch, however long the database is away. */
static int store(struct batch *b)
{
	const struct dp_store_step *step = &b->source.step;

	while (dp_store_put(b->store, (const struct dp_event *const *)b->events, b->count,
		   step->to > step->from ? step : NULL, b->outcomes) < 0)
		if (!outage_wait(&b->outage, b->store))
			return -1;
	outage_end(&b->outage, b->store);
	return 0;
}

/* To what has come in and is committed, whatever more the database says. */
static void move_mark(struct batch *b)
{
	struct dp_pos pos = {.offset = (uint64_t)b->source.committed};

	memcpy(pos.spool, b->source.step.source, sizeof pos.spool);
	if (b->source.committed > 0)
		mark_move(b->mark, &pos);
}

/* Makes an end of the batch: stored, or failed for good. */
static void commit(struct batch *b)
{
	if (is_empty(b) || b->failed)
		return;
	b->failed = store(b) < 0;
	if (b->failed)
		return;
	source_commit(&b->source);
	move_mark(b);
	account(b);
	for (size_t i = 0; i < b->count; i++)
		free(b->events[i]);
	b->count = 0;
	b->bytes = 0;
}

static void refuse(struct batch *b, const char *code, const char *why)
{
	b->counts.refused++;
	dp_log_limited(DP_LOG_WARNING, code, "line %llu is refused (%s): %s",
	    (unsigned long long)dp_line_number(b->lines), code, why);
}

/* Where the mark is ahead of the database, dp-ingest doesn't hand over again what is between. */
static void compare_mark(const struct batch *b, int64_t stored)
{
	const struct dp_pos *mark = &b->mark->stands;

	if (strcmp(mark->spool, b->source.step.source) == 0 && mark->offset > (uint64_t)stored)
		dp_log(DP_LOG_WARNING,
		    "the mark %s is ahead of the database (%" PRIu64 ", not %" PRId64
		    "), as of one that is new or was restored: events between are not in it; to "
		    "get "
		    "what the spool still has of them, stop dp-ingest and dp-store, remove the "
		    "mark, "
		    "and start them",
		    b->mark->path, mark->offset, stored);
}

/* At the first position: asks the database how far that spool is stored. Returns 0, or -1 where it
 * cannot tell. */
static int meet_source(struct batch *b, const struct dp_pos *pos)
{
	int64_t stored;

	while (dp_store_position(b->store, pos->spool, &stored) < 0)
		if (!outage_wait(&b->outage, b->store)) {
			b->dropped = 1;
			return -1;
		}
	outage_end(&b->outage, b->store);
	source_begin(&b->source, pos, stored);
	compare_mark(b, stored);
	return 0;
}

/* Stores what came before a position that cannot be, without saying how far that is. */
static void fail_at(struct batch *b, const char *why)
{
	source_forget(&b->source);
	commit(b);
	dp_log(DP_LOG_ERROR, "line %llu: %s; nothing more is taken",
	    (unsigned long long)dp_line_number(b->lines), why);
	b->failed = true;
}

/* Whether a line is to be stored, or its position makes no sense. */
static bool is_wanted(struct batch *b, const struct dp_pos *pos, bool is_bare)
{
	char why[SOURCE_WHY_MAX];

	if (!pos->spool[0]) {
		if (b->mark->path)
			dp_log_limited(DP_LOG_WARNING, "no-position",
			    "a line without a position (dp-ingest without --spool?) doesn't move "
			    "the mark");
		return true;
	}
	if (!b->source.step.source[0] && meet_source(b, pos) < 0) {
		b->failed = true;
		return false;
	}
	if (source_see(&b->source, pos, is_bare, why) == 0)
		return true;
	fail_at(b, why);
	return false;
}

static void take(struct batch *b, struct dp_str line)
{
	struct dp_refusal why;
	struct dp_event ev;
	int rc;

	if (dp_line_is_blank(line))
		return;
	rc = dp_event_read(b->reader, line, dp_clock_now_us(), &ev, &why);
	if (is_empty(b))
		b->since_ms = dp_clock_monotonic_ms();
	if (!is_wanted(b, &ev.pos, ev.is_bare) || ev.is_bare)
		return;
	if (rc < 0) {
		refuse(b, why.code, why.why);
		return;
	}
	b->events[b->count++] = dp_event_copy(&ev);
	b->bytes += ev.json.n;
	if (b->count == b->options->events_max || b->bytes >= BATCH_BYTES_MAX)
		commit(b);
}

static void warn_of_partial_line(void)
{
	dp_log(DP_LOG_WARNING,
	    "the last line has no newline and is dropped: who wrote it ended in the middle of it");
}

/* Takes the complete lines that are there. Returns what came instead of the next one. */
static enum dp_line_got take_lines(struct batch *b)
{
	struct dp_str line;

	while (!b->failed) {
		enum dp_line_got got = dp_line_next(b->lines, &line);

		if (got == DP_LINE_OK)
			take(b, line);
		else if (got == DP_LINE_LONG)
			refuse(b, "too-large", "it is longer than any event may be");
		else if (got == DP_LINE_PARTIAL)
			warn_of_partial_line();
		else
			return got;
	}
	return DP_LINE_MORE;
}

/* Whether the batch has to be committed although more input may be there: lines that are refused
 * don't fill it. */
static bool is_due(const struct batch *b)
{
	return !is_empty(b) && dp_clock_monotonic_ms() - b->since_ms >= BATCH_AGE_MS;
}

/* Waits for more input. Returns false at the time to end: a while after a stop signal, in which
 * the writer at the other end of the pipe, which got the signal too, can finish. The while begins
 * anew with all that comes, so that a slow commit doesn't take it away. */
static bool wait_for_more(struct batch *b)
{
	int64_t left;

	if (b->failed || b->tee.error != 0)
		return false;
	if (b->end_ms == 0 &&
	    dp_line_wait(b->lines, dp_proc_stop_fd(), mark_wait_ms(b->mark)) >= 0 &&
	    !dp_proc_stopping())
		return true;
	if (b->end_ms == 0)
		b->end_ms = dp_clock_monotonic_ms() + DRAIN_MAX_MS;
	left = b->end_ms - dp_clock_monotonic_ms();
	return left > 0 && dp_line_wait(b->lines, -1, left < DRAIN_MS ? (int)left : DRAIN_MS) > 0;
}

/* What a stop signal leaves behind in the input is not lost silently. Of a spool it is not lost. */
static void look_at_the_rest(struct batch *b)
{
	enum dp_line_got got = DP_LINE_MORE;
	struct dp_str line;

	if (dp_line_wait(b->lines, -1, LOOK_MS) > 0)
		got = dp_line_next(b->lines, &line);
	if (got == DP_LINE_OK || got == DP_LINE_LONG) {
		dp_log(DP_LOG_ERROR,
		    "stopped, but the input didn't end for %d s: what was still coming is lost",
		    DRAIN_MAX_MS / 1000);
		b->failed = true;
	} else if (got == DP_LINE_PARTIAL || dp_line_is_partial(b->lines)) {
		warn_of_partial_line();
	}
}

static void read_all(struct batch *b)
{
	enum dp_line_got got;

	while ((got = take_lines(b)) == DP_LINE_MORE) {
		if (!dp_line_ready(b->lines) || is_due(b))
			commit(b);
		if (mark_wait_ms(b->mark) == 0)
			mark_flush(b->mark);
		if (!wait_for_more(b))
			break;
	}
	if (got == DP_LINE_FAILED)
		dp_log(DP_LOG_ERROR, "cannot read the input: %s", strerror(errno));
	commit(b);
	if (got == DP_LINE_MORE && !b->failed && b->tee.error == 0 && !b->source.step.source[0])
		look_at_the_rest(b);
	b->failed = b->failed || got == DP_LINE_FAILED;
}

/* How many events were read and are not stored: of the batch, and lines not yet looked at. */
static size_t count_unstored(struct batch *b)
{
	size_t n = b->count + b->dropped;
	struct dp_str line;

	for (;;) {
		enum dp_line_got got = dp_line_next(b->lines, &line);

		if (got != DP_LINE_OK && got != DP_LINE_LONG)
			return n;
		n++;
	}
}

static void report(struct batch *b)
{
	const struct counts *c = &b->counts;

	if (b->failed && dp_store_fault(b->store) != DP_STORE_OK)
		dp_log(DP_LOG_ERROR, "events read that could not be stored: %zu; %s",
		    count_unstored(b), dp_store_error(b->store));
	if (c->stored + c->duplicates + c->refused + c->dead > 0)
		dp_log(DP_LOG_INFO, "stored %llu, duplicates %llu, refused %llu, dead letters %llu",
		    c->stored, c->duplicates, c->refused, c->dead);
}

int batch_run(
    int fd, struct dp_store *store, struct mark *mark, const struct batch_options *options)
{
	struct batch b = {
	    .options = options, .store = store, .mark = mark, .tee = {.is_on = options->tee}};
	int rc;

	b.lines = dp_line_new(fd, DP_EVENT_LINE_MAX);
	b.reader = dp_event_reader_new();
	b.events = dp_mem_resize_array(NULL, options->events_max, sizeof(struct dp_event *));
	b.outcomes = dp_mem_new(options->events_max * sizeof *b.outcomes);
	read_all(&b);
	mark_flush(mark);
	report(&b);
	rc = tee_end(&b.tee) < 0 || b.failed ? -1 : 0;
	for (size_t i = 0; i < b.count; i++)
		free(b.events[i]);
	free(b.events);
	free(b.outcomes);
	dp_event_reader_free(&b.reader);
	dp_line_free(&b.lines);
	return rc;
}
