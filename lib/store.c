#include "store_backend.h"

#include "mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *scheme;
	struct dp_store *(*make)(const char *url, const char **why);
} backends[] = {
    {"sqlite:", dp_store_sqlite_new},
    {"postgresql:", dp_store_pg_new},
    {"postgres:", dp_store_pg_new},
};

char *dp_store_default_url(void)
{
	const char *own = getenv("DEVPULSE_STATE_DIR");
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	struct dp_buf url = {0};

	dp_buf_add_text(&url, "sqlite:///");
	if (own && *own)
		dp_buf_addf(&url, "%s/", own);
	else if (state && *state == '/') /* a relative one is to be ignored, says its standard */
		dp_buf_addf(&url, "%s/devpulse/", state);
	else if (home && *home)
		dp_buf_addf(&url, "%s/.local/state/devpulse/", home);
	dp_buf_add_text(&url, "devpulse.db");
	dp_buf_text(&url);
	return url.data;
}

struct dp_store *dp_store_open(const char *url, enum dp_store_mode mode, const char **why)
{
	*why = "a URL is wanted, as sqlite:///events.db, sqlite:////var/lib/events.db or "
	       "postgresql://user@host/database";
	for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
		struct dp_store *s;

		if (strncmp(url, backends[i].scheme, strlen(backends[i].scheme)) != 0)
			continue;
		s = backends[i].make(url, why);
		if (s)
			s->mode = mode;
		return s;
	}
	return NULL;
}

void dp_store_close(struct dp_store **s)
{
	if (*s)
		(*s)->backend->close(*s);
	*s = NULL;
}

void dp_store_release(struct dp_store *s)
{
	dp_buf_release(&s->error);
	free(s->name);
}

int dp_store_fail(struct dp_store *s, enum dp_store_fault fault, const char *fmt, ...)
{
	struct dp_buf text = {0};
	va_list args;
	char *why = NULL;

	va_start(args, fmt);
	if (vasprintf(&why, fmt, args) < 0)
		why = NULL;
	va_end(args);
	dp_buf_addf(&text, "%s: %s", s->name, why ? why : "out of memory");
	free(why);
	dp_buf_release(&s->error);
	s->error = text;
	s->fault = fault;
	return -1;
}

void dp_store_blame_no_event(struct dp_store *s)
{
	if (s->fault == DP_STORE_REJECT)
		s->fault = DP_STORE_BROKEN;
}

int dp_store_judge_schema(struct dp_store *s, int64_t version)
{
	if (version > DP_STORE_SCHEMA)
		return dp_store_fail(s, DP_STORE_BROKEN,
		    "the database has schema version %lld, this program knows up to %d: upgrade "
		    "DevPulse",
		    (long long)version, DP_STORE_SCHEMA);
	if (version == DP_STORE_SCHEMA)
		return 0;
	if (s->mode == DP_STORE_WRITE)
		return 1;
	return version == 0 ? dp_store_fail(s, DP_STORE_AWAY,
				  "no events can be there yet; dp-store makes the tables")
			    : dp_store_fail(s, DP_STORE_AWAY,
				  "the database has the older schema version %lld; dp-store "
				  "migrates it when it starts",
				  (long long)version);
}

enum dp_store_fault dp_store_fault(const struct dp_store *s)
{
	return s->fault;
}

const char *dp_store_error(const struct dp_store *s)
{
	return s->error.data ? s->error.data : "";
}

const char *dp_store_name(const struct dp_store *s)
{
	return s->name;
}

const char *dp_store_id(const struct dp_store *s)
{
	return s->id[0] ? s->id : NULL;
}

int dp_store_connect(struct dp_store *s)
{
	int rc;

	s->fault = DP_STORE_OK;
	rc = s->backend->connect(s);
	if (rc < 0)
		dp_store_blame_no_event(s);
	return rc;
}

/* For what holds no event. */
static int execute(struct dp_store *s, const char *sql)
{
	int rc = s->backend->execute(s, sql);

	if (rc < 0)
		dp_store_blame_no_event(s);
	return rc;
}

static int put_position(struct dp_store *s, const struct dp_store_step *step)
{
	int rc = s->backend->put_position(s, step);

	if (rc < 0)
		dp_store_blame_no_event(s);
	if (rc > 0)
		rc = dp_store_fail(s, DP_STORE_BROKEN,
		    "the position of the spool %s is not at %lld any more: another program stores "
		    "from that spool, too, or the database was set back",
		    step->source, (long long)step->from);
	return rc;
}

/* A call of dp_store_put. */
struct put {
	struct dp_store *s;
	const struct dp_event *const *events;
	size_t n;
	const struct dp_store_step *step;
	enum dp_store_outcome *outcomes;
	bool *is_new;
};

static int put_events(const struct put *p, size_t from, size_t n)
{
	memset(p->is_new + from, 0, n * sizeof *p->is_new);
	if (p->s->backend->put(p->s, p->events + from, n, p->is_new + from) < 0)
		return -1;
	for (size_t i = from; i < from + n; i++)
		p->outcomes[i] = p->is_new[i] ? DP_STORE_NEW : DP_STORE_OLD;
	return 0;
}

/* Keeps an event apart, with the error that it has just met. */
static int bury(const struct put *p, size_t at)
{
	if (p->s->backend->put_dead(p->s, p->events[at], dp_store_error(p->s)) < 0) {
		dp_store_blame_no_event(p->s);
		return -1;
	}
	p->outcomes[at] = DP_STORE_DEAD;
	return 0;
}

static int put_part(const struct put *p, size_t from, size_t n);

/* Stores events that the database has rejected as a whole: each half by itself. */
static int put_halves(const struct put *p, size_t from, size_t n)
{
	if (n == 1)
		return bury(p, from);
	return put_part(p, from, n / 2) < 0 ? -1 : put_part(p, from + n / 2, n - n / 2);
}

static int put_part(const struct put *p, size_t from, size_t n)
{
	if (execute(p->s, "SAVEPOINT part") < 0)
		return -1;
	if (put_events(p, from, n) == 0)
		return execute(p->s, "RELEASE SAVEPOINT part");
	if (p->s->fault != DP_STORE_REJECT ||
	    execute(p->s, "ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part") < 0)
		return -1;
	return put_halves(p, from, n);
}

static int put_all(const struct put *p, int (*put_them)(const struct put *p, size_t from, size_t n))
{
	if (execute(p->s, p->s->backend->begin) < 0 || (p->n > 0 && put_them(p, 0, p->n) < 0) ||
	    (p->step && put_position(p->s, p->step) < 0) || execute(p->s, "COMMIT") < 0) {
		p->s->backend->roll_back(p->s);
		return -1;
	}
	return 0;
}

int dp_store_put(struct dp_store *s, const struct dp_event *const *events, size_t n,
    const struct dp_store_step *step, enum dp_store_outcome *outcomes)
{
	struct put p = {.s = s, .events = events, .n = n, .step = step};
	int rc;

	assert(!step || step->from <= step->to);
	if (n == 0 && !step)
		return 0;
	if (dp_store_connect(s) < 0)
		return -1;
	p.is_new = dp_mem_new(n * sizeof *p.is_new);
	p.outcomes = dp_mem_new(n * sizeof *p.outcomes);
	rc = put_all(&p, put_events);
	if (rc < 0 && s->fault == DP_STORE_REJECT)
		rc = put_all(&p, put_halves);
	if (rc == 0)
		s->fault = DP_STORE_OK;
	if (rc == 0 && outcomes && n > 0)
		memcpy(outcomes, p.outcomes, n * sizeof *outcomes);
	free(p.outcomes);
	free(p.is_new);
	return rc;
}
