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
from .._context import Scope
from .._ids import new_ids, new_span_id
from .._propagation import Incoming, extract
from .._stack import mark_reported
from . import _asgi_errors
from ._asgi_headers import trace_headers, with_trace_id, with_traceparent
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
    extra: dict[str, Any],
) -> dict[str, Any]:
    fields = _fields(client, method, path, route, span_id, parent)
    fields["durationMs"] = round(elapsed / 1e6, 3)
    fields.update(extra)
    return fields


class Exchange:
    """What HTTP and WebSockets have in common."""

    __slots__ = (
        "_began",
        "_correlation_id",
        "_elapsed",
        "_error",
        "_is_gone",
        "_is_silent",
        "_is_told",
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
        "scope",
    )

    def __init__(self, settings: Settings, asgi: AsgiScope, receive: Receive, send: Send) -> None:
        """`asgi`: the scope, into which the exchange puts itself while it lasts."""
        self._ns = time.time_ns()
        self._began = time.perf_counter_ns()
        self._elapsed = 0  # nanoseconds to the end of the response; 0: it has not ended
        self._settings = settings
        self._receive = receive
        self._send = send
        self._path: str = asgi["path"]
        self._root_path: str = asgi.get("root_path") or ""
        self._method = self._method_of(asgi)
        self._status = 0  # 0: the response has not begun
        self._error = ""  # the class of the exception that makes it a failure
        self._is_gone = False  # the client is, before the end
        self._is_told = False  # the response's event is sent
        self._is_silent = settings.is_excluded(asgi)
        self.asgi = self._join(asgi)
        self.asgi[KEY] = self
        if not self._is_silent:
            self._tell_request()

    def _method_of(self, asgi: AsgiScope) -> str:
        raise NotImplementedError

    def _join(self, asgi: AsgiScope) -> AsgiScope:
        """Finds the trace or begins one, and returns the scope to hand on."""
        headers = asgi.get("headers") or ()
        found = trace_headers(headers)
        incoming = extract(found.get) if found else _NOTHING
        system = self._settings.system_name()
        self._correlation_id = incoming.correlation_id
        # FastAPI imports OpenTelemetry's API, which without its SDK has no span, but costs time.
        has_opentelemetry = "opentelemetry.sdk" in sys.modules
        foreign = _context.opentelemetry_scope() if has_opentelemetry else None
        if incoming.trace_id:
            self._parent = incoming.parent_span_id
            self.scope = Scope(incoming.trace_id, new_span_id(), system, incoming.tracestate)
        elif foreign is not None:
            self._parent = foreign.span_id
            self.scope = Scope(foreign.trace_id, new_span_id(), system)
        else:
            self._parent = ""
            trace_id, span_id = new_ids()
            self.scope = Scope(trace_id, span_id, system)
        if has_opentelemetry and foreign is None and not self._parent:
            return with_traceparent(asgi, headers, self.scope)
        return asgi

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

    def _begin_response(self, message: Message, status: int) -> Message:
        self._status = status
        try:
            return with_trace_id(message, self.scope.trace_id, expose=self._settings.expose_header)
        except Exception:
            _client.failed("a trace id in a response")
            return message

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
            if not self._is_told:
                self._tell_response(stage, details)
        except Exception:
            _client.failed("a request")

    def returned(self) -> None:
        """The application ended as it should."""
        try:
            if not self._is_told:
                self._tell_end()
        except Exception:
            _client.failed("a request")

    def _tell_end(self) -> None:
        raise NotImplementedError

    def _stage_of_error(self) -> str:
        return ""

    # Events

    def _tell_request(self) -> None:
        client = _client.active()
        if client is None:
            _client.missed()
            return
        try:
            asgi, path, scope = self.asgi, self._path, self.scope
            query = asgi.get("query_string") or b""
            extra: dict[str, Any] | None = None
            if self._correlation_id and self._correlation_id != scope.trace_id:
                extra = {"correlationId": self._correlation_id}
            if self._settings.capture_headers:
                headers = client.scrubber.headers(asgi.get("headers") or ())
                extra = {**(extra or {}), "headers": headers}
            args = (client, self._method, path, scope.span_id, self._parent, query, extra)
            cost = _client.TYPICAL_BYTES + len(path) + len(query)
            client.emit(
                scope, "info", "request", _request_fields, cost=cost, ns=self._ns, args=args
            )
        except Exception:
            _client.failed("a request")

    def _tell_response(self, stage: str = "", details: str = "") -> None:
        """`stage`: what else became of it than a success or a failure. `details`: why it is a
        failure that no exception tells of."""
        self._is_told = True
        if self._is_silent:
            return
        client = _client.active()
        if client is None:
            _client.missed()
            return
        elapsed = self._elapsed or time.perf_counter_ns() - self._began
        severity = "info"
        if stage:
            extra: dict[str, Any] = {"stage": stage}
            if 0 < self._status < 500:  # an error page was for nobody
                extra["status"] = self._status
        else:
            extra = {"status": self._status or 500}  # what the server then answers
            if self._error:
                extra["error"] = self._error
                severity = "warning"  # the error has an event of its own
            elif details or self._status >= 500:
                severity = "error"
            extra["response"] = "success" if severity == "info" else "fail"
        if details:
            extra["details"] = details
        self._add(extra)
        path, scope, ns = self._path, self.scope, self._ns + elapsed
        route = self._route()
        args = (client, self._method, path, route, scope.span_id, self._parent, elapsed, extra)
        cost = _client.TYPICAL_BYTES + len(path)
        client.emit(scope, severity, "response", _response_fields, cost=cost, ns=ns, args=args)

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

    def _add(self, fields: dict[str, Any]) -> None:
        """Adds what only this kind's response has."""

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

    def _method_of(self, asgi: AsgiScope) -> str:
        method: str = asgi["method"]
        return method[:_METHOD_MAX]

    def send(self, message: Message) -> Awaitable[None]:
        kind = message["type"]
        if kind == "http.response.start":
            message = self._begin_response(message, message.get("status", 0))
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

    __slots__ = ("_close_code",)

    def _method_of(self, asgi: AsgiScope) -> str:  # noqa: ARG002
        self._close_code: int | None = None
        return "WEBSOCKET"

    def send(self, message: Message) -> Awaitable[None]:
        kind = message["type"]
        if kind == "websocket.accept":
            message = self._begin_response(message, 101)
        elif kind == "websocket.http.response.start":
            message = self._begin_response(message, message.get("status", 0))
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

    def _add(self, fields: dict[str, Any]) -> None:
        if self._close_code is not None:
            fields["closeCode"] = self._close_code
