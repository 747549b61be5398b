#include "request.h"

#include "buf.h"
#include "log.h"
#include "opt.h"

#include <stdio.h>
#include <string.h>

enum { CONNECT_MS = 10000 };

/* A part of the URL that must not be there. */
static bool has_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK && text && *text;

	curl_free(text);
	return has;
}

static bool has_scheme(CURLU *url, const char *want)
{
	char *text = NULL;
	bool has =
	    curl_url_get(url, CURLUPART_SCHEME, &text, 0) == CURLUE_OK && strcmp(text, want) == 0;

	curl_free(text);
	return has;
}

static bool libcurl_knows(const char *scheme)
{
	const char *const *p = curl_version_info(CURLVERSION_NOW)->protocols;

	while (*p && strcmp(*p, scheme) != 0)
		p++;
	return *p != NULL;
}

static const char *fault_of(CURLU *parsed, const char *url)
{
	if (!parsed || curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    (!has_scheme(parsed, "http") && !has_scheme(parsed, "https")))
		return "a URL is wanted as http://127.0.0.1:8088";
	if (has_scheme(parsed, "https") && !libcurl_knows("https"))
		return "this libcurl was built without https";
	if (has_part(parsed, CURLUPART_USER) || has_part(parsed, CURLUPART_PASSWORD))
		return "no user belongs into it; a token is given by --token-file";
	if (has_part(parsed, CURLUPART_QUERY) || has_part(parsed, CURLUPART_FRAGMENT))
		return "only dp-http's address is wanted, as http://127.0.0.1:8088";
	return NULL;
}

int source_check_url(const char *url, const char **why)
{
	CURLU *parsed = curl_url();
	const char *fault = fault_of(parsed, url);

	curl_url_cleanup(parsed);
	if (!fault)
		return 0;
	*why = fault;
	return -1;
}

/* libcurl fails here only where memory is out. */
static void must(bool ok)
{
	if (!ok)
		dp_log_die(DP_EXIT_FAILURE, "cannot make a request: out of memory");
}

static void add_path(CURLU *url, const char *route)
{
	struct dp_buf path = {0};
	char *text = NULL;

	must(curl_url_get(url, CURLUPART_PATH, &text, 0) == CURLUE_OK);
	dp_buf_add_text(&path, text);
	while (path.len > 0 && path.data[path.len - 1] == '/')
		path.len--;
	dp_buf_add_text(&path, route);
	must(curl_url_set(url, CURLUPART_PATH, dp_buf_text(&path), 0) == CURLUE_OK);
	curl_free(text);
	dp_buf_release(&path);
}

static void add_param(CURLU *url, const char *name, const char *value)
{
	struct dp_buf param = {0};

	if (!value || !*value)
		return;
	dp_buf_addf(&param, "%s=%s", name, value);
	must(curl_url_set(url, CURLUPART_QUERY, dp_buf_text(&param),
		 CURLU_APPENDQUERY | CURLU_URLENCODE) == CURLUE_OK);
	dp_buf_release(&param);
}

/* A proxy for the world ($http_proxy) is none for this machine. */
static void avoid_proxy(CURL *easy, CURLU *url)
{
	char *host = NULL;

	must(curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK);
	if (strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
	    strcmp(host, "[::1]") == 0)
		must(curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK);
	curl_free(host);
}

static CURLU *begin_url(const struct source_query *q, const char *route)
{
	CURLU *url = curl_url();

	must(url && curl_url_set(url, CURLUPART_URL, q->url, 0) == CURLUE_OK);
	add_path(url, route);
	return url;
}

static void set_url(CURL *easy, CURLU *url)
{
	char *text = NULL;

	avoid_proxy(easy, url);
	must(curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK);
	must(curl_easy_setopt(easy, CURLOPT_URL, text) == CURLE_OK);
	curl_free(text);
	curl_url_cleanup(url);
}

static CURLU *make_events_url(const struct source_query *q, bool from_now)
{
	CURLU *url = begin_url(q, "/api/events");

	if (q->follow)
		add_param(url, "follow", "1");
	add_param(url, "n", from_now ? "0" : q->lines);
	add_param(url, "trace", q->trace);
	add_param(url, "severity", q->severity);
	add_param(url, "system", q->system);
	add_param(url, "type", q->type);
	add_param(url, "filter", q->filter);
	return url;
}

static void add_header(struct request *r, const char *name, const char *value)
{
	struct dp_buf line = {0};
	struct curl_slist *headers;

	if (!value)
		return;
	dp_buf_addf(&line, "%s%s", name, value);
	headers = curl_slist_append(r->headers, dp_buf_text(&line));
	must(headers != NULL);
	r->headers = headers;
	dp_buf_release(&line);
}

static void set_user_agent(CURL *easy)
{
	char name[64];

	snprintf(name, sizeof name, "dp-tail/%s", dp_opt_version());
	must(curl_easy_setopt(easy, CURLOPT_USERAGENT, name) == CURLE_OK);
}

/* What all requests have. Takes the URL. */
static void set_up(struct request *r, const struct source_query *q, CURLU *url)
{
	*r = (struct request){.easy = curl_easy_init()};
	must(r->easy != NULL);
	set_url(r->easy, url);
	add_header(r, "Authorization: Bearer ", q->token.text[0] ? q->token.text : NULL);
	set_user_agent(r->easy);
	curl_easy_setopt(r->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(r->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(r->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(r->easy, CURLOPT_NOSIGNAL, 1L);
}

void request_init(
    struct request *r, const struct source_query *q, const struct request_place *place)
{
	set_up(r, q, make_events_url(q, place->from_now));
	add_header(r, "Accept: ", "text/event-stream");
	add_header(r, "Last-Event-ID: ", place->cursor);
	curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
}

void request_init_timeline(struct request *r, const struct source_query *q, const char *trace)
{
	CURLU *url = begin_url(q, "/api/trace/timeline");

	add_param(url, "trace", trace);
	set_up(r, q, url);
	add_header(r, "Accept: ", "application/json");
	curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
}

void request_release(struct request *r)
{
	curl_easy_cleanup(r->easy);
	curl_slist_free_all(r->headers);
	*r = (struct request){0};
}
