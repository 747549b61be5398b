/* What an event says, as the texts that the formats share. Nothing is escaped for a terminal yet.
 */
#ifndef DP_TAIL_FACTS_H
#define DP_TAIL_FACTS_H

#include "event.h"

#include <stdbool.h>

/* The word of a severity, in capitals: "ERROR", "WARN", "INFO", "DEBUG". */
const char *facts_severity(enum dp_severity s);

/* A member of the event; one that is null counts as missing: type DP_JSON_END. */
struct dp_json facts_member(const struct dp_json *event, const char *key);

/* Without spaces and line ends behind it. */
struct dp_str facts_trim(struct dp_str text);

/* Appends the name and the details, where these do not say the name again: "GET /: took long". Of
 * details that are no string about `max` bytes. */
void facts_add_message(struct dp_buf *out, const struct dp_json *event, size_t max);

/* Appends "file:line"; nothing where there is neither. */
void facts_add_place(struct dp_buf *out, const struct dp_json *event);

/* Appends "12.5 ms", "61.23 s", "15 min"; nothing where the event has no duration. */
void facts_add_duration(struct dp_buf *out, const struct dp_event *ev);
void facts_add_ms(struct dp_buf *out, double ms);

#endif
