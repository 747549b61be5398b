#include "drain.h"

#include "http.h"
#include "listener.h"
#include "log.h"
#include "tail.h"
#include "ws.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum {
	DRAIN_SECONDS = 5,
	GOODBYE_SECONDS = 2,
	FLUSH_SECONDS = 2,
};

static void on_timer(struct lws_sorted_usec_list *sul);

static void set_timer(struct server *s, int seconds)
{
	lws_sul_schedule(s->context, 0, &s->timer, on_timer, (lws_usec_t)seconds * LWS_US_PER_SEC);
}

static bool is_flushed(struct server *s)
{
	struct dp_spool_stats spool;

	if (!s->pump || pump_error(s->pump))
		return true;
	dp_spool_get_stats(s->spool, &spool);
	return pump_reached(s->pump) == spool.end;
}

/* What is in the spool is safe: it is only a service to hand it on before the end. */
static void flush_pump(struct server *s)
{
	s->state = is_flushed(s) ? SERVER_ENDED : SERVER_FLUSHES;
	set_timer(s, FLUSH_SECONDS);
}

static bool has_clients(const struct server *s)
{
	return s->sessions.count + s->tails.count + s->posts.count > 0;
}

static void say_goodbye(struct server *s)
{
	s->state = SERVER_CLOSES;
	ws_goodbye(s);
	tail_goodbye(s);
	set_timer(s, GOODBYE_SECONDS);
	if (!has_clients(s))
		flush_pump(s);
}

static bool is_drained(const struct server *s)
{
	return writer_done(s->writer) == writer_added(s->writer);
}

void drain_begin(struct server *s)
{
	if (s->state != SERVER_RUNS)
		return;
	s->state = SERVER_DRAINS;
	listener_close(s);
	http_stop(s);
	set_timer(s, DRAIN_SECONDS);
	if (is_drained(s))
		say_goodbye(s);
}

static void on_timer(struct lws_sorted_usec_list *sul)
{
	struct server *s = lws_container_of(sul, struct server, timer);

	if (s->state == SERVER_CLOSES) {
		flush_pump(s);
	} else if (s->state == SERVER_FLUSHES) {
		s->state = SERVER_ENDED;
	} else {
		dp_log(DP_LOG_ERROR,
		    "%s took nothing more for %d s: %" PRIu64 " bytes of events, not "
		    "acknowledged, are not written; %s",
		    s->spool ? "the spool" : "standard output", DRAIN_SECONDS,
		    writer_added(s->writer) - writer_done(s->writer),
		    s->spool ? "see above" : "is the program behind the pipe stuck?");
		s->status = DP_EXIT_FAILURE;
		say_goodbye(s);
	}
	lws_cancel_service(s->context);
}

static void tell_output_failed(int error)
{
	dp_log(DP_LOG_ERROR, "cannot write to standard output: %s; %s", strerror(error),
	    error == EPIPE ? "the program behind the pipe has ended: restart the pair"
			   : "make room and restart");
}

/* Standard output is gone, and there is no spool: what was written is acknowledged, the rest is the
 * clients' again. */
static void output_failed(struct server *s)
{
	tell_output_failed(writer_error(s->writer));
	s->status = DP_EXIT_FAILURE;
	listener_close(s);
	http_stop(s);
	say_goodbye(s);
}

/* The same with a spool: what is accepted still goes there and is acknowledged. */
static void pump_failed(struct server *s)
{
	tell_output_failed(pump_error(s->pump));
	s->status = DP_EXIT_FAILURE;
	drain_begin(s);
}

void drain_woken(struct server *s)
{
	ws_written(s);
	http_written(s);
	if (writer_error(s->writer) && s->state < SERVER_CLOSES)
		output_failed(s);
	else if (s->state == SERVER_RUNS && s->pump && pump_error(s->pump))
		pump_failed(s);
	else if (s->state == SERVER_DRAINS && is_drained(s))
		say_goodbye(s);
	else if (s->state == SERVER_CLOSES && !has_clients(s))
		flush_pump(s);
	else if (s->state == SERVER_FLUSHES && is_flushed(s))
		s->state = SERVER_ENDED;
}
