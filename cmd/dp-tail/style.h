/* Colours that are readable on a dark and on a light background: each of these has a contrast of at
 * least 3.5 to black and to white. Parameters of SGR. */
#ifndef DP_TAIL_STYLE_H
#define DP_TAIL_STYLE_H

#define STYLE_BOLD    "1"
#define STYLE_DIM     "38;5;243"
#define STYLE_ERROR   "1;38;5;160"
#define STYLE_WARNING "1;38;5;130"
#define STYLE_INFO    "38;5;28"
#define STYLE_NAME    "38;5;32"
#define STYLE_STRING  "38;5;64"

#endif
