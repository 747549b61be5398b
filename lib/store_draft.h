/* Batches that are made ready while the one before is stored: what storing one needs of the
 * processor alone is done by dp_draft_new, in any thread; and where there are twins
 * (dp_store_twin), dp_store_send brings the events into the database already, in a transaction that
 * is finished when it is their turn. Each thread stores a batch by dp_store_send and
 * dp_store_finish on a handle of its own:
 *
 *	send 1 | finish 1 |          | send 4 ...
 *	       | send 2     | finish 2 |
 *	         | send 3              | finish 3
 *
 * The events of a batch that is sent ahead are numbered behind those of the batch before it, and
 * not by the lock on the counter: when it is finished it gets these numbers, or, where another
 * writer took them, nothing of it stays.
 *
 * What the order asks of the callers:
 * - A batch is sent ahead while the one before is sent ahead, too, or finished; not while that is
 *   put, or sent in its turn.
 * - It is finished, dropped or put when the one before is stored.
 * - While an event is put (dp_store_put, dp_store_put_draft), or sent in its turn, nothing may be
 *   sent and not yet finished: the database would wait for that for ever, which it can't see.
 * - For the same reason two batches that have an event in common are not both ahead, and who has
 *   sent a batch ahead waits for its turn a short while only, then drops it: the batch before may
 *   wait for another writer, and that for one of these events. */
#ifndef DP_STORE_DRAFT_H
#define DP_STORE_DRAFT_H

#include "store.h"

struct dp_draft;

/* Sums up n events, which are borrowed until it is freed. Takes about the memory of the roll-ups
 * that the batch touches, besides 50 bytes an event and a struct dp_fingerprint an error. */
struct dp_draft *dp_draft_new(const struct dp_event *const *events, size_t n);
void dp_draft_free(struct dp_draft **d);

/* What became of the event at this place: after it was stored. */
enum dp_store_outcome dp_draft_outcome(const struct dp_draft *d, size_t at);

/* dp_store_put of a draft. It may be put again, and after a failure to finish it. */
int dp_store_put_draft(struct dp_store *s, struct dp_draft *d, const struct dp_store_step *step);

/* Another handle of the same database, which shares what the first knows and is closed before it;
 * NULL where it would not help, as SQLite has one writer at a time. Beside what is said above a
 * handle has nothing to do with what the other does. */
struct dp_store *dp_store_twin(struct dp_store *s);

/* Whether it cannot be sent ahead: what is stored before may have to tell of one of its events
 * whether it is there already. */
bool dp_draft_needs_turn(const struct dp_draft *d);

/* Begins to store a draft of at least one event, behind the number `before`; behind 0 it is not
 * ahead: it is their turn. Returns 0; else nothing of it stays: -1 as of dp_store_put, or 1 where
 * it is to be put in its turn, as an event is rejected, another writer was in the way, or it needs
 * its turn for another reason. */
int dp_store_send(struct dp_store *s, struct dp_draft *d, int64_t before);

/* The number of the last event of a draft that is sent. */
int64_t dp_draft_last(const struct dp_draft *d);

/* Stores, when it is its turn, what was sent. Returns 0; else nothing of it stays: -1 as of
 * dp_store_put, or 1 where it is to be put, as an event is rejected, or another writer took the
 * numbers or was in the way. */
int dp_store_finish(struct dp_store *s, struct dp_draft *d, const struct dp_store_step *step);

/* Takes back what was sent. */
void dp_store_drop(struct dp_store *s, struct dp_draft *d);

#endif
