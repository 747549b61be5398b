#include "server.h"

#include "log.h"
#include "request.h"

#include <stdio.h>

struct server *server_of(struct lws *wsi)
{
	return lws_context_user(lws_get_context(wsi));
}

int server_callback(struct lws *wsi, enum lws_callback_reasons reason)
{
	struct server *s;
	struct verdict v;
	bool hang_up;

	switch (reason) {
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		/* The second is the point of no return: whatever way led there, the same rules. */
		s = server_of(wsi);
		v = request_check_upgrade(wsi, s->guard, &hang_up);
		if (s->state != SERVER_RUNS)
			return -1;
		if (!v.status)
			return 0;
		dp_log_limited(DP_LOG_WARNING, "upgrade", "a WebSocket was refused: %s", v.why);
		if (!hang_up && reason == LWS_CALLBACK_HTTP_CONFIRM_UPGRADE)
			request_refuse(wsi, &v);
		return -1;
	case LWS_CALLBACK_RAW_ADOPT:
	case LWS_CALLBACK_RAW_RX:
		return -1;
	case LWS_CALLBACK_WSI_DESTROY:
		s = lws_get_opaque_user_data(wsi);
		if (s)
			s->connections--;
		return 0;
	default:
		return 0;
	}
}

bool server_keep(struct server *s, size_t n)
{
	if (s->partial_bytes + n > SERVER_PARTIAL_MAX)
		return false;
	s->partial_bytes += n;
	return true;
}

void server_unkeep(struct server *s, size_t n)
{
	s->partial_bytes -= n;
}

void server_peer(struct lws *wsi, char *peer, size_t size)
{
	if (!lws_get_peer_simple(wsi, peer, size))
		snprintf(peer, size, "a client");
}

void server_hasten(struct lws *wsi)
{
	lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, SERVER_CLOSE_SECONDS);
	lws_callback_on_writable(wsi);
}

void server_client_left(struct server *s)
{
	if (s->state == SERVER_CLOSES)
		lws_cancel_service(s->context);
}
