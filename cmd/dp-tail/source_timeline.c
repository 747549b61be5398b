#include "source.h"

#include "json.h"
#include "log.h"
#include "problem.h"
#include "proc.h"
#include "request.h"

#include <signal.h>
#include <stdio.h>

enum {
	DOCUMENT_BYTES_MAX = 256 * 1024 * 1024,
	SILENCE_S = 30, /* without a byte */
	ERROR_BYTES = CURL_ERROR_SIZE,
};

struct answer {
	struct dp_buf body;
	bool too_long;
};

/* CURLOPT_WRITEFUNCTION */
static size_t on_bytes(char *p, size_t size, size_t count, void *arg)
{
	struct answer *a = arg;

	a->too_long = size * count > DOCUMENT_BYTES_MAX - a->body.len;
	if (a->too_long)
		return 0;
	dp_buf_add(&a->body, p, size * count);
	return size * count;
}

/* CURLOPT_XFERINFOFUNCTION: not 0 ends the transfer. */
static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)arg;
	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return dp_proc_stopping();
}

static CURLcode perform(CURL *easy, struct answer *a, char why[ERROR_BYTES])
{
	why[0] = '\0';
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_S);
	return curl_easy_perform(easy);
}

/* Returns 0, or the exit status. */
static int judge_document(
    const struct source_query *q, long status, struct dp_str body, struct dp_buf *out)
{
	struct dp_buf said = {0};
	struct dp_refusal why;

	if (status == 200 && dp_json_normalize(body.p, body.n, out, &why) >= 0)
		return 0;
	if (status == 200) {
		dp_log(DP_LOG_ERROR, "%s: what came is no timeline: %s", q->url, why.why);
		return DP_EXIT_FAILURE;
	}
	problem_write(&said, status, body);
	dp_log(DP_LOG_ERROR, "%s: %s%s", q->url, dp_buf_text(&said),
	    status == 401 ? "; give its token by --token-file" : "");
	dp_buf_release(&said);
	return DP_EXIT_FAILURE;
}

static int fetch(struct request *request, const struct source_query *q, struct dp_buf *out)
{
	struct answer a = {0};
	char why[ERROR_BYTES];
	CURLcode code = perform(request->easy, &a, why);
	long status = 0;
	int rc = DP_EXIT_FAILURE;

	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK)
		rc = judge_document(q, status, dp_buf_str(&a.body), out);
	else if (dp_proc_stopping())
		rc = dp_proc_stop_signal() == SIGINT ? EXIT_INTERRUPTED : 0;
	else if (a.too_long)
		dp_log(DP_LOG_ERROR, "%s: the trace is larger than dp-tail shows", q->url);
	else
		dp_log(DP_LOG_ERROR, "%s is away: %s; is ./devpulse up running?", q->url,
		    why[0] ? why : curl_easy_strerror(code));
	dp_buf_release(&a.body);
	return rc;
}

int source_fetch_timeline(const struct source_query *q, const char *trace, struct dp_buf *out)
{
	struct request request;
	int rc;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	request_init_timeline(&request, q, trace);
	rc = fetch(&request, q, out);
	request_release(&request);
	curl_global_cleanup();
	return rc;
}
