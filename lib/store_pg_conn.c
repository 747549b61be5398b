#include "store_pg_conn.h"

#include "mem.h"

#include <stdlib.h>
#include <string.h>

enum { SQLSTATE_SIZE = 6 };

void dp_pg_disconnect(struct pg_store *s)
{
	PQfinish(s->conn);
	s->conn = NULL;
	s->queue.n = 0;
	s->is_by_row = false;
	s->is_whole = false;
	dp_kept_clear(&s->kept);
	s->cannot_keep = false;
	s->is_copying = false;
	s->expects_old = false;
	s->emptied_us = 0;
	s->emptied_after = 0;
	s->days_ms = 0;
	s->is_mute = false;
	s->ear = PG_DEAF;
}

static bool begins_with_one_of(const char *text, const char *const *prefixes)
{
	for (; *prefixes; prefixes++)
		if (strncmp(text, *prefixes, strlen(*prefixes)) == 0)
			return true;
	return false;
}

/* Classes and codes of https://www.postgresql.org/docs/current/errcodes-appendix.html: connection,
 * rollback, resources, intervention, lock timeout; then what the data of a row can cause. */
static enum dp_store_fault fault_of(const char *sqlstate)
{
	static const char *const away[] = {"08", "40", "53", "57", "55P03", NULL};
	static const char *const reject[] = {"21", "22", "23", "54", NULL};

	if (begins_with_one_of(sqlstate, away))
		return DP_STORE_AWAY;
	return begins_with_one_of(sqlstate, reject) ? DP_STORE_REJECT : DP_STORE_BROKEN;
}

/* The text of a libpq message on one line. */
static void fold_lines(char *text)
{
	size_t at = 0;

	for (size_t i = 0; text[i]; i++) {
		bool blank = strchr("\n\t ", text[i]) != NULL;

		if (!blank)
			text[at++] = text[i];
		else if (at > 0 && text[at - 1] != ' ')
			text[at++] = ' ';
	}
	while (at > 0 && text[at - 1] == ' ')
		at--;
	text[at] = '\0';
}

/* What to do, where the message doesn't say it. */
static const char *hint_for(const char *sqlstate)
{
	if (strcmp(sqlstate, "42501") == 0)
		return "; the rights that a role needs are in docs/postgres.md";
	if (strcmp(sqlstate, "25006") == 0)
		return "; dp-store needs a server, a database and a role that may write";
	return "";
}

int dp_pg_fail(struct pg_store *s, const PGresult *res)
{
	const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
	const char *message = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	bool is_lost = PQstatus(s->conn) != CONNECTION_OK || !state;

	if (state && message) {
		enum dp_store_fault fault = is_lost ? DP_STORE_AWAY : fault_of(state);

		/* A question that takes too long takes as long the next time. */
		if (s->store.mode == DP_STORE_READ && strcmp(state, "57014") == 0)
			fault = DP_STORE_BROKEN;
		dp_store_fail(
		    &s->store, fault, "%s (SQLSTATE %s)%s", message, state, hint_for(state));
		s->store.is_victim = strcmp(state, "40P01") == 0;
	} else {
		const char *text = PQerrorMessage(s->conn);
		char *copy = dp_mem_copy(text, strlen(text));

		fold_lines(copy);
		dp_store_fail(&s->store, DP_STORE_AWAY, "%s", *copy ? copy : "connection lost");
		free(copy);
	}
	if (is_lost)
		dp_pg_disconnect(s);
	return -1;
}

/* The code in a verbose message ("…FATAL:  28P01: password authentication failed…"), which is
 * taken out of it, and the server's place in its source. "" where there is none. */
static void take_sqlstate(char *message, char sqlstate[SQLSTATE_SIZE])
{
	static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char *location = strstr(message, "\nLOCATION:");

	sqlstate[0] = '\0';
	if (location)
		*location = '\0';
	for (char *p = strstr(message, ":  "); p; p = strstr(p + 1, ":  ")) {
		char *code = p + 3;

		if (strspn(code, letters) != SQLSTATE_SIZE - 1 || code[5] != ':')
			continue;
		memcpy(sqlstate, code, SQLSTATE_SIZE - 1);
		sqlstate[SQLSTATE_SIZE - 1] = '\0';
		memmove(code, code + 7, strlen(code + 7) + 1);
		return;
	}
}

int dp_pg_fail_connect(struct pg_store *s, bool timed_out)
{
	static const char *const bad_settings[] = {"invalid ", "could not match ", NULL};
	const char *text = timed_out ? "no answer in time" : PQerrorMessage(s->conn);
	char *copy = dp_mem_copy(text, strlen(text));
	char sqlstate[SQLSTATE_SIZE];
	enum dp_store_fault fault = DP_STORE_AWAY;

	take_sqlstate(copy, sqlstate);
	if (sqlstate[0])
		fault = fault_of(sqlstate);
	else if (PQconnectionNeedsPassword(s->conn) || begins_with_one_of(copy, bad_settings))
		fault = DP_STORE_BROKEN;
	fold_lines(copy);
	dp_store_fail(&s->store, fault, "%s", copy);
	free(copy);
	dp_pg_disconnect(s);
	return -1;
}
