"""What `devpulse` exports, as applications call it."""

import asyncio
import json
import pydoc
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import devpulse
from pipeline import Pipeline

Events = Callable[[str], list[dict[str, Any]]]


def run(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs Python code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=30
    )


# The trace


def test_trace_ids_are_set_and_read_per_context() -> None:
    devpulse.set_trace_id("abc123")
    assert devpulse.get_trace_id() == "abc123"
    seen = []
    thread = threading.Thread(target=lambda: seen.append(devpulse.get_trace_id()))
    thread.start()
    thread.join()
    assert seen == [None]
    devpulse.set_trace_id(None)
    assert devpulse.get_trace_id() is None


@pytest.mark.parametrize("value", ["", "a b", "x" * 129, "a\r\nb", 17, b"abc"])
def test_what_is_no_trace_id_changes_nothing(value: Any) -> None:
    devpulse.set_trace_id("abc123")
    devpulse.set_trace_id(value)
    assert devpulse.get_trace_id() == "abc123"


def test_a_generated_id_is_not_the_current_one() -> None:
    assert len(devpulse.generate_trace_id()) == 32
    assert devpulse.get_trace_id() is None


def test_inject_carries_the_current_trace() -> None:
    assert devpulse.inject({"Accept": "*/*"}) == {"Accept": "*/*"}
    devpulse.set_trace_id("abc123")
    headers = devpulse.inject({"Accept": "*/*"})
    assert headers["X-Trace-ID"] == "abc123"
    assert headers["traceparent"].startswith("00-6ca13d52ca70c883e0f0bb101e425a89-")
    assert headers["Accept"] == "*/*"


def test_detached_tasks_belong_to_no_trace() -> None:
    async def current() -> str | None:
        return devpulse.get_trace_id()

    async def main() -> tuple[str | None, str | None]:
        devpulse.set_trace_id("abc123")
        inherited = asyncio.create_task(current())
        with devpulse.detached():
            free = asyncio.create_task(current())
        assert devpulse.get_trace_id() == "abc123"
        return await inherited, await free

    assert asyncio.run(main()) == ("abc123", None)


def test_wrap_takes_the_trace_into_a_thread() -> None:
    devpulse.set_trace_id("abc123")
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(devpulse.wrap(devpulse.get_trace_id)).result() == "abc123"
        assert pool.submit(devpulse.get_trace_id).result() is None


def test_opentelemetrys_current_trace_is_used() -> None:
    trace = pytest.importorskip("opentelemetry.trace")
    sdk = pytest.importorskip("opentelemetry.sdk.trace")
    tracer = sdk.TracerProvider().get_tracer("test")
    with tracer.start_as_current_span("step") as span:
        context = span.get_span_context()
        assert devpulse.get_trace_id() == trace.format_trace_id(context.trace_id)
        with devpulse.span("ours") as ours:
            assert ours.trace_id == trace.format_trace_id(context.trace_id)
        devpulse.set_trace_id("abc123")
        assert devpulse.get_trace_id() == "abc123"
        devpulse.set_trace_id(None)
    assert devpulse.get_trace_id() is None


# Events


def test_an_event_has_its_fields_and_its_own_members(events_of: Events) -> None:
    devpulse.set_trace_id(devpulse.generate_trace_id())
    devpulse.event(
        "order placed", name="order", severity="warning", type="task", order_id=17, line=3
    )
    (event,) = events_of(devpulse.get_trace_id() or "")
    assert event["system"] == "tests"
    assert event["environment"] == "test"
    assert {k: event[k] for k in ("severity", "type", "name", "details", "order_id", "line")} == {
        "severity": "warning",
        "type": "task",
        "name": "order",
        "details": "order placed",
        "order_id": 17,
        "line": 3,
    }


def test_values_that_are_unfit_for_a_field_stand_beside(events_of: Events) -> None:
    trace_id = devpulse.generate_trace_id()
    devpulse.event(
        "x",
        trace_id=trace_id,
        severity="loud",
        type="",
        line="three",
        locals=[1],
        durationMs="long",
        eventId="mine",
        timestamp=0,
        _pos="x",
        system="other",
    )
    (event,) = events_of(trace_id)
    assert event["attributes"] == {
        "line": "three",
        "locals": [1],
        "durationMs": "long",
        "eventId": "mine",
        "timestamp": 0,
        "_pos": "x",
        "system": "other",
        "severity": "loud",
    }
    assert (event["severity"], event["type"], event["system"]) == ("info", "log", "tests")


@pytest.mark.parametrize(
    ("said", "meant"), [("critical", "error"), ("WARN", "warning"), ("notice", "info")]
)
def test_a_synonym_of_a_severity_is_understood(said: str, meant: str, events_of: Events) -> None:
    trace_id = devpulse.generate_trace_id()
    devpulse.set_trace_id(trace_id)
    devpulse.event("x", severity=said)
    devpulse.capture_exception(ValueError(), severity=said)
    events = events_of(trace_id, 2)
    assert [event["severity"] for event in events] == [meant, meant]
    assert "attributes" not in events[0]


def test_an_event_outside_a_trace_begins_none() -> None:
    devpulse.event("alone")
    assert devpulse.get_trace_id() is None


def test_values_are_scrubbed_and_bounded(events_of: Events) -> None:
    trace_id = devpulse.generate_trace_id()
    devpulse.event(
        "see https://user:hunter2@host/",
        trace_id=trace_id,
        password="hunter2",
        nested={"api_key": "hunter2", "long": "x" * 100_000},
    )
    (event,) = events_of(trace_id)
    assert "hunter2" not in json.dumps(event)
    assert len(event["nested"]["long"]) < 1000


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __str__(self) -> str:
        raise RuntimeError("no")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "arguments",
    [
        {"details": Hostile()},
        {"details": "\ud800 \0", "x": float("nan")},
        {"severity": Hostile(), "type": Hostile()},
        {"name": Hostile(), "x": {Hostile: Hostile()}},
        {"trace_id": Hostile()},
        {"details": "x" * 10_000_000},
    ],
)
def test_nothing_that_is_given_raises_or_is_refused(
    arguments: dict[str, Any], events_of: Events
) -> None:
    before = devpulse.stats()["refused"]
    trace_id = devpulse.generate_trace_id()
    devpulse.set_trace_id(trace_id)
    devpulse.event(**arguments)
    assert len(events_of(trace_id)) == 1
    assert devpulse.stats()["refused"] == before


def test_an_exception_is_captured_once(events_of: Events) -> None:
    devpulse.set_trace_id(devpulse.generate_trace_id())
    order_id = 17
    try:
        {}[order_id]
    except KeyError as error:
        first = devpulse.capture_exception(order="seventeen")
        assert devpulse.capture_exception(error) is None
    (event,) = events_of(devpulse.get_trace_id() or "")
    assert event["eventId"] == first
    assert (event["name"], event["details"]) == ("KeyError", "17")
    assert event["locals"]["order_id"] == 17
    assert (event["handled"], event["order"]) == (True, "seventeen")
    assert event["stacktrace"][-1]["code"].strip() == "{}[order_id]"


def test_no_exception_is_no_event() -> None:
    assert devpulse.capture_exception() is None
    assert devpulse.capture_exception("text") is None  # type: ignore[arg-type]


# init()


def test_use_before_init_is_counted_and_told_once() -> None:
    done = run(
        "import devpulse\n"
        "with devpulse.span('a') as s: devpulse.event('b'); print(bool(devpulse.get_trace_id()))\n"
        "@devpulse.trace\n"
        "def f(): return 7\n"
        "print(f(), devpulse.capture_exception(ValueError()), devpulse.flush())\n"
        "print(devpulse.stats()['dropped'])"
    )
    assert done.stdout.split("\n")[:3] == ["True", "7 None True", "4"]
    assert done.stderr.count("\n") == 1
    assert "devpulse.init() was not called" in done.stderr


def test_disabled_does_nothing_and_says_nothing() -> None:
    done = run(
        "import sys, devpulse\n"
        "hook = sys.excepthook\n"
        "devpulse.init('not a url')\n"
        "devpulse.event('x'); print(devpulse.stats()['dropped'], sys.excepthook is hook)",
        DEVPULSE_DISABLED="1",
    )
    assert (done.stdout, done.stderr) == ("0 True\n", "")


def test_without_a_server_the_application_is_unhurt_and_told_once() -> None:
    done = run(
        "import devpulse\n"
        "devpulse.init('ws://127.0.0.1:9'); devpulse.init('ws://127.0.0.1:9')\n"
        "for n in range(20000): devpulse.event('x', n=n)\n"
        "print(devpulse.flush(0.3))\n"
        "stats = devpulse.stats()\n"
        "print(stats['queued'] + stats['unacked'] <= 10000, stats['dropped'] >= 10000)\n"
    )
    assert done.returncode == 0
    assert done.stdout == "False\nTrue True\n"
    assert len(done.stderr.splitlines()) == 1
    assert "ws://127.0.0.1:9" in done.stderr


def test_an_example_that_leaves_the_url_out_works_as_it_stands() -> None:
    done = run(
        "import devpulse\n"
        "devpulse.init(websocket_url=..., environment='dev')\n"
        "print(devpulse._client.active().options.websocket_url)\n"
    )
    assert done.stdout == "ws://localhost:8008\n"


def test_a_wrong_argument_of_init_is_an_error_that_says_so() -> None:
    with pytest.raises(ValueError, match="ws://"):
        devpulse.init("http://localhost:8008")


def test_importing_it_starts_nothing_and_imports_no_framework() -> None:
    done = run(
        "import sys, threading, devpulse, devpulse.integrations\n"
        "print(threading.active_count(),"
        " [m for m in ('asyncio', 'starlette', 'fastapi', 'celery', 'huey', 'psycopg', 'sqlite3')"
        " if m in sys.modules])"
    )
    assert done.stdout == "1 []\n"


def test_the_integrations_are_there_for_help_and_completion() -> None:
    from devpulse import integrations

    assert set(integrations.__all__) <= set(dir(integrations))
    text = pydoc.render_doc(integrations, renderer=pydoc.plaintext)
    for name in integrations.__all__:
        assert f"{name}(" in text


@pytest.mark.parametrize("arguments", [["-c", "CODE"], ["-"]])
def test_code_that_is_no_script_has_a_name(arguments: list[str]) -> None:
    code = "from devpulse._options import program_name; print(program_name())"
    done = subprocess.run(
        [sys.executable, *(a.replace("CODE", code) for a in arguments)],
        input=code, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.stdout == "python\n"


# The scrub hook


@pytest.fixture
def scrubbing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    from devpulse import _client

    client = _client.active()
    assert client is not None
    return lambda hook: monkeypatch.setattr(client, "_hook", hook)


def test_the_hook_changes_an_event(scrubbing: Callable[[Any], None], events_of: Events) -> None:
    def hook(event: dict[str, Any]) -> dict[str, Any]:
        return {**event, "order_id": "[mine]", "when": object}

    scrubbing(hook)
    trace_id = devpulse.generate_trace_id()
    devpulse.event("x", trace_id=trace_id, order_id=17)
    (event,) = events_of(trace_id)
    assert event["order_id"] == "[mine]"


def test_the_hook_withholds_an_event(scrubbing: Callable[[Any], None]) -> None:
    before = devpulse.stats()["withheld"]
    scrubbing(lambda event: None)
    devpulse.event("x")
    assert devpulse.stats()["withheld"] == before + 1


def test_where_the_hook_fails_values_are_withheld(
    scrubbing: Callable[[Any], None], events_of: Events
) -> None:
    def hook(event: dict[str, Any]) -> dict[str, Any]:
        raise KeyError("locals")

    scrubbing(hook)
    trace_id = devpulse.generate_trace_id()
    devpulse.event("secret", trace_id=trace_id, line=7, order_id=17)
    (event,) = events_of(trace_id)
    assert "secret" not in json.dumps(event)
    assert "order_id" not in event
    assert event["line"] == 7
    assert "the scrub hook failed: KeyError" in event["details"]


def test_an_exception_object_is_reported_in_each_trace_it_is_raised_in(events_of: Events) -> None:
    not_found = KeyError("not found")
    traces = [devpulse.generate_trace_id() for _ in range(2)]
    for trace_id in traces:
        devpulse.set_trace_id(trace_id)
        for _ in range(2):
            devpulse.capture_exception(not_found)
    assert [len(events_of(trace_id)) for trace_id in traces] == [1, 1]


def test_what_is_the_applications_own_can_be_said(pipeline: Pipeline, events_of: Events) -> None:
    options = {"environment": "test", "system": "tests", "install_hooks": False}
    devpulse.init(pipeline.ws_url, in_app_include=["json"], in_app_exclude=["test_api"], **options)
    devpulse.set_trace_id(devpulse.generate_trace_id())
    try:
        json.loads("{")
    except ValueError:
        devpulse.capture_exception()
    finally:
        devpulse.init(pipeline.ws_url, **options)
    (event,) = events_of(devpulse.get_trace_id() or "")
    assert [frame["inApp"] for frame in event["stacktrace"][-4:]] == [False, True, True, True]
    assert "s" in event["locals"]


def test_flush_takes_any_time() -> None:
    for timeout in (0, -1, 1e12, float("inf")):
        assert devpulse.flush(timeout) in (True, False)
    assert devpulse.flush(None) is False  # type: ignore[arg-type]


def test_an_init_that_fails_changes_nothing(pipeline: Pipeline, events_of: Events) -> None:
    with pytest.raises(ValueError, match="sqlite"):
        devpulse.init(pipeline.ws_url, enable_db_logging=True, db_url="sqlite://devpulse.db")
    trace_id = devpulse.generate_trace_id()
    devpulse.event("still there", trace_id=trace_id)
    assert len(events_of(trace_id)) == 1


def test_an_init_with_other_options_waits_for_nothing_and_loses_nothing(pipeline: Pipeline) -> None:
    trace_id = devpulse.generate_trace_id()
    devpulse.init(pipeline.ws_url, system="before", install_hooks=False)
    devpulse.event("before", trace_id=trace_id)
    devpulse.init(pipeline.ws_url, system="after", install_hooks=False)
    devpulse.event("after", trace_id=trace_id)
    systems = {event["system"] for event in pipeline.trace(trace_id, 2)["events"]}
    assert systems == {"before", "after"}


@pytest.mark.parametrize(
    "arguments",
    [
        {"environment": 5},
        {"system": 7},
        {"scrub_keys": [1]},
        {"max_events": "10"},
        {"max_bytes": 0},
        {"scrub": "x"},
    ],
)
def test_arguments_of_the_wrong_kind_are_told(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        devpulse.init(**arguments)


def test_one_name_is_a_list_of_one(pipeline: Pipeline) -> None:
    from devpulse import _client

    devpulse.init(pipeline.ws_url, scrub_keys="iban", install_hooks=False)
    client = _client.active()
    assert client is not None
    assert client.options.scrub_keys == ("iban",)


@pytest.mark.parametrize(
    ("before", "lines"),
    [
        ("", 1),
        ("logging.getLogger('devpulse').setLevel(logging.DEBUG)", 3),
        ("logging.basicConfig(level=logging.ERROR)", 0),
    ],
)
def test_how_much_the_sdk_says_of_itself_is_logging_s_affair(before: str, lines: int) -> None:
    done = run(
        f"import logging, devpulse\n{before}\ndevpulse.init('ws://127.0.0.1:9')\n"
        "devpulse.event('x'); devpulse.flush(1)\n"
    )
    said = done.stderr.splitlines()
    assert len(said) >= lines
    assert bool(said) == bool(lines)
    assert lines != 1 or len(said) == 1
