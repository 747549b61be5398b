/* The files of the page, compiled into the program. */
#ifndef ASSETS_H
#define ASSETS_H

#include "request.h"

#include <stdbool.h>

/* Answers where the request's path is one of a file: with it, or with 304 where the client has it.
 * Returns whether it was, with the outcome in *result. */
bool assets_answer(struct request *r, enum MHD_Result *result);

/* Whether a path is one of a file. */
bool assets_has(struct dp_str path);

#endif
