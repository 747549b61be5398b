/* GET /api/flow: how events went from system to system. */
#ifndef FLOW_DOC_H
#define FLOW_DOC_H

#include "request.h"
#include "store.h"

/* A handler of the route table (api.c). */
int flow_doc_answer(struct request *r, struct dp_store *s, enum MHD_Result *result);

#endif
