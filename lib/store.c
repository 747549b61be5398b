#include "store_backend.h"

#include "mem.h"

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
		if (s) {
			s->primary = s;
			s->mode = mode;
			s->patience.stop_fd = s->patience.end_fd = -1;
		}
		return s;
	}
	return NULL;
}

struct dp_store *dp_store_twin(struct dp_store *s)
{
	struct dp_store *twin = s->backend->twin ? s->backend->twin(s) : NULL;

	if (twin) {
		twin->primary = s;
		twin->mode = s->mode;
		twin->patience = s->patience;
	}
	return twin;
}

void dp_store_close(struct dp_store **s)
{
	if (*s)
		(*s)->backend->close(*s);
	*s = NULL;
}

void dp_store_set_patience(struct dp_store *s, const struct dp_store_patience *p)
{
	s->patience = *p;
}

void dp_store_release(struct dp_store *s)
{
	dp_systems_release(&s->systems);
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
	s->is_victim = false;
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

int dp_store_fail_migration(struct dp_store *s, int64_t version)
{
	const char *why = dp_store_error(s) + strlen(s->name) + strlen(": ");

	if (s->fault == DP_STORE_AWAY)
		return -1;
	if (version == 0)
		return dp_store_fail(s, DP_STORE_BROKEN,
		    "cannot make the tables: %s; where another program has tables of these names, "
		    "give another database by --db or DEVPULSE_DB",
		    why);
	return dp_store_fail(s, DP_STORE_BROKEN,
	    "cannot bring the tables from version %lld up to %d, and leaves them as they were: %s",
	    (long long)version, DP_STORE_SCHEMA, why);
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

void dp_store_disconnect(struct dp_store *s)
{
	s->backend->disconnect(s);
}

int dp_store_wait(struct dp_store *s, int timeout_ms, int wake_fd)
{
	if (dp_store_connect(s) < 0)
		return -1;
	return s->backend->wait(s, timeout_ms, wake_fd);
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
