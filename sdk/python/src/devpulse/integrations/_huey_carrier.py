"""What travels with a task through Huey's storage: a keyword argument, as nothing else does."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from .._context import is_trace_id

KEYWORD = "__devpulse__"

_TRACESTATE_MAX = 512


class Carrier(NamedTuple):
    trace_id: str
    span_id: str = ""  # of the step that enqueued it
    tracestate: str = ""
    enqueued: float = 0.0  # seconds since the epoch; 0 is unknown
    attempt: int = 1


def carrying(task: Any, carrier: Carrier, store: Callable[[Any], Any]) -> Any:
    """Calls `store` with the task, which has the carrier meanwhile. Its kwargs, that may be a
    dictionary of the application's, stay as they are."""
    kwargs = task.kwargs
    task.kwargs = {**kwargs, KEYWORD: _to_value(carrier)}
    try:
        return store(task)
    finally:
        task.kwargs = kwargs


def taken_off(task: Any) -> Carrier | None:
    """The carrier, which the task is without then; None where there is no valid one."""
    return _from_value(task.kwargs.pop(KEYWORD, None))


def _to_value(carrier: Carrier) -> dict[str, Any]:
    """JSON values, as not every serializer knows more."""
    value: dict[str, Any] = {"traceId": carrier.trace_id, "spanId": carrier.span_id}
    if carrier.tracestate:
        value["tracestate"] = carrier.tracestate
    if carrier.enqueued:
        value["enqueued"] = carrier.enqueued
    if carrier.attempt > 1:
        value["attempt"] = carrier.attempt
    return value


def _from_value(value: object) -> Carrier | None:
    """None where it is not valid: anybody may have written to the storage."""
    if not isinstance(value, dict) or not is_trace_id(value.get("traceId")):
        return None
    span_id, state = value.get("spanId"), value.get("tracestate")
    enqueued, attempt = value.get("enqueued"), value.get("attempt")
    return Carrier(
        value["traceId"],
        str(span_id) if is_trace_id(span_id) else "",
        state if isinstance(state, str) and len(state) <= _TRACESTATE_MAX else "",
        enqueued if type(enqueued) is float and math.isfinite(enqueued) else 0.0,
        attempt if type(attempt) is int and 0 < attempt < 2**31 else 1,
    )
