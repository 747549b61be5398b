"""What an application calls: the contents of the package `devpulse`."""

import sys
import threading
from collections.abc import Callable, Iterable, MutableMapping
from contextlib import AbstractContextManager
from functools import wraps
from types import EllipsisType
from typing import Any, ParamSpec, TypeVar

from . import _client, _context, _hooks, _options
from ._context import Scope
from ._fields import attributes, plain_attributes, plain_cost
from ._ids import new_trace_id
from ._internal import warn_once
from ._propagation import outgoing
from ._record import SEVERITIES, severity_of
from ._walk import Walk

P = ParamSpec("P")
R = TypeVar("R")
H = TypeVar("H", bound="MutableMapping[str, str]")


def init(
    websocket_url: str | EllipsisType | None = None,
    *,
    environment: str | None = None,
    system: str | None = None,
    enable_db_logging: bool = False,
    db_url: str | None = None,
    token: str | None = None,
    capture_locals: bool = True,
    scrub: _options.ScrubHook | None = None,
    scrub_keys: Iterable[str] = (),
    in_app_include: Iterable[str] = (),
    in_app_exclude: Iterable[str] = (),
    install_hooks: bool = True,
    max_events: int = 10_000,
    max_bytes: int = 4 * 1024 * 1024,
) -> None:
    """Starts sending events. Needs no server to be there, and does not wait for one.

    websocket_url
        Where dp-ingest listens, ws:// or wss://. Default, also where it is `...`, as examples have
        it: DEVPULSE_WEBSOCKET_URL, else ws://localhost:8008.
    environment
        Such as dev, staging, prod. Default: DEVPULSE_ENVIRONMENT, else that of
        OTEL_RESOURCE_ATTRIBUTES.
    system
        The name of this application: a stage in a trace's timeline. Default: DEVPULSE_SYSTEM, else
        OTEL_SERVICE_NAME, else what an integration knows, else the script's name.
    enable_db_logging, db_url
        Write the events to a database too, in dp-store's schema: sqlite:///file.db or
        postgresql://user:password@host/database (which needs psycopg: the extra `postgres`).
        Default of db_url: DEVPULSE_DB.
    token
        Offered to the server. Default: DEVPULSE_TOKEN.
    capture_locals
        False: no local variables leave the process.
    scrub
        Called with each event (a dict, see devpulse-event(5)) in the thread that made it: returns
        the event to send, or None to send nothing. Where it fails, values are withheld.
    scrub_keys
        Further parts of names whose values are secret, beside `password`, `token` and their like.
    in_app_include, in_app_exclude
        Names of modules, with those in them, that are the application's own code (whose frames have
        locals and source), or are not. By default all is that is not in site-packages or Python.
    install_hooks
        False: uncaught exceptions are left alone.
    max_events, max_bytes
        What waits for the server at most. Beyond it the least severe and oldest go first, counted.

    Called again with the same arguments it does nothing; with others, they hold from then on.
    DEVPULSE_DISABLED=1: nothing is sent, whatever is called; trace ids still go from process to
    process. Raises ValueError where an argument is no good, and then changes nothing.
    """
    if _options.is_disabled():
        _client.disable()
        return
    _client.install(
        _options.from_arguments(
            websocket_url=None if websocket_url is ... else websocket_url,
            token=token,
            enable_db_logging=enable_db_logging,
            db_url=db_url,
            environment=environment,
            system=system,
            capture_locals=bool(capture_locals),
            scrub=scrub,
            scrub_keys=_options.names("scrub_keys", scrub_keys),
            in_app_include=_options.names("in_app_include", in_app_include),
            in_app_exclude=_options.names("in_app_exclude", in_app_exclude),
            install_hooks=install_hooks,
            max_events=max_events,
            max_bytes=max_bytes,
        )
    )
    if install_hooks:
        _hooks.install()


# The trace


def generate_trace_id() -> str:
    """A new trace id: 32 hexadecimal digits (W3C). Does not make it the current one."""
    return new_trace_id()


def get_trace_id() -> str | None:
    """The current trace's id; None outside a trace."""
    scope = _context.current()
    return scope.trace_id if scope is not None else None


def set_trace_id(trace_id: str | None) -> None:
    """Makes a trace the current one, for this thread or asyncio task and its tasks; None: none.

    An id has 1 to 128 letters, digits and . _ : - characters; one that has not is reported once
    and changes nothing.
    """
    if trace_id is None:
        _context.enter(None)
    elif _context.is_trace_id(trace_id):
        _context.enter(Scope(trace_id))
    else:
        _refuse_trace_id(trace_id)


def inject(headers: H) -> H:
    """Puts the current trace into the headers of a call to another service, and returns them.

    Sets `traceparent`, `tracestate` and `X-Trace-ID`; outside a trace nothing.

        requests.get(url, headers=devpulse.inject({}))
    """
    scope = _context.current()
    if scope is not None:
        headers.update(outgoing(scope))
    return headers


def detached() -> AbstractContextManager[None]:
    """What is started inside, such as a task that lives for ever, belongs to no trace."""
    return _context.within(None)


def wrap(function: Callable[P, R]) -> Callable[P, R]:
    """The function, to be called in another thread within the current trace.

    executor.submit(devpulse.wrap(work), item)
    """
    scope = _context.current()

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with _context.within(scope):
            try:
                return function(*args, **kwargs)
            except BaseException as exc:
                _context.remember(exc)
                raise

    return wrapper


# Events


def event(
    details: object = None,
    *,
    severity: str = "info",
    type: str = "log",  # noqa: A002 - the event's own word
    trace_id: str | None = None,
    **values: object,
) -> None:
    """Sends an event of one's own.

    `severity`: "debug", "info", "warning" or "error"; usual synonyms of them, such as "critical",
    are understood. Other arguments become members of the event: those of devpulse-event(5) (name,
    file, locals, …) with their meaning, any other under its name.

        devpulse.event("order placed", name="order", order_id=17)
    """
    client = _client.active()
    if client is None:
        _client.missed()
        return
    try:
        _event(client, details, severity, type, trace_id, values)
    except Exception:
        _client.failed("an event")


def _event(
    client: _client.Client,
    details: object,
    severity: str,
    type: str,  # noqa: A002
    trace_id: str | None,
    values: dict[str, object],
) -> None:
    scope = _context.current() if trace_id is None else _scope_of(trace_id)
    if scope is None:
        scope = _context.new_scope()
    if not isinstance(severity, str) or severity not in SEVERITIES:
        known = severity_of(severity)
        if known is None:
            values["severity"] = severity
        severity = known or "info"
    if not isinstance(type, str) or not type:
        type = "log"  # noqa: A001
    cost = plain_cost((details, *values.values()))
    if cost is not None:  # then the sender's thread does it
        args = (client, None, scope.span_id, details, values)
        cost += _client.TYPICAL_BYTES
        client.emit(scope, severity, type, _fields, cost=cost, args=args)
        return
    walk = client.walk()
    fields = _fields(client, walk, scope.span_id, details, values)
    client.emit(scope, severity, type, fields, cost=walk.spent + _client.TYPICAL_BYTES)


def _fields(
    client: _client.Client,
    walk: Walk | None,
    span_id: str,
    details: object,
    values: dict[str, object],
) -> dict[str, Any]:
    scrubber = client.scrubber
    fields = attributes(values, walk) if walk else plain_attributes(values, scrubber)
    if isinstance(details, str):
        fields["details"] = client.text(details)
    elif details is not None:
        fields["details"] = (walk or client.walk()).value(details, "details")
    if span_id and "spanId" not in fields and "parentSpanId" not in fields:
        fields["parentSpanId"] = span_id
    return fields


def _scope_of(trace_id: str) -> Scope | None:
    scope = _context.current()
    if _context.is_trace_id(trace_id):
        return Scope(trace_id, "", scope.system if scope is not None else "")
    _refuse_trace_id(trace_id)
    return scope


def _refuse_trace_id(value: object) -> None:
    shown = repr(value[:200]) if isinstance(value, str) else "something that is no text"
    warn_once("trace id", "no trace id: %s; 1 to 128 of A-Z a-z 0-9 . _ : - make one", shown)


def capture_exception(
    exc: BaseException | None = None, *, severity: str = "error", **values: object
) -> str | None:
    """Sends an exception, by default the one that is being handled, with stack and locals.

    Returns the event's id; None where there is no exception, or this one was sent already. Other
    arguments become members of the event, as event() has them.
    """
    client = _client.active()
    if client is None:
        _client.missed()
        return None
    exc = exc if exc is not None else sys.exc_info()[1]
    if not isinstance(exc, BaseException):
        warn_once("no exception", "capture_exception() was called where there is no exception")
        return None
    try:
        record = client.capture_exception(
            exc,
            mechanism="capture_exception",
            handled=True,
            severity=severity_of(severity) or "error",
            extra=attributes(values, client.walk()) if values else None,
            callers=True,
        )
    except Exception:
        _client.failed("an exception")
        return None
    return record.event_id if record is not None else None


# Delivery


def flush(timeout: float = 2.0) -> bool:
    """Waits until all that was sent so far is acknowledged (and in the database), at most `timeout`
    seconds. Returns whether it is."""
    client = _client.active()
    if client is None:
        return True
    try:
        return client.flush(min(max(0.0, timeout), threading.TIMEOUT_MAX))
    except Exception:
        _client.failed("a flush")
        return False


def stats() -> dict[str, int]:
    """Counters of this process.

    queued, unacked (sent, not yet acknowledged), sent, acked, refused (by the server), dropped
    (for want of room, of init(), or of time at the end), withheld (by the scrub hook), reconnects,
    connected; and with database logging the same of it under db_….
    """
    return _client.stats()
