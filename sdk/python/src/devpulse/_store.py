"""What the back ends of database logging share: faults, the SQL, the judgement of a schema.

The SQL is that of dp-store, from the same files: the folder `sql` of this package is the
repository's lib/sql.
"""

import contextlib
import functools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from importlib.resources import files

from ._rows import Row

DAY_US = 86_400_000_000
REFILLED = 3  # the version whose migration leaves events_2, from which dp-store fills all anew


class StoreError(Exception):
    """Why a call failed: where, and what to do about it, without password. One of these three."""


class Away(StoreError):
    """Not reachable, restarting, locked, full: the same call may work later."""


class Rejected(StoreError):
    """One of the events cannot be stored, whatever is tried."""


class Broken(StoreError):
    """Wrong URL, newer schema, missing driver or privilege: somebody must act."""


def fault_of(error: Exception, name: str) -> StoreError:
    """What a failure that is none of the database's own means. `name`: the database's."""
    if isinstance(error, StoreError):
        return error
    if isinstance(error, OSError):  # of the files that sql() reads
        return Away(f"{name}: {error.strerror}")
    if isinstance(error, MemoryError):
        return Away(f"{name}: out of memory")
    # Of an event, or it would stand in the way for ever.
    return Rejected(f"{name}: {error.__class__.__name__}: {error}")


class Store(ABC):
    """A database. Not thread-safe. After a failure the next call connects again where it must."""

    name: str  # the URL for messages: without password
    fork_seconds: float  # that a fork waits for a call to end, so that it can close the connection
    systems: set[str] | None = None  # whose minutes are counted apart, once they are loaded

    @property
    @abstractmethod
    def is_open(self) -> bool: ...

    @abstractmethod
    def connect(self) -> None:
        """Makes sure of a connection and the schema; cheap where they are there."""

    @abstractmethod
    def put(self, rows: Sequence[Row]) -> int:
        """Stores them in one transaction, durably, or none. One whose (trace_id, event_id) is there
        already is left as it is. Returns how many were new."""

    @abstractmethod
    def put_dead(self, row: Row, why: str, received_us: int) -> None:
        """Keeps a row that put() rejects in the table dead_letters."""

    @abstractmethod
    def close(self) -> None:
        """Ends the connection. Never raises; the next call opens another one."""

    def finish(self) -> None:
        """close(), for good."""
        self.close()

    @abstractmethod
    def forget(self) -> None:
        """In the child of a fork: lets go of the parent's connection without touching it."""

    @abstractmethod
    def _faults(self) -> contextlib.AbstractContextManager[None]:
        """Rolls back and tells what a failure means for the caller."""

    @contextlib.contextmanager
    def _opening(self) -> Iterator[None]:
        """_faults() while a connection is made ready: one that is not is closed, as the next call
        takes one that is there for one that is. No event is to blame."""
        try:
            with self._faults():
                yield
        except BaseException as error:
            self.close()
            if isinstance(error, Rejected):
                raise Broken(str(error)) from None
            raise


@functools.cache
def sql(database: str, name: str) -> str:
    """A statement, or several, of the folder sqlite or postgresql."""
    return (files(__package__) / "sql" / database / f"{name}.sql").read_text(encoding="utf-8")


@functools.cache
def migrations(database: str) -> list[str]:
    """Item n brings a database of version n to version n + 1: the files migration_1, ..."""
    folder = files(__package__) / "sql" / database
    steps: list[str] = []
    while (step := folder / f"migration_{len(steps) + 1}.sql").is_file():
        steps.append(step.read_text(encoding="utf-8"))
    return steps


def missing_migrations(name: str, database: str, version: int) -> list[str]:
    """What brings a schema of this version, 0 being none, up to date. Raises Broken where it is
    newer than what this package knows."""
    steps = migrations(database)
    if version > len(steps):
        raise Broken(
            f"{name}: the database has schema version {version}, this package knows up to"
            f" {len(steps)}: upgrade devpulse"
        )
    return steps[version:]


def older_schema(name: str, version: int) -> Broken:
    """Of a database with events, which dp-store alone brings up to date: that takes minutes, and
    room for all of them again, and an application may end at any time."""
    return Broken(
        f"{name}: the database has events in tables of the older version {version}, which the"
        ' dp-store of this release brings up to date: run "dp-store --db URL </dev/null" once, or'
        ' "devpulse up" where it is that one\'s database'
    )
