#include "terminal.h"

#include "render.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_WITHOUT_TERMINAL = 100 };

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

static bool is_exactly(const char *name, const char *want)
{
	const char *value = getenv(name);

	return value && strcmp(value, want) == 0;
}

bool terminal_wants_color(enum color_when when)
{
	if (when != COLOR_AUTO)
		return when == COLOR_ALWAYS;
	if (is_set("NO_COLOR"))
		return false;
	if ((is_set("CLICOLOR_FORCE") && !is_exactly("CLICOLOR_FORCE", "0")) ||
	    (is_set("FORCE_COLOR") && !is_exactly("FORCE_COLOR", "0")))
		return true;
	if (is_exactly("CLICOLOR", "0") || is_exactly("TERM", "dumb"))
		return false;
	return isatty(STDOUT_FILENO) != 0;
}

int terminal_width(void)
{
	const char *variable = getenv("COLUMNS");
	struct winsize size;
	long width = WIDTH_WITHOUT_TERMINAL;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		width = size.ws_col;
	else if (variable && strtol(variable, NULL, 10) > 0)
		width = strtol(variable, NULL, 10);
	if (width < RENDER_WIDTH_MIN)
		return RENDER_WIDTH_MIN;
	return width > RENDER_WIDTH_MAX ? RENDER_WIDTH_MAX : (int)width;
}
