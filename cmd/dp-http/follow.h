/* GET /api/events: the matching events in order of arrival, to the end or without one. */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "request.h"
#include "store.h"

/* A handler of the route table (api.c). */
int follow_answer(struct request *r, struct dp_store *s, enum MHD_Result *result);

#endif
