/* Errors that are the same, in groups: GET /api/errors, /api/errors/{fingerprint} and the errors in
 * one. */
#ifndef ERRORS_H
#define ERRORS_H

#include "request.h"
#include "store.h"

/* r->id is the fingerprint. */
int errors_answer(struct request *r, struct dp_store *s, enum MHD_Result *result);
int errors_answer_group(struct request *r, struct dp_store *s, enum MHD_Result *result);
int errors_answer_events(struct request *r, struct dp_store *s, enum MHD_Result *result);

#endif
