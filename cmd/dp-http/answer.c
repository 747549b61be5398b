#include "answer.h"

#include "json.h"

#include <stdbool.h>
#include <stdio.h>

struct kind {
	int status;
	const char *type; /* behind /problems/ */
	const char *title;
	const char *header; /* one more header, or NULL */
	const char *value;
};

static const struct kind kinds[] = {
    [PROBLEM_BAD_REQUEST] = {400, "bad-request", "Bad request", NULL, NULL},
    [PROBLEM_BAD_PARAMETER] = {400, "bad-parameter", "Bad parameter", NULL, NULL},
    [PROBLEM_TOKEN] = {401, "token-wanted", "A token is wanted", "WWW-Authenticate", "Bearer"},
    [PROBLEM_ORIGIN] = {403, "origin-refused", "Origin refused", NULL, NULL},
    [PROBLEM_NOT_FOUND] = {404, "not-found", "Not found", NULL, NULL},
    [PROBLEM_METHOD] = {405, "method-not-allowed", "Method not allowed", "Allow",
	"GET, HEAD, OPTIONS"},
    [PROBLEM_NOT_ACCEPTABLE] = {406, "not-acceptable", "Not acceptable", NULL, NULL},
    [PROBLEM_CURSOR_GONE] = {410, "cursor-gone", "Cursor of another database", NULL, NULL},
    [PROBLEM_BODY_TOO_LARGE] = {413, "body-too-large", "Body too large", NULL, NULL},
    [PROBLEM_HOST] = {421, "host-refused", "Host not served here", NULL, NULL},
    [PROBLEM_TRACE_TOO_LARGE] = {422, "trace-too-large", "Trace too large", NULL, NULL},
    [PROBLEM_STORE_BROKEN] = {500, "store-broken", "Database not usable", NULL, NULL},
    [PROBLEM_STORE_AWAY] = {503, "store-away", "Database away", "Retry-After", "1"},
    [PROBLEM_TOO_MANY_FOLLOWERS] = {503, "too-many-followers", "Too many followers", "Retry-After",
	"10"},
};

void answer_add_headers(struct MHD_Response *response)
{
	static const char *const headers[][2] = {
	    {"Content-Security-Policy",
		"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
		"img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors "
		"'none'"},
	    {"X-Content-Type-Options", "nosniff"},
	    {"Referrer-Policy", "no-referrer"},
	    {"Cross-Origin-Resource-Policy", "same-origin"},
	    {"Cross-Origin-Opener-Policy", "same-origin"},
	};

	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
		MHD_add_response_header(response, headers[i][0], headers[i][1]);
}

enum MHD_Result answer_queue(struct request *r, int status, struct MHD_Response **response)
{
	enum MHD_Result result;

	answer_add_headers(*response);
	result = MHD_queue_response(r->connection, (unsigned)status, *response);
	MHD_destroy_response(*response);
	*response = NULL;
	return result;
}

/* A response that takes over the bytes of *body. */
static struct MHD_Response *response_of(struct dp_buf *body, const char *type)
{
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_FREE);

	if (!response) {
		dp_buf_release(body);
		return NULL;
	}
	*body = (struct dp_buf){0};
	MHD_add_response_header(response, "Content-Type", type);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	return response;
}

enum MHD_Result answer_json(struct request *r, struct dp_buf *body)
{
	struct MHD_Response *response = response_of(body, "application/json");

	return response ? answer_queue(r, 200, &response) : MHD_NO;
}

static void write_member(struct dp_buf *b, const char *key, struct dp_str value)
{
	dp_buf_addf(b, ",\"%s\":", key);
	dp_json_write_string(b, value);
}

static enum MHD_Result answer_kind(
    struct request *r, const struct kind *k, const char *detail, struct dp_str errors, bool close)
{
	struct MHD_Response *response;
	struct dp_buf b = {0};

	dp_buf_addf(&b, "{\"type\":\"/problems/%s\",\"title\":\"%s\",\"status\":%d", k->type,
	    k->title, k->status);
	write_member(&b, "detail", dp_str_from(detail));
	write_member(&b, "instance", dp_str_from(r->target));
	if (errors.n > 0) {
		dp_buf_add_text(&b, ",\"errors\":[");
		dp_buf_add_str(&b, errors);
		dp_buf_add_char(&b, ']');
	}
	dp_buf_add_text(&b, "}\n");
	response = response_of(&b, "application/problem+json");
	if (!response)
		return MHD_NO;
	if (k->header)
		MHD_add_response_header(response, k->header, k->value);
	if (close)
		MHD_add_response_header(response, "Connection", "close");
	return answer_queue(r, k->status, &response);
}

enum MHD_Result answer_problem(struct request *r, enum problem problem, const char *detail)
{
	return answer_kind(r, &kinds[problem], detail, DP_STR(""), false);
}

enum MHD_Result answer_refusal(struct request *r, enum problem problem, const char *detail)
{
	return answer_kind(r, &kinds[problem], detail, DP_STR(""), true);
}

enum MHD_Result answer_bad_parameters(struct request *r, struct dp_str errors)
{
	return answer_kind(r, &kinds[PROBLEM_BAD_PARAMETER],
	    "the query has a parameter that is unknown here or has no usable value", errors, false);
}

void answer_add_error(struct dp_buf *errors, const char *parameter, const char *detail)
{
	dp_buf_add_text(errors, errors->len > 0 ? ",{\"parameter\":" : "{\"parameter\":");
	dp_json_write_string(errors, dp_str_from(parameter));
	write_member(errors, "detail", dp_str_from(detail));
	dp_buf_add_char(errors, '}');
}

void answer_add_error_at(
    struct dp_buf *errors, const char *parameter, size_t character, const char *detail)
{
	struct dp_buf full = {0};

	dp_buf_addf(&full, "character %zu: %s", character, detail);
	answer_add_error(errors, parameter, dp_buf_text(&full));
	errors->len--; /* its '}' */
	dp_buf_addf(errors, ",\"character\":%zu}", character);
	dp_buf_release(&full);
}

enum MHD_Result answer_store_problem(struct request *r, const struct dp_store *s)
{
	if (s && dp_store_fault(s) == DP_STORE_BROKEN)
		return answer_problem(r, PROBLEM_STORE_BROKEN, dp_store_error(s));
	return answer_problem(r, PROBLEM_STORE_AWAY,
	    s ? dp_store_error(s) : "the database is away; it is being tried");
}
