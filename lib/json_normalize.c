#include "json_scan.h"
#include "mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	MEMBERS_AT_HAND = 128, /* open members at all depths before memory is taken for them */
	FEW_MEMBERS = 24,      /* compared each with each; more are sorted */
};

/* A member of an object that is being written. */
struct member {
	char *start; /* its opening quote, in the output */
	size_t key_size;
	uint64_t tag; /* the first bytes of the key: most keys differ there */
	bool dead;    /* a later one has its name */
};

struct normalizer {
	struct dp_json_scan scan;
	int depth;
	struct member *members; /* of all open objects, the innermost last */
	size_t count;
	size_t cap;
	struct member at_hand[MEMBERS_AT_HAND];
};

/* Takes the opening bracket. */
static int enter(struct normalizer *n)
{
	if (n->depth == DP_JSON_DEPTH_MAX)
		return dp_json_scan_refuse(
		    &n->scan, n->scan.p, "too-deep", "nested deeper than 64 levels");
	n->depth++;
	dp_json_scan_copy(&n->scan);
	dp_json_scan_space(&n->scan);
	return 0;
}

/* Takes the closing bracket. */
static int leave(struct normalizer *n)
{
	n->depth--;
	dp_json_scan_copy(&n->scan);
	return 0;
}

/* Takes the comma after an element or a member. */
static void take_comma(struct normalizer *n)
{
	dp_json_scan_copy(&n->scan);
	dp_json_scan_space(&n->scan);
}

static int take_value(struct normalizer *n);

static int take_array(struct normalizer *n)
{
	if (enter(n) < 0)
		return -1;
	if (dp_json_scan_next_is(&n->scan, ']'))
		return leave(n);
	for (;;) {
		if (take_value(n) < 0)
			return -1;
		dp_json_scan_space(&n->scan);
		if (dp_json_scan_next_is(&n->scan, ']'))
			return leave(n);
		if (!dp_json_scan_next_is(&n->scan, ','))
			return dp_json_scan_expected(&n->scan, "',' or ']' after an element");
		take_comma(n);
	}
}

static struct member *add_member(struct normalizer *n)
{
	if (n->count == n->cap) {
		struct member *old = n->members == n->at_hand ? NULL : n->members;

		n->cap *= 2;
		n->members = dp_mem_resize_array(old, n->cap, sizeof *n->members);
		if (!old)
			memcpy(n->members, n->at_hand, sizeof n->at_hand);
	}
	return &n->members[n->count++];
}

/* Takes a member's name and the colon. */
static int take_key(struct normalizer *n)
{
	struct dp_json_scan *s = &n->scan;
	struct member *m = add_member(n);

	if (!dp_json_scan_next_is(s, '"'))
		return dp_json_scan_expected(s, "a member's name in double quotes");
	*m = (struct member){.start = s->w};
	if (dp_json_scan_string(s) < 0)
		return -1;
	m->key_size = (size_t)(s->w - m->start) - 2;
	memcpy(&m->tag, m->start + 1, m->key_size < sizeof m->tag ? m->key_size : sizeof m->tag);
	dp_json_scan_space(s);
	if (!dp_json_scan_next_is(s, ':'))
		return dp_json_scan_expected(s, "':' after a member's name");
	dp_json_scan_copy(s);
	return 0;
}

static bool same_key(const struct member *a, const struct member *b)
{
	return a->tag == b->tag && a->key_size == b->key_size &&
	       memcmp(a->start + 1, b->start + 1, a->key_size) == 0;
}

struct reference {
	struct member *to;
};

/* By name, then by place. */
static int compare_references(const void *left, const void *right)
{
	const struct member *a = ((const struct reference *)left)->to;
	const struct member *b = ((const struct reference *)right)->to;
	int by_name;

	if (a->tag != b->tag)
		return a->tag < b->tag ? -1 : 1;
	if (a->key_size != b->key_size)
		return a->key_size < b->key_size ? -1 : 1;
	by_name = memcmp(a->start + 1, b->start + 1, a->key_size);
	if (by_name != 0)
		return by_name;
	return (a->start > b->start) - (a->start < b->start);
}

static bool find_among_few(struct member *m, size_t count)
{
	bool found = false;

	for (size_t i = 1; i < count; i++)
		for (size_t j = 0; j < i; j++)
			if (same_key(&m[i], &m[j]))
				found = m[j].dead = true;
	return found;
}

/* Sorting has no bad case that a sender could aim at, as a hash table has. */
static bool find_among_many(struct member *m, size_t count)
{
	struct reference order[DP_JSON_KEYS_MAX];
	bool found = false;

	assert(count > FEW_MEMBERS);
	for (size_t i = 0; i < count; i++)
		order[i].to = &m[i];
	qsort(order, count, sizeof *order, compare_references);
	for (size_t i = 1; i < count; i++)
		if (same_key(order[i - 1].to, order[i].to))
			found = order[i - 1].to->dead = true;
	return found;
}

/* Marks the members that have a later namesake; returns whether there are any. */
static bool find_duplicates(struct member *m, size_t count)
{
	return count <= FEW_MEMBERS ? find_among_few(m, count) : find_among_many(m, count);
}

/* Moves the living ones of an object's members together. */
static void drop_dead(struct dp_json_scan *s, const struct member *m, size_t count)
{
	char *first = m[0].start;
	char *w = first;

	for (size_t i = 0; i < count; i++) {
		const char *end = i + 1 < count ? m[i + 1].start - 1 : s->w;
		size_t size = (size_t)(end - m[i].start);

		if (m[i].dead)
			continue;
		if (w != first)
			*w++ = ',';
		memmove(w, m[i].start, size);
		w += size;
	}
	s->w = w;
	s->fixed |= DP_JSON_FIXED_DUPLICATE;
}

static int take_members(struct normalizer *n, size_t first)
{
	struct dp_json_scan *s = &n->scan;

	for (;;) {
		if (n->count - first == DP_JSON_KEYS_MAX)
			return dp_json_scan_refuse(
			    s, s->p, "too-many-keys", "an object of more than 1000 members");
		if (take_key(n) < 0 || take_value(n) < 0)
			return -1;
		dp_json_scan_space(s);
		if (dp_json_scan_next_is(s, '}'))
			return 0;
		if (!dp_json_scan_next_is(s, ','))
			return dp_json_scan_expected(s, "',' or '}' after a member");
		take_comma(n);
	}
}

static int take_object(struct normalizer *n)
{
	size_t first = n->count;

	if (enter(n) < 0)
		return -1;
	if (dp_json_scan_next_is(&n->scan, '}'))
		return leave(n);
	if (take_members(n, first) < 0)
		return -1;
	if (find_duplicates(n->members + first, n->count - first))
		drop_dead(&n->scan, n->members + first, n->count - first);
	n->count = first;
	return leave(n);
}

static int take_value(struct normalizer *n)
{
	struct dp_json_scan *s = &n->scan;

	dp_json_scan_space(s);
	switch (s->p < s->end ? *s->p : '\0') {
	case '{':
		return take_object(n);
	case '[':
		return take_array(n);
	case '"':
		return dp_json_scan_string(s);
	case 't':
		return dp_json_scan_word(s, "true");
	case 'f':
		return dp_json_scan_word(s, "false");
	case 'n':
		return dp_json_scan_word(s, "null");
	default:
		return dp_json_scan_number(s);
	}
}

/* RFC 8259 leaves a byte order mark to us. It is refused, because other readers of the same file
 * would stumble over it. */
static int take_text(struct normalizer *n)
{
	struct dp_json_scan *s = &n->scan;

	if (s->end - s->p >= 3 && memcmp(s->p, "\xef\xbb\xbf", 3) == 0)
		return dp_json_scan_refuse(
		    s, s->p, "not-json", "a byte order mark: write UTF-8 without one");
	dp_json_scan_space(s);
	if (s->p == s->end)
		return dp_json_scan_refuse(s, s->p, "not-json", "empty: no value at all");
	if (take_value(n) < 0)
		return -1;
	dp_json_scan_space(s);
	if (s->p < s->end)
		return dp_json_scan_expected(s, "the end after the value");
	return 0;
}

int dp_json_normalize(const char *text, size_t n, struct dp_buf *out, struct dp_refusal *why)
{
	const char *start = n ? text : "";
	struct normalizer norm;
	int rc;

	/* Not by an initializer: that would clear the members, too. */
	dp_buf_reserve(out, n + 1);
	norm.scan = (struct dp_json_scan){start, start, start + n, out->data + out->len, 0, why};
	norm.depth = 0;
	norm.members = norm.at_hand;
	norm.count = 0;
	norm.cap = MEMBERS_AT_HAND;
	rc = take_text(&norm);
	if (rc == 0)
		out->len = (size_t)(norm.scan.w - out->data);
	if (norm.members != norm.at_hand)
		free(norm.members);
	return rc < 0 ? -1 : norm.scan.fixed;
}
