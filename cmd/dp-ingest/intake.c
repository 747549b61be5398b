#include "intake.h"

#include "clock.h"
#include "log.h"

#include <inttypes.h>
#include <string.h>

void intake_init(struct intake *in, intake_accept_fn *accept, void *arg)
{
	*in = (struct intake){.accept = accept, .accept_arg = arg};
	in->reader = dp_event_reader_new();
}

void intake_release(struct intake *in)
{
	dp_event_reader_free(&in->reader);
}

/* Codes beyond the table are only in the sum. */
static void count_refused(struct intake_counts *c, const char *code)
{
	size_t i = 0;

	c->received++;
	c->refused++;
	while (
	    i < INTAKE_CODES_MAX - 1 && c->by_code[i].code && strcmp(c->by_code[i].code, code) != 0)
		i++;
	if (i == INTAKE_CODES_MAX - 1)
		return;
	c->by_code[i].code = code;
	c->by_code[i].count++;
}

void intake_refuse(struct intake *in, const char *code, const char *from, const char *why)
{
	count_refused(&in->counts, code);
	dp_log_limited(DP_LOG_WARNING, code, "refused from %s: %s: %s", from, code, why);
}

int intake_event(struct intake *in, struct dp_str text, int64_t now_us, const char *from,
    struct dp_refusal *why, char event_id[DP_UUID_TEXT + 1])
{
	struct dp_event ev;

	if (dp_event_read(in->reader, text, now_us, &ev, why) < 0) {
		memcpy(event_id, ev.event_id, sizeof ev.event_id);
		if (in->is_pipe && ev.is_bare)
			return -1;
		intake_refuse(in, why->code, from, why->why);
		return -1;
	}
	in->counts.received++;
	in->counts.accepted++;
	in->accept(in->accept_arg, &ev);
	return 0;
}

static bool is_array(struct dp_str message)
{
	size_t i = 0;

	while (i < message.n && strchr(" \t\r\n", message.p[i]) && message.p[i])
		i++;
	return i < message.n && message.p[i] == '[';
}

static void refuse_empty(struct intake *in, const char *from, intake_refuse_fn *refuse, void *arg)
{
	static const struct dp_refusal why = {"empty", "the message holds no event"};
	const struct intake_refusal refusal = {0, true, "", &why};

	intake_refuse(in, why.code, from, why.why);
	if (refuse)
		refuse(arg, &refusal);
}

size_t intake_message(
    struct intake *in, struct dp_str message, const char *from, intake_refuse_fn *refuse, void *arg)
{
	struct dp_event_splitter splitter = {.rest = message};
	int64_t now_us = dp_clock_now_us();
	char event_id[DP_UUID_TEXT + 1];
	struct dp_refusal why;
	struct dp_str part;
	struct dp_str next;
	size_t accepted = 0;
	size_t index = 0;
	bool more = dp_event_split(&splitter, &part);

	if (!more && !is_array(message))
		refuse_empty(in, from, refuse, arg);
	for (; more; part = next, index++) {
		more = dp_event_split(&splitter, &next);
		if (intake_event(in, part, now_us, from, &why, event_id) == 0) {
			accepted++;
			continue;
		}
		if (refuse)
			refuse(arg,
			    &(struct intake_refusal){index, index == 0 && !more, event_id, &why});
	}
	return accepted;
}

void intake_describe_refused(const struct intake_counts *c, struct dp_buf *out)
{
	dp_buf_addf(out, "refused %" PRIu64 " (", c->refused);
	for (size_t i = 0; i < INTAKE_CODES_MAX && c->by_code[i].code; i++)
		dp_buf_addf(
		    out, "%s%s %" PRIu64, i ? ", " : "", c->by_code[i].code, c->by_code[i].count);
	dp_buf_add_char(out, ')');
}
