#include "token.h"

#include "buf.h"
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TOKEN_MIN = 16 };

#define SANE "16 to 128 of A-Z a-z 0-9 . _ ~ + / = -"

static bool is_sane(struct dp_str token)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._~+/=-";

	for (size_t i = 0; i < token.n; i++)
		if (!memchr(allowed, token.p[i], sizeof allowed - 1))
			return false;
	return token.n >= TOKEN_MIN && token.n <= DP_TOKEN_MAX;
}

static void set(struct dp_token *t, struct dp_str text)
{
	memcpy(t->text, text.p, text.n);
	t->text[text.n] = '\0';
}

int dp_token_read(struct dp_token *t, const char *path, const char **why)
{
	char line[DP_TOKEN_MAX + 2];
	struct stat st;
	FILE *f = fopen(path, "re");
	size_t n = 0;

	/* fread leaves errno as read(2) set it */
	if (!f || fstat(fileno(f), &st) < 0 ||
	    ((n = fread(line, 1, sizeof line, f)) == 0 && ferror(f))) {
		*why = strerror(errno);
		if (f)
			fclose(f);
		return -1;
	}
	fclose(f);
	if (n > 0 && line[n - 1] == '\n')
		n--;
	if (st.st_mode & 077) {
		*why = "others may read it: chmod 600";
		return -1;
	}
	if (!is_sane((struct dp_str){line, n})) {
		*why = "a token is one line of " SANE;
		return -1;
	}
	set(t, (struct dp_str){line, n});
	return 0;
}

void dp_token_set_file(struct dp_token *t, const struct dp_opt_state *o)
{
	char text[400];
	const char *why;

	if (dp_token_read(t, o->value, &why) == 0)
		return;
	snprintf(text, sizeof text, "cannot use the token in %s: %s", o->value, why);
	dp_opt_bad_value(o, text);
}

void dp_token_set_default(struct dp_token *t)
{
	const char *value = getenv("DEVPULSE_TOKEN");

	if (t->text[0] || !value || !*value)
		return;
	if (!is_sane(dp_str_from(value)))
		dp_log_die(DP_EXIT_USAGE, "DEVPULSE_TOKEN: a token is " SANE);
	set(t, dp_str_from(value));
}

void dp_token_require(const struct dp_token *t, struct dp_listen *l, enum dp_token_trust trust)
{
	if (l->loopback || t->text[0] || trust == DP_TOKEN_TRUST_ALL)
		return;
	if (trust == DP_TOKEN_TRUST_ATTACHED && !l->ipv6) {
		l->attached_only = true;
		return;
	}
	if (trust == DP_TOKEN_TRUST_ATTACHED)
		dp_log_die(DP_EXIT_USAGE,
		    "--listen [%s]: --trust-attached is for IPv4 alone: listen on 0.0.0.0, or "
		    "give a --token-file",
		    l->host);
	dp_log_die(DP_EXIT_USAGE,
	    "--listen %s: others than this machine could reach it: give a --token-file, or say "
	    "--trust-attached or --insecure",
	    l->host);
}
