/* A load for dp-ingest: sends events over devpulse.v1 from several connections, as many as the
 * windows allow or at a rate, for some seconds; measures the time from sending a message to its
 * acknowledgement. Prints acknowledged events, seconds, and the 50th, 99th and greatest latency in
 * microseconds.
 *
 *	load PORT CONNECTIONS SECONDS RATE FILE      RATE 0: as many as possible; FILE: NDJSON
 *
 * Its frames are made before (masked with a key of zeros, as any key will do), so that it takes as
 * little as may be of the machine that it shares with dp-ingest. */
#include "buf.h"
#include "mem.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WINDOW = 1000, FRAMES = 2048, BUCKETS = 2 * 1000 * 1000, CHUNK_BYTES = 256 * 1024 };

struct connection {
	int fd;
	uint64_t sent;
	uint64_t acked;
	size_t frame; /* of the next message */
	size_t done;  /* bytes of it that are sent */
	int64_t sent_us[WINDOW];
	char in[4096];
	size_t in_len;
};

static struct dp_buf frames;
static size_t frame_at[FRAMES + 1];
static uint32_t histogram[BUCKETS];
static uint64_t acked_total;
static uint64_t sent_total;

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void add_frame(const char *p, size_t n)
{
	const unsigned char head[] = {
	    0x81, 0x80 | 126, (unsigned char)(n >> 8), (unsigned char)n, 0, 0, 0, 0};

	if (n < 126 || n > 65535)
		errx(1, "an event of %zu bytes: 126 to 65535 are wanted", n);
	dp_buf_add(&frames, (const char *)head, sizeof head);
	dp_buf_add(&frames, p, n);
}

static void make_frames(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[65536];
	size_t n = 0;

	if (!f)
		err(1, "%s", path);
	while (n < FRAMES) {
		if (!fgets(line, sizeof line, f)) {
			if (n == 0)
				errx(1, "%s: no events", path);
			rewind(f);
			continue;
		}
		frame_at[n++] = frames.len;
		add_frame(line, strcspn(line, "\n"));
	}
	frame_at[n] = frames.len;
	fclose(f);
}

static void dial(struct connection *c, int port)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	static const char hello[] =
	    "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Protocol: devpulse.v1\r\n\r\n";
	const int on = 1;
	char *end = NULL;

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&to, sizeof to) < 0)
		err(1, "cannot connect to port %d", port);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (send(c->fd, hello, sizeof hello - 1, 0) < 0)
		err(1, "cannot send");
	while (!end) {
		ssize_t n = recv(c->fd, c->in + c->in_len, sizeof c->in - 1 - c->in_len, 0);

		if (n <= 0)
			errx(1, "no answer to the handshake");
		c->in_len += (size_t)n;
		c->in[c->in_len] = '\0';
		end = strstr(c->in, "\r\n\r\n");
	}
	if (!strstr(c->in, " 101 "))
		errx(1, "refused: %s", c->in);
	c->in_len -= (size_t)(end + 4 - c->in);
	memmove(c->in, end + 4, c->in_len);
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

static void take_ack(struct connection *c, uint64_t n, int64_t now)
{
	while (c->acked < n) {
		int64_t us = now - c->sent_us[c->acked % WINDOW];

		histogram[us < BUCKETS ? us : BUCKETS - 1]++;
		c->acked++;
		acked_total++;
	}
}

static void receive(struct connection *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len, sizeof c->in - c->in_len, 0);
	const int64_t now = now_us();
	size_t at = 0;

	if (n == 0 || (n < 0 && errno != EAGAIN))
		errx(1, "the server closed a connection");
	c->in_len += n > 0 ? (size_t)n : 0;
	while (c->in_len - at >= 2 && c->in_len - at >= 2 + (size_t)c->in[at + 1]) {
		const char *text = c->in + at + 2;
		const size_t size = (size_t)c->in[at + 1];

		if (size > 14 && memcmp(text, "{\"t\":\"ack\",\"n\":", 14) == 0)
			take_ack(c, strtoull(text + 15, NULL, 10), now);
		else if (size > 10 && memcmp(text, "{\"t\":\"nack\"", 10) == 0)
			errx(1, "refused: %.*s", (int)size, text);
		at += 2 + size;
	}
	memmove(c->in, c->in + at, c->in_len - at);
	c->in_len -= at;
}

/* Sends up to `budget` messages. Returns how many. */
static uint64_t send_some(struct connection *c, uint64_t budget)
{
	const uint64_t room = WINDOW - (c->sent - c->acked);
	size_t n = room < budget ? (size_t)room : (size_t)budget;
	size_t last = c->frame + n < FRAMES ? c->frame + n : FRAMES;
	size_t from = frame_at[c->frame] + c->done;
	uint64_t before = c->sent;
	const int64_t now = now_us();
	ssize_t sent;

	while (last > c->frame + 1 && frame_at[last] - from > CHUNK_BYTES)
		last--;
	if (last == c->frame)
		return 0;
	sent = send(c->fd, frames.data + from, frame_at[last] - from, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		err(1, "cannot send");
	from += sent > 0 ? (size_t)sent : 0;
	while (c->frame < last && frame_at[c->frame + 1] <= from) {
		c->sent_us[c->sent++ % WINDOW] = now;
		c->frame++;
	}
	c->done = from - frame_at[c->frame];
	c->frame %= FRAMES;
	return c->sent - before;
}

static int64_t percentile(uint64_t total, double part)
{
	uint64_t left = (uint64_t)((double)total * part);

	for (int64_t us = 0; us < BUCKETS; us++) {
		if (left < histogram[us])
			return us;
		left -= histogram[us];
	}
	return BUCKETS;
}

static void run(struct connection *connections, int count, double seconds, double rate, int poller)
{
	struct epoll_event events[64];
	const int64_t start = now_us();
	int64_t now = start;
	int first = 0;

	while (now - start < (int64_t)(seconds * 1e6)) {
		uint64_t budget = rate > 0
				      ? (uint64_t)((double)(now - start) * rate / 1e6) - sent_total
				      : UINT32_MAX;
		uint64_t sent = 0;

		for (int i = 0; i < count && budget > 0; i++) {
			const uint64_t share = budget / (uint64_t)(count - i) + 1;
			uint64_t n = send_some(
			    &connections[(first + i) % count], share < budget ? share : budget);

			budget -= n;
			sent += n;
		}
		first++;
		sent_total += sent;
		int n = epoll_wait(poller, events, 64, sent ? 0 : 1);
		for (int i = 0; i < n; i++)
			receive(events[i].data.ptr);
		now = now_us();
	}
}

int main(int argc, char **argv)
{
	struct connection *connections;
	const int poller = epoll_create1(0);
	uint64_t total;
	int64_t start;
	double seconds;
	int count;

	if (argc != 6)
		errx(2, "usage: load PORT CONNECTIONS SECONDS RATE FILE");
	count = (int)strtol(argv[2], NULL, 10);
	make_frames(argv[5]);
	connections = dp_mem_new((size_t)count * sizeof *connections);
	for (int i = 0; i < count; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};

		dial(&connections[i], (int)strtol(argv[1], NULL, 10));
		epoll_ctl(poller, EPOLL_CTL_ADD, connections[i].fd, &event);
	}
	start = now_us();
	run(connections, count, strtod(argv[3], NULL), strtod(argv[4], NULL), poller);
	seconds = (double)(now_us() - start) / 1e6;
	total = acked_total;
	printf("%" PRIu64 " %.3f %" PRId64 " %" PRId64 " %" PRId64 "\n", total, seconds,
	    percentile(total, 0.5), percentile(total, 0.99), percentile(total - 1, 1));
	return 0;
}
