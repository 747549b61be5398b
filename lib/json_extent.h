/* How far a string, an array or an object reaches, of a text that nobody has checked yet. */
#ifndef DP_JSON_EXTENT_H
#define DP_JSON_EXTENT_H

#include "buf.h"

/* The length of the string that s begins with, quotes included; 0 where it does not end. */
size_t dp_json_string_length(struct dp_str s);

/* The length of the array or object that s begins with; 0 where it does not end. Brackets are only
 * counted: whether they fit each other is for dp_json_normalize to see. */
size_t dp_json_container_length(struct dp_str s);

#endif
