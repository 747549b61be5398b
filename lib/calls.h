/* The frames of a stack trace (devpulse-event(5), `stacktrace`): objects, or lines of text as
 * Python, JavaScript, Java and Go write them. Pure. */
#ifndef DP_CALLS_H
#define DP_CALLS_H

#include "buf.h"
#include "json.h"

#include <stdbool.h>

/* The members of a frame that is an object, each under the first of its usual names that is there
 * and holds a string or a number (in_app: a boolean); type DP_JSON_END where none does. A frame is
 * read no further than to the last of file, line, function, code and inApp, if it has all five. */
struct dp_call_members {
	struct dp_json file;
	struct dp_json line;
	struct dp_json function;
	struct dp_json code;
	struct dp_json owner; /* the class of a method */
	struct dp_json in_app;
};

void dp_call_read_members(const struct dp_json *frame, struct dp_call_members *out);

/* One call. */
struct dp_call {
	struct dp_str file;     /* as it was written, may be empty */
	struct dp_str function; /* the same; Java's with package and class, Go's with package */
	bool is_library;        /* not the application's own code */
	bool is_newest_first;   /* in this language's stacks the innermost call comes first */
};

/* Takes one line of a stack's text; `before` is the line before it, where Go has the function.
 * False where it is no frame. Borrows both lines. */
bool dp_call_parse(struct dp_str line, struct dp_str before, struct dp_call *out);

/* Whether a call is known to be a library's, or the language's own:
 *
 *	Python	site-packages, dist-packages, lib/python3.N, <frozen …>
 *	Node	node_modules, node:…, internal/…, code without a file
 *	Java	java. javax. jdk. sun. and the usual frameworks (calls_library.c has the list)
 *	Go	…@v1.2.3/ (the module cache), vendor, the standard library's packages
 *
 * Which language it is, is told by the file's ending; Java's function may come without a file. */
bool dp_call_is_library(struct dp_str file, struct dp_str function);

/* What a whole stack says. */
struct dp_calls {
	bool has_calls;
	/* the application's innermost call, else the innermost */
	struct dp_call top;
	/* the line that names the error: Python's below the frames, others' above; may be empty */
	struct dp_str headline;
};

/* Reads a stack: an array of objects and lines, or one text. Of several exceptions in a text the
 * one that was raised last comes first, as far as it has a call of the application. Decodes into
 * *scratch, which must have room for stack->text.n bytes so that it never moves; the result borrows
 * from it and from the stack. */
void dp_calls_read(const struct dp_json *stack, struct dp_buf *scratch, struct dp_calls *out);

/* The same of a text. */
void dp_calls_read_text(struct dp_str text, struct dp_calls *out);

#endif
