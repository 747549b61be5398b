/* Cursors: places to go on from, opaque to clients. Pure. */
#ifndef CURSOR_H
#define CURSOR_H

#include "buf.h"

#include <stdint.h>

enum { CURSOR_EVENT_MAX = 32 }; /* bytes of an event's cursor, with the NUL */

enum cursor_fault {
	CURSOR_OK,
	CURSOR_MALFORMED,
	CURSOR_FOREIGN, /* of another database */
};

/* The cursor of an event: eight characters of the database's id and the event's number. */
void cursor_write_event(char out[CURSOR_EVENT_MAX], const char *store_id, int64_t seq);
enum cursor_fault cursor_parse_event(const char *text, const char *store_id, int64_t *seq);

/* The cursor of a page of traces: the time and id of the last one before it, in base64url. Release
 * *id with free(). */
void cursor_write_page(struct dp_buf *out, int64_t us, struct dp_str id);
enum cursor_fault cursor_parse_page(const char *text, int64_t *us, char **id);

#endif
