/* GET /api/traces: the list. */
#ifndef TRACES_H
#define TRACES_H

#include "request.h"
#include "store.h"

int traces_answer(struct request *r, struct dp_store *s, enum MHD_Result *result);

#endif
