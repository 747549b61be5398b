#include "event.h"

#include "event_field.h"
#include "mem.h"

#include <string.h>

/* The four names first. */
static const struct {
	const char *name;
	enum dp_severity severity;
} SEVERITIES[] = {
    {"debug", DP_DEBUG},
    {"info", DP_INFO},
    {"warning", DP_WARNING},
    {"error", DP_ERROR},
    {"warn", DP_WARNING},
    {"err", DP_ERROR},
    {"fatal", DP_ERROR},
    {"critical", DP_ERROR},
    {"crit", DP_ERROR},
    {"alert", DP_ERROR},
    {"emerg", DP_ERROR},
    {"panic", DP_ERROR},
    {"notice", DP_INFO},
    {"information", DP_INFO},
    {"informational", DP_INFO},
    {"success", DP_INFO},
    {"trace", DP_DEBUG},
    {"verbose", DP_DEBUG},
    {"fine", DP_DEBUG},
};

bool dp_event_is_field(struct dp_str name)
{
	return dp_event_find_field(name) != DP_FIELD_COUNT;
}

const char *dp_severity_name(enum dp_severity s)
{
	return SEVERITIES[s].name;
}

/* Compares ASCII letters in whatever case, independent of the locale; b is in lower case. */
static bool equals_in_any_case(struct dp_str a, const char *b)
{
	for (size_t i = 0; i < a.n; i++) {
		char c = a.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (b[i] == '\0' || c != b[i])
			return false;
	}
	return b[a.n] == '\0';
}

int dp_severity_parse(struct dp_str name, enum dp_severity *out)
{
	for (size_t i = 0; i < sizeof SEVERITIES / sizeof *SEVERITIES; i++) {
		if (!equals_in_any_case(name, SEVERITIES[i].name))
			continue;
		*out = SEVERITIES[i].severity;
		return i > DP_ERROR;
	}
	return -1;
}

/* FNV-1a, 64 bits. */
int64_t dp_event_number(const char event_id[DP_UUID_TEXT + 1])
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	uint8_t bytes[16];

	dp_uuid_to_bytes(event_id, bytes);
	for (size_t i = 0; i < sizeof bytes; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return (int64_t)(hash >> 11);
}

/* Puts a copy of s at *w and moves *w behind it. */
static struct dp_str copy_to(char **w, struct dp_str s)
{
	struct dp_str copy = {*w, s.n};

	if (s.n > 0)
		memcpy(*w, s.p, s.n);
	*w += s.n;
	return copy;
}

struct dp_event *dp_event_copy(const struct dp_event *ev)
{
	size_t strings = ev->json.n + ev->trace_id.n + ev->system.n + ev->type.n + ev->title.n +
			 ev->details.n + ev->environment.n;
	struct dp_event *copy = dp_mem_resize(NULL, sizeof *copy + strings);
	char *w = (char *)(copy + 1);

	*copy = *ev;
	copy->json = copy_to(&w, ev->json);
	copy->trace_id = copy_to(&w, ev->trace_id);
	copy->system = copy_to(&w, ev->system);
	copy->type = copy_to(&w, ev->type);
	copy->title = copy_to(&w, ev->title);
	copy->details = copy_to(&w, ev->details);
	copy->environment = copy_to(&w, ev->environment);
	return copy;
}

/* Whether the API shows a member beside `data`. */
static bool is_beside_data(struct dp_str key)
{
	return dp_str_is(key, "traceId") || dp_str_is(key, "timestamp") ||
	       dp_str_is(key, "system") || dp_str_is(key, "type");
}

void dp_event_write_data(struct dp_buf *out, struct dp_str json)
{
	const struct dp_json event = dp_json_value(json);
	struct dp_json_cursor c = dp_json_children(&event);
	struct dp_json v;
	char before = '{';

	/* No name comes twice: behind the last of the four the rest is copied as it stands. */
	for (int beside = 0; beside < 4 && dp_json_next(&c, &v);) {
		if (is_beside_data(v.key)) {
			beside++;
			continue;
		}
		dp_buf_add_char(out, before);
		dp_buf_add(out, v.key.p - 1, (size_t)(v.text.p + v.text.n - (v.key.p - 1)));
		before = ',';
	}
	if (c.p < c.end) {
		dp_buf_add_char(out, before);
		dp_buf_add(out, c.p, (size_t)(c.end - c.p));
		before = ',';
	}
	dp_buf_add_text(out, before == '{' ? "{}" : "}");
}
