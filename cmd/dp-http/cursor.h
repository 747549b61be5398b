/* Cursors: places to go on from, opaque to clients. Pure. */
#ifndef CURSOR_H
#define CURSOR_H

#include "buf.h"
#include "store.h"

#include <stdbool.h>
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

/* The cursor of a page: a place in a list, and what of it is asked for. */
struct cursor_page {
	char list; /* a letter for the list and its order */
	bool is_inclusive;
	bool is_backwards;
	uint32_t asked; /* stands for what else was asked: another question has no such place */
	struct dp_store_place place;
};

/* In base64url. */
void cursor_write_page(struct dp_buf *out, const struct cursor_page *c);
enum cursor_fault cursor_parse_page(const char *text, struct cursor_page *c);

#endif
