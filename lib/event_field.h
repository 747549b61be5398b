/* The table of an event's fields (devpulse-event(5)). Used by event*.c alone. */
#ifndef DP_EVENT_FIELD_H
#define DP_EVENT_FIELD_H

#include "buf.h"

enum dp_event_field {
	/* written first, in this order */
	DP_FIELD_TRACE_ID,
	DP_FIELD_EVENT_ID,
	DP_FIELD_TIMESTAMP,
	DP_FIELD_SEVERITY,
	DP_FIELD_SYSTEM,
	DP_FIELD_TYPE,
	/* kept at their place */
	DP_FIELD_NAME,
	DP_FIELD_DETAILS,
	DP_FIELD_FILE,
	DP_FIELD_LINE,
	DP_FIELD_SOURCE,
	DP_FIELD_LOCALS,
	DP_FIELD_STACKTRACE,
	DP_FIELD_RESPONSE,
	DP_FIELD_ENVIRONMENT,
	DP_FIELD_SPAN_ID,
	DP_FIELD_PARENT_SPAN_ID,
	DP_FIELD_DURATION_MS,
	/* added by us and written last, in this order */
	DP_FIELD_RECEIVED_AT,
	DP_FIELD_TIMESTAMP_RAW,
	DP_FIELD_SEVERITY_RAW,
	DP_FIELD_REPAIRS,
	DP_FIELD_COUNT
};

/* What a field is called and may hold. */
struct dp_event_field_rule {
	struct dp_str name;
	struct dp_str key;  /* as it is written before the value: comma, name, colon */
	int types;          /* the bits 1 << DP_JSON_… of those it may have */
	const char *wanted; /* the same for people; NULL where it may have any */
};

extern const struct dp_event_field_rule dp_event_fields[DP_FIELD_COUNT];

/* The field of that name, or DP_FIELD_COUNT. */
enum dp_event_field dp_event_find_field(struct dp_str name);

#endif
