"""Power cuts under load, of the disk that has both the spool and an SQLite database: what was
acknowledged is there, once, when the power is back, and nobody has to lend a hand.

    power.py [--rounds N] [--seed S] [--lie]

--lie: the disk says that it has flushed, and has not. What was acknowledged must be lost then, or
the rest would show nothing. Exit 77 where there can be no such disk.
"""

import argparse
import random
import sys
import time

from client import Client
from database import Sqlite
from disk import Disk
from ledger import Ledger
from pair import Pair, wait_until
from rig import report, rig

RECOVERY_SECONDS = 60
CLIENTS = 3
SMALL = ("--spool-max", "64M")
ROUNDS_OF_A_DISK = 20  # before it is full


class Power:
    def __init__(self, disk, pair, seed):
        self.disk, self.pair, self.errors = disk, pair, pair.errors
        self.database = Sqlite(disk.folder)
        self.random = random.Random(seed)
        self.ledger = Ledger()
        self.clients = [
            Client(f"client{i}", pair.port, self.ledger, rate=300, seed=seed, odd=False)
            for i in range(CLIENTS)
        ]

    def start(self):
        self.pair = Pair(self.disk.folder, self.database.url, self.pair.port, SMALL)
        self.pair.errors = self.errors
        self.pair.never = [said for said in self.pair.never if not said.startswith("damage")]
        self.pair.allowed = (0, 1, 2)  # without power
        self.pair.start()

    def begin(self):
        self.database.make()
        self.start()
        for client in self.clients:
            client.start()

    def round(self):
        acked, mark = self.ledger.acked, self.pair.mark()
        wait_until(
            lambda: self.ledger.acked > acked + 100 and self.pair.mark() > mark,
            RECOVERY_SECONDS,
            "recovery",
        )
        mark, position = self.pair.mark(), self.database.position()
        assert mark <= position, f"the mark {mark} is ahead of the database, {position}"
        time.sleep(self.random.uniform(0, 0.4))
        self.disk.cut()
        time.sleep(self.random.choice((0, 0.1, 0.3)))
        self.pair.kill()
        self.disk.unmount()
        problems = self.pair.oddities()
        self.disk.power_on()
        self.start()
        return problems

    def finish(self):
        for client in self.clients:
            client.end()
        for client in self.clients:
            client.join(RECOVERY_SECONDS)
            assert not client.is_alive() and not client.failure, f"{client.name}: {client.failure}"
        wait_until(self.pair.is_drained, RECOVERY_SECONDS, "the drain")
        self.pair.end()
        problems, line = self.ledger.check(event for _, event in self.database.events())
        sound = self.database.query("PRAGMA integrity_check")
        if sound != [("ok",)]:
            problems.append(f"SQLite: {sound}")
        print(line)
        return problems + self.pair.oddities()

    def run(self, rounds):
        self.begin()
        problems = []
        for _ in range(rounds):
            problems += self.round()
        return problems + self.finish()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    p.add_argument("--lie", action="store_true")
    options = p.parse_args()
    print(f"seed {options.seed}", flush=True)
    status = 0
    for first in range(0, options.rounds, ROUNDS_OF_A_DISK):
        rounds = min(ROUNDS_OF_A_DISK, options.rounds - first)
        status = status or go_through(options.seed + first, rounds, options.lie)
    return status


def go_through(seed, rounds, lie):
    """A disk of its own. Returns the exit status."""
    with rig("sqlite") as (_, pair):
        try:
            disk = Disk(pair.errors.parent, seed)
        except OSError as e:
            print(f"no disk to be cut off: {e}")
            return 77
        power = Power(disk, pair, seed)
        if lie:
            disk.lie()
        try:
            problems = power.run(rounds)
        except (AssertionError, OSError) as e:
            problems = [str(e), *power.pair.oddities()]
        finally:
            power.pair.kill()
            disk.remove()
        return report(power.pair, problems)


if __name__ == "__main__":
    sys.exit(main())
