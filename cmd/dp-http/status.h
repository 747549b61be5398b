/* How the server does: /livez, /readyz and its alias /healthz, /metrics. */
#ifndef STATUS_H
#define STATUS_H

#include "request.h"
#include "store.h"

/* Handlers of the route table (api.c), which work without a store's handle. */
int status_answer_livez(struct request *r, struct dp_store *none, enum MHD_Result *result);
int status_answer_readyz(struct request *r, struct dp_store *none, enum MHD_Result *result);
int status_answer_metrics(struct request *r, struct dp_store *none, enum MHD_Result *result);

#endif
