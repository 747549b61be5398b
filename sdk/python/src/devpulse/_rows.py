"""What the database gets of events: their rows, and what they add to those of traces and systems.

The same as dp-ingest and dp-store make of it (lib/event_read.c and lib/store_rollup.c).
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ._record import Record, rfc3339

EVENT_MAX = 1024 * 1024  # bytes of its text
_TITLE_MAX = 200  # bytes
_TRACE_ID_MAX = 128  # bytes
_NAME_MAX = 512  # bytes of what is indexed

# What those who receive events add to them: nobody else gives it.
_ADDED = ("receivedAt", "timestampRaw", "severityRaw", "repairs")

_TEXT = ((str,), "a string")
_WANTED: dict[str, tuple[tuple[type, ...], str]] = {
    "name": _TEXT,
    "file": _TEXT,
    "line": ((int,), "a whole number"),
    "source": _TEXT,
    "locals": ((dict,), "an object"),
    "stacktrace": ((list, str), "an array or a string"),
    "response": _TEXT,
    "environment": _TEXT,
    "spanId": _TEXT,
    "parentSpanId": _TEXT,
    "durationMs": ((int, float), "a number"),
}


class Refused(ValueError):
    """An event that dp-ingest would refuse; the text says why, and holds none of its values."""


class Row(NamedTuple):
    """An event as the table `events` holds it, but for its number, and the title of its trace."""

    trace_id: str
    event_id: str
    ts_us: int
    severity: str
    system: str
    type: str
    body: str
    title: str


class Share(NamedTuple):
    """What a batch adds to a trace or, in it, to a system. Times in microseconds."""

    trace_id: str
    system: str  # of a trace: that of one of its events, unused
    title: str
    first_us: int
    last_us: int
    events: int
    errors: int
    warnings: int


def row_of(record: Record, received_us: int) -> Row:
    """The row of an event that came at this time. Raises Refused."""
    text = record.encode().decode()
    if record.cost > EVENT_MAX:
        raise Refused(f"an event of {record.cost} bytes; at most {EVENT_MAX} are taken")
    event = json.loads(text)
    if any(name in _ADDED or name.startswith("_") for name in event):
        event = {n: v for n, v in event.items() if n not in _ADDED and not n.startswith("_")}
        text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    _check(event)
    return Row(
        event["traceId"],
        event["eventId"],
        record.timestamp_us,
        event["severity"],
        event["system"],
        event["type"],
        f'{text[:-1]},"receivedAt":"{rfc3339(received_us)}"}}',
        _title(event),
    )


def _check(event: dict[str, Any]) -> None:
    for name, (types, wanted) in _WANTED.items():
        value = event.get(name)
        if value is not None and type(value) not in types:
            raise Refused(f"{name}: {wanted} is wanted, not {type(value).__name__}")
    trace_id = event["traceId"]
    if not 0 < len(trace_id.encode()) <= _TRACE_ID_MAX:
        raise Refused(f"traceId: 1 to {_TRACE_ID_MAX} bytes are wanted")
    if any(c < " " or c == "\x7f" for c in trace_id):
        raise Refused("traceId: holds a control character")
    for name in ("system", "type", "environment"):
        if len((event.get(name) or "").encode()) > _NAME_MAX:
            raise Refused(f"{name}: at most {_NAME_MAX} bytes are wanted")


def _title(event: dict[str, Any]) -> str:
    """The name, else the details where they are a text; cut at a character's border."""
    details = event.get("details")
    title: str = event.get("name") or (details if isinstance(details, str) else "")
    return title.encode()[:_TITLE_MAX].decode(errors="ignore")


def roll_up(rows: Iterable[Row]) -> tuple[list[Share], list[Share]]:
    """The shares of traces, and of their systems. Both are sorted, by code point as the database
    sorts: so all writers lock rows in the same order."""
    shares = [_share(row) for row in rows]
    return (
        _merged(shares, lambda share: (share.trace_id,)),
        _merged(shares, lambda share: (share.trace_id, share.system)),
    )


def _share(row: Row) -> Share:
    is_error, is_warning = int(row.severity == "error"), int(row.severity == "warning")
    return Share(row.trace_id, row.system, row.title, row.ts_us, row.ts_us, 1, is_error, is_warning)


def _merged(shares: Sequence[Share], key: Any) -> list[Share]:
    merged: dict[tuple[str, ...], Share] = {}
    for share in shares:
        other = merged.get(key(share))
        merged[key(share)] = share if other is None else _sum(other, share)
    return [merged[k] for k in sorted(merged)]


def _sum(a: Share, b: Share) -> Share:
    """The title is that of the first event in time; of several at one instant, of the first."""
    return Share(
        a.trace_id,
        a.system,
        b.title if b.first_us < a.first_us else a.title,
        min(a.first_us, b.first_us),
        max(a.last_us, b.last_us),
        a.events + b.events,
        a.errors + b.errors,
        a.warnings + b.warnings,
    )
