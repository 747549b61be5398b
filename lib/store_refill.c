/* What a migration to version 3 does in C: the fingerprints and roll-ups of events that are there.
 */
#include "store_query.h"

#include "clock.h"
#include "log.h"
#include "mem.h"

#include <inttypes.h>
#include <stdlib.h>

enum { STEP_EVENTS = 2000, STEP_BYTES = 4 * 1024 * 1024, TELL_MS = 5000 };

struct refill {
	struct dp_event_reader *reader;
	struct dp_event *events[STEP_EVENTS];
	struct dp_entry entries[STEP_EVENTS];
	struct dp_fingerprint fingerprints[STEP_EVENTS];
	size_t n;
	size_t bytes;
	int64_t after; /* the number of the last one */
	int64_t total;
	int64_t tell_ms;
};

struct dp_event *dp_store_reread(
    struct dp_event_reader *reader, const struct dp_store_cell *c, bool with_json)
{
	struct dp_event ev = {.duration_ms = 0};
	struct dp_refusal why;

	if (dp_event_read(reader, c[6].text, c[2].number, &ev, &why) < 0)
		ev = (struct dp_event){.duration_ms = 0};
	ev.trace_id = c[0].text;
	dp_str_copy(c[1].text, ev.event_id, sizeof ev.event_id);
	ev.ts_us = c[2].number;
	ev.ts_received = false;
	if (dp_severity_parse(c[3].text, &ev.severity) < 0)
		ev.severity = DP_INFO;
	ev.system = c[4].text;
	ev.type = c[5].text;
	ev.json = with_json ? c[6].text : (struct dp_str){0};
	return dp_event_copy(&ev);
}

static int on_event(void *arg, const struct dp_store_cell *c)
{
	struct refill *r = arg;
	struct dp_event *ev = dp_store_reread(r->reader, c + 1, true);

	r->events[r->n] = ev;
	r->entries[r->n] = (struct dp_entry){.ev = ev, .seq = c[0].number};
	if (ev->severity == DP_ERROR) {
		dp_fingerprint_read(ev, &r->fingerprints[r->n]);
		r->entries[r->n].fingerprint = &r->fingerprints[r->n];
	}
	r->after = c[0].number;
	r->n++;
	r->bytes += ev->json.n;
	return r->bytes >= STEP_BYTES;
}

static int read_step(struct dp_store *s, struct refill *r)
{
	struct dp_query q = {.count = 0};
	int rc;

	r->n = 0;
	r->bytes = 0;
	dp_buf_add_text(&q.sql,
	    "SELECT seq, trace_id, event_id, ts, severity, system, type, body FROM events_2 "
	    "WHERE seq > ");
	dp_query_add_number(&q, r->after);
	dp_buf_add_text(&q.sql, " ORDER BY seq");
	dp_query_add_limit(&q, STEP_EVENTS);
	dp_buf_text(&q.sql);
	rc = s->backend->select(s, &q, on_event, r);
	dp_query_release(&q);
	return rc;
}

static void tell(const struct dp_store *s, struct refill *r)
{
	const int64_t now_ms = dp_clock_monotonic_ms();

	r->total += (int64_t)r->n;
	if (now_ms - r->tell_ms < TELL_MS)
		return;
	r->tell_ms = now_ms;
	dp_log(DP_LOG_INFO, "%s: bringing the database up to date, %" PRId64 " events so far",
	    s->name, r->total);
}

int dp_store_refill(struct dp_store *s)
{
	struct refill *r = dp_mem_new(sizeof *r);
	int rc;

	r->reader = dp_event_reader_new();
	r->tell_ms = dp_clock_monotonic_ms();
	r->after = INT64_MIN;
	do {
		rc = read_step(s, r);
		if (rc == 0 && r->n > 0)
			rc = dp_store_put_entries(s, r->entries, r->n);
		for (size_t i = 0; i < r->n; i++)
			free(r->events[i]);
		tell(s, r);
	} while (rc == 0 && r->n > 0);
	dp_event_reader_free(&r->reader);
	free(r);
	return rc < 0 ? -1 : s->backend->execute(s, "DROP TABLE events_2");
}
