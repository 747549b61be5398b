/* GET /api/stats: the events of a range of time in numbers. */
#ifndef STATS_DOC_H
#define STATS_DOC_H

#include "request.h"
#include "store.h"

/* A handler of the route table (api.c). */
int stats_doc_answer(struct request *r, struct dp_store *s, enum MHD_Result *result);

#endif
