#include "batch.h"

#include "clock.h"
#include "keeper.h"
#include "line.h"
#include "log.h"
#include "outage.h"
#include "proc.h"
#include "source.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	BATCH_BYTES_MAX = 4 * 1024 * 1024,
	BATCH_AGE_MS = 1000, /* of the first event of a batch, while lines keep coming */
	PAUSE_MS = 10,       /* from the end of a commit to the next, for more to come together */
	DRAIN_MS = 1000,     /* after a stop signal, for more input or its end to come */
	DRAIN_MAX_MS = 8000, /* in all */
	LOOK_MS = 100,       /* for a writer that goes on to fill a pipe that was just emptied */
};

struct batch {
	const struct batch_options *options;
	struct dp_store *store; /* ours only while the keeper is idle, as the mark */
	struct dp_line_reader *lines;
	struct dp_event_reader *reader;
	struct source source;
	struct mark *mark;
	struct retain retain; /* as the store */
	struct keeper *keeper;
	struct load *load; /* that is being filled */
	unsigned long long refused;
	size_t dropped;   /* a line that was read when the store failed, and is in no load */
	int wake_fd;      /* readable at the stop, and where the keeper has become idle */
	int64_t since_ms; /* of the first line of the load */
	int64_t pause_ms; /* its end */
	bool was_busy;    /* the keeper got a load, and was not seen idle since */
	int64_t end_ms;   /* after a stop signal: the time to end at the latest; 0 before it */
	bool failed;      /* nothing more can be stored */
	bool deaf;        /* nothing more can be passed on */
};

int batch_connect(struct dp_store *store, bool of_spool)
{
	struct outage outage = {.of_spool = of_spool};
	int rc;

	outage_watch(&outage, store);
	while ((rc = dp_store_connect(store)) < 0)
		if (!outage_wait(&outage, store))
			break;
	if (rc == 0)
		outage_end(&outage, store);
	outage_watch_end(false, store);
	return rc;
}

/* Whether nothing waits for the commit: no event, and no position. */
static bool is_empty(const struct batch *b)
{
	return b->load->count == 0 && !source_waits(&b->source);
}

/* Hands the load over to be stored. The mark then says what has come in and is committed, whatever
 * more the database says. */
static void commit(struct batch *b, bool is_full)
{
	if (is_empty(b) || b->failed)
		return;
	b->load->is_full = is_full;
	b->load->step = b->source.step;
	source_commit(&b->source);
	b->load->mark = (struct dp_pos){.offset = 0};
	if (b->source.committed > 0)
		b->load->mark.offset = (uint64_t)b->source.committed;
	memcpy(b->load->mark.spool, b->source.step.source, sizeof b->load->mark.spool);
	b->failed = !keeper_take(b->keeper, &b->load);
	b->was_busy = true;
}

static void refuse(struct batch *b, const char *code, const char *why)
{
	b->refused++;
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
	struct outage outage = {.of_spool = true};
	int64_t stored;

	if (!keeper_wait(b->keeper))
		return -1;
	while (dp_store_position(b->store, pos->spool, &stored) < 0)
		if (!outage_wait(&outage, b->store)) {
			b->dropped = 1;
			return -1;
		}
	outage_end(&outage, b->store);
	source_begin(&b->source, pos, stored);
	compare_mark(b, stored);
	return 0;
}

/* Stores what came before a position that cannot be, without saying how far that is. */
static void fail_at(struct batch *b, const char *why)
{
	source_forget(&b->source);
	commit(b, false);
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
	b->load->events[b->load->count++] = dp_event_copy(&ev);
	b->load->bytes += ev.json.n;
	if (b->load->count == b->options->events_max || b->load->bytes >= BATCH_BYTES_MAX)
		commit(b, true);
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

/* Where the keeper is idle: looks whether all is well, and does what is due. */
static void look_at_keeper(struct batch *b)
{
	if (!keeper_is_idle(b->keeper))
		return;
	if (b->was_busy)
		b->pause_ms = dp_clock_monotonic_ms() + PAUSE_MS;
	b->was_busy = false;
	b->failed = !keeper_wait(b->keeper) || b->failed;
	b->deaf = keeper_is_deaf(b->keeper);
	if (mark_wait_ms(b->mark) == 0)
		mark_flush(b->mark);
	if (!b->failed)
		retain_step(&b->retain, b->store);
}

/* Until something is to be done without input; -1: for ever. */
static int idle_ms(const struct batch *b)
{
	const int64_t pause = b->pause_ms - dp_clock_monotonic_ms();
	const int mark_ms = mark_wait_ms(b->mark);
	const int retain_ms = retain_wait_ms(&b->retain);

	if (!is_empty(b))
		return pause > 0 ? (int)pause : 0;
	return mark_ms >= 0 && (retain_ms < 0 || mark_ms < retain_ms) ? mark_ms : retain_ms;
}

/* Waits for input, the keeper, the stop, or what is due. */
static bool wait_at_ease(struct batch *b)
{
	const bool is_idle = keeper_is_idle(b->keeper);

	dp_line_wait(b->lines, b->wake_fd, is_idle ? idle_ms(b) : -1);
	return !dp_proc_stopping();
}

/* After a stop signal: waits for what the writer at the other end of the pipe, which got the signal
 * too, still has. The while that it gets begins anew with all that comes, and with the end of a
 * commit, so that a slow one doesn't take it away. Returns false when it is over. */
static bool wait_in_haste(struct batch *b)
{
	int64_t left;

	if (b->end_ms == 0)
		b->end_ms = dp_clock_monotonic_ms() + DRAIN_MAX_MS;
	left = b->end_ms - dp_clock_monotonic_ms();
	if (left <= 0)
		return false;
	if (!keeper_is_idle(b->keeper))
		return dp_line_wait(b->lines, keeper_fd(b->keeper), (int)left) != 0;
	return dp_line_wait(b->lines, -1, left < DRAIN_MS ? (int)left : DRAIN_MS) > 0;
}

/* Waits for more to do. Returns false at the time to end. */
static bool wait_for_more(struct batch *b)
{
	if (b->failed || b->deaf)
		return false;
	return (b->end_ms == 0 && wait_at_ease(b)) || wait_in_haste(b);
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

/* Whether the load is to be handed over: no more is there, and the pause is over; or it has waited
 * for long. */
static bool is_ready(const struct batch *b)
{
	const bool is_paused = b->end_ms == 0 && dp_clock_monotonic_ms() < b->pause_ms;

	return is_due(b) || (!is_paused && !dp_line_ready(b->lines));
}

static void read_all(struct batch *b)
{
	enum dp_line_got got;

	while ((got = take_lines(b)) == DP_LINE_MORE) {
		look_at_keeper(b);
		if (keeper_is_idle(b->keeper) && is_ready(b))
			commit(b, false);
		if (!wait_for_more(b))
			break;
	}
	if (got == DP_LINE_FAILED)
		dp_log(DP_LOG_ERROR, "cannot read the input: %s", strerror(errno));
	commit(b, false);
	b->failed = !keeper_wait(b->keeper) || b->failed;
	if (got == DP_LINE_MORE && !b->failed && !b->deaf && !b->source.step.source[0])
		look_at_the_rest(b);
	b->failed = b->failed || got == DP_LINE_FAILED;
}

/* How many events were read and are not stored: of the loads, and lines not yet looked at. */
static size_t count_unstored(struct batch *b)
{
	size_t n = keeper_left(b->keeper) + b->load->count + b->dropped;
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
	const struct counts c = keeper_counts(b->keeper);

	if (!keeper_wait(b->keeper) || b->dropped > 0)
		dp_log(DP_LOG_ERROR, "events read that could not be stored: %zu%s; %s",
		    count_unstored(b),
		    b->source.step.source[0] ? ", which the spool has and hands over again" : "",
		    dp_store_error(b->store));
	if (c.stored + c.duplicates + b->refused + c.dead > 0)
		dp_log(DP_LOG_INFO, "stored %llu, duplicates %llu, refused %llu, dead letters %llu",
		    c.stored, c.duplicates, b->refused, c.dead);
}

/* One descriptor for two reasons to stop waiting. */
static int make_wake_fd(const struct keeper *k)
{
	struct epoll_event readable = {.events = EPOLLIN};
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0 || epoll_ctl(fd, EPOLL_CTL_ADD, dp_proc_stop_fd(), &readable) < 0 ||
	    epoll_ctl(fd, EPOLL_CTL_ADD, keeper_fd(k), &readable) < 0)
		dp_log_die(DP_EXIT_FAILURE, "cannot make an epoll: %s", strerror(errno));
	return fd;
}

int batch_run(
    int fd, struct dp_store *store, struct mark *mark, const struct batch_options *options)
{
	struct batch b = {.options = options,
	    .store = store,
	    .mark = mark,
	    .retain = {.limits = options->limits}};
	int rc;

	b.lines = dp_line_new(fd, DP_EVENT_LINE_MAX);
	b.reader = dp_event_reader_new();
	b.keeper = keeper_new(store, mark, &b.retain, options->events_max, options->tee, &b.load);
	b.wake_fd = make_wake_fd(b.keeper);
	read_all(&b);
	mark_flush(mark);
	report(&b);
	rc = keeper_close(&b.keeper) < 0 || b.failed ? -1 : 0;
	close(b.wake_fd);
	dp_event_reader_free(&b.reader);
	dp_line_free(&b.lines);
	return rc;
}
