"""Celery: the trace goes with a task, and every task leaves events of type `task`.

    app = Celery("shop")
    setup_celery_tracing(app)

Call it where the app is made, so that what sends tasks and the worker both do. It listens to
Celery's signals, which are those of the process, so all its apps are traced; the settings hold for
the app that was named, and those of the last call for what cannot be told to belong to one.

Members of the events, beside those of devpulse-event(5):

stage
    publish: the message is sent. start: a worker calls the task. Then one of success, failure,
    retry (it will run again), ignored, rejected, interrupted (the process was told to stop);
    instead of start or after it revoked (also: expired, terminated); unknown or rejected where a
    worker does not know the task or cannot read the message.
name, task, taskId, queue
    The task's name and id, and the queue or routing key.
args, kwargs
    Of publish and start: the arguments, cut and scrubbed. A positional argument is known by the
    name of its parameter.
result
    Of success, if it is not None: cut and scrubbed.
attempt
    The number of the run, from 1.
queueMs
    Of start: how long it waited, in milliseconds, since it was sent, or due where it was delayed.
durationMs
    At the end: of the run.
eta
    Of publish and retry: when it is due, where it is delayed.
error, details
    The exception's class and message, or why it was revoked. The exception has an event of its own,
    type `error`, of severity info where the task's `throws` expects it, warning where the task is
    tried again. Retry, Ignore and Reject steer Celery and have none.
eager
    true where the task runs in the caller (task_always_eager, apply()), within its trace.
links
    Other traces: of a task sent by beat within a trace, or without propagation, to the one that
    sent it, and back.

A run's start and end have the same spanId, which is parentSpanId of all that happens within; the
run's own parent is its publish event.
"""

import functools
import sys
import time
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from .. import _client, _context
from .._context import Scope
from .._ids import new_span_id, new_trace_id
from .._record import rfc3339
from . import _celery_events as events
from . import _celery_logging, _celery_run, _celery_settings
from ._celery_message import (
    Carrier,
    attempt_of,
    carrier_of,
    due,
    link,
    put_on,
    run_span_id,
    trace_id_of,
)
from ._celery_run import QUIET, Run, running
from ._celery_settings import Settings, of_app, of_message, system_of

_STEERING = {"Retry": "retry", "Ignore": "ignored", "Reject": "rejected"}  # of celery.exceptions


_is_beat: ContextVar[bool] = ContextVar("devpulse_celery_beat", default=False)

# What the worker's main process has received and not finished, by task id: Celery's own objects.
_received: "weakref.WeakValueDictionary[str, Any]" = weakref.WeakValueDictionary()
_failed: "weakref.WeakSet[Any]" = weakref.WeakSet()  # of those, whose failure is told

_is_child = False  # a process of a prefork pool


def setup_celery_tracing(
    app: Any = None,
    *,
    system: str | None = None,
    propagate: bool | Callable[[str], bool] = True,
    arguments: bool = True,
) -> None:
    """Traces the tasks of a Celery app, where they are sent and in its workers.

    app
        Without one: the settings are for all that have none of their own.
    system
        The name of its workers: a stage in the timeline. Default: that of devpulse.init(), else the
        app's name. What is sent belongs to the system that sends it.
    propagate
        False: a task begins a trace of its own, with a link to the one that sent it. Or a function
        that is given a task's name and says which.
    arguments
        False: the events do not tell the tasks' arguments and results.

    Again: the settings change. Raises TypeError where it is no Celery app.
    """
    _celery_settings.put(app, Settings(system, propagate, arguments))
    _connect()


def _connect() -> None:
    """Again it does nothing: the receivers are known by name."""
    from celery import signals

    for name, receiver in _RECEIVERS.items():
        getattr(signals, name).connect(receiver, weak=False, dispatch_uid=f"devpulse.{name}")
    _celery_logging.install()


# Where a task is sent


def _on_publish(
    sender: Any = None,
    headers: Any = None,
    body: Any = None,
    routing_key: Any = None,
    declare: Any = None,
    **_: Any,
) -> None:
    client = _client.active()
    ambient = _context.current() or _run_of_parent(headers)
    if client is None:
        _client.missed()
        if ambient is None:
            return
    scope = ambient or _context.new_scope()
    name = str(sender)
    settings, task = of_message(name, declare)
    is_told = client is not None and name not in QUIET
    span_id = new_span_id() if is_told else scope.span_id
    now = time.time_ns()
    carrier = Carrier(scope.trace_id, span_id, scope.tracestate, now / 1e9)
    if not settings.propagates(name) or (_is_beat.get() and ambient is not None):
        carrier = Carrier(new_trace_id(), "", "", now / 1e9, ((scope.trace_id, span_id),))
    put_on(headers, carrier)
    if client is None or not is_told:
        return
    message = body if isinstance(body, dict) else headers  # of protocol 1 and 2
    args, kwargs = (body.get("args"), body.get("kwargs")) if message is body else body[:2]
    attempt = attempt_of(message)
    fields = events.basic(name, message.get("id"), "publish", attempt, span_id, scope.span_id)
    if routing_key:
        fields["queue"] = str(routing_key)[: events.NAME_MAX]
    if carrier.links:
        fields["links"] = [link(carrier.trace_id, "")]
    later = due(message.get("eta"))
    if later:
        fields["eta"] = rfc3339(round(later * 1e6))
    walk = client.walk()
    if settings.arguments:
        events.add_arguments(fields, task, args, kwargs, walk)
    cost = walk.spent + _client.TYPICAL_BYTES
    client.emit(scope, "info", "task", fields, cost=cost, ns=now)


def _run_of_parent(headers: Any) -> Scope | None:
    """The run that sends a message where it has none of its own process: the worker's main process
    sends the errbacks of a task that was killed."""
    task_id = headers.get("parent_id")
    received = _received.get(task_id) if task_id else None
    if received is None:
        return None
    request = received.request_dict
    carrier = carrier_of(request)
    outer = _outer(carrier, task_id, system_of(received.task.app))
    return outer._replace(span_id=run_span_id(carrier, task_id, request))


def _on_beat(**_: Any) -> None:
    """In the thread that beat runs in, for good."""
    _is_beat.set(True)


# Where it runs


def _on_prerun(
    task_id: Any = None, task: Any = None, args: Any = None, kwargs: Any = None, **_: Any
) -> None:
    request = task.request
    system = system_of(task.app)
    ambient = _context.current() if request.is_eager else None
    carrier = None if request.is_eager else carrier_of(request)
    if ambient is None and carrier is None and _client.active() is None:
        _client.missed()
        return
    if request.is_eager:
        outer = ambient or _context.new_scope()
        outer = outer if outer.system else outer._replace(system=system)
        span_id = new_span_id()
    else:
        outer = _outer(carrier, task_id, system)
        span_id = run_span_id(carrier, task_id, request)
    run = Run(task, task_id, outer, span_id)
    run.enter()
    run.start(carrier, args, kwargs, of_app(task.app).arguments)


def _on_success(sender: Any = None, result: Any = None, **_: Any) -> None:
    run = running(sender.request.id)
    if run is not None:
        run.succeed(result, of_app(sender.app).arguments)


def _on_retry(sender: Any = None, request: Any = None, reason: Any = None, **_: Any) -> None:
    exc = getattr(reason, "exc", None)
    when = getattr(reason, "when", None)
    later = time.time() + when if isinstance(when, (int, float)) else due(when)
    extra = {"eta": rfc3339(round(later * 1e6))} if later > time.time() else {}
    run = running(request.id)
    if run is not None:
        run.retry(exc, extra)
    else:  # the connection to the broker, or the process that ran it, was lost
        _end_elsewhere(sender.app, sender.name, request.id, request, "retry", exc, extra)


def _on_failure(sender: Any = None, task_id: Any = None, exception: Any = None, **_: Any) -> None:
    run = running(task_id)
    if run is not None:
        run.fail(_original(exception))
        return
    exc = exception.exc if type(exception).__name__ == "ExceptionWithTraceback" else exception
    received = _received.get(task_id)
    if received is None or received in _failed or _steering(exc):
        return
    _failed.add(received)
    began, extra = received.time_start, {}
    if isinstance(began, float):
        extra["durationMs"] = max(0.0, round((time.time() - began) * 1000, 3))
    request = received.request_dict
    _end_elsewhere(sender.app, sender.name, task_id, request, "failure", exc, extra)


def _original(exception: BaseException) -> BaseException:
    """What the task raised. Where that cannot be pickled, Celery tells of another exception."""
    raised = sys.exc_info()[1]
    return raised if raised is not None else exception


def _steering(exc: BaseException | None) -> str:
    """The stage, where it is no error but steers Celery; else ""."""
    kind = type(exc)
    is_celerys = kind.__module__ == "celery.exceptions"
    return _STEERING.get(kind.__name__, "") if is_celerys else ""


def _on_postrun(task_id: Any = None, state: Any = None, **_: Any) -> None:
    run = running(task_id)
    if run is None:
        return
    try:
        if state is None:
            _end_by(run, sys.exc_info()[1])
        else:  # but for what has no signal, the event is out
            run.end(str(state).lower())
    finally:
        run.leave()
        _deliver()


def _end_by(run: Run, exc: BaseException | None) -> None:
    """An exception that passes through Celery: an exit, or an eager task's that propagates."""
    stage = _steering(exc)
    if stage:
        run.end(stage)
    elif isinstance(exc, Exception):
        run.fail(exc)
    else:
        run.end("interrupted", exc)


# What the worker's main process tells of messages, and of runs that it did not see


def _on_received(request: Any = None, **_: Any) -> None:
    _received[request.id] = request


def _on_revoked(
    sender: Any = None,
    request: Any = None,
    terminated: Any = None,
    signum: Any = None,
    expired: Any = None,
    **_: Any,
) -> None:
    reason = "expired" if expired else "terminated" if terminated else "revoked"
    if terminated and signum is not None:
        reason += f" by signal {getattr(signum, 'name', signum)!s:.32}"
    extra = {"details": reason}
    _end_elsewhere(sender.app, sender.name, request.id, request, "revoked", None, extra)


def _on_unknown(
    sender: Any = None,
    message: Any = None,
    name: Any = None,
    id: Any = None,  # noqa: A002 - Celery's word
    **_: Any,
) -> None:
    extra = {"details": "the worker has no task of this name"}
    headers = _headers_of(message)
    _end_elsewhere(sender.app, str(name), id, headers, "unknown", None, extra)


def _on_rejected(sender: Any = None, message: Any = None, exc: Any = None, **_: Any) -> None:
    headers = _headers_of(message)
    name, task_id = str(headers.get("task", "unknown")), headers.get("id", "")
    extra = {"details": "the message is no task's"} if exc is None else {}
    _end_elsewhere(sender.app, name, task_id, headers, "rejected", exc, extra)


def _headers_of(message: Any) -> dict[str, Any]:
    headers = message.headers
    return headers if isinstance(headers, dict) else {}


def _end_elsewhere(
    app: Any,
    name: str,
    task_id: str,
    request: Any,
    stage: str,
    exc: Any,
    extra: dict[str, Any],
) -> None:
    """The end of a run that another process began, or none did. `request`: of the task, or the
    message's headers."""
    client = _client.active()
    if client is None:
        _client.missed()
        return
    carrier = carrier_of(request)
    outer = _outer(carrier, task_id, system_of(app))
    span_id = run_span_id(carrier, task_id, request)
    attempt = attempt_of(request)
    if stage == "failure":
        record = client.capture_exception(
            exc,
            mechanism="celery",
            handled=False,
            scope=outer._replace(span_id=span_id),
            extra={"task": name, "taskId": task_id, "attempt": attempt},
        )
        if record is None:  # where it ran, it was told
            return
    walk = client.walk()
    fields = events.basic(name, task_id, stage, attempt, span_id, outer.span_id)
    events.add_message(fields, request, carrier)
    events.add_outcome(fields, stage, exc, walk)
    fields.update(extra)
    cost = walk.spent + _client.TYPICAL_BYTES
    client.emit(outer, events.severity_of(stage), "task", fields, cost=cost)


def _outer(carrier: Carrier | None, task_id: str, system: str) -> Scope:
    """What a run is part of."""
    if carrier is not None:
        return Scope(carrier.trace_id, carrier.span_id, system, carrier.tracestate)
    trace_id = trace_id_of(task_id)
    return _context.new_scope(system) if trace_id is None else Scope(trace_id, "", system)


# Delivery


def _on_process_init(**_: Any) -> None:
    """In a new process of a prefork pool; of other pools in the worker's only process."""
    global _is_child
    from billiard import current_process

    _is_child = current_process().name != "MainProcess"
    _context.enter(None)
    _celery_run.forget()


def _on_process_shutdown(**_: Any) -> None:
    """A child of the pool ends by os._exit(), which nothing else hears of."""
    client = _client.active()
    if client is not None:
        client.close(_client.EXIT_SECONDS)


def _deliver() -> None:
    """In a child of the pool, which may be killed at any time: waits shortly until the events are
    out."""
    client = _client.active()
    if client is not None and _is_child:
        client.flush_shortly()


def _guarded(receiver: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(receiver)
    def wrapper(*_: Any, **named: Any) -> None:
        try:
            receiver(**named)
        except Exception:
            _client.failed("a task")

    return wrapper


_RECEIVERS = {
    name: _guarded(receiver)
    for name, receiver in {
        "before_task_publish": _on_publish,
        "beat_init": _on_beat,
        "task_prerun": _on_prerun,
        "task_success": _on_success,
        "task_retry": _on_retry,
        "task_failure": _on_failure,
        "task_postrun": _on_postrun,
        "task_received": _on_received,
        "task_revoked": _on_revoked,
        "task_unknown": _on_unknown,
        "task_rejected": _on_rejected,
        "worker_process_init": _on_process_init,
        "worker_process_shutdown": _on_process_shutdown,
        "celeryd_init": _celery_logging.remember_handlers,
        "after_setup_logger": _celery_logging.restore_handlers,
        "after_setup_task_logger": _celery_logging.restore_handlers,
    }.items()
}
