/* The fingerprint of whatever an event holds: bounded texts of clean UTF-8, no digit in a message,
 * and the same whenever it is made. */
#include "fingerprint.h"
#include "text.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

static const int64_t RECEIVED_US = INT64_C(1767323045678901);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t max)
{
	const size_t n = strlen(text);

	assert(n <= max && dp_text_is_valid(text, n));
	for (size_t i = 0; i < n; i++)
		assert((unsigned char)text[i] >= ' ' && text[i] != 0x7f);
}

static void check(const struct dp_event *ev)
{
	struct dp_fingerprint f;
	struct dp_fingerprint again;

	memset(&f, 'x', sizeof f);
	memset(&again, 'y', sizeof again);
	dp_fingerprint_read(ev, &f);
	check_text(f.type, DP_FINGERPRINT_TYPE_MAX);
	check_text(f.place, DP_FINGERPRINT_PLACE_MAX);
	check_text(f.message, DP_FINGERPRINT_MESSAGE_MAX);
	assert(!strpbrk(f.message, "0123456789"));
	assert(strlen(f.id) == DP_FINGERPRINT_TEXT);
	dp_fingerprint_read(ev, &again);
	assert(strcmp(f.id, again.id) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dp_event_reader *r = dp_event_reader_new();
	struct dp_refusal why;
	struct dp_event ev;

	if (dp_event_read(r, (struct dp_str){(const char *)data, size}, RECEIVED_US, &ev, &why) ==
	    0)
		check(&ev);
	dp_event_reader_free(&r);
	return 0;
}
