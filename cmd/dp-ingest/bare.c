#include "bare.h"

bool bare_is_due(struct bare *b, uint64_t mark, uint64_t handed, int64_t now_ms)
{
	const bool none_waited = b->handed <= mark;

	b->handed = handed;
	if (mark != b->mark || none_waited) {
		b->mark = mark;
		b->since_ms = now_ms;
		return false;
	}
	if (handed == b->written || now_ms - b->since_ms < BARE_MS)
		return false;
	b->written = handed;
	b->since_ms = now_ms;
	return true;
}
