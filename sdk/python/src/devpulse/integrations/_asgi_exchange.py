"""One request or connection of an ASGI application, from its beginning to its end.

An exchange stands between the server and the application and sends the events. It costs every
request its time, so it makes two events, and a coroutine of its own only for what is received and
for the last message that is sent. Nothing here raises but what the server or the application does.
"""

import sys
import time
from collections.abc import Awaitable
from typing import Any

from .. import _client, _context
from .._context import Scope, scope_from
from .._ids import new_ids, new_span_id
from .._propagation import Incoming, extract
from .._record import Record
from .._stack import mark_reported
from . import _asgi_errors
from ._asgi_headers import WANTED, trace_headers, with_trace_id, with_traceparent
from ._asgi_route import template
from ._asgi_types import AsgiScope, Message, Receive, Send, Settings

KEY = "devpulse"
"""Of the exchange in the ASGI scope, for what is further in: handlers of exceptions, and the
middleware of a mounted application, which leaves the request to this one."""

_METHOD_MAX = 32
_NOTHING = Incoming()
_BODIES = ("http.response.body", "http.response.zerocopysend")


def _fields(
    client: _client.Client, method: str, path: str, route: str, span_id: str, parent: str
) -> dict[str, Any]:
    """What both events of an exchange tell. This and the next two are called by the sender's thread
    and are given nothing that keeps the application's objects alive."""
    path = client.text(path)
    fields: dict[str, Any] = {
        "name": f"{method} {route or path}",
        "method": method,
        "path": path,
        "spanId": span_id,
    }
    if route:
        fields["route"] = route
    if parent:
        fields["parentSpanId"] = parent
    return fields


def _request_fields(
    client: _client.Client,
    method: str,
    path: str,
    span_id: str,
    parent: str,
    query: bytes,
    extra: dict[str, Any] | None,
) -> dict[str, Any]:
    fields = _fields(client, method, path, "", span_id, parent)
    if query:
        fields["query"] = client.scrubber.query_string(query)
    if extra:
        fields.update(extra)
    return fields


def _response_fields(
    client: _client.Client,
    method: str,
    path: str,
    route: str,
    span_id: str,
    parent: str,
    elapsed: int,
    status: int,
    stage: str,
    error: str,
    details: str,
    close_code: int | None,
) -> dict[str, Any]:
    fields = _fields(client, method, path, route, span_id, parent)
    fields["durationMs"] = round(elapsed / 1e6, 3)
    if stage:
        fields["stage"] = stage
        if 0 < status < 500:  # an error page was for nobody
            fields["status"] = status
    else:
        fields["status"] = status or 500  # what the server then answers
        if error:
            fields["error"] = error
        fields["response"] = "fail" if error or details or status >= 500 else "success"
    if details:
        fields["details"] = details
    if close_code is not None:
        fields["closeCode"] = close_code
    return fields


class Exchange:
    """What HTTP and WebSockets have in common."""

    __slots__ = (
        "_began",
        "_close_code",
        "_elapsed",
        "_error",
        "_is_gone",
        "_is_silent",
        "_method",
        "_ns",
        "_parent",
        "_path",
        "_receive",
        "_root_path",
        "_send",
        "_settings",
        "_status",
        "asgi",
        "is_told",
        "scope",
    )

    METHOD = ""  # of the kind; "" where the scope says it

    def __init__(self, settings: Settings, asgi: AsgiScope, receive: Receive, send: Send) -> None:
        """`asgi`: the scope, into which the exchange puts itself while it lasts."""
        self._ns = time.time_ns()
        self._began = time.perf_counter_ns()
        self._elapsed = 0  # nanoseconds to the end of the response; 0: it has not ended
        self._settings = settings
        self._receive = receive
        self._send = send
        self._path = path = asgi["path"]
        self._root_path = root = asgi.get("root_path") or ""
        self._method = self.METHOD or asgi["method"][:_METHOD_MAX]
        self._status = 0  # 0: the response has not begun
        self._error = ""  # the class of the exception that makes it a failure
        self._close_code: int | None = None  # of a WebSocket
        self._is_gone = False  # the client is, before the end
        self.is_told = False  # the response's event is sent
        if root and path.startswith(root):
            path = path[len(root) :]
        self._is_silent = path in settings.excluded or path.startswith(settings.excluded_prefixes)
        client = _client.active()
        correlation_id = self._join(asgi, settings.system_name(client))
        self.asgi[KEY] = self
        if not self._is_silent:
            self._tell_request(client, correlation_id)

    def _join(self, asgi: AsgiScope, system: str) -> str:
        """Finds the trace or begins one; sets the scopes to hand on. Returns the correlation id."""
        self.asgi = asgi
        headers = asgi.get("headers") or ()
        for header in headers:
            if header[0] in WANTED:
                incoming = extract(trace_headers(headers).get)
                break
        else:
            incoming = _NOTHING
        # FastAPI imports OpenTelemetry's API, which without its SDK has no span, but costs time.
        has_opentelemetry = "opentelemetry.sdk" in sys.modules
        foreign = _context.opentelemetry_scope() if has_opentelemetry else None
        if incoming is not _NOTHING and incoming.trace_id:
            self._parent = incoming.parent_span_id
            self.scope = Scope(incoming.trace_id, new_span_id(), system, incoming.tracestate)
        elif foreign is not None:
            self._parent = foreign.span_id
            self.scope = Scope(foreign.trace_id, new_span_id(), system)
        else:
            self._parent = ""
            trace_id, span_id = new_ids()
            self.scope = scope_from((trace_id, span_id, system, ""))
        if has_opentelemetry and foreign is None and not self._parent:
            self.asgi = with_traceparent(asgi, headers, self.scope)
        return incoming.correlation_id

    # What the application gets in the place of the server's

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] in ("http.disconnect", "websocket.disconnect"):
            self._disconnected(message)
        return message

    def send(self, message: Message) -> Awaitable[None]:
        raise NotImplementedError

    def _disconnected(self, message: Message) -> None:
        raise NotImplementedError

    # How it ends

    def handled(self, exc: BaseException, status: int, *, is_handled: bool) -> None:
        """A handler made a response of an exception, with `status` or, if that is 0, without one.
        Not `is_handled`: it was the last resort, and the exception goes on to the server."""
        try:
            if _asgi_errors.stage_of(exc, is_gone=self._is_gone):
                return
            of_http = _asgi_errors.http_status(exc)
            if not is_handled or (of_http or status) >= 500:
                self._error = type(exc).__name__
                self._tell_error(exc, "error", is_handled=is_handled)
            elif of_http:
                if not _asgi_errors.is_of_framework(exc):
                    self._tell_error(exc, "info", is_handled=True)
            else:
                severity = "info" if 0 < status < 400 else "warning"
                self._tell_error(exc, severity, is_handled=True)
        except Exception:
            _client.failed("an exception")

    def raised(self, exc: BaseException) -> None:
        """The application ended by an exception."""
        try:
            whole, exc = exc, _asgi_errors.unpacked(exc)
            with _context.within(self.scope):  # the server logs it, outside the trace
                _context.remember(whole)
            if whole is not exc:
                mark_reported(whole, self.scope.trace_id)
            stage = _asgi_errors.stage_of(exc, is_gone=self._is_gone)
            details = ""
            if stage:
                self._error = ""
            elif isinstance(exc, Exception):
                self._error = type(exc).__name__
                self._tell_error(exc, "error", is_handled=False)
            else:
                details = f"the application ended by {type(exc).__name__}"
            if not self.is_told:
                self._tell_response(stage, details)
        except Exception:
            _client.failed("a request")

    def returned(self) -> None:
        """The application ended as it should, and its response's event is not sent."""
        try:
            self._tell_end()
        except Exception:
            _client.failed("a request")

    def _tell_end(self) -> None:
        raise NotImplementedError

    def _stage_of_error(self) -> str:
        return ""

    # Events

    def _tell_request(self, client: _client.Client | None, correlation_id: str) -> None:
        if client is None:
            _client.missed()
            return
        try:
            asgi, path, scope = self.asgi, self._path, self.scope
            query = asgi.get("query_string") or b""
            extra: dict[str, Any] | None = None
            if correlation_id and correlation_id != scope.trace_id:
                extra = {"correlationId": correlation_id}
            if self._settings.capture_headers:
                headers = client.scrubber.headers(asgi.get("headers") or ())
                extra = {**(extra or {}), "headers": headers}
            args = (client, self._method, path, scope.span_id, self._parent, query, extra)
            cost = _client.TYPICAL_BYTES + len(path) + len(query)
            client.put(
                Record(
                    scope.trace_id,
                    "info",
                    scope.system,
                    "request",
                    _request_fields,
                    client.common,
                    cost,
                    self._ns,
                    args,
                )
            )
        except Exception:
            _client.failed("a request")

    def _tell_response(self, stage: str = "", details: str = "") -> None:
        """`stage`: what else became of it than a success or a failure. `details`: why it is a
        failure that no exception tells of."""
        self.is_told = True
        if self._is_silent:
            return
        client = _client.active()
        if client is None:
            _client.missed()
            return
        elapsed = self._elapsed or time.perf_counter_ns() - self._began
        path, scope, status, error = self._path, self.scope, self._status, self._error
        severity = "info"
        if not stage:
            if error:
                severity = "warning"  # the error has an event of its own
            elif details or status >= 500:
                severity = "error"
        args = (
            client,
            self._method,
            path,
            self._route(),
            scope.span_id,
            self._parent,
            elapsed,
            status,
            stage,
            error,
            details,
            self._close_code,
        )
        client.put(
            Record(
                scope.trace_id,
                severity,
                scope.system,
                "response",
                _response_fields,
                client.common,
                _client.TYPICAL_BYTES + len(path),
                self._ns + elapsed,
                args,
            )
        )

    def _tell_error(self, exc: BaseException, severity: str, *, is_handled: bool) -> None:
        client = _client.active()
        if client is None:
            _client.missed()
            return
        extra: dict[str, Any] = {"method": self._method, "path": client.text(self._path)}
        route = self._route()
        if route:
            extra["route"] = route
        stage = self._stage_of_error()
        if stage:
            extra["stage"] = stage
        if _asgi_errors.is_validation(exc):
            extra |= _asgi_errors.faults(exc, client)
        client.capture_exception(
            exc,
            mechanism="asgi",
            handled=is_handled,
            scope=self.scope,
            severity=severity,
            extra=extra,
        )

    def _route(self) -> str:
        try:
            return template(self.asgi, self._root_path, self._path)
        except Exception:
            _client.failed("a route")
            return ""


class HttpExchange(Exchange):
    """Its response ends with the last message of the body: what the application does after it, such
    as its tasks in the background, is no part of it."""

    __slots__ = ()

    def send(self, message: Message) -> Awaitable[None]:
        kind = message["type"]
        if kind == "http.response.start":
            self._status = message.get("status", 0)
            message = with_trace_id(message, self.scope.trace_id, self._settings.expose_header)
        elif kind in _BODIES:
            if not message.get("more_body"):
                return self._send_last(message)
        elif kind == "http.response.pathsend":
            return self._send_last(message)
        return self._send(message)

    async def _send_last(self, message: Message) -> None:
        await self._send(message)
        if self._elapsed:
            return
        self._elapsed = time.perf_counter_ns() - self._began
        if self._status >= 500 and not self._error:
            return  # Starlette raises the exception after its response
        try:
            self._tell_response()
        except Exception:
            _client.failed("a response")

    def _disconnected(self, message: Message) -> None:  # noqa: ARG002
        if not self._elapsed:  # after it, servers say so to whoever listens
            self._is_gone = True

    def _tell_end(self) -> None:
        if self._elapsed:
            self._tell_response()
        elif self._is_gone:
            self._tell_response("disconnect")
        elif self._status:
            self._tell_response("", "the application returned before the end of its response")
        else:
            self._tell_response("", "the application returned without a response")

    def _stage_of_error(self) -> str:
        if not self._elapsed:
            return "body" if self._status else ""
        return "background" if self._status < 500 else ""  # what an error page was about


class WebSocketExchange(Exchange):
    """Its response ends with the connection. Status 101: it was accepted; 403: it was not."""

    __slots__ = ()
    METHOD = "WEBSOCKET"

    def send(self, message: Message) -> Awaitable[None]:
        kind = message["type"]
        if kind == "websocket.accept":
            self._status = 101
            message = with_trace_id(message, self.scope.trace_id, self._settings.expose_header)
        elif kind == "websocket.http.response.start":
            self._status = message.get("status", 0)
            message = with_trace_id(message, self.scope.trace_id, self._settings.expose_header)
        elif kind == "websocket.close":
            self._status = self._status or 403
            self._closed(message.get("code", 1000))
        return self._send_noticing(message)

    async def _send_noticing(self, message: Message) -> None:
        """Some servers tell the application nothing of a client that went away before it sends."""
        try:
            await self._send(message)
        except Exception:
            self._is_gone = True
            raise

    def _disconnected(self, message: Message) -> None:
        self._is_gone = True
        self._closed(message.get("code"))

    def _closed(self, code: Any) -> None:
        if self._close_code is None and isinstance(code, int):
            self._close_code = code

    def _tell_end(self) -> None:
        if self._status:
            self._tell_response()
        elif self._is_gone:
            self._tell_response("disconnect")
        else:
            self._tell_response("", "the application returned without an answer")
