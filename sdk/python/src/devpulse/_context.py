"""Which trace, span and system the code that runs now belongs to.

One context variable holds an immutable Scope: asyncio's tasks inherit it, threads begin without.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from functools import partial
from typing import NamedTuple

from ._ids import new_trace_id

_TRACE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class Scope(NamedTuple):
    trace_id: str
    span_id: str = ""  # the step that what happens now is part of; "" where there is none
    system: str = ""  # of an integration; "" leaves it to init()
    tracestate: str = ""  # W3C: passed on as it came


scope_from: Callable[[tuple[str, str, str, str]], Scope] = partial(tuple.__new__, Scope)
"""A scope of all its members, for a third of the price."""

scope_var: ContextVar[Scope | None] = ContextVar("devpulse_scope", default=None)


def current() -> Scope | None:
    """The scope; where there is none of our own, that of OpenTelemetry, if it is active."""
    scope = scope_var.get()
    return scope if scope is not None else opentelemetry_scope()


def enter(scope: Scope | None) -> Token[Scope | None]:
    return scope_var.set(scope)


def leave(token: Token[Scope | None]) -> None:
    """Undoes enter(). Where that was in another context (a generator that another task finishes)
    there is nothing to undo."""
    try:
        scope_var.reset(token)
    except ValueError:
        pass


@contextmanager
def within(scope: Scope | None) -> Iterator[None]:
    token = scope_var.set(scope)
    try:
        yield
    finally:
        leave(token)


def remember(exc: BaseException) -> None:
    """Notes with an exception where it happened, for a hook that sees it only when that is left."""
    try:
        exc.__devpulse_scope__ = current()  # type: ignore[attr-defined]
    except Exception:
        pass


def scope_of(exc: BaseException) -> Scope | None:
    """Where an exception happened: as it was noted, else the current scope."""
    try:
        noted = vars(exc).get("__devpulse_scope__")
    except Exception:
        noted = None
    return noted if isinstance(noted, Scope) else current()


def opentelemetry_scope() -> Scope | None:
    """Of OpenTelemetry's current span, where the process has imported it and the span is valid."""
    module = sys.modules.get("opentelemetry.trace")
    if module is None:
        return None
    try:
        context = module.get_current_span().get_span_context()
        if not context.is_valid:
            return None
        return Scope(f"{context.trace_id:032x}", f"{context.span_id:016x}")
    except Exception:
        return None


def is_trace_id(value: object) -> bool:
    """Whether it can be a trace id everywhere: in an event, in a header, in a URL."""
    return type(value) is str and _TRACE_ID.fullmatch(value) is not None


def new_scope(system: str = "") -> Scope:
    """The beginning of a trace: OpenTelemetry's, where one is active, else a new one."""
    scope = opentelemetry_scope()
    if scope is None:
        return Scope(new_trace_id(), "", system)
    return scope._replace(system=system)
