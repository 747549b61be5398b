"""Events made, sent and stored; answers asked for."""

import subprocess
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

from rig.databases import Database
from rig.places import BENCH, BIN
from rig.processes import end, run_to_end


def generator(count: int, seed: int = 1, until: datetime | None = None) -> list[str]:
    """The command that makes `count` events, which end now or at `until`, a hundred a second."""
    start = (until or datetime.now(timezone.utc)) - timedelta(seconds=count / 100)
    return [
        str(BENCH / "events"),
        f"--seed={seed}",
        f"--count={count}",
        f"--start={start:%Y-%m-%dT%H:%M:%SZ}",
    ]


class Load(NamedTuple):
    """What a run of build/bench/load was: µs and seconds."""

    events: int
    seconds: float
    p50: int
    p99: int
    longest: int
    cpu: dict[str, float]

    @property
    def rate(self) -> float:
        return self.events / self.seconds


def send(port: int, command: list[str], connections: int = 8, rate: int = 0) -> Load:
    """Sends what `command` makes, until the last event is acknowledged."""
    events = subprocess.Popen(command, stdout=subprocess.PIPE)
    load = subprocess.Popen(
        [BENCH / "load", str(port), str(connections), "0", str(rate), "-"],
        stdin=events.stdout,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert events.stdout is not None and load.stdout is not None
    events.stdout.close()
    try:
        told = load.stdout.read()
        cpu = run_to_end(events, load, names="events | load")
    finally:
        end(events)
        end(load)
    count, seconds, p50, p99, longest = told.split()
    return Load(
        int(count),
        float(seconds),
        int(p50),
        int(p99),
        int(longest),
        {"events": cpu[0], "load": cpu[1]},
    )


def fill(db: Database, count: int, seed: int = 1, until: datetime | None = None) -> float:
    """Stores `count` events by dp-store alone. Returns the seconds until the last is committed."""
    return store(db, generator(count, seed, until))


def store(db: Database, command: list[str]) -> float:
    """Stores what `command` prints, likewise."""
    start = time.monotonic()
    events = subprocess.Popen(command, stdout=subprocess.PIPE)
    storing = subprocess.Popen(
        [BIN / "dp-store", f"--db={db.url}"], stdin=events.stdout, stderr=subprocess.PIPE, text=True
    )
    assert events.stdout is not None and storing.stderr is not None
    events.stdout.close()
    told = storing.stderr.read()
    try:
        run_to_end(events, storing, names=f"{Path(command[0]).name} | dp-store: {told.strip()}")
    finally:
        end(events)
        end(storing)
    return time.monotonic() - start


def trace_ids(count: int, seed: int, wanted: int) -> list[str]:
    """Some of those that `fill` has stored, evenly from first to last."""
    events = subprocess.Popen(generator(count, seed), stdout=subprocess.PIPE)
    every = max(1, count // wanted)
    told = subprocess.run(
        ["awk", "-F", '"', f"NR % {every} == 0 {{ print $4 }}"],
        stdin=events.stdout,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    events.wait()
    return list(dict.fromkeys(told.split()))


class Answers(NamedTuple):
    """What a run of build/bench/get was: µs and seconds."""

    count: int
    seconds: float
    p50: int
    p99: int
    longest: int
    bytes: int
    cpu: float  # of the one that asks

    @property
    def rate(self) -> float:
        return self.count / self.seconds


def get(port: int, paths: list[str], connections: int, seconds: float) -> Answers:
    """Asks dp-http for the paths again and again."""
    process = subprocess.Popen(
        [BENCH / "get", str(port), str(connections), str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("".join(f"{path}\n" for path in paths))
    process.stdin.close()
    told = process.stdout.read().split()
    (cpu,) = run_to_end(process, names="get")
    count, spent, p50, p99, longest, size = (float(n) for n in told)
    return Answers(int(count), spent, int(p50), int(p99), int(longest), int(size), cpu)
