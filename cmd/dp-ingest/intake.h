/* The intake: where events come in, whatever brought them. A message is split, each event of it is
 * checked and normalised (event.h), counted, and handed on or refused with a code and a reason. */
#ifndef INTAKE_H
#define INTAKE_H

#include "buf.h"
#include "event.h"
#include "json.h"

#include <stddef.h>
#include <stdint.h>

enum { INTAKE_CODES_MAX = 24 };

struct intake_counts {
	uint64_t received; /* events: accepted and refused */
	uint64_t accepted;
	uint64_t refused;
	struct {
		const char *code;
		uint64_t count;
	} by_code[INTAKE_CODES_MAX]; /* of the refused; ended by a NULL code */
};

/* Takes an accepted event; borrowed until it returns. */
typedef void intake_accept_fn(void *arg, const struct dp_event *ev);

struct intake {
	struct dp_event_reader *reader;
	intake_accept_fn *accept;
	void *accept_arg;
	bool is_pipe; /* bare positions may come, which are no events and no errors */
	struct intake_counts counts;
};

/* What a caller hears about an event that was refused; borrowed until the callback returns. */
struct intake_refusal {
	size_t index;         /* of the event in its message, from 0 */
	bool is_alone;        /* the message holds nothing else */
	const char *event_id; /* the client's, or "" */
	const struct dp_refusal *why;
};

typedef void intake_refuse_fn(void *arg, const struct intake_refusal *refusal);

void intake_init(struct intake *in, intake_accept_fn *accept, void *arg);
void intake_release(struct intake *in);

/* Takes one event. `from` is where it came from, for the log ("127.0.0.1", "line 17").
 * Returns 0, or -1 with *why and the client's event id in `event_id`; a bare position of a pipe
 * gives -1, too, and is not counted. */
int intake_event(struct intake *in, struct dp_str text, int64_t now_us, const char *from,
    struct dp_refusal *why, char event_id[DP_UUID_TEXT + 1]);

/* Takes a message: one event, an array of them, or NDJSON. `refuse` (may be NULL) is called for
 * each that is refused, in order. A message with nothing in it, not even an empty array, is refused
 * with the code "empty". Returns how many were accepted. */
size_t intake_message(struct intake *in, struct dp_str message, const char *from,
    intake_refuse_fn *refuse, void *arg);

/* Counts and logs (at most once a minute for each code, a constant string) what was refused before
 * it came to be an event: a message too large, a binary frame. */
void intake_refuse(struct intake *in, const char *code, const char *from, const char *why);

/* Appends "refused 3 (not-json 2, too-deep 1)". */
void intake_describe_refused(const struct intake_counts *c, struct dp_buf *out);

#endif
