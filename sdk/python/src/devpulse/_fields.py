"""What an application names itself, as members of an event."""

from collections.abc import Callable, Iterable
from typing import Any

from ._walk import Walk


def _is_str(value: Any) -> bool:
    return isinstance(value, str)


def _never(_: Any) -> bool:
    return False


# Whether a value is fit for the field of this name (devpulse-event(5)); other names take any.
_FIT: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("name", "file", "source", "response", "spanId", "parentSpanId"), _is_str),
    "line": lambda value: type(value) is int,
    "durationMs": lambda value: type(value) in (int, float),
    "locals": lambda value: isinstance(value, dict),
    "stacktrace": lambda value: isinstance(value, (list, str)),
    **dict.fromkeys(("traceId", "eventId", "timestamp", "severity", "system", "type"), _never),
    **dict.fromkeys(("environment", "process", "receivedAt", "repairs"), _never),
    **dict.fromkeys(("timestampRaw", "severityRaw"), _never),
}
MEMBERS_MAX = 100

TEXT_MAX = 8192  # characters

# The types of numbers and their like, whose values nobody can change. By identity, as a foreign
# metaclass may define a hash.
_SCALARS = frozenset(map(id, (int, float, bool, type(None))))


def plain_cost(values: Iterable[object]) -> int | None:
    """About the bytes of the values as JSON, where all of them are short and can be walked at any
    time, by any thread; else None."""
    cost = 0
    for value in values:
        cls = type(value)
        if cls is str:
            cost += len(value)  # type: ignore[arg-type]
        elif id(cls) in _SCALARS:
            cost += 8
        else:
            return None
    return cost if cost <= TEXT_MAX else None


def attributes(values: dict[str, object], walk: Walk) -> dict[str, Any]:
    """The values, walked, as members of an event.

    A name that the event has a meaning of its own for keeps it where the value is fit for it; else
    the value goes to the member `attributes`, as the event would be refused or mean something else.
    """
    fields = walk.mapping(values, MEMBERS_MAX)
    others: dict[str, Any] = {}
    for name in fields:
        fit = _FIT.get(name)
        if (fit is not None and not fit(fields[name])) or name[:1] in ("_", ""):
            others[name] = fields[name]
    if others:
        for name in others:
            del fields[name]
        fields["attributes"] = others
    return fields
