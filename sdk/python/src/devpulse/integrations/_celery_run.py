"""One run of a task in this process, from task_prerun to task_postrun."""

import time
from contextvars import ContextVar, Token
from typing import Any

from .. import _client, _context
from .._context import Scope
from .._walk import Walk
from . import _celery_events as events
from ._celery_message import Carrier, attempt_of, due

# Polls for the members of a chord: the trace goes through it, but only its failure is told.
QUIET = frozenset(("celery.chord_unlock",))

_current: ContextVar["Run | None"] = ContextVar("devpulse_celery_run", default=None)


def running(task_id: Any) -> "Run | None":
    """The innermost run of this context, if it is of that task: eager tasks run within others."""
    run = _current.get()
    return run if run is not None and run.task_id == task_id else None


def forget() -> None:
    """In a process that was forked."""
    _current.set(None)


class Run:
    def __init__(self, task: Any, task_id: str, outer: Scope, span_id: str) -> None:
        """`outer`: what the run is part of; `span_id`: its own."""
        self.task = task
        self.task_id = task_id
        self._attempt = attempt_of(task.request)
        self._is_eager = bool(task.request.is_eager)
        self._is_quiet = task.name in QUIET
        self._outer = outer
        self._scope = outer if self._is_quiet else outer._replace(span_id=span_id)
        self._span_id = span_id
        self._began = time.perf_counter()
        self._tokens: tuple[Token[Any], Token[Any]] | None = None
        self._has_ended = False

    def enter(self) -> None:
        """What happens from now on is part of the run."""
        self._tokens = _context.enter(self._scope), _current.set(self)

    def leave(self) -> None:
        """Gives back what was there before: an eager task's caller goes on in its own step."""
        if self._tokens is None:
            return
        _context.leave(self._tokens[0])
        try:
            _current.reset(self._tokens[1])
        except ValueError:  # of another context, which is over
            pass

    def start(self, carrier: Carrier | None, args: Any, kwargs: Any, with_arguments: bool) -> None:
        client = _client.active()
        if client is None or self._is_quiet:
            return
        now = time.time_ns()
        request = self.task.request
        fields = self._fields("start")
        events.add_message(fields, request, carrier)
        if carrier is not None and carrier.sent:
            waited = now / 1e9 - max(carrier.sent, due(request.eta))
            fields["queueMs"] = max(0.0, round(waited * 1000, 3))
        walk = client.walk()
        if with_arguments:
            events.add_arguments(fields, self.task, args, kwargs, walk)
        cost = walk.spent + _client.TYPICAL_BYTES
        client.emit(self._outer, "info", "task", fields, cost=cost, ns=now)

    def succeed(self, result: Any, with_result: bool) -> None:
        client = _client.active()
        walk = client.walk() if client is not None else None
        extra = {}
        if result is not None and with_result and walk is not None:
            extra["result"] = walk.value(result, "result")
        self.end("success", extra=extra, walk=walk)

    def retry(self, exc: Any, extra: dict[str, Any]) -> None:
        """`exc`: why, if it is because of an exception."""
        if isinstance(exc, BaseException):
            self._report(exc, "warning", handled=True)
        self.end("retry", exc, extra)

    def fail(self, exc: BaseException) -> None:
        expected = bool(self.task.throws) and isinstance(exc, self.task.throws)
        severity = "info" if expected else "error"
        self._report(exc, severity, handled=expected)
        self.end("failure", exc, {"expected": True} if expected else None, severity)

    def end(
        self,
        stage: str,
        exc: Any = None,
        extra: dict[str, Any] | None = None,
        severity: str = "",
        walk: Walk | None = None,
    ) -> None:
        """The event of the end, the first time."""
        if self._has_ended:
            return
        self._has_ended = True
        client = _client.active()
        if client is None:
            _client.missed()
            return
        if self._is_quiet and stage != "failure":
            return
        walk = walk or client.walk()
        fields = self._fields(stage)
        fields["durationMs"] = round((time.perf_counter() - self._began) * 1000, 3)
        events.add_outcome(fields, stage, exc, walk)
        fields.update(extra or {})
        severity = severity or events.severity_of(stage)
        cost = walk.spent + _client.TYPICAL_BYTES
        client.emit(self._outer, severity, "task", fields, cost=cost)

    def _report(self, exc: BaseException, severity: str, handled: bool) -> None:
        """The exception's own event."""
        client = _client.active()
        if client is not None:
            client.capture_exception(
                exc,
                mechanism="celery",
                handled=handled,
                scope=self._scope,
                severity=severity,
                extra={"task": self.task.name, "taskId": self.task_id, "attempt": self._attempt},
            )

    def _fields(self, stage: str) -> dict[str, Any]:
        name, parent = self.task.name, self._outer.span_id
        fields = events.basic(name, self.task_id, stage, self._attempt, self._span_id, parent)
        if self._is_eager:
            fields["eager"] = True
        return fields
