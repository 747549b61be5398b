"""Huey: the trace goes with a task, and every task leaves events of type `task`.

    huey = SqliteHuey("shop", filename="shop.db")
    setup_huey_tracing(huey)

Call it where `huey` is made. The trace travels as a keyword argument, `__devpulse__`, as nothing
but arguments goes through Huey's storages. It is put on where a task goes into the storage and
taken off where it comes out, so neither the task's function nor a hook sees it; but a consumer that
runs without setup_huey_tracing() calls the function with it, and the task fails: `TypeError: … got
an unexpected keyword argument '__devpulse__'`.

Members of the events, beside those of devpulse-event(5):

stage
    publish: it was enqueued (in a pipeline or a chord, by the task before). start: its function is
    called. Then one of success, failure, retry (it failed, and will run again), canceled, locked,
    rate-limited, interrupted (the consumer stopped); instead of start, revoked, expired, canceled.
name, task
    The task's name: module and function.
taskId, queue
    Huey's id of it, and the name of the Huey instance.
args, kwargs
    Of publish and start: its arguments, cut and scrubbed.
attempt, retries
    The run's number, from 1, and how many more Huey would make.
queueMs
    Of start: how long it waited, in milliseconds, since it was enqueued, or due if it was delayed.
durationMs
    Of publish: of writing it to the storage (in immediate mode, of all). At the end: of its
    function.
eta
    Of publish and retry: when it is due, where it is delayed.
error
    The exception's class, where there was one. The exception has an event of its own, type `error`,
    unless it is one of Huey's to steer it (RetryTask, CancelExecution, TaskLockedException,
    RateLimitExceeded).
periodic
    true for a periodic task. The scheduler enqueues it outside any trace, so each begins one.

A run's start and end have the same spanId, which is parentSpanId of all that happens within; the
run's own parent is its publish event, or the run before, where it is tried again.
"""

import sys
from typing import Any

from .. import _client, _context
from .._context import Scope
from ._huey_carrier import KEYWORD, carrying, taken_off
from ._huey_events import Events, is_periodic
from ._huey_steps import Publication, Run, run_of

_TRACING = "_devpulse_tracing"  # of a Huey instance
_METHODS = ("enqueue", "add_schedule", "execute", "signal")
_SIGNALS = ("retrying", "revoked", "expired", "canceled", "interrupted")


def setup_huey_tracing(huey: Any, *, system: str | None = None, arguments: bool = True) -> None:
    """Traces the tasks of a Huey instance, whatever its storage, and in immediate mode.

    system
        The name of its consumer: a stage in the timeline. Default: that of devpulse.init(), else
        the instance's name.
    arguments
        False: the events do not tell the tasks' arguments.

    Again on the same instance: the settings change. Raises TypeError where it is no Huey instance
    (MiniHuey, which runs tasks in its own process, is none).
    """
    if not all(callable(getattr(huey, name, None)) for name in _METHODS):
        raise TypeError(f"setup_huey_tracing() wants a Huey instance, not {type(huey).__name__}")
    tracing = vars(huey).get(_TRACING)
    if tracing is None:
        tracing = _Tracing(huey)
        setattr(huey, _TRACING, tracing)
    tracing.events.system = system
    tracing.events.arguments = arguments


class _Tracing:
    """Stands before three methods of one Huey instance: enqueue() and add_schedule(), which write
    tasks to the storage, and execute(), which gets what was read from it."""

    def __init__(self, huey: Any) -> None:
        self.events = Events(huey)
        self._enqueue = huey.enqueue
        self._add_schedule = huey.add_schedule
        self._execute = huey.execute
        huey.enqueue = self.enqueue
        huey.add_schedule = self.add_schedule
        huey.execute = self.execute
        huey.signal(*_SIGNALS)(self.on_signal)

    # Into the storage

    def enqueue(self, task: Any) -> Any:
        if not hasattr(task, "kwargs"):
            return self._enqueue_many(task)
        run = run_of(task)
        if run is not None:  # it is tried again
            return carrying(task, run.next_carrier(), self._enqueue)
        scope = self._scope_for(task)
        if scope is None:
            return self._enqueue(task)
        return Publication(self.events, task, scope).store(self._enqueue)

    def _enqueue_many(self, tasks: Any) -> Any:
        """A group or a chord, whose tasks come to enqueue() one by one: they have one trace."""
        scope = _context.current()
        if scope is None and _client.active() is not None:
            scope = _context.new_scope()
        with _context.within(scope):
            return self._enqueue(tasks)

    def _scope_for(self, task: Any) -> Scope | None:
        """The trace that a task is enqueued in; None where it keeps what it has: the scheduler
        moves tasks on that brought theirs."""
        try:
            scope = _context.current()
            if scope is not None or KEYWORD in task.kwargs or _client.active() is None:
                return scope
            return _context.new_scope(self.events.system_name() if is_periodic(task) else "")
        except Exception:
            _client.failed("a task")
            return None

    def add_schedule(self, task: Any) -> Any:
        run = run_of(task)
        if run is None:
            return self._add_schedule(task)
        return carrying(task, run.next_carrier(), self._add_schedule)

    # Out of it

    def execute(self, task: Any, *args: Any, **kwargs: Any) -> Any:
        run = self._take(task)
        if run is None:
            return self._execute(task, *args, **kwargs)
        token = _context.enter(run.outer)
        try:
            return self._execute(task, *args, **kwargs)
        except Exception as exc:  # the storage's: those of the function stay in Huey
            run.report(exc)
            raise
        finally:
            run.release()
            run.end()
            _context.leave(token)
            self._deliver()

    def _take(self, task: Any) -> Run | None:
        try:
            return Run(self.events, task, taken_off(task))
        except Exception:
            _client.failed("a task")
            return None

    def on_signal(self, signal: str, task: Any, *_: object) -> None:
        run = run_of(task)
        if run is not None:
            run.on_signal(signal)

    def _deliver(self) -> None:
        """In a worker process, which may be killed at any time: waits shortly until the events are
        out."""
        process = sys.modules.get("multiprocessing.process")
        client = _client.active()
        if client is None or process is None or process.parent_process() is None:
            return
        try:
            client.flush_shortly()
        except Exception:
            _client.failed("the end of a task")
