/* What can be wrong with a request, each with an answer of its own (RFC 9457). */
#ifndef PROBLEM_H
#define PROBLEM_H

enum problem {
	PROBLEM_BAD_REQUEST,        /* 400: not HTTP as it is taken here */
	PROBLEM_BAD_PARAMETER,      /* 400 */
	PROBLEM_TOKEN,              /* 401 */
	PROBLEM_ORIGIN,             /* 403 */
	PROBLEM_NOT_FOUND,          /* 404 */
	PROBLEM_METHOD,             /* 405 */
	PROBLEM_NOT_ACCEPTABLE,     /* 406 */
	PROBLEM_CURSOR_GONE,        /* 410 */
	PROBLEM_BODY_TOO_LARGE,     /* 413 */
	PROBLEM_TARGET_TOO_LONG,    /* 414 */
	PROBLEM_HOST,               /* 421 */
	PROBLEM_FIELDS_TOO_LARGE,   /* 431 */
	PROBLEM_STORE_BROKEN,       /* 500 */
	PROBLEM_STORE_AWAY,         /* 503 */
	PROBLEM_BEING_REMOVED,      /* 503 */
	PROBLEM_TOO_MANY_FOLLOWERS, /* 503 */
};

#endif
