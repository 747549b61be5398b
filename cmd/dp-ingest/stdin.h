/* `dp-ingest -`: NDJSON from standard input to standard output, each event checked and normalised
 * exactly as one that came over a WebSocket. */
#ifndef STDIN_H
#define STDIN_H

/* Runs until the end of input or a stop signal, and says on stderr what was refused. Returns the
 * exit status. */
int stdin_run(void);

#endif
