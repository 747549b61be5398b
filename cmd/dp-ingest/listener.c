#include "listener.h"

#include "log.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPT_PAUSE_MS = 200 };

static void accept_again(struct lws_sorted_usec_list *sul)
{
	struct server *s = lws_container_of(sul, struct server, accept_timer);

	if (s->listener)
		lws_rx_flow_control(s->listener, 1);
}

/* Out of descriptors, and the listening socket stays readable: a pause instead of a busy loop. */
static void pause_accepting(struct server *s)
{
	dp_log_limited(DP_LOG_ERROR, "accept", "cannot accept connections: %s", strerror(errno));
	lws_rx_flow_control(s->listener, 0);
	lws_sul_schedule(s->context, 0, &s->accept_timer, accept_again,
	    (lws_usec_t)ACCEPT_PAUSE_MS * LWS_US_PER_MS);
}

static void turn_away(struct server *s, int fd)
{
	static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
				     "Content-Type: text/plain\r\nContent-Length: 21\r\n\r\n"
				     "too many connections\n";

	s->connections_refused++;
	dp_log_limited(DP_LOG_WARNING, "connections",
	    "a connection was refused: there are %d already; see --max-connections",
	    s->connections);
	if (send(fd, answer, sizeof answer - 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		shutdown(fd, SHUT_WR);
	close(fd);
}

void listener_take(struct server *s)
{
	const int on = 1;
	int fd = accept4(lws_get_socket_fd(s->listener), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct lws *wsi;

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_accepting(s);
		return;
	}
	if (s->connections >= s->cfg.max_connections) {
		turn_away(s, fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	wsi = lws_adopt_socket_vhost(s->vhost, fd);
	if (!wsi)
		return;
	lws_set_opaque_user_data(wsi, s); /* marks what was counted */
	s->connections++;
	s->connections_taken++;
}

void listener_close(struct server *s)
{
	if (s->listener)
		lws_set_timeout(s->listener, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
	s->listener = NULL;
	lws_sul_cancel(&s->accept_timer);
}
