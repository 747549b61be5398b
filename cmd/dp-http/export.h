/* GET /api/traces/{id}/export: a trace as a file of NDJSON that dp-ingest(1) takes. */
#ifndef EXPORT_H
#define EXPORT_H

#include "request.h"
#include "store.h"

/* r->trace_id says which. */
int export_answer(struct request *r, struct dp_store *s, enum MHD_Result *result);

#endif
