"""SQLite, by the standard library; as lib/store_sqlite.c does it."""

import contextlib
import errno
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ._ids import event_id, random_bits
from ._rollup import groups_of, minutes_of, traces_of
from ._rows import Row
from ._store import (
    DAY_US,
    REFILLED,
    Away,
    Broken,
    Rejected,
    Store,
    StoreError,
    fault_of,
    missing_migrations,
    older_schema,
    sql,
)

PREFIX = "sqlite:///"
_BUSY_SECONDS = 5.0
_BUSY_MS_AT_END = 200

_FOREVER = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR, errno.ENOTDIR, errno.ELOOP)

# Primary result codes (https://www.sqlite.org/rescode.html), and before Python 3.11, which does not
# tell them, the text that SQLite has for them.
_AWAY = {
    5: "database is locked",
    6: "database table is locked",
    7: "out of memory",
    9: "interrupted",
    10: "disk I/O error",
    13: "database or disk is full",
    15: "locking protocol",
}
_CANTOPEN, _CANTOPEN_TEXT = 14, "unable to open database file"
_TRANSIENT = (5, 6)  # pass, and are no fault of the connection
_REJECTING = (sqlite3.IntegrityError, sqlite3.DataError)


class SqliteStore(Store):
    """sqlite:///relative/file.db or sqlite:////absolute/file.db. A file, made where it is missing
    (0600), and its folders (0700)."""

    fork_seconds = 0.5  # in vain: no use of it in the child

    def __init__(self, url: str) -> None:
        """Raises Broken where it is none. A relative path is from the folder of now."""
        path = url.removeprefix(PREFIX)
        if path == url or not path or path.endswith("/"):
            raise Broken(
                f"{url}: a path is wanted behind three slashes, as sqlite:///devpulse.db or"
                " sqlite:////var/lib/devpulse.db"
            )
        self.name = url
        self._path = Path(path).absolute()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None  # device and inode of the connection

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    def connect(self) -> None:
        with self._faults():
            self._connect()

    def put(self, rows: Sequence[Row]) -> int:
        with self._faults():
            connection = self._connect()
            systems = self._systems(connection)
            connection.execute("BEGIN IMMEDIATE")
            numbers = self._number_traces(connection, rows)
            new = [r for r in rows if self._put_event(connection, r, numbers[r.trace_id])]
            self._put_rollup(connection, new, numbers, systems)
            connection.execute("COMMIT")
            return len(new)

    def put_dead(self, row: Row, why: str, received_us: int) -> None:
        values = (row.trace_id, row.event_id, received_us, why, row.body.encode())
        with self._faults():
            self._connect().execute(sql("sqlite", "put_dead"), values)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def finish(self) -> None:
        """Brings all into the one file, which SQLite does by itself only where nobody reads it."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS_AT_END}")
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.close()

    def forget(self) -> None:
        """SQLite counts its locks in the process's memory, which the child has got, but not the
        locks: here it would write without any (https://www.sqlite.org/howtocorrupt.html, 2.6)."""
        _inherited.setdefault(self._path, []).append(self._connection)
        self._connection = None

    def _connect(self) -> sqlite3.Connection:
        if self._path in _inherited:
            raise Broken(
                f"{self.name}: was open when this process was forked, and SQLite forbids to use it"
                " here; call devpulse.init() after the fork only"
            )
        if self._connection is not None and self._has_moved():
            self.close()
        if self._connection is None:
            self._open()
        assert self._connection is not None
        return self._connection

    def _has_moved(self) -> bool:
        """Whether the connection would go on to write where nobody ever looks."""
        try:
            found = self._path.stat()
        except OSError:
            return True
        return (found.st_dev, found.st_ino) != self._file

    def _open(self) -> None:
        if sqlite3.sqlite_version_info < (3, 37):
            raise Broken(
                f"{self.name}: SQLite 3.37 or later is wanted, Python has {sqlite3.sqlite_version}"
            )
        self._make_file()
        found = self._path.stat()
        self._file = (found.st_dev, found.st_ino)
        self._connection = sqlite3.connect(
            self._path.as_uri() + "?mode=rw",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,  # the sink has a lock
        )
        with self._opening():
            self._set_durability(self._connection)
            if missing_migrations(self.name, "sqlite", _version(self._connection)):
                self._migrate(self._connection)

    def _make_file(self) -> None:
        """Not by sqlite3, which would make it readable for others. A file that is there is not
        opened: closing it would drop the locks that another connection of this process has."""
        try:
            for folder in reversed(self._path.parents):
                if not folder.exists():
                    folder.mkdir(0o700, exist_ok=True)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return
        except OSError as error:
            kind = Away if error.errno in (errno.ENOSPC, errno.EDQUOT) else Broken
            raise kind(f"{self.name}: cannot make this file: {error.strerror}") from None

    def _set_durability(self, connection: sqlite3.Connection) -> None:
        """Waits by itself where others open the database at the same time: for the change to the
        journal SQLite takes locks without patience."""
        end = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                connection.executescript(sql("sqlite", "writer"))
                return
            except sqlite3.OperationalError as error:
                if _code(error) not in _TRANSIENT or time.monotonic() > end:
                    raise
                time.sleep(0.005)

    def _migrate(self, connection: sqlite3.Connection) -> None:
        """Looks again behind the lock, as another writer may have done it."""
        connection.execute("BEGIN IMMEDIATE")
        version = _version(connection)
        steps = missing_migrations(self.name, "sqlite", version)
        if steps and version > 0 and connection.execute("SELECT 1 FROM events LIMIT 1").fetchone():
            raise older_schema(self.name, version)
        for step in steps:
            for statement in _statements(step):
                connection.execute(statement)
        if version < REFILLED:
            connection.execute("DROP TABLE events_2")
        if steps:
            database_id = event_id(time.time_ns(), random_bits())
            connection.execute(sql("sqlite", "write_schema"), (version + len(steps), database_id))
        connection.execute("COMMIT")

    @staticmethod
    def _number_traces(connection: sqlite3.Connection, rows: Sequence[Row]) -> dict[str, int]:
        """The number of each trace. A new one takes the next; its row is put with the roll-up."""
        last = connection.execute(sql("sqlite", "find_last")).fetchone()[1]
        numbers = {}
        for trace_id in dict.fromkeys(row.trace_id for row in rows):
            found = connection.execute(sql("sqlite", "find_trace"), (trace_id,)).fetchone()
            if found is None:
                last += 1
            numbers[trace_id] = last if found is None else found[0]
        return numbers

    @staticmethod
    def _put_event(connection: sqlite3.Connection, row: Row, trace_n: int) -> bool:
        changes = connection.total_changes
        fingerprint = None if row.fingerprint is None else row.fingerprint.id
        values = (row.environment or None, row.duration_ms, fingerprint, row.body)
        connection.execute(sql("sqlite", "put_event"), (None, trace_n, *row[:6], *values))
        return connection.total_changes > changes

    def _systems(self, connection: sqlite3.Connection) -> set[str]:
        """Those whose minutes have been counted apart go on being so."""
        if self.systems is None:
            found = connection.execute(
                "SELECT DISTINCT system FROM minute_counts WHERE minute >= ? AND system <> ''",
                (time.time_ns() // 1000 - DAY_US,),
            )
            self.systems = {system for (system,) in found}
        return self.systems

    @staticmethod
    def _put_rollup(
        connection: sqlite3.Connection,
        rows: Sequence[Row],
        numbers: dict[str, int],
        systems: set[str],
    ) -> None:
        for trace in traces_of(rows):
            trace_n = numbers[trace.trace_id]
            stored = connection.execute(sql("sqlite", "read_trace"), (trace_n,)).fetchone()
            if stored is not None:
                trace.add_stored(stored)
            connection.execute(sql("sqlite", "put_trace"), (*trace.values(), trace_n))
        for group in groups_of(rows):
            key = (group.fingerprint,)
            stored = connection.execute(sql("sqlite", "read_group"), key).fetchone()
            if stored is not None:
                group.add_stored(stored)
            connection.execute(sql("sqlite", "put_group"), group.values())
        connection.executemany(sql("sqlite", "put_minute"), minutes_of(rows, systems))

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            fault = self._fault(error)
            self._roll_back(keep=isinstance(fault, Rejected) or _code(error) in _TRANSIENT)
            raise fault from None
        except Exception as error:
            self._roll_back(keep=False)
            raise fault_of(error, self.name) from None

    def _fault(self, error: sqlite3.Error) -> StoreError:
        text = f"{self.name}: {error}"
        if isinstance(error, _REJECTING):
            return Rejected(text)
        if _code(error) == _CANTOPEN:
            return Broken(text) if self._is_barred() else Away(text)
        return Away(text) if _code(error) in _AWAY else Broken(text)

    def _is_barred(self) -> bool:
        """Whether the system will not let us open the file, however often we try."""
        try:
            self._path.stat()
        except OSError as error:
            return error.errno in _FOREVER
        return not os.access(self._path, os.R_OK | os.W_OK) or not self._path.is_file()

    def _roll_back(self, *, keep: bool) -> None:
        if self._connection is not None and self._connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
        if not keep:
            self.close()


# Of the parent of this process; closing them is forbidden too.
_inherited: dict[Path, list[sqlite3.Connection | None]] = {}


def _version(connection: sqlite3.Connection) -> int:
    """That of the schema, 0 where there is none."""
    if connection.execute(sql("sqlite", "find_schema")).fetchone() is None:
        return 0
    found = connection.execute(sql("sqlite", "read_schema")).fetchone()
    return int(found[0]) if found else 0


def _statements(script: str) -> Iterator[str]:
    """One by one: executescript() would commit first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _code(error: sqlite3.Error) -> int:
    """The primary result code; -1 where it is not known."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return int(code) & 0xFF
    text = str(error)
    known = {**_AWAY, _CANTOPEN: _CANTOPEN_TEXT}
    return next((code for code, what in known.items() if text.startswith(what)), -1)
