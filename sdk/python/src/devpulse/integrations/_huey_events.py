"""The members of a task's events. What they are is told in huey.py."""

import functools
import inspect
from datetime import datetime, timezone
from typing import Any

from .. import _client
from .._record import rfc3339
from .._walk import Walk
from ._arguments import positional
from ._huey_carrier import KEYWORD

NAME_MAX = 128  # characters: at most the 512 bytes that an event's `system` may have
TEXT_MAX = 1024

OF_ERRORS = ("task", "taskId", "queue", "attempt", "retries")  # of what an error event has, too

_SEVERITY = {"success": "info", "failure": "error"}
_NEUTRAL = ("revoked", "expired", "canceled")  # neither success nor fail

_CONTROL_FLOW = {
    "RetryTask": "retry",
    "CancelExecution": "canceled",
    "TaskLockedException": "locked",
    "RateLimitExceeded": "rate-limited",
}


class Events:
    """Describes the tasks of one Huey instance."""

    def __init__(self, huey: Any) -> None:
        self.huey = huey
        self.system: str | None = None
        self.arguments = True

    def system_name(self) -> str:
        """The system of what its consumer does."""
        client = _client.active()
        of_init = client.options.system if client is not None else None
        return (self.system or of_init or str(self.huey.name) or "huey")[:NAME_MAX]

    def basic(self, task: Any, stage: str, span_id: str, parent: str) -> dict[str, Any]:
        """What all events have."""
        name = f"{type(task).__module__}.{type(task).__name__}"[:TEXT_MAX]
        fields: dict[str, Any] = {
            "name": name,
            "task": name,
            "stage": stage,
            "taskId": str(task.id)[:TEXT_MAX],
            "queue": str(self.huey.name)[:NAME_MAX],
            "spanId": span_id,
        }
        if parent:
            fields["parentSpanId"] = parent
        if is_periodic(task):
            fields["periodic"] = True
        return fields

    def add_arguments(self, fields: dict[str, Any], task: Any, walk: Walk) -> None:
        if not self.arguments:
            return
        if task.args:
            fields["args"] = positional(task.args, _function(task.__class__), walk)
        # Older releases leave the task itself there, for a function with context=True.
        kwargs = {k: v for k, v in task.kwargs.items() if k != KEYWORD and v is not task}
        if kwargs:
            fields["kwargs"] = walk.mapping(kwargs)

    def due(self, task: Any) -> float:
        """When a delayed task is due, in seconds since the epoch; 0 where it is not delayed."""
        eta = task.eta
        if not isinstance(eta, datetime):
            return 0.0
        if eta.tzinfo is None and self.huey.utc:
            eta = eta.replace(tzinfo=timezone.utc)
        return eta.timestamp()

    def add_due(self, fields: dict[str, Any], task: Any, after: float) -> None:
        """`after`: in seconds since the epoch; what is due before is not delayed."""
        due = self.due(task)
        if due > after:
            fields["eta"] = rfc3339(round(due * 1e6))


def add_outcome(fields: dict[str, Any], stage: str, error: str, message: str) -> None:
    """`error`: the class of the exception, and `message`: its text, where there is one."""
    if stage not in _NEUTRAL:
        fields["response"] = "success" if stage == "success" else "fail"
    if error:
        fields["error"] = error
        fields["details"] = f"{error}: {message}" if message else error


def severity_of(stage: str) -> str:
    return _SEVERITY.get(stage, "warning")


def stage_of(exc: BaseException) -> str:
    """How a run ends by an exception."""
    if not isinstance(exc, Exception):
        return "interrupted"
    from huey import exceptions  # is imported, as a task of it runs

    for name, stage in _CONTROL_FLOW.items():
        kind = getattr(exceptions, name, None)  # older releases lack some
        if kind is not None and isinstance(exc, kind):
            return stage
    return "failure"


def is_periodic(task: Any) -> bool:
    return hasattr(task, "validate_datetime")


@functools.lru_cache(maxsize=1024)
def _function(task_class: Any) -> Any:
    """What a task calls, which Huey keeps in a variable of execute(); None if that is not found."""
    try:
        return inspect.getclosurevars(task_class.execute).nonlocals["func"]
    except Exception:
        return None
