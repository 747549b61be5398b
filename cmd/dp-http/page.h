/* Pages of lists: from `limit` and `cursor` to {"items", "next", "prev", "partial"} and the links.
 */
#ifndef PAGE_H
#define PAGE_H

#include "cursor.h"
#include "request.h"
#include "store.h"

#include <stdbool.h>

enum {
	PAGE_LIMIT_DEFAULT = 50,
	PAGE_LIMIT_MAX = 500,
	PAGE_BYTES_MAX = 8 * 1024 * 1024, /* of items, and one more: then a page is full */
	PAGE_MS = 2000,                   /* to look for what is rare */
};

struct page {
	/* What page_init makes of the question; the handler sets what else is wanted, and reads
	 * it from the store: one row more than fits, to see whether there are more. */
	struct dp_store_list list;
	struct cursor_page asked; /* its place is valid where list.from is set */
	size_t limit;

	/* The items in the order in which they were read, each an object of JSON. */
	struct dp_buf text;
	struct page_item {
		size_t at; /* in the text */
		size_t n;
		struct dp_store_place place;
	} * items;
	size_t count;
	bool is_full; /* there are more */
};

/* Reads the parameters; what is wrong with them is added to *errors. `list` is the letter of the
 * list and its order; `of` what it is a list of, where the path says so, or NULL. *p is not to
 * move. Release in any case. */
void page_init(
    struct page *p, const struct query *q, char list, const char *of, struct dp_buf *errors);
void page_release(struct page *p);

/* Where to append the next item, or NULL where the page is full: then the reading is to end. */
struct dp_buf *page_next(struct page *p);

/* What was appended is an item, from this place. */
void page_add(struct page *p, const struct dp_store_place *place);

/* Answers. `reached`: where the time was over; or NULL. */
enum MHD_Result page_answer(
    struct request *r, const struct page *p, const struct dp_store_place *reached);

/* Reads a number of digits alone. Returns whether it is one, and within the bounds. */
bool page_parse_number(const char *text, long least, long most, size_t *out);

#endif
