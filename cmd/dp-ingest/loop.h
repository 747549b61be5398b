/* The loop of the server, from its start to its end: the listening socket, the protocols of its
 * clients, the intake of their events, the writer of what is accepted, and with a spool the pump
 * from there to standard output. */
#ifndef LOOP_H
#define LOOP_H

#include "server.h"

/* Runs until a stop signal or an error of standard output. Returns the exit status. */
int loop_run(const struct server_config *cfg);

#endif
