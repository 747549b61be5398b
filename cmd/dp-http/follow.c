#include "follow.h"

#include "accept.h"
#include "body.h"
#include "clock.h"
#include "cursor.h"
#include "events.h"
#include "feed.h"
#include "log.h"
#include "mem.h"
#include "page.h"
#include "pool.h"
#include "wish.h"

#include <stdlib.h>
#include <string.h>

enum {
	CHUNK_BYTES = 64 * 1024, /* read ahead for a client, one event more at most */
	CHUNK_ROWS = 256,
	BLOCK_BYTES = 4 * 1024,       /* for HTTP/1.0 alone */
	KEEP_BYTES = 4 * CHUNK_BYTES, /* a larger buffer is not kept once it is sent */
	START_DEFAULT = 20,           /* the newest events to begin with */
	READ_MS = 250, /* to look for what is rare, and then to see to others and whether the client
			  is still there */
};

enum form { FORM_NDJSON, FORM_SSE, FORM_JSON };

static const char *const form_types[] = {
    "application/x-ndjson", "text/event-stream", "application/json"};

/* An answer on its way. Its client pulls: when there is room for them, the next rows are read. */
struct stream {
	struct follower follower;
	const struct service *service;
	struct dp_filter filter;
	enum form form;
	bool follow;
	bool caught_up;
	bool orphaned;         /* the database is another one now */
	bool broken;           /* what is asked cannot be answered, now or later */
	struct wish_span span; /* `after` moves on; one that does not follow ends at `until` */
	size_t rows;           /* to read next: 0, or as many as filled a chunk of late */
	struct dp_buf out;
	size_t sent; /* of out */
};

static void add_ndjson(struct dp_buf *out, struct dp_str json, const char *cursor)
{
	dp_buf_add(out, json.p, json.n - 1); /* without its '}' */
	dp_buf_addf(out, ",\"_cursor\":\"%s\"}\n", cursor);
}

static void add_sse(struct dp_buf *out, struct dp_str json, const char *cursor)
{
	dp_buf_addf(out, "id: %s\ndata: ", cursor);
	dp_buf_add_str(out, json);
	dp_buf_add_text(out, "\n\n");
}

/* Says that the answer goes on, and where it is: who hears of no event for long, as its filter
 * chooses none, need not read again what was passed over. */
static void add_beat(const struct stream *s, struct dp_buf *out)
{
	char cursor[CURSOR_EVENT_MAX];

	if (s->form == FORM_SSE) {
		cursor_write_event(cursor, s->span.store_id, s->span.after);
		dp_buf_addf(out, "id: %s\n", cursor);
	}
	dp_buf_add_char(out, '\n');
}

struct reading {
	struct stream *stream;
	struct dp_buf *out;
	size_t rows;
	bool full;
};

static int on_row(void *arg, const struct dp_store_row *row)
{
	struct reading *reading = arg;
	struct stream *s = reading->stream;
	char cursor[CURSOR_EVENT_MAX];

	if (!s->follow && row->seq > s->span.until)
		return 1;
	cursor_write_event(cursor, s->span.store_id, row->seq);
	if (s->form == FORM_SSE)
		add_sse(reading->out, row->json, cursor);
	else
		add_ndjson(reading->out, row->json, cursor);
	s->span.after = row->seq;
	reading->rows++;
	reading->full = reading->out->len >= CHUNK_BYTES;
	return reading->full;
}

/* As many rows as go into a chunk, if they are as those before: what is left of them when it is
 * full the database has read, and we drop, for nothing. */
static size_t rows_of_chunk(size_t rows, size_t bytes)
{
	const size_t fit = rows > 0 ? CHUNK_BYTES * rows / bytes : CHUNK_ROWS;

	return fit < 1 ? 1 : fit > CHUNK_ROWS ? CHUNK_ROWS : fit;
}

static int read_rows(struct stream *s, struct dp_store *store, struct dp_buf *out)
{
	const size_t limit = s->rows > 0 ? s->rows : CHUNK_ROWS;
	const size_t before = out->len;
	struct reading reading = {.stream = s, .out = out};
	int64_t reached;
	int rc;

	if (dp_store_connect(store) < 0)
		return -1;
	s->orphaned = strcmp(dp_store_id(store), s->span.store_id) != 0;
	if (s->orphaned)
		return 0;
	rc = dp_store_after_in_time(store, &s->filter, s->span.after, limit,
	    dp_clock_monotonic_ms() + READ_MS, on_row, &reading, &reached);
	if (rc < 0)
		return -1;
	if (rc > 0)
		s->span.after = reached;
	s->caught_up =
	    rc > 0 ? !s->follow && reached >= s->span.until : !reading.full && reading.rows < limit;
	s->rows = rows_of_chunk(reading.rows, out->len - before);
	if (out->len == before && !s->caught_up)
		add_beat(s, out);
	return 0;
}

/* Reads the next rows into s->out. Returns 0, or -1 where the store did not answer. */
static int refill(struct stream *s)
{
	struct dp_store *store = pool_take(s->service->pool);
	int rc = store ? read_rows(s, store, &s->out) : -1;

	if (store && rc < 0)
		dp_log_limited(DP_LOG_WARNING, "stream", "cannot read events for a client: %s",
		    dp_store_error(store));
	s->broken = store && rc < 0 && dp_store_fault(store) == DP_STORE_BROKEN;
	if (store)
		pool_give(
		    s->service->pool, &store, rc == 0 || dp_store_fault(store) != DP_STORE_AWAY);
	return rc;
}

static void forget_sent(struct stream *s)
{
	s->sent = 0;
	dp_buf_clear(&s->out);
	if (s->out.cap > KEEP_BYTES)
		dp_buf_release(&s->out);
}

/* Reads what there is behind s->span.after. Returns whether the stream goes on. */
static bool advance(struct stream *s)
{
	struct feed *feed = s->service->feed;
	int64_t head = 0;
	uint64_t generation = feed_generation(feed, &head);

	if (s->caught_up && s->follower.seen == generation)
		return true;
	s->follower.seen = generation;
	if (refill(s) < 0) {
		s->caught_up = true; /* until the feed says that the database is back */
		feed_report_failure(feed);
		return !s->broken;
	}
	if (s->orphaned)
		return false;
	/* What was passed over on the way does not match and need not be looked at again. */
	if (s->caught_up && head > s->span.after)
		s->span.after = head;
	return true;
}

/* Finds the next bytes for a follower, or suspends it. Returns 0 to go on sending or to wait, or
 * what the library takes as the end. */
static ssize_t follow_on(struct stream *s, bool *wait)
{
	dp_buf_release(&s->out); /* it may wait for long, and there may be many */
	switch (feed_wait(s->service->feed, &s->follower)) {
	case FEED_STOPPING:
		return MHD_CONTENT_READER_END_OF_STREAM;
	case FEED_BEAT:
		add_beat(s, &s->out);
		return 0;
	case FEED_CHANGED:
		return 0;
	case FEED_SUSPENDED:
		break;
	}
	*wait = true;
	return 0;
}

static ssize_t on_room(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct stream *s = cls;
	bool wait = false;
	size_t n;

	(void)pos;
	while (s->sent == s->out.len) {
		ssize_t end = 0;

		forget_sent(s);
		if (!advance(s))
			return MHD_CONTENT_READER_END_WITH_ERROR;
		if (s->out.len > 0 || !s->caught_up)
			continue;
		end = follow_on(s, &wait);
		if (end != 0 || wait)
			return end;
	}
	n = s->out.len - s->sent < max ? s->out.len - s->sent : max;
	memcpy(buf, s->out.data + s->sent, n);
	s->sent += n;
	return (ssize_t)n;
}

static void on_end(void *cls)
{
	struct stream *s = cls;

	feed_leave(s->service->feed, &s->follower);
	dp_filter_release(&s->filter);
	dp_buf_release(&s->out);
	free(s);
}

/* The rest of what was there, of a stream that ends. */
static enum body_step next_rows(void *arg, struct dp_store *store, struct dp_buf *out)
{
	struct stream *s = arg;

	dp_buf_add_str(out, dp_buf_str(&s->out)); /* how the form begins */
	dp_buf_release(&s->out);
	if (read_rows(s, store, out) < 0)
		return BODY_FAILED;
	if (s->orphaned)
		return BODY_GONE;
	return s->caught_up ? BODY_END : BODY_MORE;
}

static const struct body_maker rows_maker = {next_rows, on_end};

/* Queues the endless response; *s is the response's from here on. */
static enum MHD_Result send_endless(
    struct request *r, const struct answer_head *head, struct stream *s)
{
	struct MHD_Response *response = answer_in_pieces(r, BLOCK_BYTES, on_room, s, on_end);

	if (!response) {
		on_end(s);
		return MHD_NO;
	}
	answer_add_head(response, head, false);
	r->is_endless = true;
	/* A client that stops reading is slow, not gone: it costs nothing. */
	if (strcmp(r->method, "HEAD") != 0)
		MHD_set_connection_option(r->connection, MHD_CONNECTION_OPTION_TIMEOUT, 0);
	return answer_queue(r, 200, &response);
}

/* Takes *s. */
static int send_stream(
    struct request *r, struct dp_store *store, struct stream *s, enum MHD_Result *result)
{
	char cursor[CURSOR_EVENT_MAX];
	const struct answer_head head = {
	    .type = form_types[s->form], .cursor = cursor, .is_partial = s->span.is_partial};
	int rc = 0;

	cursor_write_event(cursor, s->span.store_id, s->span.after);
	if (s->form == FORM_SSE)
		dp_buf_addf(&s->out, "retry: 1000\nid: %s\n\n", cursor);
	if (s->follow)
		*result = send_endless(r, &head, s);
	else
		rc = body_answer(r, store, &head, &rows_maker, s, result);
	if (rc > 0)
		*result = wish_answer_problem(r, PROBLEM_CURSOR_GONE);
	return rc < 0 ? -1 : 0;
}

static struct stream *new_stream(const struct request *r, const struct wish *w, enum form form)
{
	struct stream *s = dp_mem_new(sizeof *s);

	s->follower.connection = r->connection;
	s->service = r->service;
	s->form = form;
	s->follow = w->follow;
	return s;
}

static int start_stream(struct request *r, struct dp_store *store, struct wish *w, enum form form,
    enum MHD_Result *result)
{
	enum problem problem = PROBLEM_CURSOR_GONE;
	struct stream *s;
	int rc;

	if (!w->has_newest) {
		w->all = dp_filter_trace(&w->filter) != NULL;
		w->newest = START_DEFAULT;
	}
	s = new_stream(r, w, form);
	rc = wish_find(w, store, dp_clock_monotonic_ms() + PAGE_MS, &s->span, &problem);
	s->filter = w->filter;
	w->filter = (struct dp_filter){0};
	if (rc == 0 && s->follow && !feed_join(r->service->feed, &s->follower)) {
		*result = answer_problem(r, PROBLEM_TOO_MANY_FOLLOWERS,
		    "as many clients follow as are allowed; see dp-http --max-followers");
	} else if (rc == 0) {
		return send_stream(r, store, s, result);
	} else if (rc > 0) {
		*result = wish_answer_problem(r, problem);
	}
	on_end(s);
	return rc < 0 ? -1 : 0;
}

int follow_answer(struct request *r, struct dp_store *store, enum MHD_Result *result)
{
	const char *accept = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Accept");
	int form = accept_choose(accept, form_types, sizeof form_types / sizeof *form_types);
	struct dp_buf errors = {0};
	struct wish w;
	int rc = 0;

	wish_read(&w, r, &errors);
	if (errors.len > 0)
		*result = answer_bad_parameters(r, dp_buf_str(&errors));
	else if (form < 0)
		*result = answer_problem(r, PROBLEM_NOT_ACCEPTABLE,
		    "there are application/x-ndjson, text/event-stream and application/json");
	else if (form == FORM_JSON)
		rc = events_answer_list(r, store, &w, result);
	else
		rc = start_stream(r, store, &w, (enum form)form, result);
	dp_buf_release(&errors);
	wish_release(&w);
	return rc;
}
