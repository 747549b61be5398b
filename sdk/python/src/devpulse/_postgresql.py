"""PostgreSQL, by psycopg 3 (the extra `postgres`), imported when it is needed; as
lib/store_pg*.c does it: a batch travels as one array a column, and writers take their numbers from
one row, so that the order of numbers is the order of commits."""

import contextlib
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from ._ids import event_id, random_bits
from ._internal import logger
from ._record import rfc3339
from ._rollup import GroupRow, TraceRow, groups_of, minutes_of, traces_of
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

# Classes and codes of https://www.postgresql.org/docs/current/errcodes-appendix.html: connection,
# rollback, resources, intervention, lock timeout; then what the data of a row can cause.
_AWAY = ("08", "40", "53", "57", "55P03")
_REJECTING = ("21", "22", "23", "54")

# libpq tells no code of a connection that failed. What only a person can put right is known by
# these words of the server, where it speaks English; in doubt we wait.
_REFUSALS = (
    "authentication failed",
    "no password supplied",
    "does not exist",
    "no pg_hba.conf entry",
    "permission denied for database",
    "is not permitted to log in",
)

# As the URL has it, else these.
_DEFAULTS = {
    "fallback_application_name": "devpulse",
    "connect_timeout": "5",
    "keepalives_idle": "30",
    "tcp_user_timeout": "30000",
}

_DAYS_SECONDS = 24 * 3600.0  # between two looks for partitions that are missing
_DAYS_AGAIN_SECONDS = 600.0  # where they could not be made

# The columns of the tables that are times.
_TRACE_TIMES = (1, 2, 8, 12)
_GROUP_TIMES = (5, 6)


class _Unheard(Exception):
    """The server refuses NOTIFY, and rolled back."""


class PostgresStore(Store):
    """postgresql://user:password@host:port/database?setting=value, as libpq takes it."""

    fork_seconds = 0.1  # in vain: the child has a descriptor too many

    def __init__(self, url: str) -> None:
        """Raises Broken where it is none for sure."""
        self.name = public_name(url)
        self._url = url
        self._connection: Any = None
        self._is_mute = False  # the server cannot NOTIFY
        self._days_at = 0.0  # when partitions are looked for, by time.monotonic()

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    def connect(self) -> None:
        if self._connection is not None and not self._connection.closed:
            return
        self.close()
        psycopg = self._driver()
        settings = self._settings(psycopg)
        try:
            self._connection = psycopg.connect(
                **settings,
                autocommit=True,  # transactions are begun by the SQL
                cursor_factory=psycopg.RawCursor,
                prepare_threshold=None,
            )
        except psycopg.Error as error:
            text = " ".join(str(error).split())
            kind = Broken if any(word in text for word in _REFUSALS) else Away
            raise kind(f"{self.name}: {text}") from None
        with self._opening():
            _adapt(psycopg, self._connection)
            self._make_ready()

    def put(self, rows: Sequence[Row]) -> int:
        self.connect()
        self._add_days()
        try:
            return self._put(rows)
        except _Unheard:
            return self._put(rows)

    def _put(self, rows: Sequence[Row]) -> int:
        with self._faults():
            systems = self._systems()
            self._execute("begin")
            new = self._put_events(rows)
            if new:
                self._put_rollup(new, systems)
            self._commit()
            return len(new)

    def put_dead(self, row: Row, why: str, received_us: int) -> None:
        self.connect()
        values = (row.trace_id, row.event_id, rfc3339(received_us), why, row.body.encode())
        with self._faults():
            self._execute("put_dead", values)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()

    def forget(self) -> None:
        """Closing would say farewell to the server in the parent's name."""
        _inherited.append(self._connection)
        self._connection = None

    def _driver(self) -> Any:
        try:
            import psycopg
        except ImportError as error:  # also where its libpq is missing
            raise Broken(
                f"{self.name}: psycopg is wanted, pip install 'psycopg[binary]' ({error})"
            ) from None
        if not hasattr(psycopg, "RawCursor"):
            raise Broken(
                f"{self.name}: psycopg 3.2 or later is wanted, not {psycopg.__version__}:"
                " pip install -U 'psycopg[binary]'"
            )
        return psycopg

    def _settings(self, psycopg: Any) -> dict[str, Any]:
        try:
            given = psycopg.conninfo.conninfo_to_dict(self._url)
        except psycopg.Error:  # whose text has parts of the URL
            raise Broken(
                f"{self.name}: not a URL as PostgreSQL takes it:"
                " postgresql://user:password@host:port/database"
            ) from None
        return {**_DEFAULTS, **given, "client_encoding": "UTF8"}

    def _make_ready(self) -> None:
        encoding = self._connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise Broken(
                f"{self.name}: the database has the encoding {encoding}, which cannot hold every"
                " event: make one by createdb -T template0 -E UTF8"
            )
        self._execute("writer")
        if missing_migrations(self.name, "postgresql", self._version()):
            self._migrate()

    def _version(self) -> int:
        """That of the schema, 0 where there is none."""
        import psycopg

        try:
            found = self._execute("read_schema").fetchone()
        except psycopg.errors.UndefinedTable:
            return 0
        return int(found[0]) if found else 0

    def _migrate(self) -> None:
        """Looks again behind the lock, as another writer may have done it."""
        self._check_owner()
        self._execute("begin_migration")
        version = self._version()
        steps = missing_migrations(self.name, "postgresql", version)
        if steps and version > 0:
            self._refuse_events(version, "events")
        for step in steps:
            self._connection.execute(step)
        if version < REFILLED:
            self._refuse_events(version, "events_2")  # that came before it was locked
            self._connection.execute("DROP TABLE events_2")
        if steps:
            database_id = event_id(time.time_ns(), random_bits())
            self._execute("write_schema", (version + len(steps), database_id))
        self._connection.execute("COMMIT")

    def _check_owner(self) -> None:
        """Where a role may write but not migrate, that is told as such, and what to do."""
        if not self._execute("may_migrate").fetchone()[0]:
            raise Broken(
                f"{self.name}: the tables are missing or of an older version, and this role may"
                ' not make or change them: run "dp-store --db URL </dev/null" once with the URL of'
                " their owner, then grant the rights anew (docs/postgres.md)"
            )

    def _refuse_events(self, version: int, table: str) -> None:
        if self._connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None:
            raise older_schema(self.name, version)

    def _add_days(self) -> None:
        """Now and then makes the partitions of the days to come. Where that is not possible, as a
        reader has been at it for long or the right is missing, the events go into the default
        partition, and move when it is."""
        import psycopg

        if time.monotonic() < self._days_at:
            return
        wait = _DAYS_SECONDS
        try:
            self._execute("add_days")
        except psycopg.Error as error:
            wait = _DAYS_AGAIN_SECONDS
            text = " ".join(str(error).split())
            logger.info("cannot make the partitions of the days to come: %s", text)
            self._roll_back(keep=not self._connection.closed)
        self._days_at = time.monotonic() + wait
        self.connect()

    def _commit(self) -> None:
        """Where NOTIFY or, for its queue is full, the COMMIT behind it is refused, there is none
        from here on."""
        import psycopg

        if self._is_mute:
            self._connection.execute("COMMIT")
            return
        try:
            self._execute("notify")
            self._connection.execute("COMMIT")
        except psycopg.Error as error:
            if isinstance(self._fault(psycopg, error), Away):
                raise
            self._is_mute = True
            self._connection.execute("ROLLBACK")
            raise _Unheard from None

    def _execute(self, name: str, values: Sequence[Any] | None = None) -> Any:
        return self._connection.execute(sql("postgresql", name), values)

    def _put_events(self, rows: Sequence[Row]) -> list[Row]:
        """Returns those that were new."""
        taken = self._execute("take_numbers", (len(rows),)).fetchone()
        if taken is None:
            raise Broken(f"{self.name}: the row of the table event_counter is missing")
        first = taken[0] - len(rows) + 1
        cursor = self._execute(
            "put_events",
            (
                list(range(first, first + len(rows))),
                [r.trace_id for r in rows],
                [r.event_id for r in rows],
                [rfc3339(r.ts_us) for r in rows],
                [r.severity for r in rows],
                [r.system for r in rows],
                [r.type for r in rows],
                [r.environment or None for r in rows],
                [r.duration_ms for r in rows],
                [None if r.fingerprint is None else r.fingerprint.id for r in rows],
                _Bodies(r.body for r in rows),
            ),
        )
        return [rows[number - first] for (number,) in cursor]

    def _systems(self) -> set[str]:
        """Those whose minutes have been counted apart go on being so."""
        if self.systems is None:
            found = self._connection.execute(
                "SELECT DISTINCT system FROM minute_counts"
                " WHERE minute >= $1::timestamptz AND system <> ''",
                (rfc3339(time.time_ns() // 1000 - DAY_US),),
            )
            self.systems = {system for (system,) in found}
        return self.systems

    def _put_rollup(self, rows: Sequence[Row], systems: set[str]) -> None:
        traces = {trace.trace_id: trace for trace in traces_of(rows)}
        self._put_whole("traces", traces, _TRACE_TIMES)
        minutes = minutes_of(rows, systems)
        self._execute("put_minutes", _columns(minutes, (0,)))
        groups = {group.fingerprint: group for group in groups_of(rows)}
        if groups:
            self._put_whole("groups", groups, _GROUP_TIMES)

    def _put_whole(
        self, table: str, rows: Mapping[str, TraceRow | GroupRow], times: Sequence[int]
    ) -> None:
        """Reads the rows that are there, adds them, and writes all."""
        read = sql("postgresql", f"read_{table}")
        for stored in self._connection.execute(read, (list(rows),), binary=True):
            rows[stored[0]].add_stored(stored)
        self._execute(f"put_{table}", _columns([row.values() for row in rows.values()], times))

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            fault = self._fault(psycopg, error)
            self._roll_back(keep=not isinstance(fault, Broken) and not self._connection.closed)
            raise fault from None
        except _Unheard:
            raise
        except Exception as error:
            self._roll_back(keep=False)
            raise fault_of(error, self.name) from None

    def _fault(self, psycopg: Any, error: Any) -> StoreError:
        state = error.sqlstate
        text = " ".join((error.diag.message_primary or str(error)).split())
        if state is None and isinstance(error, psycopg.DataError):  # the driver's own judgement
            return Rejected(f"{self.name}: {text}")
        if state is None or self._connection.closed:
            return Away(f"{self.name}: {text or 'connection lost'}")
        text = f"{self.name}: {text} (SQLSTATE {state})"
        if state.startswith(_AWAY):
            return Away(text)
        return Rejected(text) if state.startswith(_REJECTING) else Broken(text)

    def _roll_back(self, *, keep: bool) -> None:
        if keep:
            try:
                self._connection.execute("ROLLBACK")
            except Exception:
                keep = False
        if not keep:
            self.close()


def _columns(rows: Sequence[Sequence[Any]], times: Sequence[int]) -> list[list[Any]]:
    """One array a column."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    for at in times:
        columns[at] = [_instant(us) for us in columns[at]]
    return columns


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _instant(us: int) -> str:
    """Of any event, in the years 1 to 9999: those that others' clocks say, too."""
    return (_EPOCH + timedelta(microseconds=us)).isoformat()


class _Bodies(list[str]):
    """An array of json."""


def _adapt(psycopg: Any, connection: Any) -> None:
    """In binary form times are microseconds since the epoch, where a datetime in the time zone of
    the session may be out of its range; and bodies are not searched for what is to be escaped in
    the text of an array."""
    since_2000_us = 10_957 * DAY_US
    json = psycopg.adapters.types["json"]

    class Loader(psycopg.adapt.Loader):  # type: ignore[misc]
        format = psycopg.pq.Format.BINARY

        def load(self, data: Any) -> int:
            return int.from_bytes(data, "big", signed=True) + since_2000_us

    class Dumper(psycopg.adapt.Dumper):  # type: ignore[misc]
        format = psycopg.pq.Format.BINARY
        oid = json.array_oid

        def dump(self, obj: _Bodies) -> bytes:
            parts = [struct.pack("!iiIii", 1, 0, json.oid, len(obj), 1)]
            for body in obj:
                text = body.encode()
                parts += (len(text).to_bytes(4, "big"), text)
            return b"".join(parts)

    connection.adapters.register_loader("timestamptz", Loader)
    connection.adapters.register_dumper(_Bodies, Dumper)


_inherited: list[object] = []  # of the parent of this process


def public_name(url: str) -> str:
    """The URL without password and settings. Raises Broken where it is not clear what that is: such
    a URL would mean another host to libpq."""
    scheme, _, rest = url.partition("://")
    user, at, place = rest.rpartition("@")
    if any(c in user for c in "@/?#") or (at and not place):
        raise Broken(
            f"{scheme}://...: @ and / in the user's name or password are written as %40 and %2F"
        )
    return f"{scheme}://{user.partition(':')[0]}{at}{place.partition('?')[0]}"
