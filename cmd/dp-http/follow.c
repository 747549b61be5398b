#include "follow.h"

#include "accept.h"
#include "body.h"
#include "clock.h"
#include "cursor.h"
#include "feed.h"
#include "log.h"
#include "mem.h"
#include "pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHUNK_BYTES = 64 * 1024, /* read ahead for a client, one event more at most */
	CHUNK_ROWS = 256,
	BLOCK_BYTES = 4 * 1024,       /* for HTTP/1.0 alone */
	KEEP_BYTES = 4 * CHUNK_BYTES, /* a larger buffer is not kept once it is sent */
	START_DEFAULT = 20,           /* the newest events to begin with */
	START_MAX = 1000000,
};

enum form { FORM_NDJSON, FORM_SSE };

static const char *const form_types[] = {"application/x-ndjson", "text/event-stream"};

/* What a request asks for. */
struct wish {
	struct dp_filter filter;
	enum form form;
	bool follow;
	bool all;
	size_t newest;
	const char *cursor; /* or NULL */
};

/* An answer on its way. Its client pulls: when there is room for them, the next rows are read. */
struct stream {
	struct follower follower;
	const struct service *service;
	struct dp_filter filter;
	enum form form;
	bool follow;
	bool caught_up;
	bool orphaned; /* the database is another one now */
	bool broken;   /* what is asked cannot be answered, now or later */
	char store_id[64];
	int64_t after;
	int64_t until; /* of a stream that does not follow: where it ends */
	size_t rows;   /* to read next: 0, or as many as filled a chunk of late */
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

	if (!s->follow && row->seq > s->until)
		return 1;
	cursor_write_event(cursor, s->store_id, row->seq);
	if (s->form == FORM_SSE)
		add_sse(reading->out, row->json, cursor);
	else
		add_ndjson(reading->out, row->json, cursor);
	s->after = row->seq;
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

	if (dp_store_connect(store) < 0)
		return -1;
	s->orphaned = strcmp(dp_store_id(store), s->store_id) != 0;
	if (s->orphaned)
		return 0;
	if (dp_store_after(store, &s->filter, s->after, limit, on_row, &reading) < 0)
		return -1;
	s->caught_up = !reading.full && reading.rows < limit;
	s->rows = rows_of_chunk(reading.rows, out->len - before);
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

/* Reads what there is behind s->after. Returns whether the stream goes on. */
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
	if (s->caught_up && head > s->after)
		s->after = head;
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
		dp_buf_add_text(&s->out, s->form == FORM_SSE ? ":\n\n" : "\n");
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

static bool parse_flag(const char *text, bool *out)
{
	*out = strcmp(text, "0") != 0 && strcmp(text, "false") != 0;
	return !*out || !*text || strcmp(text, "1") == 0 || strcmp(text, "true") == 0;
}

static bool parse_newest(const char *text, struct wish *w)
{
	char *end;
	long n;

	w->all = strcmp(text, "all") == 0;
	if (w->all)
		return true;
	errno = 0;
	n = strtol(text, &end, 10);
	w->newest = (size_t)n;
	return *text >= '0' && *text <= '9' && !*end && errno == 0 && n <= START_MAX;
}

static void read_filter(const char *text, struct wish *w, struct dp_buf *errors)
{
	struct dp_filter_error error;

	if (dp_filter_parse(&w->filter, dp_str_from(text), dp_clock_now_us(), &error) < 0)
		answer_add_error_at(errors, "filter", error.column, error.why);
}

/* Reads the parameters; what is wrong with them is added to *errors. */
static void read_wish(const struct query *q, struct wish *w, struct dp_buf *errors)
{
	bool counted = false;

	for (size_t i = 0; i < q->count; i++) {
		const char *name = q->params[i].name;
		const char *value = q->params[i].value;
		const char *why = NULL;

		if (dp_filter_knows(name))
			dp_filter_add(&w->filter, name, dp_str_from(value), &why);
		else if (strcmp(name, "filter") == 0)
			read_filter(value, w, errors);
		else if (strcmp(name, "after") == 0)
			w->cursor = value;
		else if (strcmp(name, "follow") == 0 && !parse_flag(value, &w->follow))
			why = "is given without value, or as 1, true, 0 or false";
		else if (strcmp(name, "n") == 0 && !parse_newest(value, w))
			why = "a number from 0 to 1000000 is wanted, or all";
		counted = counted || strcmp(name, "n") == 0;
		if (why)
			answer_add_error(errors, name, why);
	}
	if (!counted) {
		w->all = dp_filter_trace(&w->filter) != NULL;
		w->newest = START_DEFAULT;
	}
}

/* Where the stream begins. Returns 0, -1 where the store failed, or 1 where the cursor is none of
 * this database, with the problem in *problem. */
static int find_start(
    struct dp_store *store, const struct wish *w, struct stream *s, enum problem *problem)
{
	enum cursor_fault fault;

	if (dp_store_head(store, &s->until) < 0)
		return -1;
	snprintf(s->store_id, sizeof s->store_id, "%s", dp_store_id(store));
	s->after = s->until;
	if (w->cursor) {
		fault = cursor_parse_event(w->cursor, s->store_id, &s->after);
		*problem = fault == CURSOR_MALFORMED ? PROBLEM_BAD_PARAMETER : PROBLEM_CURSOR_GONE;
		return fault != CURSOR_OK || s->after > s->until;
	}
	if (w->all)
		s->after = 0;
	else if (w->newest > 0)
		return dp_store_tail(store, &s->filter, w->newest, &s->after);
	return 0;
}

static enum MHD_Result answer_cursor_problem(struct request *r, enum problem problem)
{
	struct dp_buf errors = {0};
	enum MHD_Result result;

	if (problem == PROBLEM_CURSOR_GONE)
		return answer_problem(r, problem,
		    "the cursor is of another database or of its future: begin again without it");
	answer_add_error(&errors, "after", "no cursor: it is what a stream gave as id or _cursor");
	result = answer_bad_parameters(r, dp_buf_str(&errors));
	dp_buf_release(&errors);
	return result;
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
	struct MHD_Response *response =
	    MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_room, s, on_end);

	if (!response) {
		on_end(s);
		return MHD_NO;
	}
	answer_add_head(response, head, false);
	r->is_endless = true;
	/* A client that stops reading is slow, not gone: it costs nothing. */
	MHD_set_connection_option(r->connection, MHD_CONNECTION_OPTION_TIMEOUT, 0);
	return answer_queue(r, 200, &response);
}

/* Takes *s. */
static int send_stream(
    struct request *r, struct dp_store *store, struct stream *s, enum MHD_Result *result)
{
	char cursor[CURSOR_EVENT_MAX];
	const struct answer_head head = {.type = form_types[s->form], .cursor = cursor};

	cursor_write_event(cursor, s->store_id, s->after);
	if (s->form == FORM_SSE)
		dp_buf_addf(&s->out, "retry: 1000\nid: %s\n\n", cursor);
	if (!s->follow)
		return body_answer(r, store, &head, &rows_maker, s, result);
	*result = send_endless(r, &head, s);
	return 0;
}

static struct stream *new_stream(struct request *r, struct wish *w)
{
	struct stream *s = dp_mem_new(sizeof *s);

	s->follower.connection = r->connection;
	s->service = r->service;
	s->form = w->form;
	s->follow = w->follow;
	s->filter = w->filter;
	w->filter = (struct dp_filter){0};
	return s;
}

static int start_stream(
    struct request *r, struct dp_store *store, struct wish *w, enum MHD_Result *result)
{
	struct stream *s = new_stream(r, w);
	enum problem problem = PROBLEM_CURSOR_GONE;
	int rc = find_start(store, w, s, &problem);

	if (rc == 0 && s->follow && !feed_join(r->service->feed, &s->follower)) {
		*result = answer_problem(r, PROBLEM_TOO_MANY_FOLLOWERS,
		    "as many clients follow as are allowed; see dp-http --max-followers");
	} else if (rc == 0) {
		return send_stream(r, store, s, result);
	} else if (rc > 0) {
		*result = answer_cursor_problem(r, problem);
	}
	on_end(s);
	return rc < 0 ? -1 : 0;
}

int follow_answer(struct request *r, struct dp_store *store, enum MHD_Result *result)
{
	const char *accept = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Accept");
	const char *last =
	    MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Last-Event-ID");
	int form = accept_choose(accept, form_types, sizeof form_types / sizeof *form_types);
	struct wish w = {.form = form == FORM_SSE ? FORM_SSE : FORM_NDJSON};
	struct dp_buf errors = {0};
	int rc = 0;

	read_wish(&r->query, &w, &errors);
	if (last && *last)
		w.cursor = last;
	if (errors.len > 0)
		*result = answer_bad_parameters(r, dp_buf_str(&errors));
	else if (form < 0)
		*result = answer_problem(r, PROBLEM_NOT_ACCEPTABLE,
		    "there are application/x-ndjson and text/event-stream");
	else
		rc = start_stream(r, store, &w, result);
	dp_buf_release(&errors);
	dp_filter_release(&w.filter);
	return rc;
}
