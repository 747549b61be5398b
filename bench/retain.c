/* What retention costs who stores: feeds 20,000 events a second, without it and while old events
 *are removed as dp-store does.
 *
 *	retain URL [OLD]    an empty database; OLD events, 200000 unless given */
#include "clock.h"
#include "mem.h"
#include "store.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 1000, RATE = 20000, TRACE_EVENTS = 8, ALONE_S = 5 };

static const int64_t second_us = 1000000;

struct bench {
	struct dp_store *store;
	struct dp_event_reader *reader;
	unsigned n; /* events made */
};

static void die(const char *what, const struct dp_store *s)
{
	fprintf(stderr, "%s: %s\n", what, dp_store_error(s));
	exit(1);
}

static double now_ms(void)
{
	return (double)dp_clock_now_us() / 1000;
}

static struct dp_event *make(struct bench *b, int64_t ts_us)
{
	struct dp_buf json = {0};
	char id[DP_UUID_TEXT + 1];
	char ts[DP_CLOCK_MAX];
	struct dp_refusal why;
	struct dp_event *copy;
	struct dp_event ev;

	dp_uuid_v7(ts_us, id);
	dp_clock_write((struct dp_time){.us = ts_us, .digits = 6}, ts);
	dp_buf_addf(&json,
	    "{\"traceId\":\"trace-%08x-0000\",\"eventId\":\"%s\",\"timestamp\":\"%s\","
	    "\"severity\":\"%s\",\"system\":\"web\",\"type\":\"log\",\"details\":\"event of a "
	    "request that does this and that\",\"locals\":{\"order_id\":%u,\"user\":\"somebody\"},"
	    "\"file\":\"/srv/shop/app/orders.py\",\"line\":42,\"source\":\"place_order\"}",
	    b->n / TRACE_EVENTS, id, ts, b->n % 20 ? "info" : "error", b->n);
	b->n++;
	if (dp_event_read(b->reader, dp_buf_str(&json), ts_us + 1000, &ev, &why) < 0)
		exit(1);
	copy = dp_event_copy(&ev);
	dp_buf_release(&json);
	return copy;
}

/* Stores a batch of events, `step_us` apart. Returns how long that took. */
static double put(struct bench *b, int64_t ts_us, int64_t step_us)
{
	struct dp_event *events[BATCH];
	double begin;

	for (int i = 0; i < BATCH; i++)
		events[i] = make(b, ts_us + i * step_us);
	begin = now_ms();
	if (dp_store_put(b->store, (const struct dp_event *const *)events, BATCH, NULL, NULL) < 0)
		die("put", b->store);
	begin = now_ms() - begin;
	for (int i = 0; i < BATCH; i++)
		free(events[i]);
	return begin;
}

struct tally {
	double worst_put, puts_ms, worst_step, steps_ms, seconds;
	int puts, steps;
};

/* Feeds at the rate; between batches removes, at most half of the time, until there is no more. */
static struct tally run(struct bench *b, const struct dp_store_limits *l)
{
	struct tally t = {0};
	const double begin = now_ms();
	double step_due = begin;
	bool more = true;

	while (l ? more : now_ms() - begin < ALONE_S * 1000) {
		const double due = begin + (double)t.puts * 1000 * BATCH / RATE;

		if (now_ms() >= due) {
			const double ms = put(b, dp_clock_now_us() - BATCH, 1);

			t.worst_put = ms > t.worst_put ? ms : t.worst_put;
			t.puts_ms += ms;
			t.puts++;
		}
		if (l && now_ms() >= step_due) {
			const double from = now_ms();
			double ms;

			if (dp_store_retain(b->store, l, dp_clock_now_us(), &more) < 0)
				die("retain", b->store);
			ms = now_ms() - from;
			t.worst_step = ms > t.worst_step ? ms : t.worst_step;
			t.steps_ms += ms;
			t.steps++;
			step_due = now_ms() + ms + 1;
		}
		poll(NULL, 0, 1);
	}
	t.seconds = (now_ms() - begin) / 1000;
	return t;
}

static void tell(const char *what, const struct tally *t)
{
	printf("%-18s %8d %12.1f %12.1f %10.0f events/s for %.1f s\n", what, t->puts,
	    t->puts_ms / t->puts, t->worst_put, t->puts * BATCH / t->seconds, t->seconds);
}

int main(int argc, char **argv)
{
	const struct dp_store_limits limits = {.age_us = 7 * 86400 * second_us};
	const int old = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 200000;
	const int64_t old_us = (dp_clock_now_us() / second_us / 86400 - 20) * 86400 * second_us;
	struct bench b = {.reader = dp_event_reader_new()};
	const char *why;
	struct tally t;
	double alone;

	b.store = argc > 1 ? dp_store_open(argv[1], DP_STORE_WRITE, &why) : NULL;
	if (!b.store)
		return 2;
	if (dp_store_connect(b.store) < 0)
		die("connect", b.store);
	for (int i = 0; i < old; i += BATCH)
		put(&b, old_us + (int64_t)i * 40000, 40000);
	for (int i = 0; i < 20; i++) /* that it is so late */
		put(&b, dp_clock_now_us() - i * 60 * second_us, 0);
	t = run(&b, NULL);
	tell("without", &t);
	alone = t.worst_put;
	t = run(&b, &limits);
	tell("while events go", &t);
	printf("%-18s %8d %12.1f %12.1f\n", "steps", t.steps, t.steps_ms / t.steps, t.worst_step);
	printf("ratio %.2f\n", t.worst_put / alone);
	dp_event_reader_free(&b.reader);
	dp_store_close(&b.store);
	return 0;
}
