"""The checker of the fault tests. Clients note in a ledger what they send and what is answered;
that is compared with what a database holds, row by row:

    what was acknowledged is there, stored or, if it is poison, a dead letter;
    nothing is there that was not sent or was refused, and nothing twice;
    each is as it was sent, and those of one client are in its order;
    sent = stored + dead + refused + unknown.
"""

import collections
import hashlib
import json

UNKNOWN, ACKED, REFUSED = "unknown", "acknowledged", "refused"
ADDED = ("receivedAt", "_pos")  # by dp-ingest
SHOWN = 10  # problems of one kind


class Entry:
    __slots__ = ("digest", "fate", "is_poison", "n", "sender")

    def __init__(self, sender, n, event, is_poison):
        self.sender, self.n, self.is_poison = sender, n, is_poison
        self.digest, self.fate = digest(event), UNKNOWN


def digest(event):
    said = {name: value for name, value in event.items() if name not in ADDED}
    text = json.dumps(said, sort_keys=True).encode()
    return hashlib.blake2b(text, digest_size=8).digest()


class Ledger:
    """Each event belongs to one thread. Poison is what the database rejects."""

    def __init__(self):
        self.entries = {}
        self.acked = 0
        self.settled = 0  # events that were checked and forgotten

    def sends(self, sender, n, event, is_poison=False):
        self.entries[event["eventId"]] = Entry(sender, n, event, is_poison)

    def is_answered(self, event_id, fate):
        entry = self.entries[event_id]
        assert entry.fate in (UNKNOWN, fate), f"{event_id} is {fate}, and was {entry.fate}"
        entry.fate = fate
        self.acked += fate == ACKED

    def check(self, stored, dead=()):
        """Takes the events of a database, in its order. Returns what is wrong, and a line that
        counts."""
        check = Check(self.entries)
        for event in stored:
            check.take(event, is_dead=False)
        for event in dead:
            check.take(event, is_dead=True)
        check.find_missing()
        return check.problems(), check.summary()

    def settle(self):
        """Forgets what can come no more: it was checked, and all is handed over."""
        self.settled += len(self.entries)
        self.entries = {}


class Check:
    def __init__(self, entries):
        self.entries = entries
        self.seen = set()
        self.counts = collections.Counter()
        self.last = {}  # number of each sender
        self.wrong = collections.defaultdict(list)

    def take(self, event, is_dead):
        event_id = event["eventId"]
        entry = self.entries.get(event_id)
        self.counts["dead" if is_dead else "stored"] += 1
        if event_id in self.seen:
            self.wrong["there twice"].append(event_id)
        elif entry is None:
            self.wrong["there, and was not sent"].append(event_id)
        else:
            self.compare(event, entry, is_dead)
        self.seen.add(event_id)

    def compare(self, event, entry, is_dead):
        event_id = event["eventId"]
        if digest(event) != entry.digest:
            self.wrong["not as it was sent"].append(event_id)
        if entry.fate == REFUSED:
            self.wrong["there, though refused"].append(event_id)
        if entry.is_poison != is_dead:
            self.wrong["a dead letter, or none, and should not be"].append(event_id)
        if entry.fate == ACKED and not is_dead:
            if entry.n <= self.last.get(entry.sender, 0):
                self.wrong["behind a later one of its sender"].append(event_id)
            self.last[entry.sender] = entry.n

    def find_missing(self):
        for event_id, entry in self.entries.items():
            if event_id in self.seen:
                continue
            self.counts[entry.fate] += 1
            if entry.fate == ACKED:
                self.wrong["acknowledged, and not there"].append(event_id)

    def problems(self):
        return [
            f"{len(ids)} {what}: {' '.join(ids[:SHOWN])}{' ...' if len(ids) > SHOWN else ''}"
            for what, ids in self.wrong.items()
        ]

    def summary(self):
        c = self.counts
        return (
            f"sent {len(self.entries)} = stored {c['stored']} + dead {c['dead']}"
            f" + refused {c[REFUSED]} + unknown {c[UNKNOWN]}"
        )
