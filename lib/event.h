/* The event: the one record of DevPulse (devpulse-event(5)). This module alone knows the names of
 * its fields: it reads what an application sent, checks and normalises it, and gives the fields
 * that the programs need. */
#ifndef DP_EVENT_H
#define DP_EVENT_H

#include "buf.h"
#include "json.h"
#include "pos.h"
#include "uuid.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	DP_EVENT_BYTES_MAX = 1024 * 1024, /* of one event as sent */
	/* of a normalised one on a pipe, with all that we and a transport add; the canonical form
	 * of what was sent is never longer than it */
	DP_EVENT_LINE_MAX = DP_EVENT_BYTES_MAX + 4096,
	DP_EVENT_TRACE_ID_MAX = 128, /* bytes */
	DP_EVENT_NAME_MAX = 512,     /* bytes of system, type, environment: they are indexed */
};

enum dp_severity { DP_DEBUG, DP_INFO, DP_WARNING, DP_ERROR };

/* A normalised event. The strings are decoded UTF-8. */
struct dp_event {
	struct dp_str json; /* the whole event, canonical, one line without newline */
	struct dp_str trace_id;
	struct dp_str system;
	struct dp_str type;
	struct dp_str title; /* `name`, else `details` where that is a string, cut at 200 bytes at a
				character's border; may be empty */
	struct dp_str details;     /* where that is a string, cut alike; may be empty */
	struct dp_str environment; /* empty where it is not given */
	char event_id[DP_UUID_TEXT + 1];
	enum dp_severity severity;
	int64_t ts_us;    /* `timestamp` */
	bool ts_received; /* it is that of receipt: none was given, and a repeat may have another */
	bool has_duration; /* duration_ms was given */
	double duration_ms;
	struct dp_pos pos; /* `_pos`: of the line in a spool; pos.spool is "" where it has none */
	bool is_bare;      /* only with -1: the line is a position and nothing else */
};

struct dp_event_reader;

struct dp_event_reader *dp_event_reader_new(void);
void dp_event_reader_free(struct dp_event_reader **r);

/* Normalises one event. The result is one object whose first members are traceId, eventId,
 * timestamp, severity, system, type in this order, then the others as they were sent, then those
 * that were added (receivedAt, timestampRaw, severityRaw, repairs). Reading a normalised event
 * gives the same bytes again. Members that begin with '_' belong to a transport (_pos, _cursor) and
 * are removed; what _pos says stands beside the event. `now_us` is the time of receipt. More than
 * DP_EVENT_BYTES_MAX are taken only of an event that has a receivedAt, and so was normalised
 * before. Returns 0 with *ev, good until the next call with this reader; or -1 with *why,
 * ev->event_id and ev->pos those of the text if they could be read, else "", ev->is_bare, and the
 * rest of *ev undefined. Who reads a pipe passes over what is_bare says in silence. */
int dp_event_read(struct dp_event_reader *r, struct dp_str text, int64_t now_us,
    struct dp_event *ev, struct dp_refusal *why);

/* A copy in one block that owns its strings; release with free(). */
struct dp_event *dp_event_copy(const struct dp_event *ev);

/* Whether a member of this name has a meaning (devpulse-event(5)); others are the application's. */
bool dp_event_is_field(struct dp_str name);

const char *dp_severity_name(enum dp_severity s);

/* Reads one of the four names, in any case: 0; or a usual synonym ("WARN", "fatal", …): 1. Returns
 * -1 with *out untouched where it is neither. */
int dp_severity_parse(struct dp_str name, enum dp_severity *out);

/* An integer for an event id that is the same whenever it is asked for and fits a double exactly
 * (53 bits, not negative): what REST calls `id`. It is FNV-1a (64 bits) of the UUID's 16 bytes,
 * shifted right by 11; clients may have kept it, so it stays so. */
int64_t dp_event_number(const char event_id[DP_UUID_TEXT + 1]);

/* Appends the event's members as an object, without those that stand beside it in REST's shape
 * (traceId, system, type, timestamp): `data` of /api/traces/{id}. */
void dp_event_write_data(struct dp_buf *out, struct dp_str json);

/* What joins an event to others of its trace. The ids are the texts of canonical JSON strings, with
 * their quotes: equal where the strings are. */
struct dp_event_span {
	struct dp_str id;     /* spanId; empty where it is not given */
	struct dp_str parent; /* parentSpanId */
	bool has_duration;
	double duration_ms;
};

/* Reads it from a normalised event's JSON, which *span borrows. */
void dp_event_read_span(struct dp_str json, struct dp_event_span *span);

/* Splits a message (a frame, a body) into its events: an array of objects, or objects one after
 * another, each on a line (NDJSON) or over several lines. A part that is no object is given too, to
 * be refused by dp_event_read; what is well formed around it is not disturbed, as far as brackets
 * and quotes match. Takes time linear in the message. Start with {message}. */
struct dp_event_splitter {
	struct dp_str rest;
	int form; /* 0 before the first call */
};

/* The next part in *part, without white space around; false at the end. An empty message has no
 * parts; an empty array neither. A part may be empty, as in [{…},] or for a ] that is missing. */
bool dp_event_split(struct dp_event_splitter *s, struct dp_str *part);

#endif
