"""An event on its way from the application to where it is kept, and its text.

What the application's thread pays for is making a Record; its text, and where that is possible its
fields too, are made by the thread that sends it.
"""

import json
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from ._ids import event_id, random_bits

# The normal form of devpulse-event(5): no white space, the shortest escapes.
_encode = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), check_circular=False, allow_nan=False
).encode

Fields = dict[str, Any] | Callable[..., dict[str, Any]]

_IDENTITY = ("traceId", "eventId", "timestamp", "severity", "system", "type", "receivedAt")
SEVERITIES = ("debug", "info", "warning", "error")
_SYNONYMS = {
    **dict.fromkeys(("verbose", "trace", "fine"), "debug"),
    **dict.fromkeys(("notice", "information", "informational", "success"), "info"),
    "warn": "warning",
    **dict.fromkeys(("err", "fatal", "critical", "crit", "alert", "emerg", "panic"), "error"),
}


class Common:
    """The members that many events end with. Their text is made once."""

    __slots__ = ("end", "members", "reserved")

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.members = members
        self.reserved = frozenset((*_IDENTITY, *members))  # what no event may have besides
        self.end = "," + _text(dict(members))[1:] if members else "}"


class Record:
    """One event. Its values are plain JSON values that nobody changes any more.

    `cost` is about the bytes of its text, exact once that is made.
    """

    __slots__ = (
        "_args",
        "_bits",
        "_common",
        "_fields",
        "_ns",
        "_text",
        "cost",
        "severity",
        "system",
        "trace_id",
        "type",
    )

    def __init__(
        self,
        trace_id: str,
        severity: str,
        system: str,
        type: str,  # noqa: A002 - the event's own word
        fields: Fields,
        common: Common,
        cost: int,
        ns: int | None = None,
        args: tuple[Any, ...] = (),
    ) -> None:
        """`fields` and then `common` follow the first six members in the text; `ns`: when it
        happened, nanoseconds since the epoch, by default now.

        Fields that follow from nothing but immutable values may be given as a function that makes
        them of `args`. It is called, perhaps by several threads, when they are wanted."""
        self._ns = time.time_ns() if ns is None else ns
        self._bits = random_bits()
        self.trace_id = trace_id
        self.severity = severity
        self.system = system
        self.type = type
        self.cost = cost
        self._fields = fields
        self._args = args
        self._common = common
        self._text: bytes | None = None

    @property
    def event_id(self) -> str:
        """A UUIDv7, settled when the record was made."""
        return event_id(self._ns, self._bits)

    @property
    def timestamp_us(self) -> int:
        """When it happened, microseconds since the epoch."""
        return self._ns // 1000

    @property
    def event(self) -> dict[str, Any]:
        """The event with the members of its normal form, in their order."""
        return {
            "traceId": self.trace_id,
            "eventId": self.event_id,
            "timestamp": rfc3339(self.timestamp_us),
            "severity": self.severity,
            "system": self.system,
            "type": self.type,
            **self._made(),
            **self._common.members,
        }

    def replaced(self, event: Mapping[str, Any]) -> "Record":
        """The same event with other contents; its trace, id and time stay."""
        fields = {
            name: value
            for name, value in event.items()
            if isinstance(name, str) and name not in _IDENTITY and name[:1] != "_"
        }
        severity, system, type_ = (event.get(name) for name in ("severity", "system", "type"))
        copy = Record(
            self.trace_id,
            severity_of(severity) or self.severity,
            system if isinstance(system, str) and system else self.system,
            type_ if isinstance(type_, str) and type_ else self.type,
            fields,
            _NOTHING,
            self.cost,
            self._ns,
        )
        copy._bits = self._bits
        return copy

    def encode(self) -> bytes:
        """The event as one line of JSON in UTF-8, without newline, as dp-ingest would write it but
        for the time of receipt. Kept for the next call."""
        if self._text is None:
            self._text = self._to_text()
            self.cost = len(self._text)
        return self._text

    def _made(self) -> dict[str, Any]:
        """The fields. Not kept, as the text will be."""
        fields = self._fields
        return fields if isinstance(fields, dict) else fields(*self._args)

    def _to_text(self) -> bytes:
        """The text of `event`, of parts that are the same for many of them."""
        fields, common = self._made(), self._common
        if common.reserved.isdisjoint(fields):
            try:
                body = _encode(fields)[1:-1]
                text = (
                    f'{{"traceId":{_encode(self.trace_id)},"eventId":"{self.event_id}"'
                    f',"timestamp":"{rfc3339(self.timestamp_us)}"'
                    f"{_kind(self.severity, self.system, self.type)}"
                    f"{',' if body else ''}{body}{common.end}"
                )
                if "\\u0000" not in text:
                    return text.encode()
            except (ValueError, TypeError, RecursionError):  # UnicodeEncodeError is a ValueError
                pass
        return _text(self.event).encode()


_NOTHING = Common({})
_second = (-1, "")


def rfc3339(us: int) -> str:
    """Microseconds since the epoch as RFC 3339 in UTC, with six digits."""
    global _second
    seconds, fraction = divmod(us, 1_000_000)
    last, text = _second
    if seconds != last:
        text = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(seconds))
        _second = (seconds, text)
    return f"{text}{fraction:06d}Z"


def severity_of(value: object) -> str | None:
    """The one of the four that a name, or a usual synonym, in any case, means; None: none. As
    lib/event.c has it."""
    if type(value) is not str:
        return None
    name = value.lower()
    return name if name in SEVERITIES else _SYNONYMS.get(name)


@lru_cache(256)
def _kind(severity: str, system: str, type: str) -> str:  # noqa: A002
    """Three members of the text."""
    return f',"severity":{_encode(severity)},"system":{_encode(system)},"type":{_encode(type)}'


def _text(event: dict[str, Any]) -> str:
    """As JSON that every database can hold."""
    try:
        text = _encode(event)
        if "\\u0000" not in text:
            text.encode()
            return text
    except (ValueError, TypeError, RecursionError):
        pass
    return _encode(_repaired(event, 0))


def _repaired(value: Any, depth: int) -> Any:
    """A copy that every database can hold: U+FFFD for U+0000 and lone surrogates, text for numbers
    and objects that JSON has not. What is made by this package needs none of it."""
    if isinstance(value, str):
        utf16 = value.replace("\0", "\ufffd").encode("utf-16-le", "surrogatepass")
        return utf16.decode("utf-16-le", "replace")
    if value is None or isinstance(value, (bool, int)):
        return value
    if depth > 60:
        return "…"
    if isinstance(value, dict):
        return {_repaired(str(k), 0): _repaired(v, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_repaired(v, depth + 1) for v in value]
    if (
        isinstance(value, float)
        and abs(value) <= 1.797e308
        and (abs(value) >= 1e-308 or value == 0)
    ):
        return value
    return str(value)
