/* Answers: documents and problems, each with the security headers. A document is compressed where
 * its client takes that and it is worth it, and has an entity tag. */
#ifndef ANSWER_H
#define ANSWER_H

#include "buf.h"
#include "etag.h"
#include "problem.h"
#include "request.h"
#include "store.h"

#include <stdbool.h>

/* Puts the headers that every answer has on a response. */
void answer_add_headers(struct MHD_Response *response);

/* Queues a response and releases it. */
enum MHD_Result answer_queue(struct request *r, int status, struct MHD_Response **response);

/* What a response says of its body. */
struct answer_head {
	const char *type;        /* Content-Type */
	const struct etag *etag; /* NULL: none, and it is not kept by anybody */
	const char *file;        /* the name to keep it under, or NULL */
	const char *cursor;      /* at which it begins (DevPulse-Cursor), or NULL */
	bool is_partial; /* not all that was asked for was found in time (DevPulse-Partial) */
	bool is_public;  /* the same for everybody, who need show no token */
};

/* Puts its headers on a response. */
void answer_add_head(
    struct MHD_Response *response, const struct answer_head *head, bool is_compressed);

/* A response whose body is made as its client takes it, and of a length that nobody knows before
 * its end; NULL where there is no memory. The callbacks are those of libmicrohttpd. */
struct MHD_Response *answer_in_pieces(const struct request *r, size_t block_bytes,
    MHD_ContentReaderCallback on_room, void *arg, MHD_ContentReaderFreeCallback release);

/* Whether the client takes a compressed body. */
bool answer_takes_gzip(const struct request *r);

/* Answers 304 in *result where the client has the body already; returns whether it has. */
bool answer_unchanged(struct request *r, const struct answer_head *head, enum MHD_Result *result);

/* Answers 200 with a whole body; takes it. */
enum MHD_Result answer_body(struct request *r, const struct answer_head *head, struct dp_buf *body);

/* The same with a document of JSON and a tag made from it, or 304. */
enum MHD_Result answer_json(struct request *r, struct dp_buf *body);

/* The same with JSON that tells the state of this moment: nobody keeps it. */
enum MHD_Result answer_state(struct request *r, struct dp_buf *body);

/* Answers with a problem document (RFC 9457). `detail` is for people. */
enum MHD_Result answer_problem(struct request *r, enum problem problem, const char *detail);

/* The same for a request that failed a check: the connection is closed behind it, for where the
 * next request begins is not certain. */
enum MHD_Result answer_refusal(struct request *r, enum problem problem, const char *detail);

/* The same with a list of bad parameters: `errors` is the inside of a JSON array of objects. */
enum MHD_Result answer_bad_parameters(struct request *r, struct dp_str errors);

/* Adds to such a list. */
void answer_add_error(struct dp_buf *errors, const char *parameter, const char *detail);

/* The same for what is wrong at a place of the value: a character, counted from 1. */
void answer_add_error_at(
    struct dp_buf *errors, const char *parameter, size_t character, const char *detail);

/* Answers for a store whose last call failed; a store that is NULL is away. */
enum MHD_Result answer_store_problem(struct request *r, const struct dp_store *s);

/* The same, whatever it was: it may serve later. */
enum MHD_Result answer_store_away(struct request *r, const struct dp_store *s);

#endif
