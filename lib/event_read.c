#include "event.h"

#include "clock.h"
#include "event_field.h"
#include "mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TITLE_MAX = 200,
	NUMBER_TEXT_MAX = 2 * DP_JSON_DIGITS_MAX + 5, /* sign, dot, e, sign, digits of both */
	/* A normalised event; leaves room in DP_EVENT_LINE_MAX for what a transport adds. */
	NORMALIZED_MAX = DP_EVENT_LINE_MAX - 1024,
};

static const struct {
	int bit;
	const char *name;
} REPAIR_NAMES[] = {
    {DP_JSON_FIXED_NUL, "nul"},
    {DP_JSON_FIXED_SURROGATE, "surrogate"},
    {DP_JSON_FIXED_DUPLICATE, "duplicate"},
};

enum { REPAIR_COUNT = sizeof REPAIR_NAMES / sizeof *REPAIR_NAMES };

struct dp_event_reader {
	struct dp_buf canonical; /* the event as it was sent, in canonical form */
	struct dp_buf decoded;   /* strings that had escapes; never moves while an event is read */
	struct dp_buf out;
	int repairs; /* DP_JSON_FIXED_*, of this reading */
	char new_trace_id[DP_HEX_ID_TEXT + 1];
	char timestamp[DP_CLOCK_MAX];
	char received[DP_CLOCK_MAX];
	struct dp_json values[DP_FIELD_COUNT]; /* DP_JSON_END: missing or null */
	struct dp_json pos;                    /* of the transport */
	struct dp_str kept[DP_JSON_KEYS_MAX];
	size_t kept_count;
	size_t member_count;
};

struct dp_event_reader *dp_event_reader_new(void)
{
	return dp_mem_new(sizeof(struct dp_event_reader));
}

void dp_event_reader_free(struct dp_event_reader **r)
{
	if (!*r)
		return;
	dp_buf_release(&(*r)->canonical);
	dp_buf_release(&(*r)->decoded);
	dp_buf_release(&(*r)->out);
	free(*r);
	*r = NULL;
}

/* Returns -1. */
static int __attribute__((format(printf, 3, 4)))
refuse(struct dp_refusal *why, const char *code, const char *fmt, ...)
{
	va_list args;

	why->code = code;
	va_start(args, fmt);
	vsnprintf(why->why, sizeof why->why, fmt, args);
	va_end(args);
	return -1;
}

static const char *type_name(enum dp_json_type type)
{
	static const char *const names[] = {
	    [DP_JSON_END] = "nothing",
	    [DP_JSON_NULL] = "null",
	    [DP_JSON_FALSE] = "a boolean",
	    [DP_JSON_TRUE] = "a boolean",
	    [DP_JSON_NUMBER] = "a number",
	    [DP_JSON_STRING] = "a string",
	    [DP_JSON_ARRAY] = "an array",
	    [DP_JSON_OBJECT] = "an object",
	};

	return names[type];
}

static bool is_given(const struct dp_event_reader *r, enum dp_event_field f)
{
	return r->values[f].type != DP_JSON_END;
}

/* Notes a member that keeps its place; neighbours become one span. */
static void keep(struct dp_event_reader *r, const struct dp_json *v)
{
	struct dp_str *last = r->kept_count ? &r->kept[r->kept_count - 1] : NULL;
	const char *start = v->key.p - 1;
	const char *end = v->text.p + v->text.n;

	if (last && last->p + last->n + 1 == start)
		last->n = (size_t)(end - last->p);
	else
		r->kept[r->kept_count++] = (struct dp_str){start, (size_t)(end - start)};
}

/* Sorts the members into the fields that we know and those that are kept as they are. */
static void collect(struct dp_event_reader *r)
{
	const struct dp_json event = dp_json_value(dp_buf_str(&r->canonical));
	struct dp_json_cursor c = dp_json_children(&event);
	struct dp_json v;

	memset(r->values, 0, sizeof r->values);
	r->pos.type = DP_JSON_END;
	r->kept_count = 0;
	r->member_count = 0;
	while (dp_json_next(&c, &v)) {
		enum dp_event_field f;

		r->member_count++;
		if (v.key.n > 0 && v.key.p[0] == '_') {
			if (dp_str_is(v.key, "_pos"))
				r->pos = v;
			continue;
		}
		f = dp_event_find_field(v.key);
		if (f < DP_FIELD_COUNT && v.type != DP_JSON_NULL)
			r->values[f] = v;
		if (f == DP_FIELD_COUNT || (f >= DP_FIELD_NAME && f < DP_FIELD_RECEIVED_AT))
			keep(r, &v);
	}
}

/* Whether a number is written without fraction and exponent. */
static bool is_whole(const struct dp_json *v)
{
	for (size_t i = 0; i < v->text.n; i++)
		if (v->text.p[i] == '.' || v->text.p[i] == 'e' || v->text.p[i] == 'E')
			return false;
	return true;
}

static int check_types(const struct dp_event_reader *r, struct dp_refusal *why)
{
	bool any_known = false;

	for (int f = 0; f < DP_FIELD_COUNT; f++) {
		const struct dp_json *v = &r->values[f];

		if (v->type == DP_JSON_END)
			continue;
		any_known = any_known || f < DP_FIELD_RECEIVED_AT;
		if (!(dp_event_fields[f].types & 1 << v->type))
			return refuse(why, "wrong-type", "%s: %s is wanted, not %s",
			    dp_event_fields[f].name.p, dp_event_fields[f].wanted,
			    type_name(v->type));
	}
	if (is_given(r, DP_FIELD_LINE) && !is_whole(&r->values[DP_FIELD_LINE]))
		return refuse(why, "wrong-type", "line: a whole number is wanted");
	if (!any_known)
		return refuse(why, "no-known-field",
		    "none of the fields of an event is there (traceId, severity, details, …)");
	return 0;
}

/* The characters of a string value; they live as long as the event. */
static struct dp_str decode(struct dp_event_reader *r, const struct dp_json *v)
{
	const size_t at = r->decoded.len;
	struct dp_str s;

	if (dp_json_plain(v, &s))
		return s;
	dp_json_decode(v, &r->decoded);
	return (struct dp_str){r->decoded.data + at, r->decoded.len - at};
}

/* Reads the position that the pipe gave the line; one that is not well formed is none. */
static void read_pos(struct dp_event_reader *r, struct dp_event *ev)
{
	struct dp_pos pos;

	if (r->pos.type == DP_JSON_STRING && dp_pos_parse(decode(r, &r->pos), &pos) == 0 &&
	    pos.offset <= INT64_MAX) {
		ev->pos = pos;
		ev->is_bare = r->member_count == 1;
	}
}

/* Reads the id that the client gave: refusals name it. */
static int read_event_id(struct dp_event_reader *r, struct dp_event *ev, struct dp_refusal *why)
{
	const struct dp_json *v = &r->values[DP_FIELD_EVENT_ID];

	if (v->type == DP_JSON_STRING && dp_uuid_parse(decode(r, v), ev->event_id) < 0)
		return refuse(why, "bad-event-id", "eventId: a UUID is wanted (RFC 9562)");
	return 0;
}

static bool has_control(struct dp_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return true;
	return false;
}

static int read_trace_id(struct dp_event_reader *r, struct dp_event *ev, struct dp_refusal *why)
{
	if (!is_given(r, DP_FIELD_TRACE_ID)) {
		dp_hex_id_new(r->new_trace_id);
		ev->trace_id = (struct dp_str){r->new_trace_id, DP_HEX_ID_TEXT};
		return 0;
	}
	ev->trace_id = decode(r, &r->values[DP_FIELD_TRACE_ID]);
	if (ev->trace_id.n == 0 || ev->trace_id.n > DP_EVENT_TRACE_ID_MAX)
		return refuse(why, "bad-trace-id", "traceId: 1 to %d bytes are wanted, not %zu",
		    DP_EVENT_TRACE_ID_MAX, ev->trace_id.n);
	if (has_control(ev->trace_id))
		return refuse(why, "bad-trace-id", "traceId: holds a control character");
	return 0;
}

/* Reads an indexed name; one that is missing or empty is `missing`. */
static int read_name(struct dp_event_reader *r, enum dp_event_field f, struct dp_str missing,
    struct dp_str *out, struct dp_refusal *why)
{
	*out = is_given(r, f) ? decode(r, &r->values[f]) : missing;
	if (out->n == 0) {
		r->values[f].type = DP_JSON_END;
		*out = missing;
	}
	if (out->n > DP_EVENT_NAME_MAX)
		return refuse(why, "too-long", "%s: at most %d bytes are wanted, not %zu",
		    dp_event_fields[f].name.p, DP_EVENT_NAME_MAX, out->n);
	return 0;
}

static int read_names(struct dp_event_reader *r, struct dp_event *ev, struct dp_refusal *why)
{
	const struct dp_str missing = ev->severity == DP_ERROR ? DP_STR("error") : DP_STR("log");

	if (read_name(r, DP_FIELD_SYSTEM, DP_STR("unknown"), &ev->system, why) < 0 ||
	    read_name(r, DP_FIELD_TYPE, missing, &ev->type, why) < 0)
		return -1;
	return read_name(r, DP_FIELD_ENVIRONMENT, (struct dp_str){0}, &ev->environment, why);
}

/* A value that is not one of the four names is kept in severityRaw. */
static void read_severity(struct dp_event_reader *r, struct dp_event *ev)
{
	const struct dp_json *v = &r->values[DP_FIELD_SEVERITY];

	ev->severity = DP_INFO;
	if (is_given(r, DP_FIELD_SEVERITY) && dp_severity_parse(decode(r, v), &ev->severity) != 0)
		r->values[DP_FIELD_SEVERITY_RAW] = *v;
}

/* Reads an instant; returns -1 where the field holds none. */
static int parse_time(struct dp_event_reader *r, enum dp_event_field f, struct dp_time *out)
{
	struct dp_str text;

	if (r->values[f].type != DP_JSON_STRING)
		return -1;
	text = decode(r, &r->values[f]);
	return dp_clock_parse(text.p, text.n, out);
}

static void read_times(struct dp_event_reader *r, int64_t now_us, struct dp_event *ev)
{
	struct dp_time received = {now_us, 0, 6};
	struct dp_time timestamp;

	parse_time(r, DP_FIELD_RECEIVED_AT, &received);
	timestamp = received;
	if (parse_time(r, DP_FIELD_TIMESTAMP, &timestamp) < 0 && is_given(r, DP_FIELD_TIMESTAMP))
		r->values[DP_FIELD_TIMESTAMP_RAW] = r->values[DP_FIELD_TIMESTAMP];
	ev->ts_us = timestamp.us;
	dp_clock_write(timestamp, r->timestamp);
	dp_clock_write(received, r->received);
	ev->ts_received = strcmp(r->timestamp, r->received) == 0;
}

static double read_number(struct dp_str number)
{
	char text[NUMBER_TEXT_MAX + 1];
	const size_t n = number.n < NUMBER_TEXT_MAX ? number.n : NUMBER_TEXT_MAX;

	memcpy(text, number.p, n);
	text[n] = '\0';
	return strtod(text, NULL);
}

static void read_duration(const struct dp_event_reader *r, struct dp_event *ev)
{
	const struct dp_json *v = &r->values[DP_FIELD_DURATION_MS];

	ev->has_duration = v->type != DP_JSON_END;
	ev->duration_ms = ev->has_duration ? read_number(v->text) : 0;
}

/* What is shown of a text in lists. */
static struct dp_str cut(struct dp_str s)
{
	if (s.n > TITLE_MAX)
		for (s.n = TITLE_MAX; ((unsigned char)s.p[s.n] & 0xc0) == 0x80;)
			s.n--;
	return s;
}

static void read_title(struct dp_event_reader *r, struct dp_event *ev)
{
	ev->title = ev->details = (struct dp_str){0};
	if (is_given(r, DP_FIELD_NAME))
		ev->title = cut(decode(r, &r->values[DP_FIELD_NAME]));
	if (r->values[DP_FIELD_DETAILS].type == DP_JSON_STRING)
		ev->details = cut(decode(r, &r->values[DP_FIELD_DETAILS]));
	if (ev->title.n == 0)
		ev->title = ev->details;
}

/* Writes what was sent, else `missing`, which needs no escapes. */
static void write_given(struct dp_event_reader *r, enum dp_event_field f, struct dp_str missing)
{
	dp_buf_add_str(&r->out, dp_event_fields[f].key);
	if (is_given(r, f)) {
		dp_buf_add_str(&r->out, r->values[f].text);
		return;
	}
	dp_buf_add_char(&r->out, '"');
	dp_buf_add_str(&r->out, missing);
	dp_buf_add_char(&r->out, '"');
}

static void write_text(struct dp_buf *out, enum dp_event_field f, const char *text)
{
	dp_buf_add_str(out, dp_event_fields[f].key);
	dp_buf_add_char(out, '"');
	dp_buf_add_text(out, text);
	dp_buf_add_char(out, '"');
}

/* The repairs that a first reading found, as the event says. */
static int named_repairs(const struct dp_json *v)
{
	struct dp_json_cursor c = dp_json_children(v);
	struct dp_json name;
	struct dp_str text;
	int bits = 0;

	if (v->type != DP_JSON_ARRAY)
		return 0;
	while (dp_json_next(&c, &name))
		for (size_t i = 0; i < REPAIR_COUNT; i++)
			if (dp_json_plain(&name, &text) && dp_str_is(text, REPAIR_NAMES[i].name))
				bits |= REPAIR_NAMES[i].bit;
	return bits;
}

static void write_repairs(struct dp_event_reader *r)
{
	const int bits = r->repairs | named_repairs(&r->values[DP_FIELD_REPAIRS]);
	const char *before = "[\"";

	if (r->repairs == 0) {
		if (is_given(r, DP_FIELD_REPAIRS))
			write_given(r, DP_FIELD_REPAIRS, (struct dp_str){0});
		return;
	}
	dp_buf_add_str(&r->out, dp_event_fields[DP_FIELD_REPAIRS].key);
	for (size_t i = 0; i < REPAIR_COUNT; i++) {
		if (!(bits & REPAIR_NAMES[i].bit))
			continue;
		dp_buf_add_text(&r->out, before);
		dp_buf_add_text(&r->out, REPAIR_NAMES[i].name);
		before = "\",\"";
	}
	dp_buf_add_text(&r->out, "\"]");
}

static void write_event(struct dp_event_reader *r, const struct dp_event *ev)
{
	write_given(r, DP_FIELD_TRACE_ID, ev->trace_id);
	r->out.data[0] = '{'; /* and not a comma */
	write_text(&r->out, DP_FIELD_EVENT_ID, ev->event_id);
	write_text(&r->out, DP_FIELD_TIMESTAMP, r->timestamp);
	write_text(&r->out, DP_FIELD_SEVERITY, dp_severity_name(ev->severity));
	write_given(r, DP_FIELD_SYSTEM, ev->system);
	write_given(r, DP_FIELD_TYPE, ev->type);
	for (size_t i = 0; i < r->kept_count; i++) {
		dp_buf_add_char(&r->out, ',');
		dp_buf_add_str(&r->out, r->kept[i]);
	}
	write_text(&r->out, DP_FIELD_RECEIVED_AT, r->received);
	if (is_given(r, DP_FIELD_TIMESTAMP_RAW))
		write_given(r, DP_FIELD_TIMESTAMP_RAW, (struct dp_str){0});
	if (is_given(r, DP_FIELD_SEVERITY_RAW))
		write_given(r, DP_FIELD_SEVERITY_RAW, (struct dp_str){0});
	write_repairs(r);
	dp_buf_add_char(&r->out, '}');
}

/* Makes r->canonical of the text and checks that it is an object. */
static int read_json(struct dp_event_reader *r, struct dp_str text, struct dp_refusal *why)
{
	if (text.n > DP_EVENT_LINE_MAX)
		return refuse(why, "too-large", "an event of %zu bytes; at most %d are taken",
		    text.n, DP_EVENT_BYTES_MAX);
	dp_buf_clear(&r->canonical);
	dp_buf_clear(&r->decoded);
	dp_buf_clear(&r->out);
	r->repairs = dp_json_normalize(text.p, text.n, &r->canonical, why);
	if (r->repairs < 0)
		return -1;
	dp_buf_reserve(&r->decoded, r->canonical.len);
	if (r->canonical.data[0] != '{')
		return refuse(why, "not-object", "an event is a JSON object, not %s",
		    type_name(dp_json_value(dp_buf_str(&r->canonical)).type));
	return 0;
}

/* What was not normalised before, and so has no receivedAt, keeps to the limit of what is sent;
 * what was may have what we added. */
static int check_size(const struct dp_event_reader *r, size_t sent, struct dp_refusal *why)
{
	if (r->out.len > NORMALIZED_MAX ||
	    (!is_given(r, DP_FIELD_RECEIVED_AT) && sent > DP_EVENT_BYTES_MAX))
		return refuse(why, "too-large", "an event of %zu bytes; at most %d are taken", sent,
		    DP_EVENT_BYTES_MAX);
	return 0;
}

int dp_event_read(struct dp_event_reader *r, struct dp_str text, int64_t now_us,
    struct dp_event *ev, struct dp_refusal *why)
{
	ev->event_id[0] = '\0';
	ev->pos = (struct dp_pos){.offset = 0};
	ev->is_bare = false;
	if (read_json(r, text, why) < 0)
		return -1;
	collect(r);
	read_pos(r, ev);
	if (read_event_id(r, ev, why) < 0 || check_types(r, why) < 0 ||
	    read_trace_id(r, ev, why) < 0)
		return -1;
	read_severity(r, ev);
	if (read_names(r, ev, why) < 0)
		return -1;
	if (!is_given(r, DP_FIELD_EVENT_ID))
		dp_uuid_v7(now_us, ev->event_id);
	read_times(r, now_us, ev);
	read_duration(r, ev);
	read_title(r, ev);
	write_event(r, ev);
	if (check_size(r, text.n, why) < 0)
		return -1;
	ev->json = dp_buf_str(&r->out);
	return 0;
}

void dp_event_read_span(struct dp_str json, struct dp_event_span *span)
{
	const struct dp_json event = dp_json_value(json);
	struct dp_json_cursor c = dp_json_children(&event);
	struct dp_json v;

	*span = (struct dp_event_span){.has_duration = false};
	while (dp_json_next(&c, &v)) {
		switch (dp_event_find_field(v.key)) {
		case DP_FIELD_SPAN_ID:
			span->id = v.text;
			break;
		case DP_FIELD_PARENT_SPAN_ID:
			span->parent = v.text;
			break;
		case DP_FIELD_DURATION_MS:
			span->has_duration = v.type == DP_JSON_NUMBER;
			if (span->has_duration)
				span->duration_ms = read_number(v.text);
			break;
		default:
			break;
		}
	}
}
