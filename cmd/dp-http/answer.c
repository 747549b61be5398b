#include "answer.h"

#include "accept.h"
#include "clock.h"
#include "gzip.h"
#include "json.h"
#include "metrics.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { GZIP_FROM_BYTES = 1024 };

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
    [PROBLEM_TARGET_TOO_LONG] = {414, "target-too-long", "Target too long", NULL, NULL},
    [PROBLEM_FIELDS_TOO_LARGE] = {431, "fields-too-large", "Header fields too large", NULL, NULL},
    [PROBLEM_HOST] = {421, "host-refused", "Host not served here", NULL, NULL},
    [PROBLEM_STORE_BROKEN] = {500, "store-broken", "Database not usable", NULL, NULL},
    [PROBLEM_STORE_AWAY] = {503, "store-away", "Database away", "Retry-After", "1"},
    [PROBLEM_BEING_REMOVED] = {503, "being-removed", "Being removed", "Retry-After", "1"},
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

/* Lets a page of another site read the answer, where that is wished. */
static void add_sharing(const struct request *r, struct MHD_Response *response)
{
	const char *origin = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Origin");

	if (!origin || !dp_guard_shares(r->service->guard, dp_str_from(origin)))
		return;
	MHD_add_response_header(response, "Access-Control-Allow-Origin", origin);
	MHD_add_response_header(response, "Access-Control-Expose-Headers",
	    "DevPulse-Cursor, DevPulse-Partial, ETag, Link");
	MHD_add_response_header(response, "Vary", "Origin");
}

enum MHD_Result answer_queue(struct request *r, int status, struct MHD_Response **response)
{
	enum MHD_Result result;

	answer_add_headers(*response);
	add_sharing(r, *response);
	metrics_count(r->service->metrics, r->route, r->method, status,
	    dp_clock_monotonic_us() - r->begun_us);
	if (r->links)
		MHD_add_response_header(*response, "Link", r->links);
	result = MHD_queue_response(r->connection, (unsigned)status, *response);
	MHD_destroy_response(*response);
	*response = NULL;
	return result;
}

/* A response that takes over the bytes of *body. */
static struct MHD_Response *response_of(struct dp_buf *body)
{
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_FREE);

	if (response)
		*body = (struct dp_buf){0};
	else
		dp_buf_release(body);
	return response;
}

struct MHD_Response *answer_in_pieces(const struct request *r, size_t block_bytes,
    MHD_ContentReaderCallback on_room, void *arg, MHD_ContentReaderFreeCallback release)
{
	struct MHD_Response *response =
	    MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, block_bytes, on_room, arg, release);

	/* To HEAD, too, the library sends the last chunk, which its client would take for the
	 * beginning of the next answer. */
	if (response && strcmp(r->method, "HEAD") == 0)
		MHD_set_response_options(response, MHD_RF_HTTP_VERSION_1_0_ONLY, MHD_RO_END);
	return response;
}

static const char *request_header(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

bool answer_takes_gzip(const struct request *r)
{
	return accept_gzip(request_header(r, "Accept-Encoding"));
}

/* What of a body's headers a 304 has, too. */
static void add_caching(
    struct MHD_Response *response, const struct answer_head *head, bool is_compressed)
{
	MHD_add_response_header(response, "Cache-Control",
	    !head->etag       ? "no-store"
	    : head->is_public ? "no-cache"
			      : "private, no-cache");
	MHD_add_response_header(response, "Vary", "Accept-Encoding");
	if (head->etag)
		MHD_add_response_header(
		    response, "ETag", is_compressed ? head->etag->gzip : head->etag->plain);
}

void answer_add_head(
    struct MHD_Response *response, const struct answer_head *head, bool is_compressed)
{
	struct dp_buf b = {0};

	MHD_add_response_header(response, "Content-Type", head->type);
	if (is_compressed)
		MHD_add_response_header(response, "Content-Encoding", "gzip");
	if (head->file) {
		dp_buf_addf(&b, "attachment; filename=\"%s\"", head->file);
		MHD_add_response_header(response, "Content-Disposition", dp_buf_text(&b));
		dp_buf_release(&b);
	}
	if (head->cursor)
		MHD_add_response_header(response, "DevPulse-Cursor", head->cursor);
	if (head->is_partial)
		MHD_add_response_header(response, "DevPulse-Partial", "true");
	add_caching(response, head, is_compressed);
}

bool answer_unchanged(struct request *r, const struct answer_head *head, enum MHD_Result *result)
{
	const char *tag =
	    etag_match(head->etag, request_header(r, "If-None-Match"), answer_takes_gzip(r));
	struct MHD_Response *response;

	if (!tag)
		return false;
	*result = MHD_NO;
	response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	if (response) {
		add_caching(response, head, tag == head->etag->gzip);
		*result = answer_queue(r, 304, &response);
	}
	return true;
}

enum MHD_Result answer_body(struct request *r, const struct answer_head *head, struct dp_buf *body)
{
	const bool pack = body->len >= GZIP_FROM_BYTES && answer_takes_gzip(r);
	struct MHD_Response *response;

	if (pack) {
		struct dp_buf packed = {0};

		gzip_pack(dp_buf_str(body), &packed);
		dp_buf_release(body);
		*body = packed;
	}
	response = response_of(body);
	if (!response)
		return MHD_NO;
	answer_add_head(response, head, pack);
	return answer_queue(r, 200, &response);
}

enum MHD_Result answer_json(struct request *r, struct dp_buf *body)
{
	struct etag etag;
	const struct answer_head head = {.type = "application/json", .etag = &etag};
	enum MHD_Result result;

	etag_make(&etag, dp_buf_str(body));
	if (!answer_unchanged(r, &head, &result))
		return answer_body(r, &head, body);
	dp_buf_release(body);
	return result;
}

enum MHD_Result answer_state(struct request *r, struct dp_buf *body)
{
	return answer_body(r, &(struct answer_head){.type = "application/json"}, body);
}

static enum MHD_Result answer_kind(
    struct request *r, const struct kind *k, const char *detail, struct dp_str errors, bool close)
{
	struct MHD_Response *response;
	struct dp_buf b = {0};

	dp_buf_addf(&b, "{\"type\":\"/problems/%s\",\"title\":\"%s\",\"status\":%d", k->type,
	    k->title, k->status);
	dp_json_write_member(&b, ",\"detail\":", dp_str_from(detail));
	dp_json_write_member(&b, ",\"instance\":", dp_str_from(r->target));
	if (errors.n > 0) {
		dp_buf_add_text(&b, ",\"errors\":[");
		dp_buf_add_str(&b, errors);
		dp_buf_add_char(&b, ']');
	}
	dp_buf_add_text(&b, "}\n");
	response = response_of(&b);
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", "application/problem+json");
	MHD_add_response_header(response, "Cache-Control", "no-store");
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
	dp_json_write_member(errors,
	    errors->len > 0 ? ",{\"parameter\":" : "{\"parameter\":", dp_str_from(parameter));
	dp_json_write_member(errors, ",\"detail\":", dp_str_from(detail));
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

enum MHD_Result answer_store_away(struct request *r, const struct dp_store *s)
{
	return answer_problem(r, PROBLEM_STORE_AWAY,
	    s ? dp_store_error(s) : "the database is away; it is being tried");
}

enum MHD_Result answer_store_problem(struct request *r, const struct dp_store *s)
{
	if (s && dp_store_fault(s) == DP_STORE_BROKEN)
		return answer_problem(r, PROBLEM_STORE_BROKEN, dp_store_error(s));
	return answer_store_away(r, s);
}
