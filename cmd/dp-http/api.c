#include "api.h"

#include "answer.h"
#include "assets.h"
#include "errors.h"
#include "events.h"
#include "export.h"
#include "flow_doc.h"
#include "follow.h"
#include "pool.h"
#include "stats_doc.h"
#include "status.h"
#include "trace_doc.h"
#include "traces.h"

#include <stdlib.h>
#include <string.h>

enum { PARAMS_MAX = 10 };

/* Answers a request in *result and returns 0; or -1 where the store's last call failed, which is
 * then answered by the caller. */
typedef int handler_fn(struct request *r, struct dp_store *s, enum MHD_Result *result);

static const struct route {
	const char *path;               /* "{id}" is one segment */
	const char *params[PARAMS_MAX]; /* those that are known; a filter's may repeat */
	handler_fn *handler;
	bool store;    /* whether it gets a store handle */
	bool of_trace; /* whether it is about one trace, by the path or by ?trace= */
} routes[] = {
    {"/api/traces", {"filter", "since", "until", "status", "title", "sort", "limit", "cursor"},
	traces_answer, true, false},
    {"/api/traces/{id}", {NULL}, trace_doc_answer, true, true},
    {"/api/traces/{id}/timeline", {NULL}, trace_doc_answer_timeline, true, true},
    {"/api/traces/{id}/export", {NULL}, export_answer, true, true},
    {"/api/trace", {"trace"}, trace_doc_answer, true, true},
    {"/api/trace/timeline", {"trace"}, trace_doc_answer_timeline, true, true},
    {"/api/trace/export", {"trace"}, export_answer, true, true},
    {"/api/events",
	{"trace", "severity", "system", "type", "filter", "since", "until", "n", "after", "follow"},
	follow_answer, true, false},
    {"/api/stats", {"filter", "since", "until", "buckets", "durations"}, stats_doc_answer, true,
	false},
    {"/api/flow", {"trace", "filter", "since", "until"}, flow_doc_answer, true, false},
    {"/api/events/{id}", {"trace"}, events_answer_one, true, false},
    {"/api/errors", {"filter", "since", "until", "buckets", "limit", "cursor"}, errors_answer, true,
	false},
    {"/api/errors/{id}", {"since", "buckets"}, errors_answer_group, true, false},
    {"/api/errors/{id}/events", {"limit", "cursor"}, errors_answer_events, true, false},
    {"/livez", {NULL}, status_answer_livez, false, false},
    {"/readyz", {"verbose"}, status_answer_readyz, false, false},
    {"/healthz", {"verbose"}, status_answer_readyz, false, false},
    {"/metrics", {NULL}, status_answer_metrics, false, false},
};

/* Whether a path is of a route; in *id the segment in the place of "{id}". */
static bool matches(const char *pattern, struct dp_str path, struct dp_str *id)
{
	const char *p = path.p;
	const char *end = path.p + path.n;
	const char *hole = strstr(pattern, "{id}");
	size_t before = hole ? (size_t)(hole - pattern) : strlen(pattern);

	if (path.n < before || memcmp(p, pattern, before) != 0)
		return false;
	p += before;
	if (!hole)
		return p == end;
	id->p = p;
	while (p < end && *p != '/')
		p++;
	id->n = (size_t)(p - id->p);
	return id->n > 0 && dp_str_is((struct dp_str){p, (size_t)(end - p)}, hole + strlen("{id}"));
}

static const struct route *find_route(struct dp_str path, struct dp_str *id)
{
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
		if (matches(routes[i].path, path, id))
			return &routes[i];
	return NULL;
}

static bool may_repeat(const char *name)
{
	return dp_filter_knows(name) || strcmp(name, "filter") == 0;
}

static bool is_known(const struct route *route, const char *name)
{
	for (size_t i = 0; i < PARAMS_MAX && route->params[i]; i++)
		if (strcmp(route->params[i], name) == 0)
			return true;
	return false;
}

/* What is wrong with the parameters, whatever they mean to the handler. */
static void check_params(const struct route *route, const struct query *q, struct dp_buf *errors)
{
	for (size_t i = 0; i < q->count; i++) {
		const struct param *p = &q->params[i];
		const char *why = NULL;

		if (p->undecodable)
			why = "is no UTF-8 text";
		else if (!is_known(route, p->name))
			why = "is not known here";
		else if (query_get(q, p->name) != p->value && !may_repeat(p->name))
			why = "is given more than once";
		if (why)
			answer_add_error(errors, p->name, why);
	}
	if (q->overflow)
		answer_add_error(errors, "", "there are more than 32 parameters");
}

static char *decode_id(struct dp_str raw)
{
	struct dp_buf b = {0};
	char *id = percent_decode(raw, false, &b) ? strdup(dp_buf_text(&b)) : NULL;

	dp_buf_release(&b);
	return id;
}

/* Finds the id in the path, or the trace that the query names, where the route wants one. Returns
 * whether the one in the path can be decoded. */
static bool find_id(
    struct request *r, const struct route *route, struct dp_str segment, struct dp_buf *errors)
{
	const char *param;

	if (segment.n > 0) {
		char **id = route->of_trace ? &r->trace_id : &r->id;

		*id = decode_id(segment);
		return *id != NULL;
	}
	if (!route->of_trace)
		return true;
	param = query_get(&r->query, "trace");
	if (param && *param)
		r->trace_id = strdup(param);
	else
		answer_add_error(errors, "trace", "the id of a trace is wanted");
	return true;
}

/* Lends the handler a store, and answers for it where that fails. */
static enum MHD_Result handle(struct request *r, const struct route *route)
{
	struct dp_store *s = route->store ? pool_take(r->service->pool) : NULL;
	enum MHD_Result result = MHD_NO;
	int rc;

	if (route->store && !s)
		return answer_store_problem(r, NULL);
	rc = route->handler(r, s, &result);
	if (rc < 0)
		result = answer_store_problem(r, s);
	if (s)
		pool_give(r->service->pool, &s, rc == 0 || dp_store_fault(s) != DP_STORE_AWAY);
	return result;
}

static enum MHD_Result answer_route(
    struct request *r, const struct route *route, struct dp_str segment)
{
	struct dp_buf errors = {0};
	enum MHD_Result result;
	bool decodable;

	check_params(route, &r->query, &errors);
	decodable = find_id(r, route, segment, &errors);
	if (errors.len > 0)
		result = answer_bad_parameters(r, dp_buf_str(&errors));
	else if (!decodable)
		result = answer_problem(r, PROBLEM_BAD_REQUEST, "an id in a path is UTF-8 text");
	else
		result = handle(r, route);
	dp_buf_release(&errors);
	return result;
}

static enum MHD_Result answer_options(struct request *r)
{
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Allow", "GET, HEAD, OPTIONS");
	/* What a browser asks for a page of another site; it heeds them where that is named, too.
	 */
	MHD_add_response_header(response, "Access-Control-Allow-Methods", "GET, HEAD");
	MHD_add_response_header(response, "Access-Control-Allow-Headers",
	    "Authorization, If-None-Match, Last-Event-ID");
	return answer_queue(r, 204, &response);
}

/* The page's files are free to load: they ask the person for the token. So is whether the server
 * does well. */
static bool wants_token(struct dp_str path)
{
	static const char api[] = "/api/";

	return dp_str_is(path, "/metrics") ||
	       (path.n >= sizeof api - 1 && memcmp(path.p, api, sizeof api - 1) == 0);
}

static bool may_pass(const struct request *r)
{
	const char *header =
	    MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Authorization");

	if (!dp_guard_wants_token(r->service->guard) || !wants_token(r->path))
		return true;
	return header && dp_guard_token_ok(r->service->guard, dp_guard_bearer(dp_str_from(header)));
}

static enum MHD_Result dispatch(struct request *r)
{
	struct dp_str segment = {0};
	const struct route *route = find_route(r->path, &segment);
	enum MHD_Result result;

	r->route = route ? route->path : assets_has(r->path) ? "file" : NULL;
	/* Browsers ask so before they send a token. */
	if (r->route && strcmp(r->method, "OPTIONS") == 0)
		return answer_options(r);
	if (!may_pass(r))
		return answer_problem(
		    r, PROBLEM_TOKEN, "Authorization: Bearer TOKEN is wanted, and the right one");
	if (!r->route)
		return answer_problem(r, PROBLEM_NOT_FOUND,
		    "there is nothing here; /openapi.yaml lists what there is");
	if (strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0)
		return answer_refusal(r, PROBLEM_METHOD, "there are GET, HEAD and OPTIONS here");
	return assets_answer(r, &result) ? result : answer_route(r, route, segment);
}

enum MHD_Result api_answer(struct request *r)
{
	size_t n = strcspn(r->target, "?");
	const char *query = r->target + n + (r->target[n] == '?');
	enum MHD_Result result;

	r->path = (struct dp_str){r->target, n};
	query_parse(&r->query, dp_str_from(query));
	result = dispatch(r);
	query_release(&r->query);
	free(r->trace_id);
	free(r->id);
	r->trace_id = r->id = NULL;
	return result;
}
