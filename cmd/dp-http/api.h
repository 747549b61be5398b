/* The routes and their handlers; docs/openapi.yaml is the contract. */
#ifndef API_H
#define API_H

#include "request.h"

/* Answers a request that has passed the checks: by a file of the page or a route of the API. Takes
 * the request's method, target, service and connection; fills in the rest. */
enum MHD_Result api_answer(struct request *r);

#endif
