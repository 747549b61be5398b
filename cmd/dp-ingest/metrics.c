#include "metrics.h"

#include "clock.h"

#include <inttypes.h>

static void add_help(struct dp_buf *out, const char *name, const char *type, const char *help)
{
	dp_buf_addf(
	    out, "# HELP dp_ingest_%s %s\n# TYPE dp_ingest_%s %s\n", name, help, name, type);
}

static void add(
    struct dp_buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
	add_help(out, name, type, help);
	dp_buf_addf(out, "dp_ingest_%s %" PRIu64 "\n", name, value);
}

static void add_refused(struct dp_buf *out, const struct intake_counts *c)
{
	uint64_t others = c->refused;

	add_help(out, "events_refused_total", "counter", "Events refused, by code.");
	for (size_t i = 0; i < INTAKE_CODES_MAX && c->by_code[i].code; i++) {
		dp_buf_addf(out, "dp_ingest_events_refused_total{code=\"%s\"} %" PRIu64 "\n",
		    c->by_code[i].code, c->by_code[i].count);
		others -= c->by_code[i].count;
	}
	dp_buf_addf(out, "dp_ingest_events_refused_total{code=\"other\"} %" PRIu64 "\n", others);
}

static void add_spool(struct dp_buf *out, const struct server *s)
{
	struct dp_spool_stats spool;
	struct writer_stats writer;
	double seconds = 0;

	dp_spool_get_stats(s->spool, &spool);
	writer_get_stats(s->writer, spool.mark, &writer);
	add(out, "spool_bytes", "gauge", "Size of the spool on the disk.", spool.bytes);
	add(out, "spool_kept_bytes", "gauge",
	    "Of these in files that are stored whole and kept for a while.", spool.kept);
	add(out, "spool_max_bytes", "gauge", "Size of the others at which it is full.",
	    s->cfg.spool_max_bytes);
	add(out, "spool_stalled", "gauge", "1 while it is full or fails: clients wait.",
	    writer.is_stalled);
	add(out, "spool_end_offset", "gauge", "Behind the last durable event.", spool.end);
	add(out, "spool_pump_offset", "gauge", "Behind the last event in the pipe.",
	    pump_position(s->pump));
	add(out, "spool_mark_offset", "gauge", "Behind the last event stored.", spool.mark);
	add(out, "spool_lag_bytes", "gauge", "In the spool and not stored.", spool.lag);
	add(out, "spool_lag_events", "gauge",
	    "The same in events (what an earlier process left is estimated).", writer.lag_events);
	add_help(out, "spool_lag_seconds", "gauge", "For how long the oldest of them has waited.");
	if (spool.lag > 0 && writer.lag_since_us > 0)
		seconds = (double)(dp_clock_now_us() - writer.lag_since_us) / 1e6;
	dp_buf_addf(out, "dp_ingest_spool_lag_seconds %.3f\n", seconds > 0 ? seconds : 0);
	add(out, "spool_syncs_total", "counter", "Batches made durable.", writer.syncs);
	add(out, "spool_failures_total", "counter", "Writes and syncs that failed.",
	    spool.failures);
	add(out, "spool_damaged_total", "counter", "Damaged places passed over.", spool.damaged);
}

void metrics_write(const struct server *s, struct dp_buf *out)
{
	const struct intake_counts *c = &s->intake.counts;
	struct writer_stats writer;

	writer_get_stats(s->writer, 0, &writer);
	add(out, "events_received_total", "counter", "Events that came.", c->received);
	add(out, "events_accepted_total", "counter", "Of these accepted.", c->accepted);
	add(out, "events_acknowledged_total", "counter",
	    s->spool ? "Of these durable in the spool." : "Of these written to the pipe.",
	    writer.events_done);
	add_refused(out, c);
	add(out, "connections", "gauge", "Clients now.", (uint64_t)s->connections);
	add(out, "connections_total", "counter", "Clients taken.", s->connections_taken);
	add(out, "connections_refused_total", "counter", "Clients beyond --max-connections.",
	    s->connections_refused);
	add(out, "sessions", "gauge", "WebSockets that send events.", s->sessions.count);
	add(out, "subscribers", "gauge", "WebSockets that are shown them.", s->tails.count);
	if (s->spool)
		add_spool(out, s);
}
