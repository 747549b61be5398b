"""Log records as events, and the trace id in log lines."""

import logging
import threading
from types import TracebackType
from typing import Any

from . import _client, _context, _internal
from ._context import Scope
from ._fields import attributes

_SEEN = "_devpulse_seen"  # of a record that another of these handlers has sent
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "trace_id",
    "span_id",
    _SEEN,
}
_NONE = "-"  # what stands in a record outside a trace
_busy = threading.local()


class DevPulseHandler(logging.Handler):
    """Sends log records as events of type log, and those with an exception as errors.

    `extra` becomes the event's own members. The SDK's own records are left out, and so is an
    exception that was reported already.

        logging.basicConfig()
        logging.getLogger().addHandler(devpulse.DevPulseHandler(level=logging.WARNING))

    Behind a logging.handlers.QueueHandler, whose records come in another thread, they keep their
    trace where install_log_correlation() has noted it in them.

    As the root logger's only handler it would keep Python from printing anything.
    """

    mechanism = "logging"
    handled = True

    def scope_of(self, record: logging.LogRecord) -> Scope | None:
        """That of a record which comes outside of any."""
        return _noted_in(record)

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(_internal.logger.name) or getattr(_busy, "now", False):
            return
        client = _client.active()
        if client is None or getattr(record, _SEEN, False):
            return
        setattr(record, _SEEN, True)
        _busy.now = True
        try:
            _emit(client, record, self)
        except Exception:
            self.handleError(record)
        finally:
            _busy.now = False


def _emit(client: _client.Client, record: logging.LogRecord, handler: DevPulseHandler) -> None:
    walk = client.walk()
    message = client.text(record.getMessage())
    extra = {k: v for k, v in vars(record).items() if k not in _STANDARD}
    fields: dict[str, Any] = {"logger": record.name, **attributes(extra, walk)}
    exc = _exception(record.exc_info)
    scope = _context.current() or handler.scope_of(record)
    if exc is not None:
        fields["message"] = message
        client.capture_exception(
            exc,
            mechanism=handler.mechanism,
            handled=handler.handled,
            scope=_context.scope_of(exc) or scope,
            severity=severity(record.levelno),
            extra=fields,
            callers=True,
        )
        return
    scope = scope or _context.new_scope()
    fields |= {
        "details": message,
        "file": record.pathname,
        "line": record.lineno,
        "source": record.funcName or "",
    }
    if scope.span_id:
        fields["parentSpanId"] = scope.span_id
    ns = int(record.created * 1e9)
    cost = walk.spent + len(message) + _client.TYPICAL_BYTES
    client.emit(scope, severity(record.levelno), "log", fields, cost=cost, ns=ns)


def _exception(exc_info: Any) -> BaseException | None:
    """The exception of a record; exc_info may be anything false, or billiard's own kind."""
    if isinstance(exc_info, tuple) and len(exc_info) == 3:
        exc, tb = exc_info[1], exc_info[2]
        if isinstance(exc, BaseException):
            if exc.__traceback__ is None and isinstance(tb, TracebackType):
                return exc.with_traceback(tb)
            return exc
    return None


def _noted_in(record: logging.LogRecord) -> Scope | None:
    """The scope that install_log_correlation() has noted in a record."""
    trace_id, span_id = getattr(record, "trace_id", _NONE), getattr(record, "span_id", "")
    if trace_id == _NONE or not span_id or not _context.is_trace_id(trace_id):
        return None
    return Scope(trace_id, span_id if span_id != _NONE else "")


def severity(level: int) -> str:
    """The severity of one of logging's levels."""
    if level >= logging.ERROR:
        return "error"
    if level >= logging.WARNING:
        return "warning"
    return "info" if level >= logging.INFO else "debug"


def install_log_correlation() -> None:
    """Gives every log record `trace_id` and `span_id` ("-" outside a trace), for a format such as
    `%(asctime)s %(trace_id)s %(message)s`. Chains to the record factory that is there."""
    before = logging.getLogRecordFactory()
    if getattr(before, "_devpulse", False):
        return

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = before(*args, **kwargs)
        scope = _context.current()
        record.trace_id = scope.trace_id if scope is not None else _NONE
        record.span_id = (scope.span_id if scope is not None else "") or _NONE
        return record

    factory._devpulse = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(factory)
