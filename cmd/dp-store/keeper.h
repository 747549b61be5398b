/* Stores loads of events in threads of its own: the next one is read meanwhile, and grows with the
 * time that this one takes.
 *
 * There are three threads, which take loads in turn. What a load needs of the processor alone is
 * done while those before it are stored, and the events are sent to the database meanwhile, too, on
 * the thread's own connection (store_draft.h): of a stream that fills its loads. So beside what the
 * one whose turn it is does last, two cores have each a load to work at. In their turn, one after
 * the other, loads are committed, the mark moves, what is new is passed on, and the steps of
 * retention that are due are made. Where the store has no twins there are two threads: the events
 * are put in their turn.
 *
 * So four loads are in memory at most, and three drafts: that in its turn, those ahead of it, and
 * the load being filled.
 *
 * While the keeper is idle its store, its mark and its retention are the caller's to use. */
#ifndef DP_KEEPER_H
#define DP_KEEPER_H

#include "mark.h"
#include "retain.h"
#include "store.h"

#include <stdbool.h>
#include <stddef.h>

/* What goes into one transaction. */
struct load {
	struct dp_event **events; /* room for events_max; count of them are there */
	size_t count;
	size_t bytes;              /* of their JSON */
	bool is_full;              /* more was there */
	struct dp_store_step step; /* goes with it where it goes anywhere */
	struct dp_pos mark;        /* what the mark says then; offset 0: as before */
};

struct counts {
	unsigned long long stored;
	unsigned long long duplicates;
	unsigned long long dead;
};

struct keeper;

/* Borrows the store, the mark and the retention. `tee`: writes what is new to stdout, after its
 * commit. *empty: the load to fill. */
struct keeper *keeper_new(struct dp_store *store, struct mark *mark, struct retain *retain,
    size_t events_max, bool tee, struct load **empty);

/* Hands over a load, to be stored however long the database is away, as soon as one of the threads
 * has nothing to do; *load is another one then, an empty one. Returns false, without it, where a
 * load before it could not be stored: nothing more is. */
bool keeper_take(struct keeper *k, struct load **load);

/* Waits until it is idle. Returns whether what it was given is stored. */
bool keeper_wait(struct keeper *k);

/* Whether it is idle; and a descriptor that is readable once it is, after keeper_take. */
bool keeper_is_idle(struct keeper *k);
int keeper_fd(const struct keeper *k);

/* While it is idle: whether stdout takes no more; how many events a failure of the store left. */
bool keeper_is_deaf(const struct keeper *k);
size_t keeper_left(const struct keeper *k);
struct counts keeper_counts(const struct keeper *k);

/* Ends it, and releases the loads. Returns 0, or -1 where something was not passed on. */
int keeper_close(struct keeper **k);

#endif
