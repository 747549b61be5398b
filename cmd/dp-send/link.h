/* The link: the WebSocket to dp-ingest, `devpulse.v1`. It takes batches from the feed, keeps
 * several in flight, forgets them as they are acknowledged, and after a broken connection makes a
 * new one and sends again, in order, what was not. */
#ifndef LINK_H
#define LINK_H

#include "tally.h"
#include "token.h"
#include "url.h"

#include <stdbool.h>
#include <stdint.h>

struct link_config {
	struct url url;
	struct dp_token token;
	int64_t rate; /* events a second, 0: as fast as acknowledged */
	bool shows_progress;
};

struct link_result {
	uint64_t events; /* read from standard input */
	uint64_t acknowledged;
	struct tally refused;
	char failure[500]; /* why it did not get through all of them; empty: it did */
};

/* Sends standard input until its end or a stop signal, and waits for what was sent to be
 * acknowledged. */
void link_run(const struct link_config *cfg, struct link_result *result);

#endif
