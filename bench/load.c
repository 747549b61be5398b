/* A load for dp-ingest: sends events over devpulse.v1 from several connections, as many as the
 * windows allow or at a rate; measures the time from sending a message to its acknowledgement.
 *Prints acknowledged events, seconds, and the 50th, 99th and greatest latency in microseconds.
 *
 *	load PORT CONNECTIONS SECONDS RATE FILE
 *
 * RATE: events/s, 0: as many as possible. FILE: NDJSON, sent again and again for SECONDS; '-': the
 * standard input, sent once, until its end is acknowledged (or SECONDS are over, unless they are
 *0).
 *
 * It takes as little as may be of the machine that it shares with dp-ingest: lines are framed as
 *they are (masked with a key of zeros, as any key will do), and sent by the hundred. */
#include "buf.h"
#include "mem.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WINDOW = 1000, BUCKETS = 2 * 1000 * 1000, CHUNK_BYTES = 256 * 1024 };

struct connection {
	int fd;
	uint64_t queued; /* messages put into `out`, ever */
	uint64_t sent;
	uint64_t acked;
	struct dp_buf out;
	size_t done;         /* bytes of `out` that are sent */
	size_t ends[WINDOW]; /* in `out`, of message n at n % WINDOW */
	int64_t sent_us[WINDOW];
	char in[4096];
	size_t in_len;
};

/* Where lines come from: all of a file, again and again, or the standard input as it comes. */
static struct {
	struct dp_buf text;
	size_t at;
	bool is_stream;
	bool is_over;
} source;

static uint32_t histogram[BUCKETS];
static uint64_t acked_total;
static uint64_t queued_total;

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Reads more of the source. Returns whether there was any. */
static bool read_more(int fd)
{
	ssize_t n;

	dp_buf_drop(&source.text, source.at);
	source.at = 0;
	dp_buf_reserve(&source.text, CHUNK_BYTES);
	n = read(fd, source.text.data + source.text.len, CHUNK_BYTES);
	if (n < 0)
		err(1, "cannot read events");
	source.text.len += (size_t)n;
	return n > 0;
}

static void open_source(const char *path)
{
	int fd = STDIN_FILENO;

	source.is_stream = strcmp(path, "-") == 0;
	if (source.is_stream)
		return;
	fd = open(path, O_RDONLY);
	if (fd < 0)
		err(1, "%s", path);
	while (read_more(fd))
		;
	close(fd);
	if (source.text.len == 0 || source.text.data[source.text.len - 1] != '\n')
		errx(1, "%s: no lines", path);
}

/* The next line, without its end; false where there is none any more. */
static bool next_line(struct dp_str *line)
{
	const char *end;

	for (;;) {
		const char *p = source.text.data + source.at;

		if (source.at < source.text.len &&
		    (end = memchr(p, '\n', source.text.len - source.at))) {
			*line = (struct dp_str){p, (size_t)(end - p)};
			source.at += line->n + 1;
			return true;
		}
		if (source.is_stream && !read_more(STDIN_FILENO)) {
			source.is_over = true;
			return false;
		}
		if (!source.is_stream)
			source.at = 0;
	}
}

static void add_frame(struct dp_buf *out, struct dp_str event)
{
	const unsigned char head[] = {
	    0x81, 0x80 | 126, (unsigned char)(event.n >> 8), (unsigned char)event.n, 0, 0, 0, 0};

	if (event.n < 126 || event.n > 65535)
		errx(1, "an event of %zu bytes: 126 to 65535 are wanted", event.n);
	dp_buf_add(out, (const char *)head, sizeof head);
	dp_buf_add_str(out, event);
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

/* Queues up to `budget` messages, as the window allows, where none wait. Returns how many. */
static uint64_t fill(struct connection *c, uint64_t budget)
{
	const uint64_t before = c->queued;
	struct dp_str line;

	if (c->sent < c->queued)
		return 0;
	dp_buf_clear(&c->out);
	c->done = 0;
	while (c->queued - c->acked < WINDOW && c->queued - before < budget &&
	       c->out.len < CHUNK_BYTES && next_line(&line)) {
		add_frame(&c->out, line);
		c->ends[c->queued++ % WINDOW] = c->out.len;
	}
	return c->queued - before;
}

/* Returns whether anything was sent. */
static bool send_some(struct connection *c)
{
	const int64_t now = now_us();
	ssize_t sent;

	if (c->done == c->out.len)
		return false;
	sent = send(c->fd, c->out.data + c->done, c->out.len - c->done, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		err(1, "cannot send");
	c->done += sent > 0 ? (size_t)sent : 0;
	while (c->sent < c->queued && c->ends[c->sent % WINDOW] <= c->done)
		c->sent_us[c->sent++ % WINDOW] = now;
	return sent > 0;
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

/* Lets each connection send, the first one rotating. Returns whether any did. */
static bool send_all(struct connection *connections, int count, int first, uint64_t budget)
{
	bool is_busy = false;

	for (int i = 0; i < count; i++) {
		struct connection *c = &connections[(first + i) % count];
		const uint64_t share = budget / (uint64_t)(count - i) + 1;
		const uint64_t n = fill(c, share < budget ? share : budget);

		budget -= n;
		queued_total += n;
		is_busy |= send_some(c);
	}
	return is_busy;
}

static void run(struct connection *connections, int count, double seconds, double rate, int poller)
{
	struct epoll_event events[64];
	const int64_t start = now_us();
	int64_t now = start;

	for (int first = 0; seconds <= 0 || now - start < (int64_t)(seconds * 1e6); first++) {
		uint64_t budget =
		    rate > 0 ? (uint64_t)((double)(now - start) * rate / 1e6) - queued_total
			     : UINT32_MAX;
		bool is_busy = send_all(connections, count, first % count, budget);
		int n = epoll_wait(poller, events, 64, is_busy ? 0 : 1);

		for (int i = 0; i < n; i++)
			receive(events[i].data.ptr);
		if (source.is_over && acked_total == queued_total)
			return;
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
	open_source(argv[5]);
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
