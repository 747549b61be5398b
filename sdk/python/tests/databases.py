"""For the tests of database logging: databases of their own, and who writes to them and reads."""

import contextlib
import logging
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devpulse import _internal
from devpulse._database import DatabaseSink
from devpulse._postgresql import PostgresStore
from devpulse._record import Common, Record
from devpulse._rows import row_of
from devpulse._sqlite import SqliteStore
from devpulse._store import migrations
from pipeline import BIN, free_port

PG = os.environ.get("DEVPULSE_TEST_PG")
VERSION = len(migrations("sqlite"))  # of the schema
TABLES = ("events", "traces", "error_groups", "minute_counts")
START_NS = 1_700_000_000_123_456_789


class Database:
    """One of its own for a test, and what stands in it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        if self.url.startswith("sqlite:"):
            with contextlib.closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as c:
                return c.execute(sql).fetchall()
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as c:
            cursor = c.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def change(self, sql: str) -> None:
        if not self.url.startswith("sqlite:"):
            self.query(sql)
            return
        with contextlib.closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as c:
            c.executescript(sql)

    def count(self, table: str = "events") -> int:
        return int(self.query(f"SELECT count(*) FROM {table}")[0][0])

    def strays(self) -> int:
        """Events of SQLite that do not name the row of their trace by its number, too."""
        if not self.url.startswith("sqlite:"):
            return 0
        found = self.query(
            "SELECT count(*) FROM events e LEFT JOIN traces t USING (trace_n, trace_id)"
            " WHERE t.trace_n IS NULL"
        )
        return int(found[0][0])

    def columns(self, table: str) -> list[str]:
        if self.url.startswith("sqlite:"):
            return [c for (c,) in self.query(f"SELECT name FROM pragma_table_info('{table}')")]
        return [
            c
            for (c,) in self.query(
                "SELECT attname FROM pg_attribute"
                f" WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped"
            )
        ]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows with all columns, but for their numbers and times of receipt."""
        columns = [c for c in self.columns(table) if c not in ("seq", "trace_n")]
        wanted = ["CAST(body AS TEXT)" if c == "body" else c for c in columns]
        rows = self.query(f"SELECT {', '.join(wanted)} FROM {table}")
        named = [dict(zip(columns, map(without_receipt, row), strict=True)) for row in rows]
        return sorted(named, key=lambda row: [str(v) for v in row.values()])


def without_receipt(value: Any) -> Any:
    """A body as its text: the order of members and the digits of numbers count."""
    if isinstance(value, str) and value.endswith('Z"}'):
        return value[: value.index(',"receivedAt":')]
    return value


@pytest.fixture(params=["sqlite", "postgresql"])
def make_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Database]:
    """Makes an empty database."""
    if request.param == "postgresql":
        pytest.importorskip("psycopg", reason="psycopg is not installed")
        if not PG:
            pytest.skip("no PostgreSQL: DEVPULSE_TEST_PG is not set (tests/with-postgres.sh)")
        server = PG

    def make() -> Database:
        name = f"t{uuid.uuid4().hex}"
        if request.param == "sqlite":
            return Database(f"sqlite:///{tmp_path}/{name}.db")
        Database(server).query(f"CREATE DATABASE {name}")
        return Database(f"{server.rpartition('/')[0]}/{name}")

    return make


@pytest.fixture
def database(make_database: Callable[[], Database]) -> Database:
    return make_database()


@pytest.fixture
def sqlite_db(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path}/events.db")


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """What the SDK has warned of so far."""
    _internal.forget_warnings()
    caplog.set_level(logging.INFO, "devpulse.internal")
    yield lambda: [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


@pytest.fixture
def sink_of() -> Iterator[Callable[..., DatabaseSink]]:
    """Opens a sink; all are closed at the end."""
    sinks: list[DatabaseSink] = []

    def open_sink(database: Database, **limits: int) -> DatabaseSink:
        sinks.append(DatabaseSink(database.url, **limits))
        return sinks[-1]

    yield open_sink
    for sink in sinks:
        sink.close(5)


def record(n: int = 0, /, **fields: Any) -> Record:
    """Record n: 7 traces, 3 systems, times that do not follow the order of arrival."""
    given = {
        "trace_id": f"trace-{n % 7}",
        "severity": ("info", "warning", "error", "debug")[n % 4],
        "system": f"system {n % 3}",
        "type": "log",
        "ns": START_NS + (n * 7919 % 1000) * 1_000_000,
    }
    given.update({k: fields.pop(k) for k in tuple(fields) if k in given})
    fields = fields or {"details": f"number {n}"}
    common = Common({} if "environment" in fields else {"environment": "test"})
    return Record(**given, fields=fields, common=common, cost=300)


def normalised(lines: Iterable[bytes]) -> list[bytes]:
    """Lines as dp-ingest writes them."""
    text = b"".join(line + b"\n" for line in lines)
    ingest = subprocess.run([BIN / "dp-ingest", "-"], input=text, capture_output=True, check=True)
    return ingest.stdout.splitlines()


def store_lines(lines: Iterable[bytes], url: str) -> None:
    """By dp-store, as one batch: from a file, as a pipe may be empty for a moment."""
    with tempfile.TemporaryFile() as file:
        file.writelines(line + b"\n" for line in lines)
        file.seek(0)
        subprocess.run(
            [BIN / "dp-store", f"--db={url}"], stdin=file, check=True, stderr=subprocess.DEVNULL
        )


def store_by_programs(some: Iterable[Record], url: str) -> None:
    store_lines(normalised(r.encode() for r in some), url)


def store_by_sdk(some: Iterable[Record], url: str) -> int:
    """As one batch, by a connection of its own. Returns how many were new."""
    store = SqliteStore(url) if url.startswith("sqlite:") else PostgresStore(url)
    try:
        return store.put([row_of(r, time.time_ns() // 1000) for r in some])
    finally:
        store.finish()


def put_all(sink: DatabaseSink, some: list[Record]) -> None:
    for r in some:
        sink.put(r)
    assert sink.flush(20), sink.stats()


class Server:
    """A PostgreSQL of its own, to be killed."""

    def __init__(self, folder: Path) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        initdb = str(found[-1]) if found else shutil.which("initdb")
        if not initdb:
            pytest.skip("no PostgreSQL server here: initdb is not found")
        self._bin = Path(initdb).parent
        self._folder = folder
        self._port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"
        self._owner: list[str] = []
        if os.geteuid() == 0:  # as which PostgreSQL does not run
            shutil.chown(folder, "postgres")
            self._owner = ["runuser", "-u", "postgres", "--"]
        self._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        self.start()

    def _run(self, program: str, *args: str) -> None:
        command = [*self._owner, self._bin / program, "-D", self._folder / "data", *args]
        subprocess.run(command, cwd="/", check=True, stdout=subprocess.DEVNULL, timeout=60)

    def start(self) -> None:
        options = f"-p {self._port} -h 127.0.0.1 -k {self._folder}"
        self._run("pg_ctl", "-l", str(self._folder / "log"), "-w", "-o", options, "start")

    def kill(self) -> None:
        self._run("pg_ctl", "-m", "immediate", "-w", "stop")


@pytest.fixture
def server() -> Iterator[Server]:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    # Not in pytest's folder, which only its owner may enter.
    with tempfile.TemporaryDirectory(prefix="devpulse-pg.", ignore_cleanup_errors=True) as folder:
        running = Server(Path(folder))
        yield running
        with contextlib.suppress(subprocess.SubprocessError):
            running.kill()
