"""Trace ids across processes, in headers.

`traceparent` and `tracestate` are W3C's (https://www.w3.org/TR/trace-context/). X-Trace-ID is ours
and holds any id; where that is not 32 hexadecimal digits, `traceparent` carries the first 16 bytes
of its SHA-256, and a receiver that finds two headers that match so knows the real one.
"""

import hashlib
import re
from collections.abc import Callable
from typing import NamedTuple

from ._context import Scope, is_trace_id
from ._ids import new_span_id

_HEX32 = re.compile(r"[0-9a-f]{32}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}")
_SPAN = re.compile(r"(?!0{16})[0-9a-f]{16}")
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-[0-9a-f]{2}"
)
_TRACEPARENT_LENGTH = 55
_TRACESTATE_MAX = 512  # characters that must be passed on (section 3.3.1.5)


class Incoming(NamedTuple):
    """What headers say of the trace that a request belongs to; "" is nothing."""

    trace_id: str = ""
    parent_span_id: str = ""
    tracestate: str = ""
    correlation_id: str = ""


def parse_traceparent(value: str) -> tuple[str, str] | None:
    """The trace id and the parent's span id; None where it is not valid.

    Of versions to come the first 55 characters are read, as section 3.2.4 says.
    """
    head = value[:_TRACEPARENT_LENGTH]
    match = _TRACEPARENT.fullmatch(head)
    if match is None:
        return None
    rest = value[_TRACEPARENT_LENGTH:]
    if rest and (head[:2] == "00" or rest[0] != "-"):
        return None
    return match[1], match[2]


def hashed(trace_id: str) -> str:
    """The trace id as `traceparent` carries it."""
    if _HEX32.fullmatch(trace_id) and trace_id != "0" * 32:
        return trace_id
    return hashlib.sha256(trace_id.encode()).hexdigest()[:32]


def extract(get: Callable[[str], str | None]) -> Incoming:
    """Reads `traceparent`, X-Trace-ID, X-Request-ID and X-Correlation-ID, in this order.

    `get` gives a header's value by its name in lower case. What is not valid counts as absent. A
    correlation id is often no id of one request, so only what looks like one (32 hexadecimal
    digits, a UUID) becomes the trace's; any other is given beside it.
    """
    tracestate = ""
    correlation_id = _id(get("x-correlation-id"))
    trace_id = _id(get("x-trace-id"))
    parent = parse_traceparent(get("traceparent") or "")
    if parent is not None:
        state = get("tracestate") or ""
        if len(state) <= _TRACESTATE_MAX and state.isascii() and state.isprintable():
            tracestate = state
        if not trace_id or hashed(trace_id) != parent[0]:
            trace_id = parent[0]
        return Incoming(trace_id, parent[1], tracestate, correlation_id)
    trace_id = trace_id or _id(get("x-request-id"))
    if not trace_id and _UUID.fullmatch(correlation_id):
        trace_id = correlation_id
    return Incoming(trace_id, "", "", correlation_id)


def outgoing(scope: Scope) -> dict[str, str]:
    """The headers that carry a scope to another process."""
    headers = {
        "traceparent": f"00-{hashed(scope.trace_id)}-{_hex_span(scope.span_id)}-01",
        "X-Trace-ID": scope.trace_id,
    }
    if scope.tracestate:
        headers["tracestate"] = scope.tracestate
    return headers


def _id(value: str | None) -> str:
    return value if value is not None and is_trace_id(value) else ""


def _hex_span(span_id: str) -> str:
    return span_id if _SPAN.fullmatch(span_id) else new_span_id()
