"""Databases that are away for a while: nothing is lost within the bounds, and little is said."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from databases import Database, Server, put_all, record
from devpulse._database import DatabaseSink
from pipeline import wait_for


def test_sqlite_that_is_locked_is_waited_for(
    sqlite_db: Database,
    sink_of: Callable[..., DatabaseSink],
    warnings: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("devpulse._sqlite._BUSY_SECONDS", 0.05)
    sink = sink_of(sqlite_db, max_events=50)
    put_all(sink, [record()])
    other = sqlite3.connect(sqlite_db.url.removeprefix("sqlite:///"), isolation_level=None)
    sink.let_go()  # the patience above holds for a new connection
    sink.go_on()
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    for n in range(1, 101):
        sink.put(record(n))
    assert time.monotonic() - began < 1, "an application waits"
    wait_for(warnings)
    assert not sink.flush(0.3)
    other.execute("COMMIT")
    other.close()
    assert sink.flush(20)
    stats = sink.stats()
    assert stats["stored"] + stats["dropped"] == 101
    assert stats["dropped_debug"] == 25
    assert stats["dropped_error"] == 0
    assert sqlite_db.count() == stats["stored"] >= 51
    (warning,) = warnings()
    assert "is locked" in warning


@contextlib.contextmanager
def nobody_opens(database: Database) -> Iterator[Database]:
    """Holds what whoever makes tables needs; the database, for one who does not wait for it."""
    if database.url.startswith("sqlite:"):
        path = database.url.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield database
        return
    import psycopg

    with psycopg.connect(database.url) as c:
        c.execute("SELECT pg_advisory_xact_lock(4919131752989213764)")  # begin_migration.sql
        yield Database(f"{database.url}?options=-c%20lock_timeout%3D50ms")


def test_a_database_that_is_busy_at_the_opening_is_opened_anew(
    database: Database,
    sink_of: Callable[..., DatabaseSink],
    warnings: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("devpulse._sqlite._BUSY_SECONDS", 0.05)
    with nobody_opens(database) as impatient:
        sink = sink_of(impatient)
        sink.put(record())
        wait_for(warnings)
    assert sink.flush(20), sink.stats()
    assert sink.stats()["stored"] == 1, warnings()
    (warning,) = warnings()
    assert "the database is away" in warning


def test_a_file_that_was_moved_away_is_made_anew(
    sqlite_db: Database, sink_of: Callable[..., DatabaseSink]
) -> None:
    sink = sink_of(sqlite_db)
    put_all(sink, [record()])
    path = Path(sqlite_db.url.removeprefix("sqlite:///"))
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{path}.old{suffix}")
    put_all(sink, [record(1)])
    assert sqlite_db.count() == 1
    assert Database(f"{sqlite_db.url}.old").count() == 1


def test_postgresql_is_killed_and_comes_back(
    server: Server,
    sink_of: Callable[..., DatabaseSink],
    warnings: Callable[[], list[str]],
) -> None:
    database = Database(server.url)
    sink = sink_of(database)
    put_all(sink, [record()])
    stop = threading.Event()
    sent = []

    def load() -> None:
        while not stop.is_set() and len(sent) < 8000:
            sent.append(record(len(sent)))
            sink.put(sent[-1])
            time.sleep(0.0005)

    application = threading.Thread(target=load)
    application.start()
    wait_for(lambda: sink.stats()["stored"] > 100)
    server.kill()
    wait_for(warnings)
    assert not sink.flush(0.1)
    server.start()
    stop.set()
    application.join()
    assert sink.flush(30), sink.stats()
    assert database.count() == len(sent) + 1
    assert database.query("SELECT sum(events) FROM traces") == [(len(sent) + 1,)]
    stats = sink.stats()
    # What was committed when the answer was lost is found there by the second try.
    assert stats["stored"] + stats["duplicate"] == len(sent) + 1
    assert len(warnings()) == 1
