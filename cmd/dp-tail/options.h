/* What the command line and the environment say. */
#ifndef DP_TAIL_OPTIONS_H
#define DP_TAIL_OPTIONS_H

#include "clock.h"
#include "filter.h"
#include "source.h"
#include "terminal.h"
#include "view.h"

#include <stdbool.h>

struct config {
	struct source_query query;
	struct view_options view; /* but for what the terminal decides */
	struct dp_buf text;       /* of the filter: query.filter */
	struct dp_filter filter;
	enum color_when color;
	bool from_stdin;
	bool stats;
	bool fails; /* --fail-on was given: fail_on */
	enum dp_severity fail_on;
	const char *timeline;     /* the trace of --timeline, or NULL */
	const char *editor;       /* a template of link.h, or "none" */
	char since[DP_CLOCK_MAX]; /* instants; "": none */
	char until[DP_CLOCK_MAX];
	const char *priority; /* the name of a severity, or NULL */
	int64_t wait_s;       /* 0: for ever */
};

/* Fills *cfg, whose strings live as long as argv and it do. Exits with 0 after --help, and with 2
 * where something is wrong. */
void options_parse(struct config *cfg, int argc, char **argv);
void options_release(struct config *cfg);

#endif
