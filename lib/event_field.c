#include "event_field.h"

#include "json.h"

#include <string.h>

enum {
	STRING = 1 << DP_JSON_STRING,
	NUMBER = 1 << DP_JSON_NUMBER,
	OBJECT = 1 << DP_JSON_OBJECT,
	ARRAY = 1 << DP_JSON_ARRAY,
	ANY = -1,
};

#define NAMED(text) DP_STR(text), DP_STR(",\"" text "\":")

const struct dp_event_field_rule dp_event_fields[DP_FIELD_COUNT] = {
    [DP_FIELD_TRACE_ID] = {NAMED("traceId"), STRING, "a string"},
    [DP_FIELD_EVENT_ID] = {NAMED("eventId"), STRING, "a string"},
    [DP_FIELD_TIMESTAMP] = {NAMED("timestamp"), ANY, NULL},
    [DP_FIELD_SEVERITY] = {NAMED("severity"), STRING, "a string"},
    [DP_FIELD_SYSTEM] = {NAMED("system"), STRING, "a string"},
    [DP_FIELD_TYPE] = {NAMED("type"), STRING, "a string"},
    [DP_FIELD_NAME] = {NAMED("name"), STRING, "a string"},
    [DP_FIELD_DETAILS] = {NAMED("details"), ANY, NULL},
    [DP_FIELD_FILE] = {NAMED("file"), STRING, "a string"},
    [DP_FIELD_LINE] = {NAMED("line"), NUMBER, "a whole number"},
    [DP_FIELD_SOURCE] = {NAMED("source"), STRING, "a string"},
    [DP_FIELD_LOCALS] = {NAMED("locals"), OBJECT, "an object"},
    [DP_FIELD_STACKTRACE] = {NAMED("stacktrace"), ARRAY | STRING, "an array or a string"},
    [DP_FIELD_RESPONSE] = {NAMED("response"), STRING, "a string"},
    [DP_FIELD_ENVIRONMENT] = {NAMED("environment"), STRING, "a string"},
    [DP_FIELD_SPAN_ID] = {NAMED("spanId"), STRING, "a string"},
    [DP_FIELD_PARENT_SPAN_ID] = {NAMED("parentSpanId"), STRING, "a string"},
    [DP_FIELD_DURATION_MS] = {NAMED("durationMs"), NUMBER, "a number"},
    [DP_FIELD_RECEIVED_AT] = {NAMED("receivedAt"), STRING, "a string"},
    [DP_FIELD_TIMESTAMP_RAW] = {NAMED("timestampRaw"), ANY, NULL},
    [DP_FIELD_SEVERITY_RAW] = {NAMED("severityRaw"), ANY, NULL},
    [DP_FIELD_REPAIRS] = {NAMED("repairs"), ANY, NULL},
};

enum dp_event_field dp_event_find_field(struct dp_str name)
{
	int f = 0;

	/* The first characters tell most names apart without a call. */
	while (f < DP_FIELD_COUNT &&
	       (name.n != dp_event_fields[f].name.n || *name.p != *dp_event_fields[f].name.p ||
		   memcmp(name.p, dp_event_fields[f].name.p, name.n) != 0))
		f++;
	return (enum dp_event_field)f;
}
