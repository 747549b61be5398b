/* dp-tail: follows events in a terminal. */
#include "log.h"
#include "options.h"
#include "proc.h"
#include "timeline.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_SEEN = 4, HOST_MAX = 256 };

/* What the terminal is, and where its hyperlinks lead. */
static void set_terminal(struct config *cfg, char host[HOST_MAX], char **folder)
{
	cfg->view.color = terminal_wants_color(cfg->color);
	cfg->view.terminal = isatty(STDOUT_FILENO) != 0;
	if (!cfg->view.terminal || !cfg->view.color || strcmp(cfg->editor, "none") == 0)
		return;
	*folder = realpath(".", NULL);
	if (gethostname(host, HOST_MAX - 1) != 0)
		host[0] = '\0';
	cfg->view.link = (struct link){cfg->editor, *folder ? *folder : "", host};
}

/* The exit status, where nothing failed. */
static int judge(const struct config *cfg, const struct view *view, int status)
{
	const struct tally *t = view_tally(view);

	if (status == EXIT_TIME_OVER && cfg->view.count == 0 && tally_total(t) > 0)
		status = 0;
	if ((status == 0 || status == EXIT_TIME_OVER) && cfg->fails && tally_has(t, cfg->fail_on))
		status = EXIT_SEEN;
	return status;
}

static void print_stats(const struct view *view)
{
	struct dp_buf text = {0};

	tally_write(&text, view_tally(view));
	fputs(dp_buf_text(&text), stderr);
	dp_buf_release(&text);
}

static int show_events(const struct config *cfg)
{
	struct view *view = view_new(&cfg->view);
	int status = cfg->from_stdin ? source_read_stdin(view, &cfg->filter, &cfg->query.end)
				     : source_follow(view, &cfg->query);

	status = judge(cfg, view, status);
	if (cfg->stats)
		print_stats(view);
	view_free(&view);
	return status;
}

static int print_timeline(const struct config *cfg, struct dp_str document)
{
	const struct timeline_options o = {terminal_width(), cfg->view.color, cfg->view.time};
	struct dp_buf out = {0};
	int status = 0;

	if (cfg->view.format == VIEW_JSON) {
		dp_buf_add_str(&out, document);
		dp_buf_add_char(&out, '\n');
	} else if (timeline_write(&out, document, &o) < 0) {
		dp_log(DP_LOG_ERROR, "%s: what came is no timeline", cfg->query.url);
		status = DP_EXIT_FAILURE;
	}
	if ((fwrite(out.data, 1, out.len, stdout) < out.len || fflush(stdout)) && errno != EPIPE) {
		dp_log(DP_LOG_ERROR, "cannot write to stdout: %s", strerror(errno));
		status = DP_EXIT_FAILURE;
	}
	dp_buf_release(&out);
	return status;
}

static int show_timeline(const struct config *cfg)
{
	struct dp_buf document = {0};
	int status = source_fetch_timeline(&cfg->query, cfg->timeline, &document);

	if (status == 0 && document.len > 0)
		status = print_timeline(cfg, dp_buf_str(&document));
	if (status == 0 && document.len > 0 && cfg->fails &&
	    timeline_worst(dp_buf_str(&document)) >= cfg->fail_on)
		status = EXIT_SEEN;
	dp_buf_release(&document);
	return status;
}

int main(int argc, char **argv)
{
	char host[HOST_MAX] = "";
	char *folder = NULL;
	struct config cfg;
	int status;

	options_parse(&cfg, argc, argv);
	/* the width of characters is the same in every UTF-8 locale */
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		setlocale(LC_CTYPE, "");
	set_terminal(&cfg, host, &folder);
	dp_proc_init();
	status = cfg.timeline ? show_timeline(&cfg) : show_events(&cfg);
	options_release(&cfg);
	free(folder);
	return status;
}
