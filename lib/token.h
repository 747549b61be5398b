/* The shared secret of a listening program and its clients, from --token-file FILE
 * ($DEVPULSE_TOKEN_FILE) or else $DEVPULSE_TOKEN: never an operand, which others could see. As the
 * rest of the command line it is read once, and what is wrong with it ends the program with exit 2.
 */
#ifndef DP_TOKEN_H
#define DP_TOKEN_H

#include "listen.h"
#include "opt.h"

enum { DP_TOKEN_MAX = 128 };

/* A token is 16 to 128 of A-Z a-z 0-9 . _ ~ + / = -; {0} is none. */
struct dp_token {
	char text[DP_TOKEN_MAX + 1];
};

/* Reads a token file: one line, not accessible to others (mode & 077 == 0). Returns 0, or -1 with
 * *why (good until the next call) and *t untouched. */
int dp_token_read(struct dp_token *t, const char *path, const char **why);

/* The same for the file that the option at hand names. */
void dp_token_set_file(struct dp_token *t, const struct dp_opt_state *o);

/* Takes $DEVPULSE_TOKEN where no file gave one. Call after the last option. */
void dp_token_set_default(struct dp_token *t);

/* Who is answered without a token, the later the more. */
enum dp_token_trust {
	DP_TOKEN_TRUST_LOOPBACK,
	DP_TOKEN_TRUST_ATTACHED, /* the networks that this machine is on */
	DP_TOKEN_TRUST_ALL,
};

/* Where there is no token, restricts what will listen to those who are trusted: sets
 * l->attached_only, or ends the program where the address is for more than them. */
void dp_token_require(const struct dp_token *t, struct dp_listen *l, enum dp_token_trust trust);

#endif
