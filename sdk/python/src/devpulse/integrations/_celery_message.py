"""What travels with a Celery message: the trace, and when it was sent.

It is one header, `devpulse`, an object of JSON values. The W3C headers are written for consumers
that know only those, where there are none yet: they may be of another tracer.
"""

import hashlib
import math
import uuid
from collections.abc import MutableMapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

from .._context import Scope, is_trace_id
from .._propagation import extract, outgoing

HEADER = "devpulse"

_TRACESTATE_MAX = 512
_LINKS_MAX = 4


class Carrier(NamedTuple):
    trace_id: str
    span_id: str = ""  # of the step that sent the message
    tracestate: str = ""
    sent: float = 0.0  # seconds since the epoch; 0 is unknown
    links: tuple[tuple[str, str], ...] = ()  # trace and span id: what caused this trace


def put_on(headers: MutableMapping[str, Any], carrier: Carrier) -> None:
    """Writes the headers. Ours replaces an older one, which newer releases of Celery send again
    with a retry; so does `traceparent` where it is ours, told by the older header."""
    before = _from_value(headers.get(HEADER))
    headers[HEADER] = _to_value(carrier)
    there = headers.get("traceparent")
    if there is None or (before is not None and there == _w3c(before)["traceparent"]):
        for name, value in _w3c(carrier).items():
            if name == "traceparent" or headers.get(name) is None:
                headers[name] = value


def carrier_of(request: Any) -> Carrier | None:
    """What a message brought, from a task's request or the message's headers; None where nothing
    valid came. Celery before 5.3 has custom headers beside its own, newer ones in `headers` too."""
    carrier = _from_value(_header(request, HEADER))
    if carrier is not None:
        return carrier
    incoming = extract(lambda name: _text(_header(request, name)))
    if not incoming.trace_id:
        return None
    return Carrier(incoming.trace_id, incoming.parent_span_id, incoming.tracestate)


def trace_id_of(task_id: str) -> str | None:
    """The trace of a task that came without one: its id, so that the worker's processes, which each
    see a part of it, give it the same. None where the task's id is not unique like an UUID."""
    try:
        return uuid.UUID(task_id).hex
    except (ValueError, AttributeError, TypeError):
        return None


def run_span_id(carrier: Carrier | None, task_id: str, request: Any) -> str:
    """The span id of a run. It follows from the message, so that the worker's main process, which
    tells of runs that were killed, names the same step as the child that ran it."""
    delivery = request.get("delivery_info")
    redelivered = isinstance(delivery, dict) and bool(delivery.get("redelivered"))
    parent = carrier.span_id if carrier is not None else ""
    text = f"{parent}:{task_id}:{attempt_of(request)}:{redelivered}"
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=8).hexdigest()


def attempt_of(request: Any) -> int:
    """The number of a run, from 1."""
    retries = request.get("retries")
    return retries + 1 if type(retries) is int and 0 <= retries < 2**31 else 1


def due(value: Any) -> float:
    """A message's `eta` in seconds since the epoch; 0 where it has none."""
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        if not isinstance(value, datetime):
            return 0.0
        return (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def link(trace_id: str, span_id: str) -> dict[str, str]:
    """One of an event's `links`."""
    return {"traceId": trace_id, "spanId": span_id} if span_id else {"traceId": trace_id}


def _to_value(carrier: Carrier) -> dict[str, Any]:
    value: dict[str, Any] = {"traceId": carrier.trace_id, "sent": carrier.sent}
    if carrier.span_id:
        value["spanId"] = carrier.span_id
    if carrier.tracestate:
        value["tracestate"] = carrier.tracestate
    if carrier.links:
        value["links"] = [link(*pair) for pair in carrier.links]
    return value


def _from_value(value: object) -> Carrier | None:
    """None where it is not valid: whoever reaches the broker may have written it."""
    if not isinstance(value, dict) or not is_trace_id(value.get("traceId")):
        return None
    state, sent, links = value.get("tracestate"), value.get("sent"), value.get("links")
    return Carrier(
        value["traceId"],
        _id(value.get("spanId")),
        state if isinstance(state, str) and len(state) <= _TRACESTATE_MAX else "",
        sent if type(sent) is float and math.isfinite(sent) else 0.0,
        tuple(
            (each["traceId"], _id(each.get("spanId")))
            for each in (links[:_LINKS_MAX] if isinstance(links, list) else ())
            if isinstance(each, dict) and is_trace_id(each.get("traceId"))
        ),
    )


def _id(value: object) -> str:
    return str(value) if is_trace_id(value) else ""


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _header(request: Any, name: str) -> Any:
    value = request.get(name)
    if value is None:
        custom = request.get("headers")
        value = custom.get(name) if isinstance(custom, dict) else None
    return value


def _w3c(carrier: Carrier) -> dict[str, str]:
    """Without a step to name, outgoing() makes one up: nobody needs such a header."""
    headers = outgoing(Scope(carrier.trace_id, carrier.span_id, "", carrier.tracestate))
    return {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}
