#include "page.h"

#include "answer.h"
#include "clock.h"
#include "crc.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	LINKS_BYTES_MAX = 8 * 1024, /* a response's header has 32 KiB in all */
	ITEM_BYTES = 400,           /* for each there is room at once */
};

bool page_parse_number(const char *text, long least, long most, size_t *out)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno != 0 || n < least || n > most)
		return false;
	*out = (size_t)n;
	return true;
}

/* Stands for all that the items depend on, in whatever order it was said. */
static uint32_t hash_question(const struct query *q, const char *of)
{
	static const char *const others[] = {"limit", "cursor", "sort", "buckets"};
	struct dp_buf text = {0};
	uint32_t sum = of ? dp_crc32c(dp_str_from(of)) : 0;

	for (size_t i = 0; i < q->count; i++) {
		bool counts = true;

		for (size_t k = 0; k < sizeof others / sizeof *others; k++)
			counts = counts && strcmp(q->params[i].name, others[k]) != 0;
		if (!counts)
			continue;
		dp_buf_clear(&text);
		dp_buf_addf(&text, "%s=%s", q->params[i].name, q->params[i].value);
		sum += dp_crc32c(dp_buf_str(&text));
	}
	dp_buf_release(&text);
	return sum;
}

static void read_cursor(
    struct page *p, const char *text, const struct cursor_page *question, struct dp_buf *errors)
{
	if (cursor_parse_page(text, &p->asked) != CURSOR_OK) {
		answer_add_error(
		    errors, "cursor", "no cursor: it is what a page gave as next or prev");
		return;
	}
	if (p->asked.list != question->list || p->asked.asked != question->asked) {
		answer_add_error(errors, "cursor",
		    "it is of a page with another order or filter: begin again without it");
		return;
	}
	p->list.from = &p->asked.place;
	p->list.is_inclusive = p->asked.is_inclusive;
	p->list.is_backwards = p->asked.is_backwards;
}

void page_init(
    struct page *p, const struct query *q, char list, const char *of, struct dp_buf *errors)
{
	const struct cursor_page question = {.list = list, .asked = hash_question(q, of)};
	const char *limit = query_get(q, "limit");
	const char *cursor = query_get(q, "cursor");

	*p = (struct page){.asked = question, .limit = PAGE_LIMIT_DEFAULT};
	if (limit && !page_parse_number(limit, 1, PAGE_LIMIT_MAX, &p->limit))
		answer_add_error(errors, "limit", "a number from 1 to 500 is wanted");
	if (cursor)
		read_cursor(p, cursor, &question, errors);
	p->items = dp_mem_resize_array(NULL, p->limit, sizeof *p->items);
	dp_buf_reserve(&p->text, p->limit * ITEM_BYTES);
	p->list.limit = p->limit + 1;
	p->list.end_ms = dp_clock_monotonic_ms() + PAGE_MS;
}

void page_release(struct page *p)
{
	dp_buf_release(&p->text);
	free(p->items);
	p->items = NULL;
}

struct dp_buf *page_next(struct page *p)
{
	p->is_full = p->count == p->limit || p->text.len > PAGE_BYTES_MAX;
	return p->is_full ? NULL : &p->text;
}

void page_add(struct page *p, const struct dp_store_place *place)
{
	const size_t at = p->count > 0 ? p->items[p->count - 1].at + p->items[p->count - 1].n : 0;

	p->items[p->count++] = (struct page_item){.at = at, .n = p->text.len - at, .place = *place};
}

/* Where to go on, and back. */
struct ways {
	struct cursor_page on;
	struct cursor_page back;
	bool has_on;
	bool has_back;
};

/* Who has come to the list's beginning may ask there again for what is new. */
static void find_ways(const struct page *p, const struct dp_store_place *reached, struct ways *out)
{
	const bool is_polled = p->list.is_backwards && !p->is_full && !reached;

	*out = (struct ways){p->asked, p->asked, false, false};
	if (p->count > 0) {
		out->on.place = p->items[p->count - 1].place;
		out->back.place = p->items[0].place;
		out->on.is_inclusive = out->back.is_inclusive = false;
	} else {
		out->back.is_inclusive = !p->asked.is_inclusive;
	}
	if (reached) {
		out->on.place = *reached;
		out->on.is_inclusive = false;
	}
	out->back.is_backwards = !p->asked.is_backwards;
	out->has_on = p->is_full || reached || is_polled;
	out->has_back = p->count > 0 || p->list.from;
}

/* The target with another cursor, as it may stand in a header between < and >. */
static bool is_cursor(const char *pair, size_t n)
{
	const size_t length = strcspn(pair, "=&");
	struct dp_buf name = {0};
	bool is = length < n && percent_decode((struct dp_str){pair, length}, true, &name) &&
		  dp_str_is(dp_buf_str(&name), "cursor");

	dp_buf_release(&name);
	return is;
}

static void add_target(struct dp_buf *out, const char *target, const char *cursor)
{
	const char *p = target + strcspn(target, "?");
	const char *before = "?";

	dp_buf_add(out, target, (size_t)(p - target));
	for (size_t n; *p; p += n) {
		n = strcspn(++p, "&");
		if (n == 0 || is_cursor(p, n))
			continue;
		dp_buf_add_text(out, before);
		for (size_t i = 0; i < n; i++)
			if (p[i] <= ' ' || p[i] > '~' || strchr("<>\"", p[i]))
				dp_buf_addf(out, "%%%02X", (unsigned char)p[i]);
			else
				dp_buf_add_char(out, p[i]);
		before = "&";
	}
	dp_buf_addf(out, "%scursor=%s", before, cursor);
}

/* Writes one of the two, as a member and as a link. */
static void write_way(struct dp_buf *body, struct dp_buf *links, const char *target,
    const char *name, const struct cursor_page *c)
{
	struct dp_buf cursor = {0};

	if (!c) {
		dp_buf_addf(body, ",\"%s\":null", name);
		return;
	}
	cursor_write_page(&cursor, c);
	dp_buf_addf(body, ",\"%s\":\"%s\"", name, dp_buf_text(&cursor));
	dp_buf_addf(links, "%s<", links->len > 0 ? ", " : "");
	add_target(links, target, dp_buf_text(&cursor));
	dp_buf_addf(links, ">; rel=\"%s\"", name);
	dp_buf_release(&cursor);
}

static void write_page(struct dp_buf *body, struct dp_buf *links, const char *target,
    const struct page *p, const struct dp_store_place *reached)
{
	const bool is_backwards = p->list.is_backwards;
	struct ways ways;

	find_ways(p, reached, &ways);
	dp_buf_reserve(body, p->text.len + p->count + 1024);
	dp_buf_add_text(body, "{\"items\":[");
	for (size_t i = 0; i < p->count; i++) {
		const struct page_item *it = &p->items[is_backwards ? p->count - 1 - i : i];

		dp_buf_add_text(body, i > 0 ? "," : "");
		dp_buf_add(body, p->text.data + it->at, it->n);
	}
	dp_buf_add_char(body, ']');
	if (is_backwards) {
		write_way(body, links, target, "next", ways.has_back ? &ways.back : NULL);
		write_way(body, links, target, "prev", ways.has_on ? &ways.on : NULL);
	} else {
		write_way(body, links, target, "next", ways.has_on ? &ways.on : NULL);
		write_way(body, links, target, "prev", ways.has_back ? &ways.back : NULL);
	}
	dp_buf_addf(body, ",\"partial\":%s}\n", reached ? "true" : "false");
}

enum MHD_Result page_answer(
    struct request *r, const struct page *p, const struct dp_store_place *reached)
{
	struct dp_buf body = {0};
	struct dp_buf links = {0};
	enum MHD_Result result;

	write_page(&body, &links, r->target, p, reached);
	if (links.len > 0 && links.len <= LINKS_BYTES_MAX)
		r->links = dp_buf_text(&links);
	result = answer_json(r, &body);
	r->links = NULL;
	dp_buf_release(&links);
	return result;
}
