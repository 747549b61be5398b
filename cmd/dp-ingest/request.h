/* What a peer asks for, judged before anything is done for it: the head of an HTTP request, be it a
 * WebSocket upgrade or a POST. libwebsockets 4.1.6 checks next to nothing itself (any Host, Origin,
 * version and key pass; lengths are read like atoi), joins repeated headers by commas, and lets a
 * NUL hide the rest of a value: so values are taken whole and compared whole. */
#ifndef REQUEST_H
#define REQUEST_H

#include "buf.h"
#include "filter.h"
#include "guard.h"

#include <libwebsockets.h>

/* What is answered. status 0: nothing is wrong. */
struct verdict {
	int status;
	char why[200];
	const char *header; /* one more header line of the answer, with its CR LF, or NULL */
};

enum { REQUEST_BODY_MAX = 8 * 1024 * 1024 };

/* A POST /events that is to be read. */
struct request_body {
	size_t length;
	bool expects_continue; /* the client waits for "100 Continue" before it sends */
	bool wants_metrics;    /* GET /metrics, "refused" with 200: answer that instead */
};

/* Host, Origin and token: what every request must pass. */
struct verdict request_check_peer(struct lws *wsi, const struct dp_guard *g);

/* Everything about a WebSocket upgrade. Returns a verdict; with *hang_up where no answer must be
 * tried (see the comment there). */
struct verdict request_check_upgrade(struct lws *wsi, const struct dp_guard *g, bool *hang_up);

/* Everything about a request that is no upgrade: only POST /events passes, with *body set. GET
 * /livez and /metrics are "refused" with 200. Where body->length is not 0 a body was announced
 * properly, though the request may be refused. */
struct verdict request_check_http(
    struct lws *wsi, const struct dp_guard *g, struct request_body *body);

/* Reads the filter of a subscription from the query string. Returns 0, or -1 with `why`; *f is to
 * be released in either case. */
int request_filter(struct lws *wsi, struct dp_filter *f, char why[200]);

/* Writes a whole answer, with "Connection: close". Returns -1, for the callback to return: the
 * connection ends after each answer. */
int request_answer(
    struct lws *wsi, int status, const char *type, const char *header, struct dp_str body);

/* The same for a verdict: an RFC 9457 problem document for a POST, a line of text for the rest. */
int request_refuse(struct lws *wsi, const struct verdict *v);

/* "Bad Request" of 400. */
const char *request_reason(int status);

#endif
