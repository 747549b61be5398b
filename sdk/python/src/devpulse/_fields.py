"""What an application names itself, as members of an event."""

from collections.abc import Callable, Iterable
from typing import Any

from ._leaves import floating, integer
from ._scrub import INNOCENT, Scrubber, clean
from ._walk import STRING_MAX, Walk


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


def plain_cost(values: Iterable[object]) -> int | None:
    """About the bytes of the values as JSON, where all of them are short and can be walked at any
    time, by any thread; else None."""
    cost = 0
    for value in values:
        cls = type(value)
        if cls is str:
            cost += len(value)  # type: ignore[arg-type]
        elif cls is int or cls is float or cls is bool or value is None:
            cost += 8
        else:
            return None
    return cost if cost <= TEXT_MAX else None


def plain_attributes(values: dict[str, Any], scrubber: Scrubber) -> dict[str, Any]:
    """What attributes() makes of values that have a plain_cost(), in a quarter of the time."""
    fields: dict[str, Any] = {}
    for key, value in values.items():
        verdict, name = scrubber.name(key)
        if verdict != INNOCENT or name in fields or name[:1] in ("_", ""):
            break
        cls = type(value)
        if cls is str:
            if len(value) > STRING_MAX:
                break
            value = clean(value)
            if len(value) > 6:
                value = scrubber.text(value)
        elif cls is float:
            value = floating(value)
        elif cls is int:
            value = integer(value)
        fit = _FIT.get(name)
        if fit is not None and not fit(value):
            break
        fields[name] = value
    if len(fields) < len(values) or len(values) > MEMBERS_MAX:
        return attributes(values, Walk(scrubber))
    return fields


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
