/* Who may talk to a listening program: the Host, Origin and token of what comes in. Pure checks,
 * used by dp-ingest and dp-http alike.
 *
 * Any site that a developer visits can make the browser send requests to localhost. Against that
 * stand an exact list of Host names (DNS rebinding, CVE-2025-66414) and of Origins (cross-site
 * WebSockets, CVE-2018-14732), and for any address but loopback a token. */
#ifndef DP_GUARD_H
#define DP_GUARD_H

#include "buf.h"
#include "listen.h"

#include <stdbool.h>

struct dp_guard;

/* `hosts`: comma-separated names allowed in Host and Origin beside localhost, 127.0.0.1 and [::1]
 * (NULL: none more); a name without port allows every port. `listen`: the program's own address,
 * which is allowed too (NULL: none). `token`: NULL or empty where none is asked for. */
struct dp_guard *dp_guard_new(const char *hosts, const struct dp_listen *listen, const char *token);
void dp_guard_free(struct dp_guard **g);

/* Whether the value of a Host header ("localhost:8008") is allowed. */
bool dp_guard_host_ok(const struct dp_guard *g, struct dp_str host);

/* Allows more origins, comma-separated and exact ("https://notes.example:3000"), for pages of other
 * sites that are to read what is answered. */
void dp_guard_share(struct dp_guard *g, const char *origins);

/* Whether the value of an Origin header is one of those. */
bool dp_guard_shares(const struct dp_guard *g, struct dp_str origin);

/* Whether the value of an Origin header ("http://localhost:8088") is allowed; "null" never is. An
 * absent Origin is no browser: do not call this. */
bool dp_guard_origin_ok(const struct dp_guard *g, struct dp_str origin);

bool dp_guard_wants_token(const struct dp_guard *g);

/* Whether `offered` is the token, compared in constant time. True where none is asked for. */
bool dp_guard_token_ok(const struct dp_guard *g, struct dp_str offered);

/* The token in the value of an Authorization header ("Bearer …"); an empty one where it is no such.
 */
struct dp_str dp_guard_bearer(struct dp_str authorization);

#endif
