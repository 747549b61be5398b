"""The rows that the database gets of events: as dp-ingest and dp-store make them
(lib/event_read.c)."""

import json
from typing import Any, NamedTuple

from ._fingerprint import Fingerprint, fingerprint_of
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
    """An event as the table `events` holds it, but for its number, and what the lists show."""

    trace_id: str
    event_id: str
    ts_us: int
    severity: str
    system: str
    type: str
    environment: str  # may be empty
    duration_ms: float | None
    fingerprint: Fingerprint | None  # of errors
    body: str
    title: str  # the name, else the details
    details: str  # where they are a text


def row_of(record: Record, received_us: int) -> Row:
    """The row of an event that came at this time. Raises Refused."""
    text = record.encode().decode()
    if record.cost > EVENT_MAX:
        raise Refused(f"an event of {record.cost} bytes; at most {EVENT_MAX} are taken")
    event = json.loads(text)
    if any(n in _ADDED or n.startswith("_") for n in event) or "" in (
        event["system"],
        event["type"],
    ):
        event = {n: v for n, v in event.items() if n not in _ADDED and not n.startswith("_")}
        event["system"] = event["system"] or "unknown"
        event["type"] = event["type"] or ("error" if event["severity"] == "error" else "log")
        text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    _check(event)
    details = _cut(event.get("details"))
    return Row(
        event["traceId"],
        event["eventId"],
        record.timestamp_us,
        event["severity"],
        event["system"],
        event["type"],
        event.get("environment") or "",
        _duration(event),
        fingerprint_of(event) if event["severity"] == "error" else None,
        f'{text[:-1]},"receivedAt":"{rfc3339(received_us)}"}}',
        _cut(event.get("name")) or details,
        details,
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


def _duration(event: dict[str, Any]) -> float | None:
    value = event.get("durationMs")
    try:
        return None if value is None else float(value)
    except OverflowError:
        raise Refused("durationMs: a number's magnitude is at most that of a double") from None


def _cut(value: object) -> str:
    """What is shown of a text in lists; cut at a character's border."""
    text = value if isinstance(value, str) else ""
    if len(text) * 4 <= _TITLE_MAX:
        return text
    return text.encode()[:_TITLE_MAX].decode(errors="ignore")
