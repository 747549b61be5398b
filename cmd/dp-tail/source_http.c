#include "source.h"

#include "clock.h"
#include "cursor_file.h"
#include "log.h"
#include "problem.h"
#include "proc.h"
#include "request.h"
#include "sse.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	SILENCE_MS = 30000, /* without a byte: the server sends a comment every 10 s */
	STEADY_MS = 5000,   /* a stream that lasted as long makes the next pause short again */
	PAUSE_MIN_MS = 200,
	PAUSE_MAX_MS = 5000,
	WAITING_MS = 1000, /* without an event, before that is said */
	TICK_MS = 1000,
	SAVE_MS = 1000, /* between two writes of the cursor's file */
	ERROR_BYTES = 512,
};

/* How an attempt ended. */
enum outcome {
	OUTCOME_ENDED,   /* the whole answer came */
	OUTCOME_LOST,    /* no connection, or no longer */
	OUTCOME_STOPPED, /* by a signal */
	OUTCOME_NO_VIEW, /* stdout takes no more, or no more is wanted */
	OUTCOME_TIME_OVER,
	OUTCOME_UNSAVED, /* the cursor's file could not be written; it was reported */
};

struct follower {
	struct view *view;
	const struct source_query *query;
	CURLM *multi;
	struct sse *sse;
	struct dp_event_reader *reader;
	struct dp_buf cursor; /* behind the event shown last; empty: none yet */
	bool from_file;       /* the cursor is that of the file, and nothing was heard yet */
	bool unsaved;         /* the cursor's file has an older one */
	int64_t saved_ms;     /* when it was written last */
	bool from_now;        /* without cursor: begin with what comes, not with the past */
	bool away;            /* it was said */
	bool waiting_said;
	int failures; /* in a row */
	uint64_t shown;

	/* of this attempt */
	CURL *easy;
	long status;    /* of HTTP; 0: no answer yet */
	bool streaming; /* the answer is a stream of events */
	bool got_bytes; /* since they were last asked for */
	bool no_view;
	int64_t start_ms;
	int64_t heard_ms;
	struct dp_buf body; /* of an answer that is no stream */
	char why[ERROR_BYTES];
};

/* sse_fn: shows an event, and then goes on behind it. */
static int on_message(void *arg, const struct sse_message *m)
{
	struct follower *f = arg;
	struct dp_refusal why;
	struct dp_event ev;

	if (m->too_long) {
		dp_log_limited(DP_LOG_WARNING, "long-event",
		    "%s sent an event that is longer than one can be: left out", f->query->url);
	} else if (m->data.n > 0) {
		if (dp_event_read(f->reader, m->data, dp_clock_now_us(), &ev, &why) < 0) {
			dp_log_limited(DP_LOG_WARNING, "no-event",
			    "%s sent what is no event, left out: %s", f->query->url, why.why);
		} else if (view_show(f->view, &ev) < 0) {
			f->no_view = true;
			return -1;
		} else {
			f->shown++;
		}
	}
	/* Where there is none the one of before stays, although sse_reset forgot it. */
	if (m->id.n > 0 && !dp_str_equal(m->id, dp_buf_str(&f->cursor))) {
		dp_buf_clear(&f->cursor);
		dp_buf_add_str(&f->cursor, m->id);
		f->unsaved = true;
	}
	f->no_view = view_is_done(f->view);
	return f->no_view ? -1 : 0;
}

/* Whether the newest events were not all found in the time that dp-http takes. */
static bool is_partial(CURL *easy)
{
	struct curl_header *header;

	return curl_easy_header(easy, "DevPulse-Partial", 0, CURLH_HEADER, -1, &header) ==
	       CURLHE_OK;
}

static void begin_stream(struct follower *f)
{
	if (is_partial(f->easy))
		dp_log(DP_LOG_WARNING,
		    "older events may match, too: it took too long to look for them; -n all or "
		    "--since shows them");
	if (f->away)
		dp_log(DP_LOG_INFO, "%s is back", f->query->url);
	f->away = false;
	f->from_file = false;
	f->streaming = true;
}

static bool is_event_stream(CURL *easy)
{
	static const char want[] = "text/event-stream";
	const char *type = NULL;

	return curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK && type &&
	       strncasecmp(type, want, sizeof want - 1) == 0;
}

/* Looks at the head of the answer, once it is there. */
static void take_head(struct follower *f)
{
	if (f->status != 0)
		return;
	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &f->status);
	if (f->status == 200 && is_event_stream(f->easy))
		begin_stream(f);
}

/* CURLOPT_WRITEFUNCTION: taking fewer bytes than there are ends the transfer. */
static size_t on_bytes(char *p, size_t size, size_t count, void *arg)
{
	struct follower *f = arg;
	size_t n = size * count;

	f->got_bytes = true;
	take_head(f);
	if (f->streaming)
		return sse_feed(f->sse, p, n, on_message, f) == 0 ? n : 0;
	if (f->body.len + n > PROBLEM_BYTES_MAX)
		return 0;
	dp_buf_add(&f->body, p, n);
	return n;
}

/* The reason for which a transfer ended, of the system where it knows one. */
static void note_why(struct follower *f, CURLcode code)
{
	long number = 0;

	curl_easy_getinfo(f->easy, CURLINFO_OS_ERRNO, &number);
	if (number != 0 && !f->streaming)
		snprintf(f->why, sizeof f->why, "%s", strerror((int)number));
	else if (f->streaming)
		snprintf(f->why, sizeof f->why, "the connection was lost");
	else if (f->why[0] == '\0')
		snprintf(f->why, sizeof f->why, "%s", curl_easy_strerror(code));
}

static enum outcome finish(struct follower *f)
{
	CURLcode code = CURLE_OK;
	const CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(f->multi, &left)) != NULL)
		if (m->msg == CURLMSG_DONE)
			code = m->data.result;
	take_head(f); /* of an answer without a body */
	if (f->no_view)
		return OUTCOME_NO_VIEW;
	if (code == CURLE_OK || (f->status != 0 && !f->streaming && code == CURLE_WRITE_ERROR))
		return OUTCOME_ENDED;
	note_why(f, code);
	return OUTCOME_LOST;
}

/* Tells a person that all is well although nothing is to be seen. */
static void say_waiting(struct follower *f, int64_t now_ms)
{
	const struct source_query *q = f->query;

	if (f->waiting_said || f->shown > 0 || !q->follow || !f->streaming ||
	    now_ms - f->start_ms < WAITING_MS)
		return;
	f->waiting_said = true;
	if (isatty(STDERR_FILENO) == 0)
		return;
	if (q->trace)
		dp_log(DP_LOG_INFO, "waiting for trace %s", q->trace);
	else
		dp_log(DP_LOG_INFO, "waiting for events");
}

/* Notes how far stdout was written, now and then, or `now`. */
static int save_cursor(struct follower *f, bool now)
{
	const char *path = f->query->cursor_file;
	const int64_t now_ms = dp_clock_monotonic_ms();

	if (!path || !f->unsaved || f->cursor.len == 0 ||
	    (!now && f->saved_ms != 0 && now_ms - f->saved_ms < SAVE_MS))
		return 0;
	if (cursor_file_write(path, dp_buf_str(&f->cursor)) < 0) {
		dp_log(DP_LOG_ERROR, "cannot write the cursor to %s: %s", path, strerror(errno));
		return -1;
	}
	f->unsaved = false;
	f->saved_ms = now_ms;
	return 0;
}

/* Waits for the server, a stop signal, the end of who reads stdout, or the time to end. */
static void wait_for_more(struct follower *f)
{
	struct curl_waitfd more[] = {
	    {.fd = dp_proc_stop_fd(), .events = CURL_WAIT_POLLIN}, {.fd = STDOUT_FILENO}};

	curl_multi_poll(f->multi, more, 2, source_wait_ms(&f->query->end, TICK_MS), NULL);
}

/* Moves the bytes of an attempt until it ends. */
static enum outcome transfer(struct follower *f)
{
	int running = 1;

	while (curl_multi_perform(f->multi, &running) == CURLM_OK) {
		int64_t now_ms;

		if (!running)
			return finish(f);
		if (view_flush(f->view) < 0 || view_is_closed())
			return OUTCOME_NO_VIEW;
		if (save_cursor(f, false) < 0)
			return OUTCOME_UNSAVED;
		if (dp_proc_stopping())
			return OUTCOME_STOPPED;
		if (source_wait_ms(&f->query->end, -1) == 0)
			return OUTCOME_TIME_OVER;
		/* the time that a full stdout took is not the server's */
		now_ms = dp_clock_monotonic_ms();
		if (f->got_bytes)
			f->heard_ms = now_ms;
		f->got_bytes = false;
		if (now_ms - f->heard_ms > SILENCE_MS) {
			snprintf(
			    f->why, sizeof f->why, "nothing was heard for %d s", SILENCE_MS / 1000);
			return OUTCOME_LOST;
		}
		say_waiting(f, now_ms);
		wait_for_more(f);
	}
	snprintf(f->why, sizeof f->why, "libcurl failed");
	return OUTCOME_LOST;
}

static enum outcome attempt(struct follower *f)
{
	const struct request_place place = {
	    f->cursor.len > 0 ? dp_buf_text(&f->cursor) : NULL, f->from_now};
	struct request request;
	enum outcome outcome;

	f->status = 0;
	f->streaming = false;
	f->no_view = false;
	f->why[0] = '\0';
	f->start_ms = dp_clock_monotonic_ms();
	f->heard_ms = f->start_ms;
	dp_buf_clear(&f->body);
	sse_reset(f->sse);
	request_init(&request, f->query, &place);
	f->easy = request.easy;
	curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(f->easy, CURLOPT_ERRORBUFFER, f->why);
	curl_multi_add_handle(f->multi, f->easy);
	outcome = transfer(f);
	curl_multi_remove_handle(f->multi, f->easy);
	request_release(&request);
	f->easy = NULL;
	return outcome;
}

/* A failure that may pass. Returns -1 to try again, or the exit status. */
static int go_away(struct follower *f, const char *why)
{
	const char *hint = f->status == 0 ? "; is ./devpulse up running?" : "";

	if (!f->query->retry) {
		dp_log(DP_LOG_ERROR, "%s is away: %s%s", f->query->url, why, hint);
		return DP_EXIT_FAILURE;
	}
	if (!f->away)
		dp_log(DP_LOG_WARNING, "%s is away: %s; retrying%s", f->query->url, why, hint);
	f->away = true;
	return -1;
}

/* The end of a stream: all that was asked for, or a server that goes down. */
static int end_stream(struct follower *f)
{
	if (f->query->follow)
		return f->query->retry ? -1 : go_away(f, "it ended the stream");
	if (f->shown == 0)
		dp_log(DP_LOG_INFO, "no event matches");
	return 0;
}

static bool may_pass(long status)
{
	return status >= 500 || status == 408 || status == 429;
}

/* Whether the answer finds fault with the cursor. */
static bool is_of_cursor(struct follower *f)
{
	return f->status == 400 && strstr(dp_buf_text(&f->body), "\"parameter\":\"after\"") != NULL;
}

/* An answer that is no stream. Returns as go_away. */
static int judge_answer(struct follower *f)
{
	const char *url = f->query->url;
	struct dp_buf said = {0};
	const char *text;
	int rc = DP_EXIT_FAILURE;

	problem_write(&said, f->status, dp_buf_str(&f->body));
	text = dp_buf_text(&said);
	if (f->from_file && (f->status == 410 || is_of_cursor(f))) {
		dp_log(DP_LOG_ERROR,
		    "%s: %s; the cursor is that of %s: remove the file to begin anew", url, text,
		    f->query->cursor_file);
		rc = DP_EXIT_USAGE;
	} else if (f->status == 410 && f->cursor.len > 0) {
		dp_log(DP_LOG_WARNING,
		    "%s has another database now: going on with what comes from here", url);
		dp_buf_clear(&f->cursor);
		f->from_now = true;
		rc = -1;
	} else if (may_pass(f->status)) {
		rc = go_away(f, text);
	} else if (f->status >= 300 && f->status < 400) {
		dp_log(DP_LOG_ERROR, "%s: it redirects; give the URL it redirects to", url);
	} else if (f->status < 300) {
		dp_log(DP_LOG_ERROR, "%s: this is not dp-http: no stream of events came", url);
	} else if (f->status == 404 || f->status == 426) { /* 426: of a WebSocket server */
		dp_log(DP_LOG_ERROR,
		    "%s: this is not dp-http (HTTP status %ld): is it the port of dp-ingest? "
		    "That of dp-http is 8088 by default",
		    url, f->status);
	} else if (f->status == 401) {
		dp_log(DP_LOG_ERROR, "%s: %s; give its token by --token-file", url, text);
	} else {
		dp_log(DP_LOG_ERROR, "%s: %s", url, text);
		rc = f->status == 400 ? DP_EXIT_USAGE : DP_EXIT_FAILURE;
	}
	dp_buf_release(&said);
	return rc;
}

/* Returns -1 to try again, or the exit status of the program. */
static int judge(struct follower *f, enum outcome outcome)
{
	if (outcome == OUTCOME_NO_VIEW)
		return view_status(f->view);
	if (outcome == OUTCOME_TIME_OVER)
		return f->query->end.status;
	if (outcome == OUTCOME_UNSAVED)
		return DP_EXIT_FAILURE;
	if (outcome == OUTCOME_STOPPED)
		return f->query->follow || dp_proc_stop_signal() != SIGINT ? 0 : EXIT_INTERRUPTED;
	if (outcome == OUTCOME_LOST)
		return go_away(f, f->why);
	return f->streaming ? end_stream(f) : judge_answer(f);
}

/* Between attempts: 0.2 s, doubled up to 5 s, of which a random part of up to a half is left out,
 * so that many clients do not come back at once. */
static int pause_ms(int failures)
{
	int ms = failures < 5 ? PAUSE_MIN_MS << failures : PAUSE_MAX_MS;
	unsigned char random = 0;

	if (getrandom(&random, 1, 0) != 1)
		random = 0;
	ms = ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
	return ms - ms * random / 512;
}

/* Returns OUTCOME_LOST to go on, or why not. */
static enum outcome pause_before_retry(struct follower *f)
{
	struct pollfd p[] = {{.fd = dp_proc_stop_fd(), .events = POLLIN}, {.fd = STDOUT_FILENO}};

	if (f->streaming && dp_clock_monotonic_ms() - f->start_ms > STEADY_MS)
		f->failures = 0;
	poll(p, 2, source_wait_ms(&f->query->end, pause_ms(f->failures)));
	f->failures++;
	if (dp_proc_stopping() || view_is_closed())
		return OUTCOME_STOPPED;
	return source_wait_ms(&f->query->end, -1) == 0 ? OUTCOME_TIME_OVER : OUTCOME_LOST;
}

static int run(struct follower *f)
{
	int status;

	while ((status = judge(f, attempt(f))) < 0) {
		enum outcome outcome;

		if (view_flush(f->view) < 0)
			return view_status(f->view);
		outcome = pause_before_retry(f);
		if (outcome != OUTCOME_LOST)
			return judge(f, outcome);
	}
	return status;
}

/* Takes the cursor of the file that the query names. */
static void load_cursor(struct follower *f)
{
	const char *path = f->query->cursor_file;
	const char *why;

	if (path && cursor_file_read(path, &f->cursor, &why) < 0)
		dp_log_die(DP_EXIT_USAGE, "--cursor-file: %s: %s", path, why);
	f->from_file = f->cursor.len > 0;
}

int source_follow(struct view *v, const struct source_query *q)
{
	struct follower f = {.view = v, .query = q};
	int status;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	f.multi = curl_multi_init();
	f.sse = sse_new(DP_EVENT_LINE_MAX);
	f.reader = dp_event_reader_new();
	if (!f.multi)
		dp_log_die(DP_EXIT_FAILURE, "cannot start libcurl: out of memory");
	load_cursor(&f);
	status = run(&f);
	if (view_flush(v) < 0)
		status = view_status(v);
	else if (save_cursor(&f, true) < 0)
		status = DP_EXIT_FAILURE;
	curl_multi_cleanup(f.multi);
	curl_global_cleanup();
	dp_event_reader_free(&f.reader);
	sse_free(&f.sse);
	dp_buf_release(&f.cursor);
	dp_buf_release(&f.body);
	return status;
}
