"""PostgreSQL is away for a while under steady load: acknowledgements go on, memory stays flat, the
spool grows, and drains faster than it filled when the server is back and the load goes on. All rows
are compared.

    make outage [MINUTES=30] [RATE=600 events a second]
"""

import argparse
import sys
import time

from client import Client
from ledger import Ledger
from pair import wait_until
from peer import status_kb
from rig import report, rig

SILENCE_MAX_SECONDS = 5
GROWTH_MAX_KB = 8 * 1024
PEAK_MAX_KB = 64 * 1024
CLIENTS = 3
NAMES = ("dp-ingest", "dp-store")


class Outage:
    def __init__(self, database, pair, rate):
        self.database, self.pair = database, pair
        self.ledger = Ledger()
        self.clients = [
            Client(f"client{i}", pair.port, self.ledger, rate=rate / CLIENTS, odd=False)
            for i in range(CLIENTS)
        ]
        self.problems = []

    def expect(self, truth, text):
        if not truth:
            self.problems.append(text)

    def lag(self):
        return self.pair.metrics()["spool_lag_bytes"]

    def memory(self, name="VmRSS"):
        return [status_kb(p.pid, name) for p in (self.pair.ingest, self.pair.store)]

    def begin(self):
        self.pair.start()
        for client in self.clients:
            client.start()
        wait_until(lambda: self.ledger.acked > 500 and self.pair.mark() > 0, 30, "the beginning")

    def away(self, seconds):
        """Until the outage is over: are there acknowledgements, is memory flat?"""
        samples, heard, silence = [], (time.monotonic(), self.ledger.acked), 0
        begun = time.monotonic()
        while (now := time.monotonic()) < begun + seconds:
            if self.ledger.acked > heard[1]:
                heard = (now, self.ledger.acked)
            silence = max(silence, now - heard[0])
            samples.append(self.memory())
            time.sleep(min(1, seconds / 40))
        self.expect(silence < SILENCE_MAX_SECONDS, f"no acknowledgement for {silence:.1f} s")
        for i, name in enumerate(NAMES):
            kb = [sample[i] for sample in samples]
            before, after = max(kb[: len(kb) // 4]), max(kb)
            print(f"{name}: {before} KiB of memory in the first quarter at most, {after} in all")
            self.expect(after - before < GROWTH_MAX_KB, f"{name} grows: {before}, {after} KiB")

    def drain(self, goal):
        """Seconds from when the mark moves again until the spool holds next to nothing."""
        mark = self.pair.mark()
        wait_until(lambda: self.pair.mark() > mark, 60, "the store takes it up again")
        begun = time.monotonic()
        wait_until(lambda: self.lag() <= goal, 3600, "the drain")
        return time.monotonic() - begun

    def run(self, seconds):
        self.begin()
        acked, quiet = self.ledger.acked, self.lag()
        self.database.stop()
        self.away(seconds)
        grown, more = self.lag(), self.ledger.acked - acked
        self.expect(grown > quiet + 100 * more, f"{more} events, but {quiet} to {grown} bytes")
        self.database.start()
        took = self.drain(max(2 * quiet, grown / 50))
        print(
            f"away for {seconds:.0f} s: {more} events acknowledged, {grown:.0f} bytes in the spool,"
            f" drained in {took:.1f} s"
        )
        self.expect(took < seconds, f"it filled in {seconds:.0f} s and drained in {took:.1f} s")
        self.finish()
        return self.problems

    def finish(self):
        for client in self.clients:
            client.end()
        for client in self.clients:
            client.join(60)
            is_done = not client.is_alive() and not client.failure
            self.expect(is_done, f"{client.name}: {client.failure}")
        wait_until(self.pair.is_drained, 60, "the rest of the drain")
        for name, peak in zip(NAMES, self.memory("VmHWM"), strict=True):
            self.expect(peak < PEAK_MAX_KB, f"{name} had {peak} KiB")
        self.expect(self.pair.starts == 1, f"the pair was started {self.pair.starts} times")
        problems, line = self.ledger.check(event for _, event in self.database.events())
        print(line)
        self.problems += problems + self.pair.oddities()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--minutes", type=float, default=30)
    p.add_argument("--rate", type=float, default=600)
    options = p.parse_args()
    with rig("postgresql") as (database, pair):
        outage = Outage(database, pair, options.rate)
        try:
            problems = outage.run(options.minutes * 60)
        except AssertionError as e:
            problems = [*outage.problems, str(e)]
        return report(pair, problems)


if __name__ == "__main__":
    sys.exit(main())
