/* JSON values for people: in a line, or as a tree of "name = value". */
#ifndef DP_TAIL_VALUE_H
#define DP_TAIL_VALUE_H

#include "fold.h"
#include "json.h"

#include <stddef.h>

/* Appends a value on one line: {id: 7, name: "x", tags: ["a", …]}. Of long strings only the
 * beginning, of large values the first members: about `max` bytes in all. Nothing is escaped for
 * the terminal yet: that is fold's work. Returns whether all of it is there. */
bool value_write_compact(struct dp_buf *out, const struct dp_json *v, size_t max);

/* Writes the members of an object, or the elements of an array, a line each with aligned names;
 * from the column `indent` on, large values as trees of their own. */
void value_write_tree(struct fold *f, const struct dp_json *v, int indent);

#endif
