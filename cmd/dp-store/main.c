#include "batch.h"
#include "log.h"
#include "mark.h"
#include "opt.h"
#include "proc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPT_MARK = 256, OPT_TEE, OPT_BATCH, OPT_RETAIN, OPT_RETAIN_BYTES, OPT_STATUS, OPT_READY_FD };

enum { RETAIN_BYTES_LEAST = 1024 * 1024 };

static const struct dp_opt options[] = {
    {'d', "db", "URL", "DEVPULSE_DB", "the database: sqlite:///FILE or postgresql://…",
	"devpulse.db in the state directory"},
    {OPT_MARK, "mark", "FILE", "DEVPULSE_MARK",
	"say there how much of dp-ingest's --spool is stored", NULL},
    {OPT_TEE, "tee", NULL, NULL, "copy each event newly stored to stdout, after its commit", NULL},
    {OPT_BATCH, "batch", "N", NULL, "the most events in a transaction, 1 to 100000", "10000"},
    {OPT_RETAIN, "retain", "TIME", "DEVPULSE_RETAIN",
	"remove events that are older, as 30m, 12h, 7d or 4w", "keep all"},
    {OPT_RETAIN_BYTES, "retain-bytes", "BYTES", "DEVPULSE_RETAIN_BYTES",
	"remove the oldest events while the database takes more, as 10G", "keep all"},
    {OPT_STATUS, "status", NULL, NULL,
	"print the positions of spools and the number of dead letters, store nothing", NULL},
    {OPT_READY_FD, "ready-fd", "N", NULL, "write a newline to this descriptor when ready", NULL},
    {0},
};

static const struct dp_program program = {
    .name = "dp-store",
    .usage = "dp-store [OPTIONS]",
    .about =
	"Reads events from stdin, one JSON object a line as dp-ingest writes them, and stores\n"
	"them in SQLite or PostgreSQL. Commits whenever the next read would block.",
    .options = options,
    .examples = "  dp-ingest | dp-store\n"
		"  dp-ingest --spool DIR | dp-store --mark DIR/mark\n"
		"  dp-ingest - < events.ndjson | dp-store --db sqlite:///events.db\n"
		"  dp-ingest | dp-store --db postgresql://me@localhost/devpulse --tee | jq .\n",
};

struct config {
	const char *db;   /* NULL: the default */
	const char *mark; /* NULL: none */
	struct batch_options batch;
	bool status;
	int ready_fd;
};

static struct config parse_args(int argc, char **argv)
{
	struct config cfg = {.batch.events_max = 10000, .ready_fd = -1};
	struct dp_opt_state o;
	int c;

	dp_opt_init(&o, &program, argc, argv);
	while ((c = dp_opt_next(&o)) != 0) {
		switch (c) {
		case 'd':
			cfg.db = o.value;
			break;
		case OPT_MARK:
			cfg.mark = o.value;
			break;
		case OPT_TEE:
			cfg.batch.tee = true;
			break;
		case OPT_BATCH:
			cfg.batch.events_max = (size_t)dp_opt_number(&o, 1, 100000);
			break;
		case OPT_RETAIN:
			cfg.batch.limits.age_us = dp_opt_duration(&o);
			break;
		case OPT_RETAIN_BYTES:
			cfg.batch.limits.bytes = dp_opt_bytes(&o, RETAIN_BYTES_LEAST);
			break;
		case OPT_STATUS:
			cfg.status = true;
			break;
		case OPT_READY_FD:
			cfg.ready_fd = (int)dp_opt_number(&o, 0, 1 << 20);
			break;
		}
	}
	dp_opt_limit_operands(&o, 0);
	return cfg;
}

static struct dp_store *open_or_die(const struct config *cfg, enum dp_store_mode mode)
{
	char *preset = cfg->db ? NULL : dp_store_default_url();
	const char *why;
	struct dp_store *store = dp_store_open(cfg->db ? cfg->db : preset, mode, &why);

	free(preset);
	if (!store)
		dp_log_die(DP_EXIT_USAGE, "--db (DEVPULSE_DB): %s", why);
	return store;
}

static int print_position(void *arg, struct dp_str source, int64_t pos)
{
	(void)arg;
	printf("position %.*s:%" PRId64 "\n", (int)source.n, source.p, pos);
	return 0;
}

/* What a database says of the pipe before it, for people and scripts. */
static int print_status(const struct config *cfg)
{
	struct dp_store *store = open_or_die(cfg, DP_STORE_READ);
	int64_t dead;

	if (dp_store_dead(store, &dead) < 0 || dp_store_positions(store, print_position, NULL) < 0)
		dp_log_die(
		    dp_store_fault(store) == DP_STORE_BROKEN ? DP_EXIT_USAGE : DP_EXIT_FAILURE,
		    "%s", dp_store_error(store));
	printf("dead_letters %" PRId64 "\n", dead);
	dp_store_close(&store);
	if (fflush(stdout) != 0)
		dp_log_die(DP_EXIT_FAILURE, "cannot write to stdout: %s", strerror(errno));
	return 0;
}

static void open_mark_or_die(struct mark *mark, const struct config *cfg)
{
	if (mark_open(mark, cfg->mark) == 0)
		return;
	if (errno == EWOULDBLOCK)
		dp_log_die(DP_EXIT_FAILURE,
		    "the mark %s is in use by another dp-store: there is one to a spool",
		    cfg->mark);
	dp_log_die(errno == ENOSPC || errno == EDQUOT ? DP_EXIT_FAILURE : DP_EXIT_USAGE,
	    "--mark (DEVPULSE_MARK): cannot lock %s.lock: %s", cfg->mark, strerror(errno));
}

int main(int argc, char **argv)
{
	const struct config cfg = parse_args(argc, argv);
	struct dp_store *store;
	struct mark mark;
	int rc;

	dp_proc_init();
	if (cfg.status)
		return print_status(&cfg);
	store = open_or_die(&cfg, DP_STORE_WRITE);
	open_mark_or_die(&mark, &cfg);
	if (batch_connect(store, cfg.mark != NULL) < 0) {
		if (dp_store_fault(store) != DP_STORE_AWAY)
			dp_log_die(DP_EXIT_USAGE, "%s", dp_store_error(store));
		dp_log_die(DP_EXIT_FAILURE,
		    "stopped before the database was there: %s; no event was read",
		    dp_store_error(store));
	}
	dp_proc_ready(cfg.ready_fd);
	rc = batch_run(STDIN_FILENO, store, &mark, &cfg.batch);
	dp_store_close(&store);
	mark_close(&mark);
	return rc < 0 ? DP_EXIT_FAILURE : 0;
}
