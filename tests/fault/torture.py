"""Kills under load, at random moments: dp-ingest, dp-store, PostgreSQL, or all together, some while
they recover. Clients note what is acknowledged; every few rounds all is let through, and the ledger
compared with the database, row by row. Exit 1, with the ids, where they differ.

    make torture [ROUNDS=1000] [DB=sqlite|postgresql|both] [SEED=S]
                 [MINUTES=at most, for each database]

The seed chooses what is killed and what is sent. When that happens it cannot choose.
"""

import argparse
import os
import random
import signal
import sys
import time

from client import Client
from ledger import Ledger
from pair import wait_until
from rig import report, rig

CHECK_EVERY = 10  # rounds
RECOVERY_SECONDS = 60
CLIENTS = 3
RATE = 150  # events a second, of each


class Torture:
    def __init__(self, database, pair, seed):
        self.database, self.pair = database, pair
        self.random = random.Random(seed)
        self.ledger = Ledger()
        self.clients = [
            Client(f"client{i}", pair.port, self.ledger, RATE, seed) for i in range(CLIENTS)
        ]
        self.last_seq, self.stored = 0, 0
        self.dead = set()  # ids of those that were checked
        self.kinds = ["ingest", "store", "pair", "ingest", "store", "pair", "term"]
        if database.kind == "postgresql":
            self.kinds += ["server", "stop", "backend", "all", "all"]

    def begin(self):
        self.pair.start()
        for client in self.clients:
            client.start()

    def kill(self, kind):
        if kind in ("ingest", "pair", "all"):
            self.pair.ingest.kill()
        if kind in ("store", "pair", "all"):
            self.pair.store.kill()
        if kind == "term":
            self.pair.ingest.terminate()
        if kind in ("server", "all"):
            self.database.kill()
        if kind == "stop":
            self.database.stop()
        if kind == "backend":
            self.kill_backend()

    def kill_backend(self):
        """That of dp-store; the server takes down all others with it, and begins anew."""
        for (pid,) in self.database.query(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'dp-store'"
        ):
            os.kill(pid, signal.SIGKILL)

    def round(self):
        """Returns what was done."""
        kind = self.random.choice(self.kinds)
        acked = self.ledger.acked
        self.wait(lambda: self.ledger.acked > acked, "the load goes on")
        time.sleep(self.random.uniform(0, 0.4))
        self.kill(kind)
        done = [kind]
        while self.random.random() < 0.3:  # while it recovers
            time.sleep(self.random.uniform(0, 0.1))
            done.append(self.random.choice(("ingest", "store", "pair")))
            self.kill(done[-1])
        if kind in ("server", "stop", "all"):
            time.sleep(self.random.uniform(0, 0.3))
            self.database.start()
        self.await_recovery()
        return "+".join(done)

    def await_recovery(self):
        """Without a hand: clients are acknowledged, and what they send comes to the database."""
        acked, mark = self.ledger.acked, self.pair.mark()
        self.wait(lambda: self.ledger.acked > acked and self.pair.mark() > mark, "recovery")
        mark = self.pair.mark()
        position = self.database.position()
        assert mark <= position, f"the mark {mark} is ahead of the database, {position}"

    def check(self):
        """Lets all through, and compares. Returns problems and a line for people."""
        for client in self.clients:
            client.resting.set()
        self.wait(lambda: not any(c.waiting for c in self.clients), "an answer to all")
        self.wait(self.pair.is_drained, "the drain")
        dead = [e for e in self.database.dead() if e["eventId"] not in self.dead]
        self.dead |= {e["eventId"] for e in dead}
        problems, line = self.ledger.check(self.fresh(), dead)
        problems += self.failures() + self.pair.oddities() + self.sums()
        self.ledger.settle()
        for client in self.clients:
            client.resting.clear()
        return problems, line

    def fresh(self):
        """What was stored since the last check."""
        for seq, event in self.database.events(self.last_seq):
            self.last_seq = seq
            self.stored += 1
            yield event

    def sums(self):
        """The tables agree with each other and with the mark, those of earlier checks included."""
        problems = []
        if self.database.counts() != (self.stored, self.stored):
            problems.append(f"events, traces: {self.database.counts()}, not {self.stored}")
        if self.database.position() != self.pair.mark():
            problems.append(f"position {self.database.position()}, mark {self.pair.mark()}")
        return problems

    def wait(self, check, what):
        wait_until(lambda: check() or self.failures(), RECOVERY_SECONDS, what)
        assert not self.failures(), what

    def failures(self):
        return [c.failure for c in self.clients if c.failure]

    def run(self, rounds, minutes):
        end = time.monotonic() + minutes * 60 if minutes else None
        began, n = time.monotonic(), 0
        done = []
        while n < rounds and not (end and time.monotonic() > end):
            n += 1
            done.append(self.round())
            if n % CHECK_EVERY == 0 or n == rounds:
                problems, line = self.check()
                print(
                    f"{self.database.kind} {n}: {line}; {self.pair.starts} starts,"
                    f" {time.monotonic() - began:.0f} s; {' '.join(done)}",
                    flush=True,
                )
                done = []
                if problems:
                    return problems
        for client in self.clients:
            client.end()
        self.pair.end()
        print(
            f"{self.database.kind}: {n} rounds, {self.stored} events stored, {len(self.dead)} dead,"
            f" {self.pair.starts} starts, {time.monotonic() - began:.0f} s: none lost, none twice"
        )
        return self.pair.oddities()


def torture(kind, options):
    """Returns the exit status."""
    with rig(kind) as (database, pair):
        t = Torture(database, pair, options.seed)
        try:
            t.begin()
            problems = t.run(options.rounds, options.minutes)
        except AssertionError as e:
            problems = [str(e), *t.failures(), *pair.oddities()]
        return report(pair, problems)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--rounds", type=int, default=1000)
    p.add_argument("--minutes", type=float)
    p.add_argument("--db", choices=("sqlite", "postgresql", "both"), default="both")
    p.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = p.parse_args()
    print(f"seed {options.seed}", flush=True)
    kinds = ("sqlite", "postgresql") if options.db == "both" else (options.db,)
    return max(torture(kind, options) for kind in kinds)


if __name__ == "__main__":
    sys.exit(main())
