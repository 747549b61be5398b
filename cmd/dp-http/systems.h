/* The systems of a census as documents list them: those that were told apart, the others last. */
#ifndef SYSTEMS_H
#define SYSTEMS_H

#include "buf.h"
#include "census.h"

#include <stdbool.h>

/* Writes the row of this number. */
typedef void systems_write_fn(struct dp_buf *out, const void *arg, size_t row);

/* Writes the rows of a census that is ranked, with commas between. Returns whether there are
 * others.
 */
bool systems_write(
    struct dp_buf *out, const struct dp_census *c, systems_write_fn *write, const void *arg);

/* Writes the name of a row's system; that of the others is "(other)". */
void systems_write_name(struct dp_buf *out, const struct dp_census *c, size_t row);

#endif
