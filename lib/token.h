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

/* Ends the program where it would listen beyond loopback without a token, unless `insecure`. */
void dp_token_require(const struct dp_token *t, const struct dp_listen *l, bool insecure);

#endif
