"""The members of a task's events. What they are is told in celery.py."""

from typing import Any

from .._walk import Walk
from ._arguments import positional
from ._celery_message import Carrier, link

NAME_MAX = 128  # characters: at most the 512 bytes that an event's `system` may have
TEXT_MAX = 1024

_SEVERITY = {"success": "info", "ignored": "info", "failure": "error", "unknown": "error"}
_NEUTRAL = ("ignored", "revoked")  # neither success nor fail


def severity_of(stage: str) -> str:
    return _SEVERITY.get(stage, "warning")


def basic(
    name: str, task_id: Any, stage: str, attempt: int, span_id: str, parent: str
) -> dict[str, Any]:
    """What all of them have."""
    name = name[:TEXT_MAX]
    fields: dict[str, Any] = {
        "name": name,
        "task": name,
        "stage": stage,
        "taskId": str(task_id)[:TEXT_MAX],
        "attempt": attempt,
        "spanId": span_id,
    }
    if parent:
        fields["parentSpanId"] = parent
    return fields


def add_message(fields: dict[str, Any], request: Any, carrier: Carrier | None) -> None:
    """How the message came. `request`: of the task, or the message's headers."""
    delivery = request.get("delivery_info")
    if isinstance(delivery, dict):
        if delivery.get("routing_key"):
            fields["queue"] = str(delivery["routing_key"])[:NAME_MAX]
        if delivery.get("redelivered"):
            fields["redelivered"] = True
    if carrier is not None and carrier.links:
        fields["links"] = [link(*pair) for pair in carrier.links]


def add_outcome(fields: dict[str, Any], stage: str, exc: Any, walk: Walk) -> None:
    if stage not in _NEUTRAL:
        fields["response"] = "success" if stage == "success" else "fail"
    if isinstance(exc, BaseException):
        name = type(exc).__name__
        fields["error"] = name
        fields["details"] = f"{name}: {walk.text(str, exc, TEXT_MAX)}"


def add_arguments(fields: dict[str, Any], task: Any, args: Any, kwargs: Any, walk: Walk) -> None:
    """`task`: None where this process has only its name."""
    if isinstance(args, (list, tuple)) and args:
        fields["args"] = positional(args, getattr(task, "run", None), walk)
    if isinstance(kwargs, dict) and kwargs:
        fields["kwargs"] = walk.mapping(kwargs)
