"""FastAPI, Starlette and every other ASGI application: requests and their errors.

    app = FastAPI()
    add_devpulse_middleware(app)

A request's trace is that of its headers `traceparent`, X-Trace-ID or X-Request-ID (in this order),
else a new one. Its id is in the response's header X-Trace-ID, also where that is an error's, unless
the application put its own there, or the server itself answers, as it does where an application
without Starlette fails before its response has begun. Bodies are not looked at.

Events, all with the request's `method` and `path`, and with `route` (the template, "/items/{id}")
as soon as that is known:

request
    At the beginning. `query`, scrubbed; `correlationId`: an X-Correlation-ID that is no trace id;
    `headers`, scrubbed, with capture_headers.
response
    At the end of the body. `status`, `durationMs`, `response` ("fail" from 500 on, and where an
    exception cut it off), `error`: that exception's class. `stage`: "disconnect" where the client
    went away before the end, "cancelled" where the server gave up; these are no errors. Severity
    error for a failure without an exception, warning for one with, as that has an event of its own.
error
    An exception that nothing handled, severity error, or that a handler made a response of: error
    from status 500 on, info for an HTTPException and for what became a redirect, else warning. An
    HTTPException that the framework itself raised, as for a path without a route, has none.
    Handlers are seen in Starlette and FastAPI alone: what another framework (Litestar, Quart) makes
    a response of has one only where it is logged with its exception, and DevPulseHandler listens.
    `stage`: "body" where it cut a response off, "background" after its end, "startup", "shutdown".
    Of a failed validation `faults`: where, and what was expected; not the values.

A WebSocket connection is one request, of method WEBSOCKET, whose response comes at its end, with
status 101 (403 where it was refused) and `closeCode`.
"""

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from weakref import WeakSet

from .. import _client
from ._asgi import EXCLUDE, DevPulseMiddleware
from ._asgi_exchange import KEY

__all__ = ["EXCLUDE", "DevPulseMiddleware", "add_devpulse_middleware"]

_SYSTEM_MAX = 128  # characters of a title
_hooked: WeakSet[Any] = WeakSet()


def add_devpulse_middleware(
    app: Any,
    *,
    system: str | None = None,
    exclude: Iterable[str] = EXCLUDE,
    expose_header: bool = False,
    capture_headers: bool = False,
) -> Any:
    """Gives an application's requests a trace, and sends their events.

    FastAPI and Starlette: hooked in place, outside all other middleware, with the applications that
    are mounted in it; again: nothing. Any other ASGI application: wrapped. Returns what to serve:

        app = add_devpulse_middleware(app)

    system
        The name of this application. Default: that of init(), else FastAPI's title, else "fastapi",
        "starlette" or "asgi".
    exclude
        Paths whose requests have no events but their errors: exact, or the beginning of paths where
        it ends in "*". Default: EXCLUDE, the usual ones of health checks, metrics, documentation
        and static files.
    expose_header
        Lets scripts of other origins in browsers read X-Trace-ID.
    capture_headers
        The request event has the request's headers, scrubbed.
    """
    if not callable(app):
        raise TypeError(f"an ASGI application is wanted, not {type(app).__name__}")
    options: dict[str, Any] = {
        "system": system,
        "exclude": exclude if isinstance(exclude, str) else tuple(exclude),
        "expose_header": expose_header,
        "capture_headers": capture_headers,
    }
    if hasattr(app, "build_middleware_stack"):
        _hook(app, options)
        return app
    return app if isinstance(app, DevPulseMiddleware) else DevPulseMiddleware(app, **options)


def _hook(app: Any, options: dict[str, Any]) -> None:
    """Replaces what builds an application's middleware, on the instance."""
    if app in _hooked:
        return
    _hooked.add(app)
    build = app.build_middleware_stack

    def build_middleware_stack() -> Any:
        try:
            _hook_mounted(app, options)
        except Exception:
            _client.failed("what a mounted application handles")
        with _recording(app):
            stack = build()
        middleware = DevPulseMiddleware(stack, default_system=_natural_name(app), **options)
        if vars(app).get("build_middleware_stack") is build_middleware_stack:
            return middleware
        # Someone else has hooked it after us and may want what Starlette builds: OpenTelemetry
        # takes a ServerErrorMiddleware apart, and without one leaves the application alone.
        kind: Any = type(stack)
        return kind(middleware) if kind.__name__ == "ServerErrorMiddleware" else middleware

    app.build_middleware_stack = build_middleware_stack
    if app.middleware_stack is not None:
        app.middleware_stack = app.build_middleware_stack()


def _hook_mounted(app: Any, options: dict[str, Any]) -> None:
    """So that what their handlers make responses of is recorded. Requests remain the outer's."""
    pending = list(app.routes)
    while pending:
        route = pending.pop()
        mounted = getattr(route, "app", None)
        if hasattr(mounted, "build_middleware_stack"):
            _hook(mounted, options)
        else:
            pending += getattr(route, "routes", None) or ()


@contextmanager
def _recording(app: Any) -> Iterator[None]:
    """Meanwhile, the application's handlers of exceptions are ones that record them: no middleware
    sees an exception that became a response."""
    own = app.exception_handlers
    handlers = dict(own)
    exceptions = sys.modules.get("starlette.middleware.exceptions")
    if exceptions is not None:
        default = exceptions.ExceptionMiddleware(app).http_exception
        handlers.setdefault(exceptions.HTTPException, default)
    app.exception_handlers = {
        key: _recorded(handler, is_handled=key not in (500, Exception))
        for key, handler in handlers.items()
    }
    try:
        yield
    finally:
        app.exception_handlers = own


def _recorded(handler: Callable[..., Any], *, is_handled: bool) -> Callable[..., Any]:
    """The handler; where it fails itself, the exception is one that nothing handled."""
    if _is_async(handler):

        async def record_async(connection: Any, exc: BaseException) -> Any:
            response = await handler(connection, exc)
            _note(connection, exc, response, is_handled)
            return response

        return record_async

    def record(connection: Any, exc: BaseException) -> Any:
        response = handler(connection, exc)
        _note(connection, exc, response, is_handled)
        return response

    return record


def _note(connection: Any, exc: BaseException, response: Any, is_handled: bool) -> None:
    try:
        exchange = connection.scope.get(KEY)
        if exchange is not None:
            status = getattr(response, "status_code", 0)
            exchange.handled(exc, status, is_handled=is_handled)
    except Exception:
        _client.failed("an exception")


def _is_async(function: Any) -> bool:
    """As Starlette tells whether a handler is to be awaited."""
    while isinstance(function, partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - of its class, which may be asynchronous
    )


def _natural_name(app: Any) -> str:
    title = getattr(app, "title", None)
    if isinstance(title, str) and title:
        return title[:_SYSTEM_MAX] if title != "FastAPI" else "fastapi"
    return "starlette"
