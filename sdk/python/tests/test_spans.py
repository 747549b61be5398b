"""Spans and @devpulse.trace: what is sent, what the code inside and around them sees."""

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

import devpulse

Events = Callable[[str], list[dict[str, Any]]]


def named(events: list[dict[str, Any]], name: str) -> dict[str, Any]:
    found = [event for event in events if event.get("name") == name]
    assert len(found) == 1, events
    return found[0]


def test_nested_spans_name_their_parents(events_of: Events) -> None:
    with devpulse.span("outer", order_id=17) as outer:
        trace_id = outer.trace_id
        assert devpulse.get_trace_id() == trace_id
        with devpulse.span("inner") as inner:
            inner.set(found=True)
            devpulse.event("inside")
    assert devpulse.get_trace_id() is None
    events = events_of(trace_id, 3)
    assert [e["type"] for e in sorted(events, key=lambda e: e["timestamp"])] == [
        "span",
        "span",
        "log",
    ]
    sent_outer, sent_inner = named(events, "outer"), named(events, "inner")
    assert "parentSpanId" not in sent_outer
    assert sent_outer["order_id"] == 17
    assert sent_outer["response"] == "success"
    assert sent_outer["durationMs"] >= sent_inner["durationMs"] >= 0
    assert sent_inner["parentSpanId"] == sent_outer["spanId"] == outer.span_id
    assert sent_inner["found"] is True
    (inside,) = [e for e in events if e.get("details") == "inside"]
    assert inside["parentSpanId"] == inner.span_id


def test_an_exception_is_reported_once_where_it_was_raised(events_of: Events) -> None:
    def divide(total: int, pieces: int) -> float:
        return total / pieces

    with pytest.raises(ZeroDivisionError):
        with devpulse.span("outer") as outer:
            with devpulse.span("inner") as inner:
                divide(30, 0)
    events = events_of(outer.trace_id, 3)
    (error,) = [e for e in events if e["type"] == "error"]
    assert error["name"] == "ZeroDivisionError"
    assert error["locals"] == {"total": 30, "pieces": 0}
    assert error["parentSpanId"] == inner.span_id
    assert {named(events, name)["response"] for name in ("outer", "inner")} == {"fail"}


def test_the_stack_goes_out_beyond_the_span(events_of: Events) -> None:
    @devpulse.trace
    def average(prices: list[float]) -> float:
        return sum(prices) / len(prices)

    def report(order_id: int) -> str:
        return f"order {order_id}: {average([])}"

    trace_id = devpulse.generate_trace_id()
    devpulse.set_trace_id(trace_id)
    with pytest.raises(ZeroDivisionError):
        report(17)
    (error,) = [e for e in events_of(trace_id, 2) if e["type"] == "error"]
    assert [f["function"].rpartition(".")[2] for f in error["stacktrace"][-2:]] == [
        "report",
        "average",
    ]
    assert error["stacktrace"][-2]["locals"]["order_id"] == 17
    assert error["locals"] == {"prices": []}


def test_an_exit_is_no_error(events_of: Events) -> None:
    with pytest.raises(SystemExit):
        with devpulse.span("work") as span:
            raise SystemExit(0)
    assert [e["type"] for e in events_of(span.trace_id)] == ["span"]


def test_a_traced_function_keeps_its_face_and_its_result(events_of: Events) -> None:
    @devpulse.trace
    def charge(amount: int) -> tuple[int, str | None]:
        """Charges."""
        return amount, devpulse.get_trace_id()

    assert charge.__name__ == "charge"
    assert charge.__doc__ == "Charges."
    amount, trace_id = charge(5)
    assert amount == 5
    assert trace_id is not None
    (span,) = events_of(trace_id)
    assert span["name"].endswith("charge")
    assert span["source"] == "charge"
    assert span["file"].endswith("test_spans.py")


def test_a_traced_function_may_have_another_name_and_values(events_of: Events) -> None:
    @devpulse.trace("charge a card", gateway="paygate")
    def charge() -> str | None:
        return devpulse.get_trace_id()

    (span,) = events_of(charge() or "")
    assert (span["name"], span["gateway"]) == ("charge a card", "paygate")


def test_coroutines_side_by_side_do_not_mix(events_of: Events) -> None:
    @devpulse.trace
    async def step(number: int) -> str | None:
        await asyncio.sleep(0)
        devpulse.event("step", number=number)
        await asyncio.sleep(0)
        return devpulse.get_trace_id()

    async def main() -> list[str | None]:
        return list(await asyncio.gather(*(step(n) for n in range(5))))

    traces = asyncio.run(main())
    assert len(set(traces)) == 5
    for number, trace_id in enumerate(traces):
        events = events_of(trace_id or "", 2)
        (inside,) = [e for e in events if e["type"] == "log"]
        (span,) = [e for e in events if e["type"] == "span"]
        assert inside["number"] == number
        assert inside["parentSpanId"] == span["spanId"]


def test_a_generator_is_in_its_span_only_while_it_runs(events_of: Events) -> None:
    @devpulse.trace
    def steps() -> Iterator[str | None]:
        got = yield devpulse.get_trace_id()
        assert got == "sent"
        try:
            yield devpulse.get_trace_id()
        except KeyError:
            yield devpulse.get_trace_id()
        return "the end"

    generator: Any = steps()
    first = next(generator)
    assert devpulse.get_trace_id() is None
    assert generator.send("sent") == first
    assert generator.throw(KeyError()) == first
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "the end"
    (span,) = events_of(first)
    assert span["response"] == "success"


def test_a_generator_that_is_closed_ends_its_span(events_of: Events) -> None:
    closed = []

    @devpulse.trace
    def endless() -> Iterator[str | None]:
        try:
            while True:
                yield devpulse.get_trace_id()
        finally:
            closed.append(True)

    generator: Any = endless()
    trace_id = next(generator)
    generator.close()
    assert closed == [True]
    assert [e["type"] for e in events_of(trace_id)] == ["span"]


def test_an_async_generator_may_be_finished_by_another_task(events_of: Events) -> None:
    @devpulse.trace
    async def ticks() -> AsyncIterator[str | None]:
        for _ in range(3):
            yield devpulse.get_trace_id()

    async def main() -> list[str | None]:
        generator: Any = ticks()
        found = [await asyncio.create_task(generator.__anext__()) for _ in range(3)]
        with pytest.raises(StopAsyncIteration):
            await asyncio.create_task(generator.__anext__())
        assert devpulse.get_trace_id() is None
        return found

    traces = set(asyncio.run(main()))
    assert len(traces) == 1
    assert [e["type"] for e in events_of(traces.pop() or "")] == ["span"]


def test_a_span_left_in_another_context_does_not_disturb() -> None:
    def halves() -> Iterator[None]:
        with devpulse.span("half"):
            yield

    async def step(generator: Iterator[None]) -> None:
        next(generator, None)

    async def main() -> None:
        generator = halves()
        await asyncio.create_task(step(generator))
        await asyncio.create_task(step(generator))

    asyncio.run(main())


def test_a_wrapper_is_of_its_functions_kind() -> None:
    def plain() -> None: ...

    def generator() -> Iterator[None]:
        yield

    async def coroutine() -> None: ...

    async def async_generator() -> AsyncIterator[None]:
        yield

    for function in (plain, generator, coroutine, async_generator):
        for ask in (
            inspect.isgeneratorfunction,
            inspect.iscoroutinefunction,
            inspect.isasyncgenfunction,
        ):
            assert ask(devpulse.trace(function)) == ask(function)


def test_methods_of_classes_may_be_traced_above_their_decorator() -> None:
    class Till:
        @devpulse.trace
        @classmethod
        def opened(cls, at: int) -> tuple[type, int]:
            return cls, at

        @devpulse.trace("count", coins=2)
        @staticmethod
        def count(coins: int) -> int:
            return coins

    assert Till.opened(9) == Till().opened(9) == (Till, 9)
    assert Till.count(2) == Till().count(2) == 2
    with pytest.raises(TypeError, match="not a property"):
        devpulse.trace(property(lambda self: 1))  # type: ignore[call-overload]


def test_what_collides_with_the_spans_own_stands_beside(events_of: Events) -> None:
    @devpulse.trace(name="charge")
    def work() -> str | None:
        return devpulse.get_trace_id()

    (span,) = events_of(work() or "")
    assert span["name"] == "charge"
    with devpulse.span("queue", response="queued") as step:
        pass
    (span,) = events_of(step.trace_id)
    assert (span["response"], span["attributes"]) == ("success", {"response": "queued"})
    assert devpulse.trace(functools.partial(int, "7"))() == 7
