/* Asks dp-http for paths, over several connections that stay, each sending its next request when it
 * has the answer. Prints answers, seconds, the 50th, 99th and greatest time of one in microseconds,
 * and bytes of their bodies.
 *
 *	get PORT CONNECTIONS SECONDS < PATHS
 *	get PORT CONNECTIONS - < EVENTS        posts each event once to /stream, as a Sentry
 *envelope */
#include "buf.h"
#include "mem.h"

#include <arpa/inet.h>
#include <err.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUCKETS = 1000 * 1000, BLOCK_BYTES = 256 * 1024 };

struct client {
	pthread_t thread;
	int fd;
	size_t next; /* path */
	struct dp_buf out;
	struct dp_buf in;
	size_t at; /* what of `in` is read */
	char *line;
	size_t line_cap;
	uint64_t answers;
	uint64_t bytes;
	uint32_t histogram[BUCKETS];
};

static int port;
static int64_t end_us;
static bool is_posting;
static char **paths;
static size_t path_count;

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void read_paths(void)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while ((n = getline(&line, &cap, stdin)) > 1) {
		line[n - 1] = '\0';
		paths = dp_mem_resize_array(paths, path_count + 1, sizeof *paths);
		paths[path_count++] = strdup(line);
	}
	free(line);
	if (path_count == 0)
		errx(1, "no paths");
}

static void dial(struct client *c)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&to, sizeof to) < 0)
		err(1, "cannot connect to port %d", port);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void receive(struct client *c)
{
	ssize_t n;

	dp_buf_drop(&c->in, c->at);
	c->at = 0;
	dp_buf_reserve(&c->in, BLOCK_BYTES);
	n = recv(c->fd, c->in.data + c->in.len, BLOCK_BYTES, 0);
	if (n <= 0)
		errx(1, "the connection ended within an answer");
	c->in.len += (size_t)n;
}

/* The next line, to its CR; good until the next one. */
static struct dp_str read_line(struct client *c)
{
	size_t known = 0;

	for (;;) {
		const char *p = c->in.data + c->at;
		const size_t n = c->in.len - c->at;
		const char *end = n > known ? memchr(p + known, '\n', n - known) : NULL;

		if (end) {
			c->at += (size_t)(end - p) + 1;
			return (struct dp_str){p, (size_t)(end - p) - 1};
		}
		known = n;
		receive(c);
	}
}

static void skip_bytes(struct client *c, uint64_t n)
{
	while (n > c->in.len - c->at) {
		n -= c->in.len - c->at;
		c->at = c->in.len;
		receive(c);
	}
	c->at += n;
}

static void skip_chunks(struct client *c)
{
	uint64_t n;

	do {
		n = strtoull(read_line(c).p, NULL, 16);
		skip_bytes(c, n + 2);
		c->bytes += n;
	} while (n > 0);
}

static bool has_prefix(struct dp_str line, const char *prefix)
{
	const size_t n = strlen(prefix);

	return line.n >= n && strncasecmp(line.p, prefix, n) == 0;
}

static void read_answer(struct client *c, const char *path)
{
	struct dp_str line = read_line(c);
	bool is_chunked = false;
	uint64_t length = 0;

	if (!has_prefix(line, "HTTP/1.1 200 "))
		errx(1, "%s: %.*s", path, (int)line.n, line.p);
	while ((line = read_line(c)).n > 0) {
		if (has_prefix(line, "Content-Length:"))
			length = strtoull(line.p + 15, NULL, 10);
		else if (has_prefix(line, "Transfer-Encoding: chunked"))
			is_chunked = true;
		else if (has_prefix(line, "Connection: close"))
			errx(1, "%s: the connection does not stay", path);
	}
	if (is_chunked) {
		skip_chunks(c);
	} else {
		skip_bytes(c, length);
		c->bytes += length;
	}
}

static void write_get(struct client *c, const char *path)
{
	dp_buf_addf(&c->out, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", path, port);
}

static void write_post(struct client *c, size_t n)
{
	static const char head[] = "{}\n{\"type\":\"event\"}\n";

	dp_buf_addf(&c->out,
	    "POST /stream HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
	    "Content-Type: application/x-sentry-envelope\r\nContent-Length: %zu\r\n\r\n%s",
	    port, sizeof head - 1 + n, head);
	dp_buf_add(&c->out, c->line, n);
}

/* Returns the path; NULL at the end. */
static const char *write_request(struct client *c)
{
	const char *path;
	ssize_t n;

	dp_buf_clear(&c->out);
	if (is_posting) {
		n = getline(&c->line, &c->line_cap, stdin);
		if (n <= 0)
			return NULL;
		write_post(c, (size_t)n);
		return "/stream";
	}
	if (now_us() >= end_us)
		return NULL;
	path = paths[c->next++ % path_count];
	write_get(c, path);
	return path;
}

static void *run(void *arg)
{
	struct client *c = arg;
	const char *path;

	while ((path = write_request(c))) {
		const int64_t start = now_us();
		int64_t us;

		if (send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL) != (ssize_t)c->out.len)
			errx(1, "cannot send a request");
		read_answer(c, path);
		us = now_us() - start;
		c->histogram[us < BUCKETS ? us : BUCKETS - 1]++;
		c->answers++;
	}
	return NULL;
}

static int64_t percentile(const struct client *clients, int count, uint64_t left)
{
	for (int64_t us = 0; us < BUCKETS; us++) {
		for (int i = 0; i < count; i++) {
			if (left < clients[i].histogram[us])
				return us;
			left -= clients[i].histogram[us];
		}
	}
	return BUCKETS;
}

int main(int argc, char **argv)
{
	struct client *clients;
	uint64_t answers = 0;
	uint64_t bytes = 0;
	int64_t start;
	int count;

	if (argc != 4)
		errx(2, "usage: get PORT CONNECTIONS SECONDS|- < PATHS|EVENTS");
	port = (int)strtol(argv[1], NULL, 10);
	count = (int)strtol(argv[2], NULL, 10);
	is_posting = strcmp(argv[3], "-") == 0;
	if (!is_posting)
		read_paths();
	clients = dp_mem_new((size_t)count * sizeof *clients);
	start = now_us();
	end_us = start + (int64_t)(strtod(argv[3], NULL) * 1e6);
	for (int i = 0; i < count; i++) {
		clients[i].next = path_count * (size_t)i / (size_t)count;
		dial(&clients[i]);
		if (pthread_create(&clients[i].thread, NULL, run, &clients[i]) != 0)
			errx(1, "no thread");
	}
	for (int i = 0; i < count; i++) {
		pthread_join(clients[i].thread, NULL);
		answers += clients[i].answers;
		bytes += clients[i].bytes;
	}
	printf("%" PRIu64 " %.3f %" PRId64 " %" PRId64 " %" PRId64 " %" PRIu64 "\n", answers,
	    (double)(now_us() - start) / 1e6, percentile(clients, count, answers / 2),
	    percentile(clients, count, answers * 99 / 100), percentile(clients, count, answers - 1),
	    bytes);
	return 0;
}
