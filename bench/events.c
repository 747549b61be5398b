/* Events as a small shop's programs would send them, one a line: traces of 3 to 15 requests,
 * queries, logs, tasks and responses, many under way at a time, three events of a hundred errors
 * with their stack and locals. The same for the same options. Their times rise, but for the two of
 * a hundred that came late; ids are UUIDv7 of their times. */
#include "buf.h"
#include "clock.h"
#include "opt.h"

#include <err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OPT_SEED = 256, OPT_COUNT, OPT_START, OPT_SPAN };
enum {
	OPEN_TRACES = 64,
	STEPS_MAX = 15,
	SPANS = 4,
	BLOCK_BYTES = 256 * 1024,
	LATE_MAX_US = 3000000
};

static const struct dp_opt options[] = {
    {OPT_SEED, "seed", "N", NULL, "what the events are drawn from", "1"},
    {OPT_COUNT, "count", "N", NULL, "how many", "200000"},
    {OPT_START, "start", "TIME", NULL, "of the first", "2026-01-01T00:00:00Z"},
    {OPT_SPAN, "span", "SECONDS", NULL, "from the first to the last", "a hundredth of the count"},
    {0},
};

static const struct dp_program program = {
    .name = "events",
    .usage = "events [OPTIONS]",
    .about = "Makes events to measure with.",
    .options = options,
};

struct config {
	uint64_t seed;
	int64_t count;
	int64_t start_us;
	int64_t span_us; /* -1: by the count */
};

/* What stands behind the ids and the time. ~a to ~d are the trace's spans, ~u its user, ~o its
 * order; ~n a digit, ~k five, ~m milliseconds. */
enum step {
	WEB_REQUEST,
	API_REQUEST,
	CART_QUERY,
	STOCK_QUERY,
	ORDER_QUERY,
	PRICE_LOG,
	CART_LOG,
	API_RESPONSE,
	WEB_RESPONSE,
	TASK,
	TASK_QUERY,
	BILLING_REQUEST,
	BILLING_LOG,
	BILLING_RESPONSE,
	TASK_END,
	TEMPLATES
};

static const char *const templates[TEMPLATES] = {
    [WEB_REQUEST] =
	"\"severity\":\"info\",\"system\":\"web\",\"type\":\"request\",\"name\":\"POST /checkout\","
	"\"spanId\":\"~a\",\"details\":{\"method\":\"POST\",\"path\":\"/checkout\",\"user\":~u,"
	"\"agent\":\"Mozilla/5.0 (X11; Linux x86_64)\"},",
    [API_REQUEST] =
	"\"severity\":\"info\",\"system\":\"api\",\"type\":\"request\",\"name\":\"POST "
	"/api/orders\","
	"\"spanId\":\"~b\",\"parentSpanId\":\"~a\",\"file\":\"shop/orders.py\",\"line\":40,"
	"\"source\":\"create_order\",\"locals\":{\"cart_id\":~k,\"user\":{\"id\":~u,"
	"\"name\":\"Zoë Marchetti\",\"group\":\"wholesale\"}},",
    [CART_QUERY] =
	"\"severity\":\"debug\",\"system\":\"api\",\"type\":\"query\",\"name\":\"SELECT cart\","
	"\"parentSpanId\":\"~b\",\"durationMs\":~m,\"details\":\"SELECT sku, quantity, price FROM "
	"cart_items WHERE cart_id = $1\",",
    [STOCK_QUERY] = "\"severity\":\"debug\",\"system\":\"catalog\",\"type\":\"query\",\"name\":"
		    "\"SELECT stock\","
		    "\"parentSpanId\":\"~b\",\"durationMs\":~m,\"details\":\"SELECT sku, on_hand - "
		    "reserved AS free "
		    "FROM stock WHERE sku = ANY($1) ORDER BY warehouse\",",
    [ORDER_QUERY] =
	"\"severity\":\"debug\",\"system\":\"api\",\"type\":\"query\",\"name\":\"INSERT order\","
	"\"parentSpanId\":\"~b\",\"durationMs\":~m,\"details\":\"INSERT INTO orders (user_id, "
	"total) "
	"VALUES ($1, $2) RETURNING id\",",
    [PRICE_LOG] =
	"\"severity\":\"info\",\"system\":\"catalog\",\"type\":\"log\",\"file\":\"catalog/"
	"prices.py\","
	"\"line\":88,\"source\":\"quote\",\"details\":\"~n items priced at ~k cents for user ~u\","
	"\"logger\":\"catalog.prices\",\"thread\":\"worker-~n\",",
    [CART_LOG] =
	"\"severity\":\"warning\",\"system\":\"api\",\"type\":\"log\",\"file\":\"shop/orders.py\","
	"\"line\":57,\"source\":\"validate\",\"details\":\"cart ~k is empty, wholesale order kept "
	"open\",\"logger\":\"shop.orders\",",
    [API_RESPONSE] =
	"\"severity\":\"info\",\"system\":\"api\",\"type\":\"response\",\"name\":\"202 POST "
	"/api/orders\",\"parentSpanId\":\"~b\",\"response\":\"success\",\"durationMs\":~m,"
	"\"details\":{\"status\":202,\"order_id\":~o},",
    [WEB_RESPONSE] =
	"\"severity\":\"info\",\"system\":\"web\",\"type\":\"response\",\"name\":\"202 POST "
	"/checkout\",\"parentSpanId\":\"~a\",\"response\":\"success\",\"durationMs\":~m,",
    [TASK] = "\"severity\":\"info\",\"system\":\"worker\",\"type\":\"task\",\"name\":\"shop.tasks."
	     "checkout\","
	     "\"spanId\":\"~c\",\"parentSpanId\":\"~b\",\"queueMs\":~m,\"file\":\"shop/tasks.py\","
	     "\"line\":58,\"source\":\"checkout\",\"locals\":{\"order_id\":~o,\"attempt\":~n},",
    [TASK_QUERY] =
	"\"severity\":\"debug\",\"system\":\"worker\",\"type\":\"query\",\"name\":\"UPDATE order\","
	"\"parentSpanId\":\"~c\",\"durationMs\":~m,\"details\":\"UPDATE orders SET state = 'paid' "
	"WHERE "
	"id = $1\",",
    [BILLING_REQUEST] = "\"severity\":\"info\",\"system\":\"billing\",\"type\":\"request\","
			"\"name\":\"POST /charges\","
			"\"spanId\":\"~d\",\"parentSpanId\":\"~c\",\"details\":{\"order_id\":~o,"
			"\"amount\":\"~k.00\","
			"\"currency\":\"EUR\"},",
    [BILLING_LOG] = "\"severity\":\"info\",\"system\":\"billing\",\"type\":\"log\",\"details\":"
		    "\"paygate accepted "
		    "charge ch_~k in ~m "
		    "ms\",\"file\":\"billing/paygate.py\",\"line\":112,\"source\":\"submit\",",
    [BILLING_RESPONSE] =
	"\"severity\":\"info\",\"system\":\"billing\",\"type\":\"response\",\"name\":\"201 POST "
	"/charges\",\"parentSpanId\":\"~d\",\"response\":\"success\",\"durationMs\":~m,",
    [TASK_END] = "\"severity\":\"info\",\"system\":\"worker\",\"type\":\"task\",\"name\":\"shop."
		 "tasks.checkout\","
		 "\"parentSpanId\":\"~c\",\"response\":\"success\",\"durationMs\":~m,",
};

static const char *const errors[] = {
    "\"severity\":\"error\",\"system\":\"worker\",\"type\":\"error\",\"name\":"
    "\"ZeroDivisionError\","
    "\"parentSpanId\":\"~c\",\"details\":\"division by "
    "zero\",\"file\":\"shop/tasks.py\",\"line\":97,"
    "\"source\":\"split_discount\",\"locals\":{\"order_id\":~o,\"discount\":5.0,\"items\":[],"
    "\"customer\":{\"id\":~u,\"name\":\"Zoë Marchetti\",\"group\":\"wholesale\","
    "\"email\":\"[scrubbed]\"},\"share\":null,\"currency\":\"EUR\"},\"stacktrace\":[\"Traceback "
    "(most "
    "recent call last):\",\"  File \\\"/app/shop/tasks.py\\\", line 61, in checkout\",\"    total "
    "= "
    "order.subtotal - sum(split_discount(order))\",\"  File \\\"/app/shop/tasks.py\\\", line 97, "
    "in "
    "split_discount\",\"    share = discount / len(items)\",\"ZeroDivisionError: division by "
    "zero\"],"
    "\"response\":\"fail\",",
    "\"severity\":\"error\",\"system\":\"billing\",\"type\":\"error\",\"name\":\"CardDeclined\","
    "\"parentSpanId\":\"~d\",\"details\":\"insufficient funds for order ~o\","
    "\"file\":\"billing/charge.py\",\"line\":74,\"source\":\"charge\",\"locals\":{\"order_id\":~o,"
    "\"amount\":\"~k.00\",\"currency\":\"EUR\",\"attempt\":~n,\"card\":\"[scrubbed]\",\"reply\":"
    "{\"gateway\":\"paygate\",\"status\":402,\"reason\":\"insufficient_funds\","
    "\"reference\":900719925474099312}},\"stacktrace\":[\"Traceback (most recent call last):\","
    "\"  File \\\"/app/billing/api.py\\\", line 31, in post_charge\",\"    result = "
    "charge(order_id, "
    "amount, card)\",\"  File \\\"/app/billing/charge.py\\\", line 74, in charge\",\"    raise "
    "CardDeclined(reply.reason, order_id)\",\"billing.errors.CardDeclined: insufficient funds for "
    "order "
    "~o\"],\"response\":\"fail\",",
    "\"severity\":\"error\",\"system\":\"catalog\",\"type\":\"error\",\"name\":\"KeyError\","
    "\"parentSpanId\":\"~b\",\"details\":\"'sku-~k'\",\"file\":\"catalog/prices.py\",\"line\":143,"
    "\"source\":\"price_of\",\"locals\":{\"sku\":\"sku-~k\",\"user_id\":~u,\"prices\":{\"sku-1\":"
    "1999,"
    "\"sku-2\":250,\"sku-7\":12900},\"currency\":\"EUR\",\"fallback\":null},\"stacktrace\":["
    "\"Traceback "
    "(most recent call last):\",\"  File \\\"/app/catalog/views.py\\\", line 29, in quote\",\"    "
    "return "
    "[price_of(i.sku, prices) for i in items]\",\"  File \\\"/app/catalog/prices.py\\\", line 143, "
    "in "
    "price_of\",\"    return prices[sku]\",\"KeyError: 'sku-~k'\"],\"response\":\"fail\",",
    "\"severity\":\"error\",\"system\":\"api\",\"type\":\"error\",\"name\":\"TimeoutError\","
    "\"parentSpanId\":\"~b\",\"details\":\"no connection within ~m ms\",\"file\":\"shop/db.py\","
    "\"line\":21~n,\"source\":\"acquire\",\"locals\":{\"pool\":{\"size\":20,\"free\":0,"
    "\"waiting\":~k},\"deadline\":~m,\"dsn\":\"[scrubbed]\"},\"stacktrace\":[\"Traceback (most "
    "recent "
    "call last):\",\"  File \\\"/app/shop/orders.py\\\", line 44, in create_order\",\"    with "
    "acquire(pool) as connection:\",\"  File \\\"/app/shop/db.py\\\", line 21~n, in acquire\",\"   "
    " raise "
    "TimeoutError(f'no connection within {deadline} ms')\",\"TimeoutError: no connection within ~m "
    "ms\"],\"response\":\"fail\",",
};

enum { ERRORS = sizeof errors / sizeof *errors };

struct trace {
	char id[33];
	char spans[SPANS][17];
	const char *steps[STEPS_MAX];
	size_t count;
	size_t at;
	uint32_t user;
	uint32_t order;
	bool is_staging;
};

static uint64_t random_state;

static uint64_t draw(void)
{
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* One of 0 to n - 1. */
static uint32_t pick(uint32_t n)
{
	return (uint32_t)((draw() >> 32) * n >> 32);
}

static void write_hex(char *out, uint64_t v, int digits)
{
	while (digits-- > 0) {
		out[digits] = "0123456789abcdef"[v & 15];
		v >>= 4;
	}
}

static void add_step(struct trace *t, const char *text)
{
	t->steps[t->count++] = text;
}

static void add_queries(struct trace *t)
{
	static const enum step kinds[] = {
	    CART_QUERY, STOCK_QUERY, ORDER_QUERY, PRICE_LOG, CART_LOG};

	for (uint32_t n = 1 + pick(4); n > 0; n--)
		add_step(t, templates[kinds[pick(5)]]);
}

static void add_task(struct trace *t)
{
	static const enum step kinds[] = {
	    TASK, TASK_QUERY, BILLING_REQUEST, BILLING_LOG, BILLING_RESPONSE, TASK_END};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		add_step(t, templates[kinds[i]]);
}

static void begin_trace(struct trace *t)
{
	*t = (struct trace){.user = 1000 + pick(9000), .order = 10000 + pick(900000)};
	write_hex(t->id, draw(), 16);
	write_hex(t->id + 16, draw(), 16);
	for (int i = 0; i < SPANS; i++)
		write_hex(t->spans[i], draw(), 16);
	t->is_staging = pick(10) == 0;
	add_step(t, templates[WEB_REQUEST]);
	if (pick(4) > 0) {
		add_step(t, templates[API_REQUEST]);
		add_queries(t);
		if (pick(3) == 0)
			add_step(t, errors[pick(ERRORS)]);
		add_step(t, templates[API_RESPONSE]);
	} else {
		add_step(t, templates[PRICE_LOG]);
	}
	add_step(t, templates[WEB_RESPONSE]);
	if (pick(5) < 2)
		add_task(t);
}

static void add_mark(struct dp_buf *out, const struct trace *t, char mark)
{
	switch (mark) {
	case 'a':
	case 'b':
	case 'c':
	case 'd':
		dp_buf_add(out, t->spans[mark - 'a'], 16);
		break;
	case 'u':
		dp_buf_addf(out, "%u", t->user);
		break;
	case 'o':
		dp_buf_addf(out, "%u", t->order);
		break;
	case 'n':
		dp_buf_add_char(out, (char)('1' + pick(9)));
		break;
	case 'k':
		dp_buf_addf(out, "%u", 10000 + pick(90000));
		break;
	case 'm':
		dp_buf_addf(out, "%u.%u", 1 + pick(40), pick(10));
		break;
	}
}

static void add_rest(struct dp_buf *out, const struct trace *t, const char *text)
{
	const char *mark;

	while ((mark = strchr(text, '~'))) {
		dp_buf_add(out, text, (size_t)(mark - text));
		add_mark(out, t, mark[1]);
		text = mark + 2;
	}
	dp_buf_add_text(out, text);
	dp_buf_add_text(out,
	    t->is_staging ? "\"environment\":\"staging\"}\n" : "\"environment\":\"production\"}\n");
}

/* UUIDv7 with the fraction of the millisecond in the 12 bits behind it, as dp_uuid_v7's. */
static void write_id(char out[36], int64_t us)
{
	const uint64_t tail = draw();
	char hex[32];

	write_hex(hex, (uint64_t)us / 1000, 12);
	write_hex(hex + 12, 0x7000 | (uint64_t)us % 1000 * 4096 / 1000, 4);
	write_hex(hex + 16, (tail >> 2) | UINT64_C(1) << 63, 16);
	memcpy(out, hex, 8);
	memcpy(out + 9, hex + 8, 4);
	memcpy(out + 14, hex + 12, 4);
	memcpy(out + 19, hex + 16, 4);
	memcpy(out + 24, hex + 20, 12);
	out[8] = out[13] = out[18] = out[23] = '-';
}

static void add_event(struct dp_buf *out, struct trace *t, int64_t us)
{
	char time[DP_CLOCK_MAX];
	char id[36];

	write_id(id, us);
	dp_buf_add_text(out, "{\"traceId\":\"");
	dp_buf_add(out, t->id, 32);
	dp_buf_add_text(out, "\",\"eventId\":\"");
	dp_buf_add(out, id, sizeof id);
	dp_buf_add_text(out, "\",\"timestamp\":\"");
	dp_buf_add(out, time, dp_clock_write((struct dp_time){.us = us, .digits = 6}, time));
	dp_buf_add_text(out, "\",");
	add_rest(out, t, t->steps[t->at++]);
}

static void flush(struct dp_buf *out)
{
	size_t at = 0;

	while (at < out->len) {
		ssize_t n = write(STDOUT_FILENO, out->data + at, out->len - at);

		if (n < 0)
			err(1, "cannot write");
		at += (size_t)n;
	}
	dp_buf_clear(out);
}

static void run(const struct config *cfg)
{
	static struct trace traces[OPEN_TRACES];
	const int64_t step_us = cfg->count > 0 ? cfg->span_us / cfg->count : 0;
	struct dp_buf out = {0};
	int64_t now = cfg->start_us;

	for (int64_t i = 0; i < cfg->count; i++) {
		struct trace *t = &traces[pick(OPEN_TRACES)];
		int64_t late = pick(50) == 0 ? pick(LATE_MAX_US) : 0;

		if (t->at == t->count)
			begin_trace(t);
		add_event(&out, t, now - late);
		now += pick((uint32_t)(2 * step_us) + 1);
		if (out.len >= BLOCK_BYTES)
			flush(&out);
	}
	flush(&out);
	dp_buf_release(&out);
}

static int64_t parse_time(const struct dp_opt_state *o)
{
	struct dp_time time;

	if (dp_clock_parse(o->value, strlen(o->value), &time) < 0)
		dp_opt_bad_value(o, "no time as 2026-01-01T00:00:00Z");
	return time.us;
}

int main(int argc, char **argv)
{
	struct config cfg = {
	    .seed = 1, .count = 200000, .start_us = INT64_C(1767225600000000), .span_us = -1};
	struct dp_opt_state o;
	int c;

	dp_opt_init(&o, &program, argc, argv);
	while ((c = dp_opt_next(&o)) != 0) {
		if (c == OPT_SEED)
			cfg.seed = (uint64_t)dp_opt_number(&o, 0, INT64_MAX);
		else if (c == OPT_COUNT)
			cfg.count = dp_opt_number(&o, 0, INT64_MAX / 1000000);
		else if (c == OPT_START)
			cfg.start_us = parse_time(&o);
		else
			cfg.span_us = dp_opt_number(&o, 0, 1000000000) * 1000000;
	}
	dp_opt_limit_operands(&o, 0);
	if (cfg.span_us < 0)
		cfg.span_us = cfg.count * 10000;
	random_state = cfg.seed;
	run(&cfg);
	return 0;
}
