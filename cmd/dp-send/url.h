/* ws://HOST[:PORT][/PATH] taken apart. */
#ifndef URL_H
#define URL_H

struct url {
	char text[400];      /* as given, for messages */
	char host[220];      /* without brackets */
	char authority[220]; /* for the Host header */
	char path[200];
	int port;
};

/* Returns 0, or -1 with *why. */
int url_parse(const char *text, struct url *out, const char **why);

/* Why no connection can be made there: "Connection refused". libwebsockets does not tell, so this
 * tries by itself. NULL where one can be made. */
const char *url_probe(const struct url *u);

#endif
