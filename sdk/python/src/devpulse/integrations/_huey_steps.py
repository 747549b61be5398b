"""The steps of a task, and the events that they leave: into the storage, and through a worker."""

import time
from collections.abc import Callable
from typing import Any

from .. import _client, _context
from .._context import Scope
from .._ids import new_span_id
from ._huey_carrier import Carrier, carrying
from ._huey_events import OF_ERRORS, TEXT_MAX, Events, add_outcome, severity_of, stage_of

_RUN = "_devpulse_run"  # of a task that a worker has in its hands


class Publication:
    """A task on its way into the storage: the event of stage publish."""

    def __init__(self, events: Events, task: Any, scope: Scope) -> None:
        self._events = events
        self._task = task
        self._scope = scope
        self._span_id = new_span_id()
        self._ns = time.time_ns()
        self._began = time.perf_counter()
        self._cost = _client.TYPICAL_BYTES
        self._fields: dict[str, Any] = {}

    def store(self, enqueue: Callable[[Any], Any]) -> Any:
        """Enqueues it. What `enqueue` raises is told, and raised."""
        self._describe()
        scope = self._scope
        carrier = Carrier(scope.trace_id, self._span_id, scope.tracestate, self._ns / 1e9)
        error = ""
        try:
            return carrying(self._task, carrier, enqueue)
        except BaseException as exc:
            error = type(exc).__name__
            raise
        finally:
            self._send(error)

    def _describe(self) -> None:
        """Before the task goes: in immediate mode it runs then, and may change its arguments."""
        client = _client.active()
        if client is None:
            return
        try:
            events, task, walk = self._events, self._task, client.walk()
            fields = events.basic(task, "publish", self._span_id, self._scope.span_id)
            events.add_arguments(fields, task, walk)
            events.add_due(fields, task, after=0.0)
            self._cost += walk.spent
            self._fields = fields
        except Exception:
            _client.failed("a task")

    def _send(self, error: str) -> None:
        client = _client.active()
        if client is None:
            _client.missed()
            return
        try:
            fields = self._fields
            fields["durationMs"] = round((time.perf_counter() - self._began) * 1000, 3)
            stage = "failure" if error else "success"
            add_outcome(fields, stage, error, "")
            severity = severity_of(stage)
            client.emit(self._scope, severity, "task", fields, cost=self._cost, ns=self._ns)
        except Exception:
            _client.failed("a task")


class Run:
    """A task in a worker's hands, from execute() to its end."""

    def __init__(self, events: Events, task: Any, carrier: Carrier | None) -> None:
        self._events = events
        self._task = task
        self._carrier = carrier
        around = run_of(task)  # in immediate mode a task is tried again within its run
        self._function: Callable[[], Any] = around._function if around else task.execute
        self.outer = _outer_scope(carrier, events.system_name())
        self._scope = self.outer._replace(span_id=new_span_id())
        self._attempt = carrier.attempt if carrier is not None else 1
        self._retries = task.retries
        self._stage = ""  # of the end
        self._error = ""
        self._message = ""
        self._is_called = False
        self._is_retried = False
        self._is_told = False
        self._began = 0.0
        self._seconds = -1.0  # that the function ran; negative while it does
        self._ns: int | None = None  # of the end
        setattr(task, _RUN, self)
        task.execute = self.call

    def release(self) -> None:
        """Gives the task its function back."""
        vars(self._task).pop("execute", None)
        vars(self._task).pop(_RUN, None)

    def next_carrier(self) -> Carrier:
        """What goes with the task back into the storage: it was not due, or is tried again."""
        scope = self._scope
        if not self._is_called:
            return self._carrier or Carrier(scope.trace_id, self.outer.span_id)
        attempt = self._attempt + 1
        return Carrier(scope.trace_id, scope.span_id, scope.tracestate, time.time(), attempt)

    def call(self) -> Any:
        """What Huey calls in place of the task's function. The scope holds on to the end of
        execute(): what Huey does then, such as to enqueue the next of a pipeline, is the run's."""
        _context.enter(self._scope)
        self._is_called = True
        self._start()
        self._began = time.perf_counter()
        try:
            value = self._function()
        except BaseException as exc:
            self._seconds = time.perf_counter() - self._began
            self._fail(exc)
            raise
        self._seconds = time.perf_counter() - self._began
        self._ns = time.time_ns()
        self._stage = "success"
        return value

    def report(self, exc: BaseException) -> None:
        """An error event, once an exception; before Huey logs it."""
        client = _client.active()
        if client is None:
            _client.missed()
            return
        try:
            fields = self._basic("failure")
            extra = {name: fields[name] for name in OF_ERRORS}
        except Exception:
            extra = {}
        scope = self._scope if self._is_called else self.outer
        client.capture_exception(exc, mechanism="huey", handled=False, scope=scope, extra=extra)

    def on_signal(self, signal: str) -> None:
        if signal == "retrying":
            self._is_retried = True
        elif not self._stage:
            self._stage = signal
            if signal == "interrupted":  # told by another thread: this one will not come back
                self.end()

    def end(self) -> None:
        """Sends the last event of the run, if there is one to tell of it."""
        stage = "retry" if self._is_retried else self._stage
        if self._is_told or not stage:
            return
        self._is_told = True
        client = _client.active()
        if client is None:
            _client.missed()
            return
        try:
            self._end(client, stage)
        except Exception:
            _client.failed("a task")

    def _fail(self, exc: BaseException) -> None:
        self._error = type(exc).__name__
        client = _client.active()
        try:
            self._stage = stage_of(exc)
            if client is not None:
                self._message = client.walk().text(str, exc, TEXT_MAX)
        except Exception:
            _client.failed("a task")
        if self._stage == "failure":
            self.report(exc)
        self._ns = time.time_ns()

    def _basic(self, stage: str) -> dict[str, Any]:
        fields = self._events.basic(self._task, stage, self._scope.span_id, self.outer.span_id)
        fields["attempt"] = self._attempt
        fields["retries"] = self._retries
        return fields

    def _start(self) -> None:
        client = _client.active()
        if client is None:
            _client.missed()
            return
        try:
            walk, ns = client.walk(), time.time_ns()
            fields = self._basic("start")
            self._events.add_arguments(fields, self._task, walk)
            enqueued = self._carrier.enqueued if self._carrier is not None else 0.0
            if enqueued:
                waited = ns / 1e9 - max(enqueued, self._events.due(self._task))
                fields["queueMs"] = max(0.0, round(waited * 1000, 3))
            cost = walk.spent + _client.TYPICAL_BYTES
            client.emit(self.outer, "info", "task", fields, cost=cost, ns=ns)
        except Exception:
            _client.failed("a task")

    def _end(self, client: _client.Client, stage: str) -> None:
        fields = self._basic(stage)
        if self._is_called:
            is_over = self._seconds >= 0
            seconds = self._seconds if is_over else time.perf_counter() - self._began
            fields["durationMs"] = round(seconds * 1000, 3)
        add_outcome(fields, stage, self._error, self._message)
        if stage == "retry":
            self._events.add_due(fields, self._task, after=time.time())
        cost = len(self._message) + _client.TYPICAL_BYTES
        client.emit(self.outer, severity_of(stage), "task", fields, cost=cost, ns=self._ns)


def run_of(task: Any) -> Run | None:
    """None where no worker has it in its hands."""
    run = getattr(task, _RUN, None)
    return run if isinstance(run, Run) else None


def _outer_scope(carrier: Carrier | None, system: str) -> Scope:
    """What a run is part of."""
    if carrier is not None:
        return Scope(carrier.trace_id, carrier.span_id, system, carrier.tracestate)
    return (_context.current() or _context.new_scope())._replace(system=system)
