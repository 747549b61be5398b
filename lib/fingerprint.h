/* Which errors are the same: a fingerprint of an event of severity error, for groups of errors.
 *
 * It is made of three texts that people read too, each of which may be empty:
 *
 *	type	the class of the exception that was raised last (not its cause's): `name`, where the
 *		event's type is error or exception or it has a stack, and it looks like a class
 *		(no spaces, no number); else what the message or the stack's headline begins with,
 *		as in "billing.CardDeclined: …"
 *	place	file:function, not the line, of the application's innermost call in `stacktrace`,
 *		else of the innermost call; else of `file` and `source` (lib/calls.h)
 *	message	the first line of `details` (of its `message` where it is an object), without the
 *type before it, else of the stack's headline, of `message`, of `name`, of `type`
 *
 * The system, the trace and the environment do not count.
 *
 * Of a file the last two parts of its path count, so that machines agree: without the place where
 * programs are put (/app, /srv/NAME, /home/NAME/NAME, …), what is before site-packages and
 * node_modules, a URL's host and query, versions of Go's modules, hashes that bundlers add to
 * scripts; a folder with four digits or more is "*". Of a function the numbers of closures, lambdas
 * and proxies do not count.
 *
 * In a message one "*" stands for each of these, and for several with only commas and spaces
 *between:
 *
 *	quoted values: '…' "…" `…` `…' «…» “…” „…“ ‘…’, not an apostrophe (can't, O'Brien);
 *		with the ellipsis behind one that was cut
 *	whatever begins with a digit: numbers, dates, times, addresses and their ports, versions,
 *		durations and sizes with their unit, 0x…; with a sign or not
 *	UUIDs, IPv6 addresses, e-mail addresses
 *	words of 8 or more hexadecimal digits, of 6 or more with digits at several places, of 32 or
 *		more, that have a digit; what Java writes behind the @ of an object
 *	the digits of any other word: user42 becomes user*
 *	the paths of files: /a/b, ./a, ../a, ~/a, C:\a; not the route behind GET, POST, …
 *	what follows the host of a URL
 *
 * So no ASCII digit is left in a message. White space becomes one space; the case stays. What is
 * normalised is 1 KiB at most.
 *
 * The fingerprint is stored and stands in URLs: a change of any rule makes new groups of old errors
 * and is a change of the contract. Pure, of time linear in the event. */
#ifndef DP_FINGERPRINT_H
#define DP_FINGERPRINT_H

#include "event.h"

enum {
	DP_FINGERPRINT_TEXT = 16, /* hexadecimal digits, without the NUL */
	DP_FINGERPRINT_TYPE_MAX = 200,
	DP_FINGERPRINT_PLACE_MAX = 200,
	DP_FINGERPRINT_MESSAGE_MAX = 200, /* bytes; longer ones are cut at a character's border */
};

/* UTF-8 without control characters, each with a NUL behind it. */
struct dp_fingerprint {
	char id[DP_FINGERPRINT_TEXT + 1];
	char type[DP_FINGERPRINT_TYPE_MAX + 5];
	char place[DP_FINGERPRINT_PLACE_MAX + 5];
	char message[DP_FINGERPRINT_MESSAGE_MAX + 5];
};

/* Of a normalised event (dp_event_read). `id` is FNV-1a (64 bits) of the three texts, each with its
 * NUL: the same on every machine. Whoever wants two errors of his own to have one id can make them
 * so; he could as well send the same error twice. */
void dp_fingerprint_read(const struct dp_event *ev, struct dp_fingerprint *out);

/* The id of these three. */
void dp_fingerprint_hash(struct dp_fingerprint *f);

#endif
