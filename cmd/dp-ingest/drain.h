/* How the server comes to its end, after a stop signal or where standard output fails, in the order
 * of enum server_state: what was taken is written and acknowledged, the clients are told, what is
 * in the spool is handed over. Each step has its time. */
#ifndef DRAIN_H
#define DRAIN_H

#include "server.h"

/* Takes nothing more. */
void drain_begin(struct server *s);

/* The writer or the pump have come further, or failed, or a client has left: those who waited are
 * served, and the end goes on. In the loop. */
void drain_woken(struct server *s);

#endif
