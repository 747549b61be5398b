/* Answers: JSON documents and problems, each with the security headers. */
#ifndef ANSWER_H
#define ANSWER_H

#include "buf.h"
#include "problem.h"
#include "request.h"
#include "store.h"

/* Puts the headers that every answer has on a response. */
void answer_add_headers(struct MHD_Response *response);

/* Queues a response and releases it. */
enum MHD_Result answer_queue(struct request *r, int status, struct MHD_Response **response);

/* Answers 200 with a document of JSON; takes *body. */
enum MHD_Result answer_json(struct request *r, struct dp_buf *body);

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

#endif
