/* When a bare position is due, a line of the pipe that holds nothing else (pump.h): where the mark
 * stands still though lines were handed over, as behind a filter that drops them all. While the
 * mark moves there is none. The time is given. */
#ifndef BARE_H
#define BARE_H

#include <stdbool.h>
#include <stdint.h>

enum { BARE_MS = 5000 };

struct bare {
	uint64_t mark;    /* as it was last */
	uint64_t handed;  /* the same */
	uint64_t written; /* the last one, which does not come twice */
	int64_t since_ms; /* nothing waits, the mark moved or one was written: the latest of them */
};

/* Whether one is to be written now, with the position `handed`, behind all that is in the pipe.
 * Start with {.mark, .handed = mark, .since_ms = now}. */
bool bare_is_due(struct bare *b, uint64_t mark, uint64_t handed, int64_t now_ms);

#endif
