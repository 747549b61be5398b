"""What the SDK costs the application, beside sentry-sdk and opentelemetry-sdk: see bench/README.md.

Every contender is a process of its own with the same application. They take turns, round by round,
so that what the machine does meanwhile hits all alike. What one adds in a round is its time less
that of `none` in the same round; the table has the median of the rounds, and the quartiles.
"""

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from programs import HERE, Pipeline, Sink

PEERS = {"sentry": "sentry-sdk", "opentelemetry": "opentelemetry-sdk"}
NAMES = ("none", "devpulse", *PEERS)
CLOCKS = {"cpu": "caller's CPU", "wall": "caller's wall", "process": "all threads' CPU"}
QUARTER = 0.25


class Scenario(NamedTuple):
    name: str
    title: str
    count: int  # in a round
    rounds: int  # for each that is asked for: what is little beside the rest is compared more often
    goal: float | None  # µs that we may add in the caller's thread
    kinds: dict[str, str]  # what one of it is, where it arrives
    compares: str


REQUEST_KINDS = {
    "devpulse": "response",
    "sentry": "sentry transaction",
    "opentelemetry": "otlp request",
}
SCENARIOS = (
    Scenario(
        "request",
        "FastAPI request",
        50,
        8,
        15.0,
        REQUEST_KINDS,
        "request and response event | transaction, all of them sampled | span and its children",
    ),
    Scenario(
        "uvicorn",
        "the same over uvicorn",
        25,
        8,
        None,
        REQUEST_KINDS,
        "one connection, client and server in one thread",
    ),
    Scenario(
        "event",
        "event, 3 attributes",
        500,
        1,
        8.0,
        {"devpulse": "log", "sentry": "sentry log", "opentelemetry": "otlp log"},
        "event() | logger.info() of sentry_sdk | a log record",
    ),
    Scenario(
        "message",
        "message, 3 attributes",
        200,
        1,
        None,
        {"devpulse": "log", "sentry": "sentry event", "opentelemetry": "otlp span event"},
        "event() | capture_message() | span.add_event(), which leaves with its span",
    ),
    Scenario(
        "exception",
        "exception",
        200,
        1,
        None,
        {"devpulse": "error", "sentry": "sentry event", "opentelemetry": "otlp span event"},
        "four frames with locals | the same | span.record_exception(): a text without locals",
    ),
)


class Contender:
    """A process that runs contender.py."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("DEVPULSE_", "OTEL_"))}
        self._process = subprocess.Popen(
            [sys.executable, HERE / "contender.py", name, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
        )

    def ask(self, *command: Any) -> dict[str, float]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.name} has ended: exit {self._process.wait()}")
        return json.loads(answer)

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


class Bench:
    def __init__(self, folder: Path, rounds: int, share: float) -> None:
        """`share`: of a scenario's count in a round."""
        self.rounds = rounds
        self.share = share
        self.pipeline = Pipeline(folder)
        self.sink = Sink()
        self.contenders = [
            Contender(name, self.pipeline.url if name == "devpulse" else self.sink.url)
            for name in NAMES
        ]

    def stop(self) -> None:
        for part in (*self.contenders, self.sink, self.pipeline):
            part.stop()

    def measure(self, scenario: Scenario) -> dict[str, list[dict[str, float]]]:
        """µs of one, by contender and round."""
        lead, count = self.lead(scenario), self.count(scenario)
        results: dict[str, list[dict[str, float]]] = {name: [] for name in NAMES}
        for number in range(-1, self.rounds * scenario.rounds):
            turn = number % len(NAMES)
            for contender in self.contenders[turn:] + self.contenders[:turn]:
                seconds = contender.ask("run", scenario.name, lead, count)
                if number >= 0:  # the first warms up
                    results[contender.name].append({k: v / count * 1e6 for k, v in seconds.items()})
        return results

    def count(self, scenario: Scenario) -> int:
        return max(10, int(scenario.count * self.share))

    def lead(self, scenario: Scenario) -> int:
        """What every round begins with, unmeasured."""
        return self.count(scenario) // 5

    def done(self, scenario: Scenario) -> int:
        """In all rounds, with the one that warmed up."""
        return (self.lead(scenario) + self.count(scenario)) * (self.rounds * scenario.rounds + 1)

    def counts(self) -> Counter[str]:
        """What arrived so far, by kind."""
        return self.sink.counts() + self.pipeline.counts()

    def missing(self, scenario: Scenario, before: Counter[str]) -> dict[str, int]:
        """How many of a scenario's things did not arrive since counts() was `before`."""
        expected = self.done(scenario)
        deadline = time.monotonic() + 10
        while True:
            now = self.counts()
            lost = {n: expected - (now[kind] - before[kind]) for n, kind in scenario.kinds.items()}
            if not any(lost.values()) or time.monotonic() > deadline:
                return lost
            time.sleep(0.05)

    def memory(self) -> dict[str, dict[str, float]]:
        return {c.name: c.ask("memory") for c in self.contenders}


class Added(NamedTuple):
    """What a contender adds to one of a scenario, µs: median and quartiles of the rounds, and the
    standard error of that median, as of a normal distribution with these quartiles."""

    median: float
    low: float
    high: float
    error: float

    def __str__(self) -> str:
        return f"{self.median:+.1f} ±{self.error:.1f} ({self.low:.1f} to {self.high:.1f})"


def added(results: dict[str, list[dict[str, float]]], name: str, clock: str) -> Added:
    pairs = zip(results[name], results["none"], strict=True)
    differences = sorted(its[clock] - none[clock] for its, none in pairs)
    if len(differences) < 4:
        low, median, high = differences[0], statistics.median(differences), differences[-1]
    else:
        low, median, high = statistics.quantiles(differences, n=4, method="inclusive")
    return Added(median, low, high, 0.93 * (high - low) / math.sqrt(len(differences)))


def write(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def write_row(title: str, cells: list[str]) -> None:
    write(f"  {title:<21}{cells[0]:>8}" + "".join(f"{cell:>38}" for cell in cells[1:]))


def empty_call() -> float:
    """Seconds of CPU time: how fast this machine is, at its best."""
    times = timeit.repeat("f()", "def f(): pass", time.thread_time, repeat=20, number=100_000)
    return min(times) / 100_000


def write_machine() -> None:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    packages = ("fastapi", "starlette", "uvicorn", *PEERS.values())
    load = os.getloadavg()[0]
    write(f"machine {model}, {os.cpu_count()} cores, load {load:.1f}, {platform.system()}")
    write(f"a call of an empty function takes {empty_call() * 1e9:.0f} ns")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    write(f"Python {platform.python_version()}, {versions}")


def write_scenario(
    scenario: Scenario, count: int, results: dict[str, list[dict[str, float]]], lost: dict[str, int]
) -> None:
    rounds = len(results["none"])
    write()
    write(f"{scenario.title} (µs, {rounds} rounds of {count}): {scenario.compares}")
    write_row("", [*NAMES])
    for clock, title in CLOCKS.items():
        base = statistics.median(r[clock] for r in results["none"])
        cells = [str(added(results, name, clock)) for name in NAMES[1:]]
        write_row(title, [f"{base:.1f}", *cells])
    write_row("dropped", ["", *(str(lost[name]) for name in NAMES[1:])])


def write_memory(title: str, memory: dict[str, dict[str, float]], what: str) -> None:
    mib = {name: m[what] / 2**20 for name, m in memory.items()}
    cells = [f"{mib[name] - mib['none']:+.1f}" for name in NAMES[1:]]
    write_row(title, [f"{mib['none']:.1f}", *cells])


def ratios(
    scenario: Scenario, results: dict[str, list[dict[str, float]]]
) -> list[tuple[float, float, str]]:
    """Ratio, goal and what it is of."""
    ours = added(results, "devpulse", "cpu").median
    lines = []
    if scenario.goal is not None:
        lines.append((ours / scenario.goal, 1.0, f"{ours:.1f} of {scenario.goal:g} µs"))
    for peer, package in PEERS.items():
        theirs = added(results, peer, "cpu").median
        lines.append((ours / theirs, QUARTER, f"{ours:.1f} of {package}'s {theirs:.1f} µs"))
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/sdk", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="whether it works; no figures")
    parser.add_argument(
        "--rounds", type=int, default=15, help="of each scenario (15), of requests 8 times as many"
    )
    arguments = parser.parse_args()
    rounds, share = (2, 0.1) if arguments.quick else (arguments.rounds, 1.0)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), rounds, share)
        try:
            run(bench)
        finally:
            bench.stop()


def run(bench: Bench) -> None:
    write_machine()
    write("median of the rounds ± its standard error (quartiles); contenders: added to none")
    at_start = bench.memory()
    after_requests = at_start
    judged = []
    for scenario in SCENARIOS:
        before = bench.counts()
        results = bench.measure(scenario)
        lost = bench.missing(scenario, before)
        write_scenario(scenario, bench.count(scenario), results, lost)
        judged += [(scenario.title, *line) for line in ratios(scenario, results)]
        if scenario.name == "request":
            after_requests = bench.memory()
    write()
    write("memory (MiB)")
    write_row("", [*NAMES])
    write_memory("RSS at the start", at_start, "rss")
    write_memory(f"after {bench.done(SCENARIOS[0])} requests", after_requests, "rss")
    write_memory("peak of all", bench.memory(), "peak")
    write()
    write("in the caller's thread, CPU time:")
    for title, ratio, goal, what in judged:
        verdict = "met" if ratio <= goal else "missed"
        write(f"ratio {ratio:5.2f}  goal {goal:4.2f}  {verdict:<6}  {title}: {what}")


if __name__ == "__main__":
    main()
