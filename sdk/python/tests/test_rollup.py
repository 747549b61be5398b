"""What is summed up of events is what dp-store sums up, batch by batch."""

import json
import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from databases import (
    START_NS,
    TABLES,
    Database,
    normalised,
    record,
    store_by_programs,
    store_by_sdk,
    store_lines,
)
from devpulse import _stack
from devpulse._record import Record
from devpulse._rollup import SYSTEMS, Names, minutes_of
from devpulse._rows import row_of
from devpulse._scrub import Scrubber
from devpulse._walk import Walk
from errors import Errors

HOSTILE = (
    '"',
    "\\",
    "a,b",
    "{}",
    "NULL",
    "\x01\t",
    "ünï",
    "😀",
    "'; DROP",
    " ",
    "\u2028",
    "a" * 500,
)


def stored_alike(batches: list[list[Record]], make_database: Callable[[], Database]) -> Database:
    """Stores batches both ways, each by a process or store of its own; all rows must be equal."""
    theirs, ours = make_database(), make_database()
    for batch in batches:
        store_by_programs(batch, theirs.url)
        store_by_sdk(batch, ours.url)
        for table in TABLES:
            assert ours.rows(table) == theirs.rows(table)
    return ours


def error_of_the_sdk(n: int) -> dict[str, Any]:
    try:
        (int, json.loads, [].index, {}.__getitem__)[n](f"x {n}")
    except Exception as error:
        return _stack.exception_fields(error, Walk(Scrubber()))
    raise AssertionError


def random_record(chance: random.Random, errors: Errors, n: int) -> Record:
    """Few traces and instants, so that many are equal, in any order."""
    fields: dict[str, Any] = {}
    if chance.random() < 0.6:
        fields["name"] = chance.choice(("", "GET /", f"step {n}", "ä" * 150, "KeyError"))
    if chance.random() < 0.6:
        fields["details"] = chance.choice(("", "GET /", f"number {n}", "é" * 150, {"a": n}))
    if chance.random() < 0.5:
        fields["durationMs"] = chance.choice((0, n, 0.1 + n, -1.5, 1e300, 2**60, None))
    severity = chance.choice(("info", "warning", "error", "error", "debug"))
    if severity == "error" and chance.random() < 0.7:
        event = errors.event(n)
        members = ("name", "details", "message", "file", "source", "stacktrace")
        fields = {m: event[m] for m in members if m in event}
    elif severity == "error":
        fields = error_of_the_sdk(n % 4)
    fields["environment"] = chance.choice((None, "", "dev", "prod", *HOSTILE))
    return record(
        n,
        **fields,
        trace_id=chance.choice(("a", "B", "é", f"own {n}", 'it\'s "{1,2}" \\')),
        severity=severity,
        system=chance.choice(("shop", "api", *HOSTILE)),
        type=chance.choice(("log", "error", "request", "x y")),
        ns=START_NS + chance.randint(-5, 5) * chance.choice((1000, 10**9, 60 * 10**9, 10**12)),
    )


@pytest.mark.parametrize("seed", range(3))
def test_of_random_batches(seed: int, make_database: Callable[[], Database]) -> None:
    chance, errors = random.Random(seed), Errors(seed)
    batches: list[list[Record]] = []
    for b in range(5):
        batch = [random_record(chance, errors, 100 * b + n) for n in range(80)]
        before = [r for earlier in batches for r in earlier]
        repeated = chance.sample(before, min(10, len(before))) + chance.sample(batch, 5)
        batches.append(chance.sample(batch + repeated, len(batch + repeated)))
    database = stored_alike(batches, make_database)
    assert database.count() == 400
    assert database.count("error_groups") > 50


def test_the_limits_of_lists(make_database: Callable[[], Database]) -> None:
    """Systems of a trace, systems and environments of a group, traces that stand for it."""
    batches = [
        [
            record(
                n,
                trace_id="one" if n % 2 else f"trace {n}",
                system=f"system {n // 2 * 7 % 130}",
                severity="error",
                ns=START_NS + (n * 7919 % 1000) * 1_000_000_000,
                details=f"number {n}",
                environment=f"place {n % 30}",
            )
            for n in range(begin, begin + 100)
        ]
        for begin in (0, 100, 200)
    ]
    database = stored_alike(batches, make_database)
    rows = {row["trace_id"]: row for row in database.rows("traces")}
    assert rows["one"]["systems"].count(",") == 99
    (group,) = database.rows("error_groups")
    lists = ("systems", "environments", "traces")
    assert [group[name].count(",") + 1 for name in lists] == [20, 20, 10]


def test_the_systems_whose_minutes_are_counted_apart(
    make_database: Callable[[], Database],
) -> None:
    """Those of the last day are known to the next writer; the others share an empty name."""
    now = time.time_ns() - 60 * 10**9
    batches = [
        [record(n, trace_id="t", system=f"s{n}", ns=now) for n in range(SYSTEMS - 1)],
        [record(n, trace_id="t", system=f"s{n}", ns=now) for n in (5000, 5001, 5001, 5002, 7)],
        [record(n, trace_id="t", system=f"s{n}", ns=now) for n in (6000, 5000, 7)],
    ]
    database = stored_alike(batches, make_database)
    counts = database.query("SELECT system, sum(events) FROM minute_counts GROUP BY system")
    assert len(counts) == SYSTEMS + 1
    assert dict(counts)[""] == 4
    assert dict(counts)["s5000"] == 2


def test_the_shared_name_is_none_of_those_systems(make_database: Callable[[], Database]) -> None:
    now = time.time_ns() - 60 * 10**9
    before = now - 30 * 3600 * 10**9
    batches = [
        [
            *(record(n, trace_id="t", system=f"old {n}", ns=before) for n in range(SYSTEMS)),
            record(0, trace_id="t", system="late", ns=now),
        ],
        [record(n, trace_id="t", system=f"s{n}", ns=now) for n in range(SYSTEMS)],
    ]
    database = stored_alike(batches, make_database)
    counts = dict(database.query("SELECT system, sum(events) FROM minute_counts GROUP BY system"))
    assert len(counts) == 2 * SYSTEMS + 1
    assert counts[""] == 1


@pytest.mark.parametrize(
    "timestamp",
    [
        "0001-01-01T00:00:00Z",
        "0001-06-01T00:00:00.5Z",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59Z",
    ],
)
def test_a_trace_with_an_event_of_long_ago(database: Database, timestamp: str) -> None:
    """Others' clocks may say anything, and what they said of a trace stays."""
    event = record(1, trace_id="t", severity="error").encode()
    ours = record(2, trace_id="t", severity="error")
    given = b'"timestamp":"' + timestamp.encode() + b'"'
    old = event.replace(b'"timestamp":"2023-11-14T', b'"ignored":"2023-11-14T', 1)
    old = old.replace(b"{", b"{" + given + b",", 1)
    store_lines(normalised([old]), database.url)
    before = database.query("SELECT CAST(first_ts AS TEXT), CAST(last_ts AS TEXT) FROM traces")
    store_by_sdk([ours], database.url)
    after = database.query("SELECT CAST(first_ts AS TEXT), CAST(last_ts AS TEXT) FROM traces")
    assert set(before[0]) & set(after[0]) == set(before[0])
    assert database.query("SELECT events FROM traces") == [(2,)]
    assert database.query("SELECT events FROM error_groups") == [(2,)]


def test_names_are_in_order_of_time() -> None:
    names = Names(3)
    for name, us in (("b", 5), ("c", 5), ("a", 4), ("d", 1), ("c", 2), ("c", 9)):
        names.see(name, us)
    assert names.texts() == ('["c","a","b"]', "[2,4,5]")
    assert Names(3).texts() == ("[]", "[]")


def test_samples_are_spread_over_time() -> None:
    names = Names(3)
    for us in (0, 100, 10, 50, 60):
        names.sample(f"t{us}", us)
    assert names.texts() == ('["t0","t50","t100"]', "[0,50,100]")


def test_minutes_begin_before_1970_too() -> None:
    row = row_of(record(1, ns=-1000), 0)
    assert minutes_of([row, row], set()) == [(-60_000_000, "system 1", "warning", 2)]
