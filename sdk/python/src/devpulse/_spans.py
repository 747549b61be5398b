"""Steps of a trace: `with devpulse.span(name)` and `@devpulse.trace`."""

import functools
import inspect
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextvars import Token
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast, overload

from . import _client, _context
from ._context import Scope
from ._fields import attributes
from ._ids import new_span_id

P = ParamSpec("P")
R = TypeVar("R")


class Span:
    """A step: an event of type span, sent at its end, whose timestamp is its beginning.

    What happens inside has it as its parent. An exception that leaves it is reported, with locals,
    unless it was already, and raised on.
    """

    def __init__(self, name: str, values: dict[str, Any], code: Any = None) -> None:
        self.name = name
        self.span_id = new_span_id()
        self._values = values
        self._code = code
        self._outer: Scope | None = None
        self._scope: Scope | None = None
        self._tokens: list[Token[Scope | None]] = []
        self._ns = 0
        self._began = 0.0

    @property
    def trace_id(self) -> str:
        """The trace it belongs to; "" before it began."""
        return self._scope.trace_id if self._scope is not None else ""

    def set(self, **values: object) -> None:
        """Adds members to the span's event."""
        self._values.update(values)

    def begin(self) -> None:
        self._outer = _context.current()
        parent = self._outer or _context.new_scope()
        self._scope = parent._replace(span_id=self.span_id)
        self._ns = time.time_ns()
        self._began = time.perf_counter()
        self._outer = parent

    def end(self, exc: BaseException | None) -> None:
        """Sends the event. Never raises."""
        client = _client.active()
        if client is None or self._scope is None or self._outer is None:
            _client.missed()
            return
        try:
            self._send(client, exc)
        except Exception:
            _client.failed("a span")

    def _send(self, client: _client.Client, exc: BaseException | None) -> None:
        assert self._scope is not None and self._outer is not None
        failed = isinstance(exc, Exception)
        if exc is not None and failed:
            client.capture_exception(
                exc, mechanism="span", handled=False, scope=self._scope, callers=True
            )
        walk = client.walk()
        fields: dict[str, Any] = {
            "name": walk.value(self.name),
            "spanId": self.span_id,
            "durationMs": round((time.perf_counter() - self._began) * 1000, 3),
            "response": "fail" if failed else "success",
        }
        if self._outer.span_id:
            fields["parentSpanId"] = self._outer.span_id
        if failed:
            fields["error"] = type(exc).__name__
        if self._code is not None:
            fields["file"] = self._code.co_filename
            fields["line"] = self._code.co_firstlineno
            fields["source"] = self._code.co_name
        if self._values:
            given = attributes(self._values, walk)
            taken = {name: given.pop(name) for name in [*given] if name in fields}
            if taken:
                given["attributes"] = given.get("attributes", {}) | taken
            fields = given | fields
        client.emit(
            self._outer,
            "info",
            "span",
            fields,
            cost=walk.spent + _client.TYPICAL_BYTES,
            ns=self._ns,
        )

    def enter(self) -> None:
        """Makes it the current one, until leave(). A generator's code runs piecewise: between."""
        self._tokens.append(_context.enter(self._scope))

    def leave(self) -> None:
        _context.leave(self._tokens.pop())

    def __enter__(self) -> "Span":
        self.begin()
        self.enter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.leave()
        self.end(exc)


def span(name: str, **values: object) -> Span:
    """A step of the trace, as a context manager; outside a trace it begins one.

    with devpulse.span("charge", order_id=17) as step:
        step.set(attempt=2)
    """
    return Span(name, dict(values))


@overload
def trace(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def trace(
    name: str | None = None, /, **values: object
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def trace(function: Any = None, /, **values: object) -> Any:
    """Makes every call of a function a span: of a plain one, a coroutine or a generator.

    @devpulse.trace
    def charge(order): ...

    @devpulse.trace("charge a card", gateway="paygate")
    async def charge(order): ...
    """
    if callable(function) or isinstance(function, classmethod):
        return _traced(function, _name_of(function), values)
    if function is not None and not isinstance(function, str):
        raise TypeError(f"trace() wants a function or a name, not a {type(function).__name__}")
    name = function or values.pop("name", None)
    return lambda f: _traced(f, str(name or _name_of(f)), values)


def _name_of(function: Any) -> str:
    return str(getattr(function, "__qualname__", type(function).__name__))


def _traced(function: Any, name: str, values: dict[str, Any]) -> Any:
    if isinstance(function, (classmethod, staticmethod)):
        return type(function)(_traced(function.__func__, name, values))
    code = getattr(inspect.unwrap(function), "__code__", None)

    def new_span() -> Span:
        return Span(name, dict(values), code)

    # Each wrapper is of the function's own kind: frameworks ask inspect what they are given.
    if inspect.isasyncgenfunction(function):
        return _traced_async_generator(function, new_span)

    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return (yield from _steps(function(*args, **kwargs), new_span()))

    elif inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            with new_span():
                return await function(*args, **kwargs)

    else:

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with new_span():
                return function(*args, **kwargs)

    return wrapper


def _steps(inner: Generator[Any, Any, Any], span: Span) -> Generator[Any, Any, Any]:
    """Runs a generator as `yield from` does, with the span current only while its code runs: the
    caller's code between two steps is no part of it."""
    span.begin()
    step, argument = inner.send, None
    error: BaseException | None = None
    try:
        while True:
            span.enter()
            try:
                item = cast(Any, step)(argument)
            except StopIteration as stop:
                return stop.value
            finally:
                span.leave()
            try:
                step, argument = inner.send, (yield item)
            except GeneratorExit:
                inner.close()
                raise
            except BaseException as exc:
                step, argument = cast(Any, inner.throw), exc
    except BaseException as exc:
        error = exc
        raise
    finally:
        span.end(error)


def _traced_async_generator(
    function: Callable[..., AsyncGenerator[Any, Any]], new_span: Callable[[], Span]
) -> Callable[..., AsyncGenerator[Any, Any]]:
    """The same for an asynchronous generator, to which nothing can be delegated."""

    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        inner, span = function(*args, **kwargs), new_span()
        span.begin()
        step: Callable[..., Any] = inner.asend
        argument: Any = None
        error: BaseException | None = None
        try:
            while True:
                span.enter()
                try:
                    item = await step(argument)
                except StopAsyncIteration:
                    return
                finally:
                    span.leave()
                try:
                    step, argument = inner.asend, (yield item)
                except GeneratorExit:
                    await inner.aclose()
                    raise
                except BaseException as exc:
                    step, argument = inner.athrow, exc
        except BaseException as exc:
            error = exc
            raise
        finally:
            span.end(error)

    return wrapper
