/* What a peer may send: split, normalised, read again. Nothing may crash, no part lie outside its
 * message, what was taken once must be taken again unchanged, and mean to another reader of JSON
 * what was sent. */
#include "../unit/json_oracle.h"
#include "event.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

static const int64_t RECEIVED_US = INT64_C(1767323045678901);
static const int64_t READ_AGAIN_US = INT64_C(1767409445678901);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What had to be repaired may mean another thing to another reader, or nothing. */
static void check_meaning(struct dp_str sent, struct dp_buf *canonical, int fixed)
{
	struct dp_buf copy = {0};
	struct json_object *want;
	struct json_object *got;

	dp_buf_add_str(&copy, sent);
	assert(json_oracle(dp_buf_text(canonical), canonical->len, &got));
	if (!(fixed & (DP_JSON_FIXED_NUL | DP_JSON_FIXED_SURROGATE))) {
		assert(json_oracle(dp_buf_text(&copy), copy.len, &want));
		assert(json_object_equal(want, got));
		json_object_put(want);
	}
	json_object_put(got);
	dp_buf_release(&copy);
}

static void check_json(struct dp_str text)
{
	struct dp_buf once = {0};
	struct dp_buf twice = {0};
	struct dp_refusal why;
	int fixed = dp_json_normalize(text.p, text.n, &once, &why);

	if (fixed < 0) {
		assert(once.len == 0 && why.code[0]);
	} else {
		assert(once.len <= text.n && !memchr(once.data, '\n', once.len));
		assert(dp_json_normalize(once.data, once.len, &twice, &why) == 0);
		assert(dp_str_equal(dp_buf_str(&once), dp_buf_str(&twice)));
		check_meaning(text, &once, fixed);
	}
	dp_buf_release(&once);
	dp_buf_release(&twice);
}

static void check_event(struct dp_event_reader *r, struct dp_event_reader *r2, struct dp_str text)
{
	struct dp_event ev;
	struct dp_event again;
	struct dp_refusal why;
	struct dp_buf data = {0};

	if (dp_event_read(r, text, RECEIVED_US, &ev, &why) < 0) {
		assert(strlen(why.why) < sizeof why.why && why.code[0]);
		return;
	}
	assert(!memchr(ev.json.p, '\n', ev.json.n) && ev.title.n <= 200);
	assert(ev.trace_id.n > 0 && ev.trace_id.n <= DP_EVENT_TRACE_ID_MAX);
	assert(dp_event_read(r2, ev.json, READ_AGAIN_US, &again, &why) == 0);
	assert(dp_str_equal(ev.json, again.json) && dp_str_equal(ev.title, again.title));
	assert(ev.ts_us == again.ts_us && ev.severity == again.severity);
	dp_event_write_data(&data, ev.json);
	check_json(dp_buf_str(&data));
	dp_buf_release(&data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct dp_str message = {(const char *)data, size};
	struct dp_event_reader *r = dp_event_reader_new();
	struct dp_event_reader *r2 = dp_event_reader_new();
	struct dp_event_splitter s = {.rest = message};
	const char *behind = message.p;
	struct dp_str part;

	while (dp_event_split(&s, &part)) {
		assert(part.p >= behind && part.p + part.n <= message.p + message.n);
		behind = part.p + part.n;
		check_event(r, r2, part);
	}
	check_event(r, r2, message);
	check_json(message);
	dp_event_reader_free(&r);
	dp_event_reader_free(&r2);
	return 0;
}
