#include "request.h"

#include "clock.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	VALUE_MAX = 1024,
	ARGUMENT_MAX = 4200 /* more than all headers */,
	PROTOCOLS_MAX = 126,
	PROTOCOL_MAX = 63
};

static struct verdict pass(void)
{
	return (struct verdict){0};
}

static struct verdict refuse(int status, const char *why)
{
	struct verdict v = {.status = status};

	snprintf(v.why, sizeof v.why, "%s", why);
	return v;
}

/* The value of a header. Returns 1, 0 where there is none, -1 where it is too long or a NUL hides
 * its rest. */
static int header(
    struct lws *wsi, enum lws_token_indexes token, char buf[VALUE_MAX], struct dp_str *value)
{
	int n = lws_hdr_copy(wsi, buf, VALUE_MAX, token);

	*value = (struct dp_str){buf, 0};
	if (n <= 0)
		return n;
	if (strlen(buf) != (size_t)n)
		return -1;
	value->n = (size_t)n;
	return 1;
}

/* The next element of a comma-separated list, without white space around it. */
static bool next_element(struct dp_str *list, struct dp_str *element)
{
	const char *comma = list->n ? memchr(list->p, ',', list->n) : NULL;
	size_t n = comma ? (size_t)(comma - list->p) : list->n;

	if (list->n == 0)
		return false;
	*element = (struct dp_str){list->p, n};
	list->p += comma ? n + 1 : n;
	list->n -= comma ? n + 1 : n;
	while (element->n > 0 && strchr(" \t", element->p[0])) {
		element->p++;
		element->n--;
	}
	while (element->n > 0 && strchr(" \t", element->p[element->n - 1]))
		element->n--;
	return true;
}

static bool list_holds(struct dp_str list, const char *word)
{
	struct dp_str element;

	while (next_element(&list, &element))
		if (element.n == strlen(word) && strncasecmp(element.p, word, element.n) == 0)
			return true;
	return false;
}

static bool is_known_protocol(struct dp_str name)
{
	return dp_str_is(name, "devpulse.v1") || dp_str_is(name, "devpulse.tail.v1");
}

static bool is_bearer(struct dp_str name)
{
	static const struct dp_str prefix = DP_STR("bearer.");

	return name.n > prefix.n && memcmp(name.p, prefix.p, prefix.n) == 0;
}

/* The token offered in Authorization, or by a browser, which cannot set that header, among the
 * subprotocols. */
static struct dp_str offered_token(struct lws *wsi, char buf[VALUE_MAX])
{
	struct dp_str value;
	struct dp_str element;

	if (header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, buf, &value) > 0)
		return dp_guard_bearer(value);
	if (header(wsi, WSI_TOKEN_PROTOCOL, buf, &value) > 0)
		while (next_element(&value, &element))
			if (is_bearer(element))
				return (struct dp_str){element.p + 7, element.n - 7};
	return (struct dp_str){"", 0};
}

static bool origin_ok(struct lws *wsi, const struct dp_guard *g, enum lws_token_indexes token)
{
	char buf[VALUE_MAX];
	struct dp_str value;
	int rc = header(wsi, token, buf, &value);

	return rc == 0 || (rc > 0 && dp_guard_origin_ok(g, value));
}

struct verdict request_check_peer(struct lws *wsi, const struct dp_guard *g)
{
	char buf[VALUE_MAX];
	struct dp_str value;
	struct verdict v;

	if (header(wsi, WSI_TOKEN_HOST, buf, &value) <= 0 || !dp_guard_host_ok(g, value))
		return refuse(421, "this Host is not served here; see --allow-host");
	if (!origin_ok(wsi, g, WSI_TOKEN_ORIGIN) || !origin_ok(wsi, g, WSI_TOKEN_SWORIGIN))
		return refuse(
		    403, "pages of this Origin may not talk to this port; see --allow-host");
	if (!dp_guard_token_ok(g, offered_token(wsi, buf))) {
		v = refuse(401, "a token is needed, as 'Authorization: Bearer TOKEN' or as the "
				"subprotocol 'bearer.TOKEN'");
		v.header = "WWW-Authenticate: Bearer\r\n";
		return v;
	}
	return pass();
}

/* Whether a key is the base64 form of 16 bytes, as RFC 6455 demands. */
static bool is_key(struct dp_str key)
{
	static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";

	if (key.n != 24 || key.p[22] != '=' || key.p[23] != '=')
		return false;
	for (size_t i = 0; i < 22; i++)
		if (!memchr(base64, key.p[i], sizeof base64 - 1))
			return false;
	return true;
}

/* Version and key (RFC 6455, 4.2.1). */
static struct verdict check_handshake(struct lws *wsi)
{
	char buf[VALUE_MAX];
	struct dp_str value;
	struct verdict v;

	if (header(wsi, WSI_TOKEN_CONNECTION, buf, &value) <= 0 || !list_holds(value, "upgrade"))
		return refuse(400, "a WebSocket upgrade needs 'Connection: Upgrade'");
	if (header(wsi, WSI_TOKEN_VERSION, buf, &value) <= 0 || !dp_str_is(value, "13")) {
		v = refuse(426, "the WebSocket version must be 13");
		v.header = "Sec-WebSocket-Version: 13\r\n";
		return v;
	}
	if (header(wsi, WSI_TOKEN_KEY, buf, &value) <= 0 || !is_key(value))
		return refuse(400, "Sec-WebSocket-Key must be 16 bytes in base64");
	return pass();
}

/* libwebsockets takes the first name of the list that it knows: there must be one of ours. */
static struct verdict check_protocols(struct lws *wsi)
{
	char buf[VALUE_MAX];
	struct dp_filter filter = {0};
	struct dp_str value;
	struct dp_str element = {"", 0};
	struct verdict v = {0};
	int rc = header(wsi, WSI_TOKEN_PROTOCOL, buf, &value);

	if (rc == 0)
		return pass();
	if (rc < 0 || value.n > PROTOCOLS_MAX)
		return refuse(400, "the list of subprotocols is too long");
	while (next_element(&value, &element) && !is_known_protocol(element))
		if (element.n > PROTOCOL_MAX)
			return refuse(400, "a long token must stand behind the subprotocol");
	if (!is_known_protocol(element))
		return refuse(400, "no subprotocol is offered that this server knows: devpulse.v1, "
				   "devpulse.tail.v1, or none at all");
	if (dp_str_is(element, "devpulse.tail.v1") && request_filter(wsi, &filter, v.why) < 0)
		v.status = 400;
	dp_filter_release(&filter);
	return v;
}

static bool is_websocket_path(struct dp_str path)
{
	return dp_str_is(path, "/") || dp_str_is(path, "/ws");
}

/* Method and path; -1 where there is none or a NUL hides the rest of it. */
static int method_and_path(struct lws *wsi, struct dp_str *path)
{
	char *p;
	int n;
	int method = lws_http_get_uri_and_method(wsi, &p, &n);

	if (method < 0 || n <= 0 || memchr(p, '\0', (size_t)n))
		return -1;
	*path = (struct dp_str){p, (size_t)n};
	return method;
}

static bool has_body(struct lws *wsi)
{
	return lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0 ||
	       lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0;
}

struct verdict request_check_upgrade(struct lws *wsi, const struct dp_guard *g, bool *hang_up)
{
	char buf[VALUE_MAX];
	struct dp_str value;
	struct verdict v;

	/* CVE-2025-11677: for an unknown upgrade libwebsockets has answered by itself, and may have
	 * freed the headers, before it asks. This header read anew tells; it keeps h2c out, too. */
	*hang_up =
	    header(wsi, WSI_TOKEN_UPGRADE, buf, &value) <= 0 || strcasecmp(buf, "websocket") != 0;
	if (*hang_up)
		return refuse(400, "no WebSocket upgrade");
	if (method_and_path(wsi, &value) != LWSHUMETH_GET || has_body(wsi))
		return refuse(400, "a WebSocket upgrade is a GET without a body");
	v = request_check_peer(wsi, g);
	if (v.status)
		return v;
	if (!is_websocket_path(value))
		return refuse(404, "the WebSocket is at / and /ws");
	v = check_handshake(wsi);
	return v.status ? v : check_protocols(wsi);
}

/* One Content-Length of digits only, no Transfer-Encoding. */
static struct verdict check_length(struct lws *wsi, struct request_body *body)
{
	char buf[VALUE_MAX];
	struct dp_str value;
	unsigned long long n;

	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
		return refuse(411, "Transfer-Encoding is not taken: send a Content-Length");
	switch (header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, buf, &value)) {
	case 1:
		break;
	case 0:
		return refuse(411, "a Content-Length is needed");
	default:
		return refuse(400, "Content-Length must be one number");
	}
	if (value.n > 15 || strspn(buf, "0123456789") != value.n)
		return refuse(400, "Content-Length must be one number");
	n = strtoull(buf, NULL, 10);
	if (n > REQUEST_BODY_MAX)
		return refuse(413, "a body has at most 8 MiB: send it in parts");
	body->length = n;
	return pass();
}

static struct verdict check_content_type(struct lws *wsi)
{
	char buf[VALUE_MAX];
	struct dp_str value;

	/* text/plain and forms would pass a browser's preflight check */
	if (header(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, buf, &value) <= 0)
		return refuse(415, "Content-Type must be application/json or application/x-ndjson");
	value.n = strcspn(buf, "; \t");
	buf[value.n] = '\0';
	if (strcasecmp(buf, "application/json") != 0 &&
	    strcasecmp(buf, "application/x-ndjson") != 0)
		return refuse(415, "Content-Type must be application/json or application/x-ndjson");
	return pass();
}

static struct verdict check_method(int method, struct dp_str path)
{
	struct verdict v;

	if (dp_str_is(path, "/events") && method != LWSHUMETH_POST) {
		v = refuse(405, "events are sent here by POST; read them at dp-http");
		v.header = "Allow: POST\r\n";
		return v;
	}
	if (is_websocket_path(path) && method == LWSHUMETH_GET) {
		v = refuse(426,
		    "this is the WebSocket port, for events: POST them to /events, or "
		    "connect a WebSocket; the page is at dp-http, http://127.0.0.1:8088/");
		v.header = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
		return v;
	}
	if ((dp_str_is(path, "/livez") || dp_str_is(path, "/metrics")) && method == LWSHUMETH_GET)
		return refuse(200, "ok");
	if (!dp_str_is(path, "/events"))
		return refuse(
		    404, "here are / and /ws (WebSocket), POST /events, GET /livez and /metrics");
	return pass();
}

struct verdict request_check_http(
    struct lws *wsi, const struct dp_guard *g, struct request_body *body)
{
	char buf[VALUE_MAX];
	struct dp_str path;
	struct dp_str value;
	struct verdict length;
	struct verdict v;
	int method = method_and_path(wsi, &path);

	*body = (struct request_body){0};
	if (method < 0)
		return refuse(400, "the request line is no good");
	if (method == LWSHUMETH_POST) {
		length = check_length(wsi, body);
		body->expects_continue = header(wsi, WSI_TOKEN_HTTP_EXPECT, buf, &value) != 0;
	}
	v = request_check_peer(wsi, g);
	if (!v.status)
		v = check_method(method, path);
	body->wants_metrics = v.status == 200 && dp_str_is(path, "/metrics");
	if (!v.status)
		v = length;
	return v.status ? v : check_content_type(wsi);
}

/* Takes one parameter. Returns 0, or -1 with `why`. */
static int add_parameter(struct dp_filter *f, const char *name, const char *value, char why[200])
{
	struct dp_filter_error error;
	const char *reason;

	if (strcmp(name, "filter") == 0) {
		if (dp_filter_parse(f, dp_str_from(value), dp_clock_now_us(), &error) == 0)
			return 0;
		snprintf(why, 200, "the filter, character %zu: %s", error.column, error.why);
		return -1;
	}
	if (dp_filter_add(f, name, dp_str_from(value), &reason) == 0)
		return 0;
	snprintf(why, 200, "the filter '%.60s': %s", name, reason);
	return -1;
}

int request_filter(struct lws *wsi, struct dp_filter *f, char why[200])
{
	char arg[ARGUMENT_MAX];
	int n;

	for (int i = 0;; i++) {
		char *equals;

		n = lws_hdr_copy_fragment(wsi, arg, sizeof arg, WSI_TOKEN_HTTP_URI_ARGS, i);
		if (n < 0)
			return 0;
		if (n == 0)
			continue;
		equals = strchr(arg, '=');
		if (!equals || strlen(arg) != (size_t)n)
			break;
		*equals = '\0';
		if (add_parameter(f, arg, equals + 1, why) < 0)
			return -1;
	}
	snprintf(why, 200, "the filter '%.60s': NAME=VALUE is wanted", arg);
	return -1;
}

const char *request_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {{200, "OK"}, {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"},
	    {404, "Not Found"}, {405, "Method Not Allowed"}, {408, "Request Timeout"},
	    {411, "Length Required"}, {413, "Content Too Large"}, {415, "Unsupported Media Type"},
	    {421, "Misdirected Request"}, {426, "Upgrade Required"}, {503, "Service Unavailable"}};

	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Error";
}

int request_answer(
    struct lws *wsi, int status, const char *type, const char *extra, struct dp_str body)
{
	struct dp_buf out = {0};
	size_t n;

	dp_buf_reserve(&out, LWS_PRE);
	out.len = LWS_PRE;
	dp_buf_addf(&out,
	    "HTTP/1.1 %d %s\r\n%sContent-Type: %s\r\nContent-Length: %zu\r\n"
	    "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: "
	    "close\r\n\r\n",
	    status, request_reason(status), extra ? extra : "", type, body.n);
	dp_buf_add_str(&out, body);
	n = out.len - LWS_PRE;
	/* what the socket does not take at once libwebsockets keeps and sends before it closes */
	lws_write(wsi, (unsigned char *)out.data + LWS_PRE, n, LWS_WRITE_HTTP_HEADERS);
	dp_buf_release(&out);
	return -1;
}

int request_refuse(struct lws *wsi, const struct verdict *v)
{
	struct dp_buf body = {0};

	if (lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) == 0) {
		dp_buf_addf(&body, "%s\n", v->why);
		request_answer(
		    wsi, v->status, "text/plain; charset=utf-8", v->header, dp_buf_str(&body));
		dp_buf_release(&body);
		return -1;
	}
	dp_buf_addf(&body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":",
	    request_reason(v->status), v->status);
	dp_json_write_string(&body, dp_str_from(v->why));
	dp_buf_add_text(&body, "}\n");
	request_answer(wsi, v->status, "application/problem+json", v->header, dp_buf_str(&body));
	dp_buf_release(&body);
	return -1;
}
