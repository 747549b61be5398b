"""Log records as events, and the trace id in log lines."""

import io
import logging
import logging.handlers
import queue
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import devpulse
from devpulse._logging import severity

Events = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    logger = logging.getLogger("shop.orders")
    handler = devpulse.DevPulseHandler()
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield logger
    logger.removeHandler(handler)


@pytest.fixture
def trace_id() -> str:
    trace_id = devpulse.generate_trace_id()
    devpulse.set_trace_id(trace_id)
    return trace_id


def test_a_record_is_an_event(log: logging.Logger, trace_id: str, events_of: Events) -> None:
    log.warning("order %d is late", 17, extra={"order_id": 17, "password": "hunter2"})
    (event,) = events_of(trace_id)
    assert (event["severity"], event["type"]) == ("warning", "log")
    assert event["details"] == "order 17 is late"
    assert event["logger"] == "shop.orders"
    assert event["order_id"] == 17
    assert event["password"].startswith("[scrubbed")
    assert event["file"].endswith("test_logging.py")
    assert event["source"] == "test_a_record_is_an_event"
    assert event["line"] > 0


def test_a_record_with_an_exception_is_an_error(
    log: logging.Logger, trace_id: str, events_of: Events
) -> None:
    pieces = 0
    try:
        30 / pieces
    except ZeroDivisionError as error:
        log.exception("no share for %s", "order 17", extra={"order_id": 17})
        log.exception("again")
        devpulse.capture_exception(error)
    (event,) = events_of(trace_id)
    assert (event["severity"], event["type"]) == ("error", "error")
    assert event["name"] == "ZeroDivisionError"
    assert event["message"] == "no share for order 17"
    assert event["locals"]["pieces"] == 0
    assert event["order_id"] == 17


def test_our_own_records_are_left_out(trace_id: str, events_of: Events) -> None:
    root = logging.getLogger()
    handler = devpulse.DevPulseHandler()
    root.addHandler(handler)
    try:
        logging.getLogger("devpulse.internal").error("ours")
        logging.getLogger("devpulse").error("the application's word on it")
    finally:
        root.removeHandler(handler)
    assert [e["details"] for e in events_of(trace_id)] == ["the application's word on it"]


def test_two_handlers_send_a_record_once(
    log: logging.Logger, trace_id: str, events_of: Events
) -> None:
    parent = logging.getLogger("shop")
    handler = devpulse.DevPulseHandler()
    parent.addHandler(handler)
    try:
        log.error("once")
    finally:
        parent.removeHandler(handler)
    assert len(events_of(trace_id)) == 1


class Endless:
    """Logs while it is being logged."""

    def __init__(self, log: logging.Logger) -> None:
        self.log = log

    def __repr__(self) -> str:
        self.log.error("%r", self)
        return "endless"


def test_what_logs_while_it_is_logged_ends(
    log: logging.Logger, trace_id: str, events_of: Events
) -> None:
    log.error("%s", "fine", extra={"value": Endless(log)})
    assert [e["details"] for e in events_of(trace_id)] == ["fine"]


@pytest.mark.parametrize("exc_info", [(None, None, None), (1, 2, 3), (ValueError, None, None)])
def test_exc_info_that_is_none(
    exc_info: Any, log: logging.Logger, trace_id: str, events_of: Events
) -> None:
    record = logging.makeLogRecord(
        {"name": "x", "msg": "m", "levelno": logging.ERROR, "exc_info": exc_info}
    )
    devpulse.DevPulseHandler().handle(record)
    (event,) = events_of(trace_id)
    assert event["details"] == "m"


@pytest.mark.parametrize(
    ("level", "want"),
    [
        (logging.CRITICAL, "error"),
        (logging.ERROR, "error"),
        (logging.ERROR - 1, "warning"),
        (logging.WARNING, "warning"),
        (25, "info"),
        (logging.INFO, "info"),
        (logging.DEBUG, "debug"),
        (0, "debug"),
    ],
)
def test_severities(level: int, want: str) -> None:
    assert severity(level) == want


def test_log_lines_carry_the_trace() -> None:
    before = logging.getLogRecordFactory()
    try:
        devpulse.install_log_correlation()
        installed = logging.getLogRecordFactory()
        devpulse.install_log_correlation()
        assert logging.getLogRecordFactory() is installed
        out = io.StringIO()
        handler = logging.StreamHandler(out)
        handler.setFormatter(logging.Formatter("%(trace_id)s %(span_id)s %(message)s"))
        handler.handle(logging.getLogRecordFactory()("x", 20, "f", 1, "outside", (), None))
        with devpulse.span("work") as span:
            handler.handle(logging.getLogRecordFactory()("x", 20, "f", 1, "inside", (), None))
        assert out.getvalue() == f"- - outside\n{span.trace_id} {span.span_id} inside\n"
    finally:
        logging.setLogRecordFactory(before)


def test_extra_does_not_repeat_the_correlation(
    log: logging.Logger, trace_id: str, events_of: Events
) -> None:
    before = logging.getLogRecordFactory()
    try:
        devpulse.install_log_correlation()
        log.info("x")
    finally:
        logging.setLogRecordFactory(before)
    (event,) = events_of(trace_id)
    assert "trace_id" not in event
    assert "taskName" not in event


def test_what_was_logged_as_a_warning_is_an_error_when_it_is_one(
    log: logging.Logger, events_of: Events
) -> None:
    with pytest.raises(ZeroDivisionError):
        with devpulse.span("work") as span:
            try:
                1 / 0
            except ZeroDivisionError:
                log.warning("so far", exc_info=True)
                log.info("once more", exc_info=True)
                raise
    errors = [e for e in events_of(span.trace_id, events=3) if e["type"] == "error"]
    assert [(e["severity"], e["mechanism"]) for e in errors] == [
        ("warning", "logging"),
        ("error", "span"),
    ]


def test_behind_a_queue_a_record_keeps_its_trace(events_of: Events) -> None:
    records: queue.Queue[Any] = queue.Queue()
    log = logging.getLogger("shop.queued")
    behind = logging.handlers.QueueHandler(records)
    listener = logging.handlers.QueueListener(records, devpulse.DevPulseHandler())
    before = logging.getLogRecordFactory()
    try:
        devpulse.install_log_correlation()
        log.addHandler(behind)
        listener.start()
        with devpulse.span("order") as span:
            log.warning("late")
    finally:
        listener.stop()
        log.removeHandler(behind)
        logging.setLogRecordFactory(before)
    late, order = sorted(events_of(span.trace_id, events=2), key=lambda event: event["type"])
    assert (late["details"], late["parentSpanId"]) == ("late", order["spanId"])
