#include "status.h"

#include "answer.h"
#include "feed.h"
#include "json.h"
#include "metrics.h"
#include "opt.h"
#include "pool.h"

#include <inttypes.h>

static int answer_text(struct request *r, const char *json, enum MHD_Result *result)
{
	struct dp_buf b = {0};

	dp_buf_add_text(&b, json);
	*result = answer_state(r, &b);
	return 0;
}

/* Says that the process runs, and looks at nothing else: a supervisor restarts what is not alive,
 * and a database that is away is not cured by that. */
int status_answer_livez(struct request *r, struct dp_store *none, enum MHD_Result *result)
{
	(void)none;
	return answer_text(r, "{\"status\":\"alive\"}\n", result);
}

static void write_readiness(
    struct dp_buf *b, struct request *r, const struct dp_store *s, int64_t head)
{
	size_t max;
	size_t count = feed_count(r->service->feed, &max);

	dp_buf_add_text(b, "{\"status\":\"ready\",\"database\":");
	dp_json_write_string(b, dp_str_from(dp_store_name(s)));
	dp_buf_addf(b,
	    ",\"database_id\":\"%s\",\"head\":%" PRId64 ",\"followers\":%zu,"
	    "\"max_followers\":%zu}\n",
	    dp_store_id(s), head, count, max);
}

int status_answer_readyz(struct request *r, struct dp_store *none, enum MHD_Result *result)
{
	struct dp_store *s = pool_take(r->service->pool);
	struct dp_buf b = {0};
	int64_t head = 0;
	bool ok = s && dp_store_head(s, &head) == 0;

	(void)none;
	if (!ok) {
		*result = answer_store_away(r, s);
	} else if (query_get(&r->query, "verbose")) {
		write_readiness(&b, r, s, head);
		*result = answer_state(r, &b);
	} else {
		answer_text(r, "{\"status\":\"ready\"}\n", result);
	}
	if (s)
		pool_give(r->service->pool, &s, ok || dp_store_fault(s) != DP_STORE_AWAY);
	return 0;
}

static void write_store(struct dp_buf *out, struct dp_store *s)
{
	int64_t head;
	int64_t dead;
	int64_t bytes;
	bool is_up = s && dp_store_head(s, &head) == 0;

	metrics_write_value(
	    out, "dp_http_store_up", "gauge", "1 where the database answers.", is_up);
	if (!is_up)
		return;
	metrics_write_value(
	    out, "dp_http_store_head", "gauge", "The number of the event stored last.", head);
	if (dp_store_dead(s, &dead) == 0)
		metrics_write_value(out, "dp_http_store_dead_letters", "gauge",
		    "Events that the database refused.", dead);
	if (dp_store_size(s, &bytes) == 0)
		metrics_write_value(
		    out, "dp_http_store_bytes", "gauge", "What the database takes.", bytes);
}

static void write_metrics(struct dp_buf *out, struct request *r, struct dp_store *s)
{
	size_t max;
	size_t followers = feed_count(r->service->feed, &max);

	metrics_write_help(out, "dp_http_build_info", "gauge", "Which DevPulse it is.");
	dp_buf_addf(out, "dp_http_build_info{version=\"%s\"} 1\n", dp_opt_version());
	metrics_write(r->service->metrics, out);
	metrics_write_value(
	    out, "dp_http_followers", "gauge", "Clients that follow.", (int64_t)followers);
	metrics_write_value(
	    out, "dp_http_followers_max", "gauge", "The most that may.", (int64_t)max);
	write_store(out, s);
	metrics_write_process(out);
}

int status_answer_metrics(struct request *r, struct dp_store *none, enum MHD_Result *result)
{
	static const struct answer_head head = {.type = "text/plain; version=0.0.4; charset=utf-8"};
	struct dp_store *s = pool_take(r->service->pool);
	struct dp_buf b = {0};

	(void)none;
	write_metrics(&b, r, s);
	if (s)
		pool_give(r->service->pool, &s, dp_store_fault(s) != DP_STORE_AWAY);
	*result = answer_body(r, &head, &b);
	return 0;
}
