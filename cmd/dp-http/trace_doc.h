/* GET /api/traces/{id} and its timeline: one trace as a document. */
#ifndef TRACE_DOC_H
#define TRACE_DOC_H

#include "request.h"
#include "store.h"

/* Handlers of the route table (api.c); r->trace_id says which trace. */
int trace_doc_answer(struct request *r, struct dp_store *s, enum MHD_Result *result);
int trace_doc_answer_timeline(struct request *r, struct dp_store *s, enum MHD_Result *result);

/* Appends a difference of microseconds in milliseconds: 12, 12.5, 12.345. */
void trace_doc_write_ms(struct dp_buf *out, int64_t us);

/* Appends an instant as a JSON string, with as many digits as it needs: 0, 3 or 6. */
void trace_doc_write_time(struct dp_buf *out, int64_t us);

/* Appends an event in the shape of the API. Its own text is copied, so that its numbers and its
 * time keep their digits. */
void trace_doc_write_event(struct dp_buf *out, const struct dp_store_row *row);

#endif
