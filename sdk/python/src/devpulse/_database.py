"""Database logging: events go into a database by themselves, as dp-store would put them there.

An event that comes both ways stands there once, by its trace id and event id.

No connection crosses a fork: SQLite forbids it, and PostgreSQL's would be shared by two. Before a
fork the database is closed, and each process opens it again when it has something to store.
"""

import os
import random
import threading
import time
import weakref
from collections.abc import Sequence

from ._buffer import MAX_BYTES, MAX_EVENTS
from ._internal import logger, warn_once
from ._postgresql import PostgresStore
from ._record import Record
from ._rows import Row, row_of
from ._sqlite import SqliteStore
from ._store import Away, Broken, Rejected, Store, StoreError
from ._worker import Worker

_BATCH_EVENTS = 1000
_BATCH_BYTES = 4 << 20
_WAIT_FIRST = 0.2  # seconds until another try, doubled each time
_WAIT_MAX = 10.0
_BROKEN_SECONDS = 30.0  # until another try where somebody must act


class DatabaseSink(Worker):
    """Stores events in SQLite or PostgreSQL.

    While the database is away events wait in the buffer. Where somebody must act (a wrong password,
    a newer schema, no driver) they are dropped, and now and then it is tried again. Either is told
    once.
    """

    def __init__(self, url: str, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        """`url`: sqlite:///relative.db, sqlite:////absolute.db or postgresql://... Raises
        ValueError, without password, where it is neither."""
        try:
            self._store: Store = (
                SqliteStore(url) if url.startswith("sqlite:") else PostgresStore(url)
            )
        except Broken as error:
            raise ValueError(f"db_url: {error}") from None
        super().__init__("devpulse-database", max_events, max_bytes)
        _sinks.add(self)

    def _begin(self) -> None:
        super()._begin()
        self._using = threading.Lock()  # the store
        self._is_let_go = False
        self._stored = self._duplicate = self._refused = 0
        self._away_since: float | None = None
        self._broken_until = 0.0

    @property
    def is_away(self) -> bool:
        return self._away_since is not None and not self._stored

    def stats(self) -> dict[str, int]:
        """Counts of events: stored; there already; refused, of which the table dead_letters keeps
        what the database rejected; and those of Worker."""
        return {
            **super().stats(),
            "stored": self._stored,
            "duplicate": self._duplicate,
            "refused": self._refused,
        }

    # For the thread

    def _work(self) -> None:
        wait = _WAIT_FIRST
        try:
            while self._wait_for_batch():
                records = self._buffer.take(_BATCH_EVENTS, _BATCH_BYTES)
                try:
                    self._store_batch(records)
                    wait = _WAIT_FIRST
                except Away as error:
                    self._buffer.put_back()
                    self._tell_away(error)
                    self._wait(wait * random.uniform(0.5, 1.0))
                    wait = min(2 * wait, _WAIT_MAX)
        finally:
            with self._using:
                self._store.finish()

    def _store_batch(self, records: Sequence[Record]) -> None:
        """Makes an end of these, which are in flight. Raises Away, with the first of them done."""
        if time.monotonic() < self._broken_until:
            self._drop(records)
            return
        rows = []
        now_us = time.time_ns() // 1000
        for record in records:
            try:
                rows.append(row_of(record, now_us))
            except Exception as error:  # Refused, or whatever a scrub hook gave that is no JSON
                self._refused += 1
                self._buffer.remove(record)
                warn_once("database event", "an event is not stored: %s", error)
        try:
            self._put(rows)
        except Broken as error:
            warn_once("database", "events are not stored: %s", error)
            self._broken_until = time.monotonic() + _BROKEN_SECONDS
            self._drop(records)

    def _drop(self, records: Sequence[Record]) -> None:
        """Those that are in flight still."""
        for record in records:
            self._buffer.remove(record, dropped=True)

    def _put(self, rows: Sequence[Row]) -> None:
        """Stores the first rows in flight. Where the database rejects one of them all are tried
        once more at least, as another writer's new partition may have been in the way."""
        try:
            self._put_now(rows)
        except Rejected:
            self._put_parts(rows)

    def _put_parts(self, rows: Sequence[Row]) -> None:
        """Each half by itself, down to those that are rejected alone."""
        half = len(rows) // 2
        for part in (rows[:half], rows[half:]):
            try:
                self._put_now(part)
            except Rejected as error:
                if len(part) == 1:
                    self._bury(part[0], error)
                else:
                    self._put_parts(part)

    def _put_now(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        with self._using:
            new = self._store.put(rows)
        self._stored += new
        self._duplicate += len(rows) - new
        self._buffer.done(len(rows))
        self._tell_back()

    def _bury(self, row: Row, why: StoreError) -> None:
        """Keeps apart what the database rejects."""
        warn_once("database reject", "an event goes to the table dead_letters: %s", why)
        try:
            with self._using:
                self._store.put_dead(row, str(why), time.time_ns() // 1000)
        except Rejected as error:
            warn_once("database dead", "an event is lost, dead_letters rejects it too: %s", error)
        self._refused += 1
        self._buffer.done(1)

    def _tell_away(self, error: StoreError) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()
        warn_once("database away", "the database is away, events wait for it: %s", error)

    def _tell_back(self) -> None:
        if self._away_since is not None:
            seconds = time.monotonic() - self._away_since
            logger.info("the database is back after %.1f s: %s", seconds, self._store.name)
            self._away_since = None

    # Forks

    def let_go(self) -> None:
        """Before a fork: closes the database, once what is being stored is stored, or for so long
        as the store is worth waiting for."""
        if self._using.acquire(timeout=self._store.fork_seconds):
            self._store.close()
            self._is_let_go = True

    def go_on(self) -> None:
        """After it, in the parent."""
        if self._is_let_go:
            self._is_let_go = False
            self._using.release()

    def _abandon(self) -> None:
        if not self._is_let_go and (self._store.is_open or self._using.locked()):
            self._store.forget()


_sinks: "weakref.WeakSet[DatabaseSink]" = weakref.WeakSet()


def _before_fork() -> None:
    for sink in tuple(_sinks):
        sink.let_go()


def _after_fork_in_parent() -> None:
    for sink in tuple(_sinks):
        sink.go_on()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent)
