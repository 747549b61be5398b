/* Events as JSON: GET /api/events where JSON is asked for, and /api/events/{id}. */
#ifndef EVENTS_H
#define EVENTS_H

#include "request.h"
#include "store.h"
#include "wish.h"

/* Answers as follow_answer (follow.h) does, with a document. */
int events_answer_list(
    struct request *r, struct dp_store *s, const struct wish *w, enum MHD_Result *result);

/* r->id is a cursor, or with ?trace= an event's id. */
int events_answer_one(struct request *r, struct dp_store *s, enum MHD_Result *result);

#endif
