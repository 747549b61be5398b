#include "body.h"

#include "clock.h"
#include "gzip.h"
#include "log.h"
#include "mem.h"
#include "pool.h"
#include "server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	WHOLE_BYTES = 64 * 1024, /* a body up to that is sent with its length */
	BLOCK_BYTES = 32 * 1024,
	MAKE_MS = 500,
	TRIES = 5, /* to read what goes meanwhile */
};

struct body {
	const struct body_maker *maker;
	void *arg;
	const struct service *service;
	struct MHD_Connection *connection;
	struct gzip *gzip;   /* or NULL */
	struct dp_buf piece; /* made, and not yet packed */
	struct dp_buf out;   /* as it is sent */
	size_t sent;         /* of it */
	enum body_step step; /* the last */
};

static void release(void *cls)
{
	struct body *b = cls;

	b->maker->release(b->arg);
	gzip_free(&b->gzip);
	dp_buf_release(&b->piece);
	dp_buf_release(&b->out);
	free(b);
}

/* Makes pieces until there are so many bytes, or no more can be made, or in time. */
static void make(struct body *b, struct dp_store *s, size_t bytes)
{
	const int64_t end_ms = dp_clock_monotonic_ms() + MAKE_MS;

	do
		b->step = b->maker->next(b->arg, s, &b->piece);
	while (b->step == BODY_MORE && b->piece.len < bytes && dp_clock_monotonic_ms() < end_ms);
}

/* Turns what was made into what is sent. */
static void pack(struct body *b)
{
	b->sent = 0;
	if (!b->gzip) {
		dp_buf_release(&b->out);
		b->out = b->piece;
		b->piece = (struct dp_buf){0};
		return;
	}
	dp_buf_clear(&b->out);
	gzip_add(b->gzip, dp_buf_str(&b->piece), b->step == BODY_END, &b->out);
	dp_buf_clear(&b->piece);
}

/* Makes the next piece with a handle of its own. */
static void make_later(struct body *b)
{
	struct pool *pool = b->service->pool;
	struct dp_store *s = pool_take(pool);

	if (s) {
		make(b, s, 1);
		pool_give(pool, &s, b->step != BODY_FAILED || dp_store_fault(s) != DP_STORE_AWAY);
	} else {
		b->step = BODY_FAILED;
	}
}

/* Resets the connection, for the library would end it in peace: and in HTTP/1.0, which proxies
 * speak, that is the end of a body. */
static void cut(const struct body *b)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(b->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	dp_log_limited(DP_LOG_WARNING, "body", "an answer is cut off: %s",
	    b->step == BODY_GONE ? "what it began with was removed"
				 : "the database does not answer");
	if (info)
		(void)connect(info->connect_fd, &nobody, sizeof nobody);
}

static ssize_t on_room(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct body *b = cls;
	size_t n;

	(void)pos;
	server_note_progress(b->connection);
	while (b->sent == b->out.len) {
		if (b->step == BODY_END)
			return MHD_CONTENT_READER_END_OF_STREAM;
		make_later(b);
		if (b->step != BODY_MORE && b->step != BODY_END) {
			cut(b);
			return MHD_CONTENT_READER_END_WITH_ERROR;
		}
		pack(b);
	}
	n = b->out.len - b->sent < max ? b->out.len - b->sent : max;
	memcpy(buf, b->out.data + b->sent, n);
	b->sent += n;
	return (ssize_t)n;
}

/* *b is the response's from here on. */
static enum MHD_Result stream(struct request *r, const struct answer_head *head, struct body *b)
{
	struct MHD_Response *response;

	b->gzip = answer_takes_gzip(r) ? gzip_new() : NULL;
	pack(b);
	response = answer_in_pieces(r, BLOCK_BYTES, on_room, b, release);
	if (!response) {
		release(b);
		return MHD_NO;
	}
	answer_add_head(response, head, b->gzip != NULL);
	return answer_queue(r, 200, &response);
}

int body_answer(struct request *r, struct dp_store *s, const struct answer_head *head,
    const struct body_maker *maker, void *arg, enum MHD_Result *result)
{
	struct body *b = dp_mem_new(sizeof *b);
	enum body_step step;

	*b = (struct body){
	    .maker = maker, .arg = arg, .service = r->service, .connection = r->connection};
	make(b, s, WHOLE_BYTES);
	step = b->step;
	if (step == BODY_MORE) {
		*result = stream(r, head, b);
		return 0;
	}
	if (step == BODY_END)
		*result = answer_body(r, head, &b->piece);
	release(b);
	return step == BODY_FAILED ? -1 : step == BODY_GONE;
}

int body_answer_by(int (*answer)(struct request *r, struct dp_store *s, enum MHD_Result *result),
    struct request *r, struct dp_store *s, enum MHD_Result *result)
{
	for (int i = 0; i < TRIES; i++) {
		const int rc = answer(r, s, result);

		if (rc <= 0)
			return rc;
	}
	*result = answer_problem(r, PROBLEM_BEING_REMOVED,
	    "what was asked for is being removed as it is read; ask again");
	return 0;
}
