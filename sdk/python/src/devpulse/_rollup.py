"""What a batch adds to the tables that are lists: traces, error_groups and minute_counts.

As lib/store_rollup.c and lib/store_names.c do it. A store, which lets no other writer in meanwhile,
reads the rows that are there, has them added, and writes all anew. Times are in microseconds.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ._rows import Row

TRACE_SYSTEMS = 100
_NAMES_BYTES_MAX = 8192  # of all names of a list that see() makes
GROUP_NAMES = 20  # systems or environments of an error group
GROUP_SAMPLES = 10  # traces that stand for it
SYSTEMS = 1000  # whose minutes are counted apart
MINUTE_US = 60_000_000
_NO_TITLE = 2

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_Value = str | int


class Names:
    """A short list of names, each with an instant: in order of time; of equal times, in that in
    which they came."""

    __slots__ = ("_most", "_names", "_times")

    def __init__(self, most: int) -> None:
        self._most = most
        self._names: list[str] = []
        self._times: list[int] = []

    def see(self, name: str, us: int) -> None:
        """Notes that a name was seen: the earliest instant of each stays. A full list takes no new
        name."""
        if not self._see_again(name, us) and self._has_room(name):
            self._insert(name, us)

    def _has_room(self, name: str) -> bool:
        size = sum(len(n.encode()) for n in (*self._names, name))
        return len(self._names) < self._most and size <= _NAMES_BYTES_MAX

    def sample(self, name: str, us: int) -> None:
        """The same, but what is new always gets in: of too many the one goes that stands closest
        between its neighbours, so that those left are spread over time."""
        if not self._see_again(name, us):
            self._insert(name, us)
            if len(self._names) > self._most:
                self._take_out(self._closest())

    def add_stored(self, add: Callable[["Names", str, int], None], names: str, times: str) -> None:
        """Those that are stored come first: where there is no room for all, they stay."""
        batch = tuple(zip(self._names, self._times, strict=True))
        self._names, self._times = [], []
        for name, us in zip(json.loads(names), json.loads(times), strict=False):
            add(self, name, us)
        for name, us in batch:
            add(self, name, us)

    def texts(self) -> tuple[str, str]:
        """A JSON array of strings and one of numbers."""
        return _encode(self._names), _encode(self._times)

    def _see_again(self, name: str, us: int) -> bool:
        if name not in self._names:
            return False
        at = self._names.index(name)
        if us < self._times[at]:
            self._take_out(at)
            self._insert(name, us)
        return True

    def _insert(self, name: str, us: int) -> None:
        at = len(self._times)
        while at > 0 and self._times[at - 1] > us:
            at -= 1
        self._names.insert(at, name)
        self._times.insert(at, us)

    def _take_out(self, at: int) -> None:
        del self._names[at], self._times[at]

    def _closest(self) -> int:
        """The one whose neighbours are closest to each other. The first and the last have but
        one."""
        times = self._times
        return min(range(1, len(times) - 1), key=lambda at: times[at + 1] - times[at - 1])


class TraceRow:
    """A row of `traces`."""

    def __init__(self, row: Row) -> None:
        """Of no event yet, but at the time of this one."""
        self.trace_id = row.trace_id
        self.first_us = self.last_us = self.title_us = self.last_error_us = row.ts_us
        self.events = self.errors = self.warnings = self.debugs = 0
        self.title = ""  # of the first request, else of the first event that has one
        self.title_rank = _NO_TITLE  # 0: of a request, 1: of another event
        self.environment = ""  # of the event stored first that names one
        self.last_error = ""
        self.systems = Names(TRACE_SYSTEMS)

    def add(self, row: Row) -> None:
        us = row.ts_us
        self.first_us = min(self.first_us, us)
        self.last_us = max(self.last_us, us)
        rank = (0 if row.type == "request" else 1) if row.title else _NO_TITLE
        if (rank, us) < (self.title_rank, self.title_us):
            self.title, self.title_us, self.title_rank = row.title, us, rank
        if row.severity == "error":
            if self.errors == 0 or us >= self.last_error_us:
                self.last_error, self.last_error_us = _error_text(row), us
            self.errors += 1
        self.events += 1
        self.warnings += row.severity == "warning"
        self.debugs += row.severity == "debug"
        self.environment = self.environment or row.environment
        self.systems.see(row.system, us)

    def add_stored(self, columns: Sequence[Any]) -> None:
        """What is stored, as values() has it. Where two are equal it stays."""
        first_us, last_us, events, errors, warnings, debugs = columns[1:7]
        title, title_us, title_rank, environment, last_error, last_error_us = columns[7:13]
        self.first_us = min(self.first_us, first_us)
        self.last_us = max(self.last_us, last_us)
        if (title_rank, title_us) <= (self.title_rank, self.title_us):
            self.title, self.title_us, self.title_rank = title, title_us, title_rank
        if errors > 0 and (self.errors == 0 or last_error_us > self.last_error_us):
            self.last_error, self.last_error_us = last_error, last_error_us
        self.events += events
        self.errors += errors
        self.warnings += warnings
        self.debugs += debugs
        self.environment = environment or self.environment
        self.systems.add_stored(Names.see, *columns[13:15])

    def values(self) -> tuple[_Value, ...]:
        """The columns, as read_traces and put_traces have them."""
        return (
            *(self.trace_id, self.first_us, self.last_us),
            *(self.events, self.errors, self.warnings, self.debugs),
            *(self.title, self.title_us, self.title_rank),
            *(self.environment, self.last_error, self.last_error_us),
            *self.systems.texts(),
        )


class GroupRow:
    """A row of `error_groups`."""

    def __init__(self, row: Row) -> None:
        """Of no event yet, but at the time of this one."""
        assert row.fingerprint is not None
        self.fingerprint, self.type, self.place, self.message = row.fingerprint
        self.title = ""  # name and details of the last error
        self.first_us = self.last_us = row.ts_us
        self.events = 0
        self.systems = Names(GROUP_NAMES)
        self.environments = Names(GROUP_NAMES)
        self.traces = Names(GROUP_SAMPLES)  # some, spread over time

    def add(self, row: Row) -> None:
        us = row.ts_us
        if us >= self.last_us:
            self.title = _error_text(row)
        self.first_us = min(self.first_us, us)
        self.last_us = max(self.last_us, us)
        self.events += 1
        self.systems.see(row.system, us)
        if row.environment:
            self.environments.see(row.environment, us)
        self.traces.sample(row.trace_id, us)

    def add_stored(self, columns: Sequence[Any]) -> None:
        """What is stored, as values() has it."""
        title, first_us, last_us, events = columns[4:8]
        if last_us > self.last_us:
            self.title = title
        self.first_us = min(self.first_us, first_us)
        self.last_us = max(self.last_us, last_us)
        self.events += events
        self.systems.add_stored(Names.see, *columns[8:10])
        self.environments.add_stored(Names.see, *columns[10:12])
        self.traces.add_stored(Names.sample, *columns[12:14])

    def values(self) -> tuple[_Value, ...]:
        """The columns, as read_groups and put_groups have them."""
        return (
            *(self.fingerprint, self.type, self.place, self.message, self.title),
            *(self.first_us, self.last_us, self.events),
            *self.systems.texts(),
            *self.environments.texts(),
            *self.traces.texts(),
        )


def traces_of(rows: Iterable[Row]) -> list[TraceRow]:
    """Sorted, by code point as the database sorts: so all writers lock rows in the same order."""
    traces: dict[str, TraceRow] = {}
    for row in rows:
        trace = traces.get(row.trace_id)
        if trace is None:
            trace = traces[row.trace_id] = TraceRow(row)
        trace.add(row)
    return [traces[key] for key in sorted(traces)]


def groups_of(rows: Iterable[Row]) -> list[GroupRow]:
    """Sorted, too."""
    groups: dict[str, GroupRow] = {}
    for row in rows:
        if row.fingerprint is None:
            continue
        group = groups.get(row.fingerprint.id)
        if group is None:
            group = groups[row.fingerprint.id] = GroupRow(row)
        group.add(row)
    return [groups[key] for key in sorted(groups)]


def minutes_of(rows: Iterable[Row], systems: set[str]) -> list[tuple[int, str, str, int]]:
    """What is added to rows of `minute_counts`: minute, system, severity, events; sorted, too.

    `systems` are those whose minutes are counted apart; it takes those that it meets. Where there
    is no room for another one the system is empty."""
    counts: dict[tuple[int, str, str], int] = {}
    for row in rows:
        if len(systems) < SYSTEMS:
            systems.add(row.system)
        system = row.system if row.system in systems else ""
        key = (row.ts_us - row.ts_us % MINUTE_US, system, row.severity)
        counts[key] = counts.get(key, 0) + 1
    return [(*key, counts[key]) for key in sorted(counts)]


def _error_text(row: Row) -> str:
    """ "TypeError: no such thing", as far as the event says so."""
    if not row.details or row.title == row.details:
        return row.title
    return f"{row.title}: {row.details}"
