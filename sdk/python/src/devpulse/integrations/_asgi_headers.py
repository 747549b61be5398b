"""The headers of requests and responses that tell of a trace."""

from collections.abc import Iterable

from .. import _client
from .._context import Scope
from .._propagation import outgoing
from ._asgi_types import AsgiScope, Message

Headers = Iterable[tuple[bytes, bytes]]

_TRACE_ID = b"x-trace-id"
_TRACE_ID_LENGTH = len(_TRACE_ID)
_EXPOSE = (b"access-control-expose-headers", b"X-Trace-ID")
WANTED = {
    name.encode(): name
    for name in ("traceparent", "tracestate", "x-trace-id", "x-request-id", "x-correlation-id")
}
"""The headers that may tell of a trace, and what they are called here."""


def trace_headers(headers: Headers) -> dict[str, str]:
    """Those in WANTED. Of two the first counts, but two `traceparent` are none, and `tracestate`
    may come in parts (https://www.w3.org/TR/trace-context/, 3.3.1.4)."""
    found: dict[str, str] = {}
    for raw, value in headers:
        name = WANTED.get(raw)
        if name is None:
            continue
        text = value.decode("latin-1")
        if name not in found:
            found[name] = text
        elif name == "tracestate":
            found[name] += "," + text
        elif name == "traceparent":
            found[name] = ""
    return found


def with_traceparent(asgi: AsgiScope, headers: Headers, scope: Scope) -> AsgiScope:
    """A copy, for OpenTelemetry's own instrumentation further in to join the trace."""
    kept = [(n, v) for n, v in headers if n not in (b"traceparent", b"tracestate")]
    value = outgoing(scope)["traceparent"].encode()
    return {**asgi, "headers": [*kept, (b"traceparent", value)]}


def with_trace_id(message: Message, trace_id: str, expose: bool) -> Message:
    """A copy of what begins a response, as applications send one response several times. A header
    that the application has put there itself stays alone."""
    try:
        headers = [*(message.get("headers") or ())]
        for name, _ in headers:
            if len(name) == _TRACE_ID_LENGTH and name.lower() == _TRACE_ID:
                break
        else:
            headers.append((_TRACE_ID, trace_id.encode()))
        if expose:
            headers.append(_EXPOSE)
        return {**message, "headers": headers}
    except Exception:
        _client.failed("a trace id in a response")
        return message
