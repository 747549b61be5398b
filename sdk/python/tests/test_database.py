"""Database logging against the real databases, and dp-store as the judge of what it writes."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from databases import TABLES, VERSION, Database, put_all, record, store_by_programs, store_lines
from devpulse import _postgresql, _sqlite
from devpulse._database import DatabaseSink
from devpulse._postgresql import PostgresStore
from devpulse._record import Common, Record
from devpulse._rows import Row, row_of
from devpulse._sqlite import SqliteStore
from devpulse._store import Away, Rejected, sql
from pipeline import Pipeline

DIFFICULT: list[dict[str, Any]] = [
    {"details": 'quotes " \\ / \t \n \u2028 \x7f \x01 ünïcödé 😀'},
    {"name": "a" + "ä" * 150, "details": "a title that is cut between two bytes"},
    {"name": "", "details": "an empty name"},
    {"details": {"not": "a text"}},
    {"details": "numbers", "n": [0, -0.0, 1e-7, 1.5e300, 2**70, 0.1, 123456.789, -2.5e-300, 1e16]},
    {"details": "nul \0 and surrogate \ud800 here", "locals": {"\0": "\udc00"}},
    {"details": "empty", "locals": {}, "stacktrace": [], "name": None, "a": [[], {}, None, True]},
    {"details": "deep", "x": json.loads("[" * 50 + "]" * 50)},
    {"details": "it's $1 and %s and {}", "trace_id": 'it\'s "%s" {1,2} \\', "system": "a,b {} \\"},
    {"details": "long " + "x" * 100_000},
    {"details": "keyed", "constructor": 1, "__proto__": 2},
    {"severity": "error", "name": "ValueError", "line": 7, "durationMs": 1.25, "file": "a.py"},
]


def records() -> list[Record]:
    return [record(n) for n in range(300)] + [
        record(n, **{"trace_id": f"difficult {n}", **fields}) for n, fields in enumerate(DIFFICULT)
    ]


def test_rows_are_those_of_dp_store(
    make_database: Callable[[], Database], sink_of: Callable[..., DatabaseSink]
) -> None:
    some = records()
    theirs, ours = make_database(), make_database()
    store_by_programs(some, theirs.url)
    sink = sink_of(ours)
    put_all(sink, some)
    assert sink.stats()["stored"] == len(some) == theirs.count()
    for table in TABLES:
        assert ours.rows(table) == theirs.rows(table)


@pytest.mark.parametrize("sdk_first", [True, False])
def test_an_event_that_went_both_ways_stands_there_once(
    database: Database, sink_of: Callable[..., DatabaseSink], sdk_first: bool
) -> None:
    some = records()
    sink = sink_of(database)
    half, rest = some[: len(some) // 2], some[len(some) // 2 :]
    if sdk_first:
        put_all(sink, half)
        store_by_programs(some, database.url)
        put_all(sink, rest)
        assert sink.stats()["stored"] == len(half)
    else:
        store_by_programs(half, database.url)
        put_all(sink, some)
        assert sink.stats()["duplicate"] == len(half)
    assert database.count() == len(some)
    assert database.query("SELECT sum(events), sum(errors) FROM traces") == [
        (len(some), sum(r.severity == "error" for r in some))
    ]
    assert database.query("SELECT sum(events) FROM minute_counts") == [(len(some),)]
    assert database.query("SELECT sum(events) FROM error_groups") == [
        (sum(r.severity == "error" for r in some),)
    ]
    assert database.query("SELECT version FROM schema_version") == [(VERSION,)]
    assert database.strays() == 0


def test_dp_store_writes_at_the_same_time(
    database: Database, sink_of: Callable[..., DatabaseSink]
) -> None:
    ours = [record(n, trace_id=f"t{n % 300}") for n in range(1500)]
    theirs = [record(n, trace_id=f"t{n % 400}") for n in range(1500)]
    sink = sink_of(database)
    other = threading.Thread(
        target=lambda: [
            store_by_programs(theirs[n : n + 100], database.url) for n in range(0, 1500, 100)
        ]
    )
    other.start()
    for n in range(0, 1500, 100):
        put_all(sink, ours[n : n + 100])
    other.join(60)
    assert database.count() == 3000
    assert database.query("SELECT count(*), sum(events) FROM traces") == [(400, 3000)]
    assert database.query("SELECT sum(events) FROM minute_counts") == [(3000,)]
    assert database.strays() == 0


def test_dp_http_shows_what_the_sdk_alone_wrote(
    database: Database, sink_of: Callable[..., DatabaseSink], tmp_path: Path
) -> None:
    put_all(sink_of(database), [record(n) for n in range(20)])
    with Pipeline(tmp_path, db_url=database.url) as pipeline:
        document = pipeline.trace("trace-1", 3)
        assert [e["data"]["details"] for e in document["events"]] == [
            f"number {n}" for n in sorted((1, 8, 15), key=lambda n: n * 7919 % 1000)
        ]
        traces = pipeline.get("/api/traces")["items"]
        assert sum(trace["event_count"] for trace in traces) == 20


def test_a_newer_schema_is_refused(
    database: Database,
    sink_of: Callable[..., DatabaseSink],
    warnings: Callable[[], list[str]],
) -> None:
    first = sink_of(database)
    put_all(first, [record()])
    first.close(5)
    database.change("UPDATE schema_version SET version = 99")
    sink = sink_of(database)
    for n in range(3):
        put_all(sink, [record(n) for n in range(10 * n, 10 * n + 10)])
    assert sink.stats()["dropped"] == 30
    assert database.count() == 1
    (warning,) = warnings()
    assert "schema version 99" in warning
    assert "upgrade devpulse" in warning


def test_what_the_database_rejects_is_kept_apart(
    database: Database,
    sink_of: Callable[..., DatabaseSink],
    warnings: Callable[[], list[str]],
) -> None:
    sink = sink_of(database)
    put_all(sink, [record()])
    if database.url.startswith("sqlite:"):
        database.change(
            "CREATE TRIGGER t BEFORE INSERT ON events WHEN NEW.type = 'bad'"
            " BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        )
    else:
        database.change("ALTER TABLE events ADD CHECK (type <> 'bad')")
    some = [record(n, type="bad" if n in (1, 50, 51) else "log") for n in range(1, 100)]
    put_all(sink, some)
    assert sink.stats()["stored"] == 97
    assert sink.stats()["refused"] == 3
    assert database.count() == 97
    dead = database.query("SELECT CAST(event_id AS TEXT), body FROM dead_letters")
    assert sorted(i for i, _ in dead) == sorted(r.event_id for r in some if r.type == "bad")
    for event_id, body in dead:
        assert json.loads(bytes(body))["eventId"] == event_id
    assert database.query("SELECT sum(events) FROM traces") == [(97,)]
    assert len(warnings()) == 1


def test_an_event_that_is_rejected_once_is_tried_again(
    database: Database,
    sink_of: Callable[..., DatabaseSink],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sink = sink_of(database)
    store: Any = sink._store
    put = store.put
    failures = [MemoryError(), Rejected("another writer's partition")]

    def put_after_failures(rows: Sequence[Row]) -> int:
        if not failures:
            return put(rows)
        with store._faults():
            raise failures.pop()

    monkeypatch.setattr(store, "put", put_after_failures)
    put_all(sink, [record()])
    assert not failures
    assert sink.stats()["stored"] == 1
    assert sink.stats()["refused"] == 0
    assert database.count("dead_letters") == 0


def test_an_event_that_is_no_json_does_not_stand_in_the_way(
    database: Database, sink_of: Callable[..., DatabaseSink]
) -> None:
    def fail() -> dict[str, Any]:
        raise ValueError

    sink = sink_of(database)
    bad = Record("t", "error", "web", "log", fail, Common({}), 200)
    put_all(sink, [bad, record()])
    assert sink.stats()["stored"] == 1
    assert sink.stats()["refused"] == 1


WRITER = """
import sys
from devpulse._database import DatabaseSink
from devpulse._record import Common, Record
sink = DatabaseSink(sys.argv[1])
sys.stdin.readline()
for n in range(2000):
    trace = "shared" if n % 2 else f"own {n % 50}"
    sink.put(Record(trace, "error", sys.argv[2], "log", {"details": "x"}, Common({}), 200))
    if n % 100 == 99 and not sink.flush(60):
        sys.exit("not stored: " + str(sink.stats()))
sys.exit(not sink.close(60))
"""


def test_two_processes_write_at_once(database: Database) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, database.url, name],
            stdin=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for name in ("a", "b")
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"\n")
        writer.stdin.close()
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert database.count() == 4000
    assert database.query("SELECT count(DISTINCT seq), max(seq) FROM events") == [(4000, 4000)]
    assert database.query("SELECT events FROM traces WHERE trace_id = 'shared'") == [(2000,)]
    assert database.query("SELECT sum(events) FROM minute_counts") == [(4000,)]
    assert database.query("SELECT events FROM error_groups") == [(4000,)]
    assert len(database.query("SELECT database_id FROM schema_version")) == 1
    assert database.strays() == 0


@pytest.mark.parametrize(
    ("failure", "expected"),
    [(OSError(5, "Input/output error"), Away), (MemoryError(), Away), (KeyError("x"), Rejected)],
    ids=["OSError", "MemoryError", "KeyError"],
)
def test_what_fails_in_the_midst_of_a_batch_leaves_nothing(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
    expected: type[Exception],
) -> None:
    module = _sqlite if database.url.startswith("sqlite:") else _postgresql
    store = SqliteStore(database.url) if module is _sqlite else PostgresStore(database.url)
    rows = [row_of(record(n), 0) for n in range(3)]
    store.put(rows[:1])

    def failing(folder: str, name: str) -> str:
        if name.startswith("put_minute"):  # after events and traces
            raise failure
        return sql(folder, name)

    monkeypatch.setattr(module, "sql", failing)
    with pytest.raises(expected) as raised:
        store.put(rows[:2])
    assert store.name in str(raised.value)
    assert database.count() == 1
    monkeypatch.undo()
    assert store.put(rows) == 2
    store.close()
    assert database.count() == 3
    assert database.query("SELECT sum(events) FROM traces") == [(3,)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_fork_writes_by_a_connection_of_its_own(
    database: Database, sink_of: Callable[..., DatabaseSink]
) -> None:
    sink = sink_of(database)
    put_all(sink, [record(n) for n in range(10)])
    for n in range(10, 13):
        sink.put(record(n))  # the parent's: the child must not store them too
    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(BaseException):
            for n in range(100, 120):
                sink.put(record(n))
            status = 0 if sink.close(20) and sink.stats()["stored"] == 20 else 2
        os._exit(status)
    put_all(sink, [record(n) for n in range(200, 210)])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert database.count() == 43
    assert sink.stats()["stored"] == 23


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_fork_in_the_midst_of_storing_does_not_touch_sqlite(sqlite_db: Database) -> None:
    """It may hold a lock of SQLite's that nobody ever releases in the child."""
    sink = DatabaseSink(sqlite_db.url)
    put_all(sink, [record()])
    sink._using.acquire()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(BaseException):
            sink.put(record(1))
            again = DatabaseSink(sqlite_db.url)
            again.put(record(2))
            done = sink.close(5) and again.close(5)
            dropped = sink.stats()["dropped"] + again.stats()["dropped"]
            status = 0 if done and dropped == 2 else 2
        os._exit(status)
    assert time.monotonic() - started < 5
    sink._using.release()
    put_all(sink, [record(3)])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sink.close(5)
    assert sqlite_db.count() == 2


APPLICATION = """
import sys
import devpulse
devpulse._client.EXIT_SECONDS = 30  # of a loaded machine
devpulse.init(sys.argv[1], enable_db_logging=True, db_url=sys.argv[2], system="shop")
devpulse.set_trace_id("an-application")
try:
    1 / 0
except ZeroDivisionError as error:
    devpulse.capture_exception(error)
devpulse.event("order", amount=3)
if len(sys.argv) > 3:
    assert devpulse.flush(20)
    print(devpulse.stats()["db_stored"], devpulse.stats()["db_duplicate"])
"""


def run_application(*args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", APPLICATION, *args],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_an_application_ends_and_all_is_stored_though_no_server_is_there(
    database: Database,
) -> None:
    store_lines([], database.url)  # the tables: to make them may take longer than an end does
    run_application("ws://127.0.0.1:1", database.url)
    assert database.rows("traces")[0]["trace_id"] == "an-application"
    assert sorted(row["type"] for row in database.rows("events")) == ["error", "log"]


def test_an_application_whose_events_go_both_ways(database: Database, tmp_path: Path) -> None:
    with Pipeline(tmp_path, db_url=database.url) as pipeline:
        counts = run_application(pipeline.ws_url, database.url, "and wait").stdout.split()
        pipeline.trace("an-application", 2)
        pipeline.stop()
    assert sum(map(int, counts)) == 2
    assert database.count() == 2
    assert database.query("SELECT events, errors FROM traces") == [(2, 1)]
