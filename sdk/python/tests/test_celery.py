"""The Celery integration: what GET /api/traces/<id> shows of tasks that ran in real workers."""

import contextlib
import contextvars
import itertools
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("celery")

from celery import chain, chord, group, signals

import celery_app
import devpulse
from devpulse import _context
from devpulse.integrations import _celery_message as message
from devpulse.integrations import setup_celery_tracing
from pipeline import PATIENCE, free_port, wait_for

TESTS = Path(__file__).parent
PATH = os.pathsep.join([str(TESTS), str(TESTS.parent / "src")])
OVER = ("success", "failure", "revoked", "ignored", "rejected", "interrupted", "unknown")


class Events(list):
    """The events of a trace, in order of time."""

    def of(self, **values):
        return Events(e for e in self if all(e.get(k) == v for k, v in values.items()))

    def one(self, **values):
        found = self.of(**values)
        assert len(found) == 1, f"{len(found)} events {values} in {self.stages()}"
        return found[0]

    def stages(self, task=None):
        """What became of the tasks: names and stages."""
        found = [(e["task"], e["stage"]) for e in self.of(type="task")]
        return [stage for name, stage in found if name == task] if task else found


@pytest.fixture
def trace(pipeline, devpulse_ready):
    """trace(id, done): the trace's events, once `done` says of them that they are complete."""

    def events(trace_id, done):
        found = Events()

        def complete():
            devpulse.flush(1)
            document = pipeline.get(f"/api/traces/{trace_id}") or {"events": []}
            found[:] = sorted(
                (
                    {**e["data"], "type": e["event_type"], "system": e["system"],
                     "severity": e["severity"], "at": e["timestamp"]}
                    for e in document["events"]
                ),
                key=lambda e: e["at"],
            )  # fmt: skip
            return done(found)

        try:
            wait_for(complete)
        except AssertionError:
            raise AssertionError(f"trace {trace_id} has only {found.stages()}") from None
        return found

    return events


def over(*tasks):
    """Whether each of the tasks came to an end, so often as it is named, and all that began; and
    what they are part of is there."""
    wanted = Counter(tasks)

    def done(events):
        found = Counter(name for name, stage in events.stages() if stage in OVER)
        began = {e["spanId"] for e in events.of(stage="start")}
        ended = {e["spanId"] for e in events if e.get("stage") in (*OVER, "retry")}
        parents = {e["parentSpanId"] for e in events.of(type="task") if "parentSpanId" in e}
        is_whole = began <= ended and parents <= {e.get("spanId") for e in events}
        return is_whole and all(found[name] >= n for name, n in wanted.items())

    return done


@pytest.fixture
def trace_id(devpulse_ready):
    """The trace of the test."""
    new = devpulse.generate_trace_id()
    devpulse.set_trace_id(new)
    return new


# The programs


class Worker:
    """A real worker. It is gone, and its children are, when its `with` is left."""

    def __init__(self, ws_url, folder, broker, backend, *options):
        self.log = Path(folder, "worker.log")
        self.folder = folder
        self.is_ready = Path(folder, "ready")
        environ = {
            **os.environ,
            "CELERY_TEST_BROKER": broker,
            "CELERY_TEST_READY": str(self.is_ready),
            "DEVPULSE_WEBSOCKET_URL": ws_url,
            "CELERY_TEST_BACKEND": backend,
            "PYTHONPATH": PATH,
        }
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "celery_app", "worker", "-l", "INFO",
                 *quiet, *options],
                cwd=folder, env=environ, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def wait_until_ready(self):
        """It imports much, which a busy machine takes its time for."""
        try:
            wait_for(lambda: self.is_ready.exists() or self.process.poll() is not None, 120)
            assert self.process.poll() is None
        except AssertionError:
            raise AssertionError(f"no worker: {self.log.read_text()}") from None

    def stop(self):
        """Warm shutdown."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def worker(pipeline, redis_port, tmp_path_factory):
    """A prefork worker with two children, shared."""
    url = f"redis://127.0.0.1:{redis_port}/0"
    folder = tmp_path_factory.mktemp("worker")
    with Worker(pipeline.ws_url, folder, url, url, "-P", "prefork", "-c", "2") as found:
        found.wait_until_ready()
        yield found
        found.stop()


@pytest.fixture(scope="module")
def app(worker, redis_port):
    """The same app in this process, to send tasks."""
    url = f"redis://127.0.0.1:{redis_port}/0"
    return celery_app.make(url, url)


@pytest.fixture
def tasks(app):
    return app.tasks


@pytest.fixture
def other_worker(pipeline, redis_port, tmp_path):
    """Starts a further worker, with a queue of its own and results in files: (worker, app).

    `before(app)` sends tasks before the worker is there. With the file system as broker that is the
    only time to do so: kombu reads files that are being written, and the worker dies of it.
    """
    started = contextlib.ExitStack()

    def start(*options, ws_url=pipeline.ws_url, broker="redis", before=lambda app: None):
        for name in ("queue/control", "results"):
            (tmp_path / name).mkdir(parents=True)
        brokers = {
            "redis": f"redis://127.0.0.1:{redis_port}/{next(databases)}",
            "filesystem": f"filesystem://{tmp_path / 'queue'}",
        }
        backend = f"file://{tmp_path / 'results'}"
        app = celery_app.make(brokers[broker], backend)
        before(app)
        found = started.enter_context(Worker(ws_url, tmp_path, brokers[broker], backend, *options))
        found.wait_until_ready()
        return found, app

    with started:
        yield start


databases = itertools.count(1)


# One task


def test_a_task_from_sending_to_its_end(tasks, trace, trace_id):
    with devpulse.span("order") as span:
        assert tasks["add"].delay(2, b=3).get(PATIENCE) == 5
    events = trace(trace_id, over("add"))
    assert events.stages() == [("add", "publish"), ("add", "start"), ("add", "success")]
    publish, start, success = events.of(type="task")
    assert publish["system"] == "tests"
    assert start["system"] == success["system"] == "mill"
    assert publish["parentSpanId"] == span.span_id
    assert start["parentSpanId"] == publish["spanId"]
    assert start["spanId"] == success["spanId"] != publish["spanId"]
    for event in (publish, start):
        assert (event["args"], event["kwargs"]) == ([2], {"b": 3})
        assert event["queue"] == "celery"
    assert 0 <= start["queueMs"] < PATIENCE * 1000
    assert success["result"] == 5
    assert success["response"] == "success"
    assert success["durationMs"] >= 0
    assert len({e["taskId"] for e in (publish, start, success)}) == 1
    assert {e["attempt"] for e in (publish, start, success)} == {1}
    assert {e["severity"] for e in (publish, start, success)} == {"info"}
    assert {e["type"] for e in events} == {"task", "span"}


@pytest.mark.parametrize("how", ["delay", "apply_async", "send_task", "signature", "link"])
def test_the_trace_goes_with_it(app, trace, trace_id, how):
    task = app.tasks["whoami"]
    send = {
        "delay": lambda: task.delay(),
        "apply_async": lambda: task.apply_async(headers={"mine": "1"}, countdown=0.05),
        "send_task": lambda: app.send_task("whoami"),
        "signature": lambda: task.s().apply_async(),
        "link": lambda: app.tasks["add"].apply_async((1, 2), link=task.s()),
    }[how]
    result = send().get(timeout=PATIENCE)
    assert result == (3 if how == "link" else trace_id)
    events = trace(trace_id, over("whoami"))
    assert events.stages("whoami") == ["publish", "start", "success"]


def test_a_task_without_a_trace_begins_one(tasks, trace):
    result = tasks["whoami"].delay()
    trace_id = result.get(timeout=PATIENCE)
    assert devpulse.get_trace_id() is None
    events = trace(trace_id, over("whoami"))
    assert events.stages() == [("whoami", "publish"), ("whoami", "start"), ("whoami", "success")]


def test_an_id_that_is_not_w3cs_is_kept(tasks, trace, devpulse_ready):
    devpulse.set_trace_id("order:17")
    assert tasks["whoami"].delay().get(timeout=PATIENCE) == "order:17"


def test_what_happens_in_a_task_is_part_of_it(tasks, trace, trace_id):
    tasks["grind"].delay(7).get(timeout=PATIENCE)
    events = trace(trace_id, over("grind", "add"))
    run = events.one(task="grind", stage="start")["spanId"]
    for details in ("grinding 7", "ground 7"):  # the second by a logger of Celery's
        assert events.one(type="log", details=details)["parentSpanId"] == run
    stones = events.one(type="span")
    assert stones["parentSpanId"] == run
    assert events.one(task="add", stage="publish")["parentSpanId"] == stones["spanId"]
    assert {e["system"] for e in events.of(type="task", stage="publish", task="add")} == {"mill"}


def test_secrets_stay_in_the_process(tasks, trace, trace_id):
    tasks["login"].delay("anna", "hunter2", api_key="hunter2", note="Bearer hunter2hunter2hunter2")
    events = trace(trace_id, over("login"))
    assert "hunter2" not in str(events)
    for event in events.of(stage="start") + events.of(stage="publish"):
        assert event["args"] == ["anna", "[scrubbed: name]"]
        assert event["kwargs"]["api_key"] == "[scrubbed: name]"
    assert events.one(stage="success")["result"] == {"user": "anna", "token": "[scrubbed: name]"}


def test_large_arguments_are_cut(tasks, trace, trace_id):
    tasks["whoami"].delay(*range(100), "x" * 100_000).get(timeout=PATIENCE)
    events = trace(trace_id, over("whoami"))
    assert len(events.one(stage="start")["args"]) == 11
    assert events.one(stage="start")["args"][-1] == "… 91 more"


# Errors


def test_an_error_has_the_tasks_locals(tasks, trace, trace_id):
    tasks["divide"].delay(30, 0)
    events = trace(trace_id, over("divide"))
    start, failure = events.one(stage="start"), events.one(stage="failure")
    error = events.one(type="error")
    assert error["name"] == "ZeroDivisionError"
    assert error["locals"] == {"dividend": 30, "divisor": 0, "password": "[scrubbed: name]"}
    assert error["source"].endswith("divide")
    assert error["stacktrace"][-1]["code"].strip() == "return dividend / divisor"
    assert error["parentSpanId"] == start["spanId"] == failure["spanId"]
    assert (error["mechanism"], error["handled"]) == ("celery", False)
    assert (error["task"], error["taskId"]) == ("divide", start["taskId"])
    assert failure["error"] == "ZeroDivisionError"
    assert failure["details"].startswith("ZeroDivisionError: ")
    assert (failure["response"], failure["severity"]) == ("fail", "error")
    assert not events.of(type="log", severity="error")


def test_an_exception_that_cannot_be_pickled(tasks, trace, trace_id):
    tasks["unpicklable"].delay(17)
    events = trace(trace_id, over("unpicklable"))
    error = events.one(type="error")
    assert error["name"] == "celery_app.NotPickled"
    assert error["locals"]["order"] == 17
    assert not events.of(type="log", severity="error")


def test_an_expected_exception_is_no_error(tasks, trace, trace_id):
    tasks["expected"].delay()
    events = trace(trace_id, over("expected"))
    assert events.one(stage="failure")["expected"] is True
    assert {e["severity"] for e in events} == {"info"}
    assert events.one(type="error")["name"] == "KeyError"


@pytest.mark.parametrize("stage", ["ignored", "rejected"])
def test_what_steers_celery_is_no_error(tasks, trace, trace_id, stage):
    tasks[stage].delay()
    events = trace(trace_id, over(stage))
    assert events.stages() == [(stage, "publish"), (stage, "start"), (stage, stage)]
    assert not events.of(type="error")
    assert not events.of(severity="error")


def test_a_soft_time_limit_is_an_error(tasks, trace, trace_id):
    tasks["soft"].delay()
    events = trace(trace_id, over("soft"))
    error = events.one(type="error")
    assert error["name"].endswith("SoftTimeLimitExceeded")
    assert error["locals"] == {"grain": 7}
    assert events.one(stage="failure")["durationMs"] >= 200


def _last_start(events, task):
    """Where a process dies before the worker has heard that it began, another one begins anew."""
    return events.of(name=task, stage="start")[-1]


@pytest.mark.parametrize(
    ("task", "error"),
    [("hard", "TimeLimitExceeded"), ("die", "WorkerLostError"), ("leave", "WorkerLostError")],
)
def test_the_main_process_tells_of_a_killed_run(tasks, trace, trace_id, task, error):
    tasks[task].delay()
    wanted = [{"stage": "start"}, {"stage": "failure"}, {"type": "error"}]
    events = trace(trace_id, lambda e: all(e.of(**values) for values in wanted))
    assert events.one(type="error")["name"].endswith(error)
    start, failure = _last_start(events, task), events.one(stage="failure")
    assert failure["spanId"] == start["spanId"]
    assert failure["parentSpanId"] == start["parentSpanId"]
    assert failure["error"] == error
    assert failure["durationMs"] >= 0
    assert not events.of(type="log", severity="error")


@pytest.mark.parametrize("task", ["hard", "die"])
def test_what_is_called_for_a_killed_run_is_part_of_it(tasks, trace, trace_id, task):
    tasks[task].apply_async(link_error=tasks["mourn"].s())
    events = trace(trace_id, over("mourn"))
    killed = _last_start(events, task)
    for publish in events.of(name="mourn", stage="publish"):
        assert publish["parentSpanId"] == killed["spanId"]


# Trying again


@pytest.mark.parametrize("after", [0, 0.3])
def test_a_retry_keeps_the_trace(tasks, trace, trace_id, after):
    tasks["again"].delay(after)
    events = trace(trace_id, over("again"))
    assert Counter(events.stages("again")) == Counter(publish=3, start=3, retry=2, success=1)
    for attempt in (1, 2, 3):
        start = events.one(stage="start", attempt=attempt)
        publish = events.one(stage="publish", attempt=attempt)
        assert start["parentSpanId"] == publish["spanId"]
        if attempt > 1:
            before = events.one(stage="start", attempt=attempt - 1)
            retry = events.one(stage="retry", attempt=attempt - 1)
            assert publish["parentSpanId"] == before["spanId"] == retry["spanId"]
            assert retry["error"] == "ZeroDivisionError"
            assert ("eta" in retry) == (after > 0)
            assert start["queueMs"] < 10_000
    errors = events.of(type="error")
    assert [e["severity"] for e in errors] == ["warning", "warning"]
    assert {e["handled"] for e in errors} == {True}
    assert errors[0]["locals"]["after"] == after


def test_an_automatic_retry_keeps_the_trace(tasks, trace, trace_id):
    assert tasks["flaky"].delay("hunter2").get(timeout=PATIENCE) == trace_id
    events = trace(trace_id, over("flaky"))
    assert Counter(events.stages("flaky")) == Counter(publish=2, start=2, retry=1, success=1)
    assert events.one(type="error")["severity"] == "warning"
    assert "hunter2" not in str(events)


def test_the_last_retry_fails(tasks, trace, trace_id):
    tasks["hopeless"].delay()
    events = trace(trace_id, over("hopeless"))
    assert Counter(events.stages()) == Counter(
        {
            ("hopeless", stage): n
            for stage, n in [("publish", 2), ("start", 2), ("retry", 1), ("failure", 1)]
        }
    )
    assert events.one(stage="failure")["attempt"] == 2
    # The second run may be over before the first one's process has told of its error.
    assert sorted(e["severity"] for e in events.of(type="error")) == ["error", "warning"]


# Several tasks


def test_a_chain_is_one_trace(tasks, trace, trace_id):
    add = tasks["add"]
    assert chain(add.s(1, 2), add.s(3), add.s(4))().get(timeout=PATIENCE) == 10
    events = trace(trace_id, over("add", "add", "add"))
    assert Counter(events.stages("add")) == Counter(publish=3, start=3, success=3)
    first, second, third = events.of(stage="publish")
    runs = {e["parentSpanId"]: e["spanId"] for e in events.of(stage="start")}
    assert second["parentSpanId"] == runs[first["spanId"]]
    assert third["parentSpanId"] == runs[second["spanId"]]


def test_an_error_in_a_chain_is_told_once(tasks, trace, trace_id):
    chain(tasks["divide"].s(1, 0), tasks["add"].s(1), tasks["add"].s(1))()
    events = trace(trace_id, over("divide"))
    assert len(events.of(type="error")) == 1
    assert len(events.of(severity="error")) == 2  # with the end of the task
    assert not events.of(task="add")


def test_a_group_is_one_trace(tasks, trace, trace_id):
    group(tasks["add"].s(n, n) for n in range(3))().get(timeout=PATIENCE)
    events = trace(trace_id, over("add", "add", "add"))
    assert Counter(events.stages("add")) == Counter(publish=3, start=3, success=3)


def test_a_chord_is_one_trace(tasks, trace, trace_id):
    result = chord((tasks["add"].s(n, n) for n in range(3)), tasks["total"].s())()
    assert result.get(timeout=PATIENCE) == 6
    events = trace(trace_id, over("add", "add", "add", "total"))
    assert Counter(events.stages("add")) == Counter(publish=3, start=3, success=3)
    assert events.stages("total") == ["publish", "start", "success"]
    runs = [e["spanId"] for e in events.of(task="add", stage="start")]
    assert events.one(task="total", stage="publish")["parentSpanId"] in runs


def test_a_chord_whose_members_are_polled(other_worker, trace, trace_id):
    """As where the results are not in Redis: a task of Celery's polls, of which nothing is told."""
    _, app = other_worker("-P", "threads", "-c", "2")
    chord([app.tasks["add"].s(1, 2)], app.tasks["total"].s().set(countdown=0), interval=0.1)()
    events = trace(trace_id, over("add", "total"))
    assert set(events.stages()) == {
        (task, stage) for task in ("add", "total") for stage in ("publish", "start", "success")
    }
    ids = {e["spanId"] for e in events.of(type="task")}
    assert {e.get("parentSpanId") for e in events} <= ids | {None}


def test_a_task_that_replaces_itself(tasks, trace, trace_id):
    assert tasks["replaced"].delay(1, 2).get(timeout=PATIENCE) == 3
    events = trace(trace_id, over("replaced", "add"))
    runs = events.of(stage="start")
    assert len({e["taskId"] for e in runs}) == 1
    assert len({e["spanId"] for e in runs}) == 2


# What does not run


def test_a_revoked_task(app, trace, trace_id):
    result = app.tasks["add"].apply_async((1, 2), countdown=1)
    result.revoke()
    events = trace(trace_id, over("add"))
    assert events.stages() == [("add", "publish"), ("add", "revoked")]
    revoked = events.one(stage="revoked")
    assert revoked["details"] == "revoked"
    assert revoked["parentSpanId"] == events.one(stage="publish")["spanId"]
    assert "eta" in events.one(stage="publish")


def test_an_expired_task(tasks, trace, trace_id):
    tasks["add"].apply_async((1, 2), expires=-1)
    events = trace(trace_id, over("add"))
    assert events.one(stage="revoked")["details"] == "expired"


def test_a_terminated_task(app, trace, trace_id, tmp_path):
    result = app.tasks["until"].delay(str(tmp_path / "never"))
    wait_for((tmp_path / "never.runs").exists)
    result.revoke(terminate=True)
    events = trace(trace_id, lambda e: e.of(stage="revoked") and e.of(stage="start"))
    revoked = events.one(stage="revoked")
    assert revoked["details"].startswith("terminated")
    assert revoked["spanId"] == events.one(stage="start")["spanId"]
    assert not events.of(type="error")


def test_a_task_that_the_worker_does_not_know(app, trace, trace_id):
    app.send_task("nobody", ("hunter2",), {"password": "hunter2"})
    events = trace(trace_id, over("nobody"))
    assert events.stages() == [("nobody", "publish"), ("nobody", "unknown")]
    unknown = events.one(stage="unknown")
    assert (unknown["severity"], unknown["system"]) == ("error", "mill")
    assert len(events.of(severity="error")) == 1


# In the caller


@pytest.fixture
def eager(devpulse_ready):
    return celery_app.make("memory://", task_always_eager=True).tasks


def test_an_eager_task_is_part_of_its_caller(eager, trace, trace_id):
    with devpulse.span("order") as span:
        scope = _context.current()
        assert eager["whoami"].delay().get() == trace_id
        assert _context.current() is scope
        eager["grind"].delay(1)
        assert _context.current() is scope
    events = trace(trace_id, over("whoami", "grind", "add"))
    assert events.stages("whoami") == ["start", "success"]
    start = events.one(task="whoami", stage="start")
    assert start["parentSpanId"] == span.span_id
    assert start["eager"] is True
    assert "queueMs" not in start
    inner = events.one(task="add", stage="start")["parentSpanId"]
    assert inner == events.one(type="span", name="stones")["spanId"]


def test_an_eager_task_without_a_trace_leaves_none(eager, trace):
    trace_id = eager["whoami"].delay().get()
    assert devpulse.get_trace_id() is None
    assert trace(trace_id, over("whoami")).stages("whoami") == ["start", "success"]


@pytest.mark.parametrize("propagates", [False, True])
def test_an_eager_tasks_error(devpulse_ready, trace, trace_id, propagates):
    app = celery_app.make("memory://", task_always_eager=True, task_eager_propagates=propagates)
    scope = _context.current()
    if propagates:
        with pytest.raises(ZeroDivisionError):
            app.tasks["divide"].delay(1, 0)
    else:
        app.tasks["divide"].delay(1, 0)
    assert _context.current() is scope
    events = trace(trace_id, over("divide"))
    assert events.stages() == [("divide", "start"), ("divide", "failure")]
    assert events.one(type="error")["locals"]["dividend"] == 1


def test_an_eager_retry(eager, trace, trace_id):
    assert eager["flaky"].delay("x").get() == trace_id
    events = trace(trace_id, over("flaky"))
    assert events.stages("flaky") == ["start", "retry", "start", "success"]


# Settings


def sent(app, name="add", args=(1, 2), **options):
    """The headers of the message that sending a task makes."""
    with app.connection_for_write() as connection:
        app.send_task(name, args, connection=connection, **options)
        queue = connection.SimpleQueue("celery")
        try:
            got = queue.get(timeout=PATIENCE)
            got.ack()
            return got.headers
        finally:
            queue.close()


@pytest.fixture
def memory(devpulse_ready):
    return celery_app.make("memory://")


def test_what_a_message_carries(memory, trace, trace_id):
    before = time.time()
    headers = sent(memory)
    carrier = headers["devpulse"]
    assert carrier["traceId"] == trace_id
    assert before <= carrier["sent"] <= time.time()
    assert headers["traceparent"] == f"00-{trace_id}-{carrier['spanId']}-01"
    assert trace(trace_id, lambda e: e).one(stage="publish")["spanId"] == carrier["spanId"]


def test_foreign_headers_stay_and_ours_are_replaced(memory, trace_id):
    foreign = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "devpulse": {"traceId": "old"}}
    headers = sent(memory, headers=foreign)
    assert headers["traceparent"] == foreign["traceparent"]
    assert headers["devpulse"]["traceId"] == trace_id
    again = sent(memory, headers={k: v for k, v in sent(memory).items() if k in foreign})
    assert again["traceparent"] == f"00-{trace_id}-{again['devpulse']['spanId']}-01"


@pytest.mark.parametrize("propagate", [False, lambda name: name != "add"])
def test_a_task_may_begin_its_own_trace(memory, trace, trace_id, propagate):
    setup_celery_tracing(memory, propagate=propagate)
    carrier = sent(memory)["devpulse"]
    publish = trace(trace_id, lambda e: e).one(stage="publish")
    assert carrier["traceId"] != trace_id
    assert publish["links"] == [{"traceId": carrier["traceId"]}]
    assert carrier["links"] == [{"traceId": trace_id, "spanId": publish["spanId"]}]
    if callable(propagate):
        assert sent(memory, "total")["devpulse"]["traceId"] == trace_id


def test_arguments_can_be_left_out(memory, trace, trace_id):
    setup_celery_tracing(memory, arguments=False)
    sent(memory)
    assert "args" not in trace(trace_id, lambda e: e).one(stage="publish")


def test_the_settings_are_those_of_the_app_that_sends(memory, trace_id):
    setup_celery_tracing(memory, propagate=False)
    other = celery_app.make("memory://")
    assert other.tasks["add"]  # it has a task of the same name
    assert sent(memory)["devpulse"]["traceId"] != trace_id
    assert sent(other)["devpulse"]["traceId"] == trace_id


def test_it_wants_an_app():
    with pytest.raises(TypeError, match="wants a Celery app, not str"):
        setup_celery_tracing("redis://")


@pytest.mark.parametrize(
    "header",
    [
        "text", 7, None, [], {}, {"traceId": 7}, {"traceId": "a b"}, {"traceId": "x" * 129},
        {"traceId": "a\n"},
    ],
)  # fmt: skip
def test_a_header_that_is_not_ours_is_none(header):
    assert message.carrier_of({"devpulse": header}) is None


@pytest.mark.parametrize(
    ("member", "value"),
    [("spanId", []), ("spanId", "a b"), ("sent", float("nan")), ("sent", "1"), ("links", 3),
     ("links", [3, {"traceId": " "}]), ("tracestate", "x" * 513), ("tracestate", 1)],
)  # fmt: skip
def test_a_member_that_is_not_valid_is_left_out(member, value):
    carrier = message.carrier_of({"devpulse": {"traceId": "t", member: value}})
    assert carrier == message.Carrier("t")


def test_the_trace_of_opentelemetry_is_taken_over():
    headers = {"headers": {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "tracestate": "x=1"}}
    assert message.carrier_of(headers) == message.Carrier("a" * 32, "b" * 16, "x=1")


# Beat


def test_what_beat_sends_begins_a_trace(memory, trace, trace_id):
    """In the thread that beat runs in; the trace is what the application set before."""

    def tick(within):
        devpulse.set_trace_id(within)
        signals.beat_init.send(sender=None)
        return sent(memory)["devpulse"]

    alone = contextvars.copy_context().run(tick, None)
    assert trace(alone["traceId"], lambda e: e).stages() == [("add", "publish")]
    linked = contextvars.copy_context().run(tick, trace_id)
    assert linked["traceId"] not in (trace_id, alone["traceId"])
    publish = trace(trace_id, lambda e: e).one(stage="publish")
    assert linked["links"] == [{"traceId": trace_id, "spanId": publish["spanId"]}]


# Other pools, the end of processes


@pytest.mark.parametrize(
    ("pool", "broker"), [("solo", "filesystem"), ("threads", "redis"), ("gevent", "redis")]
)
def test_pools_without_processes(other_worker, trace, trace_id, pool, broker):
    if pool == "gevent":
        pytest.importorskip("gevent")

    def send(app):
        app.tasks["grind"].delay(3)
        app.tasks["divide"].delay(30, 0)

    other_worker("-P", pool, "-c", "2", broker=broker, before=send)
    events = trace(trace_id, over("grind", "add", "divide"))
    assert events.one(type="error")["locals"]["dividend"] == 30
    run = events.one(task="grind", stage="start")["spanId"]
    assert events.one(type="log", details="grinding 3")["parentSpanId"] == run
    assert not events.of(type="log", severity="error")


@pytest.mark.parametrize("broker", ["filesystem", "redis"])
def test_children_that_end_after_each_task_lose_nothing(other_worker, trace, trace_id, broker):
    def send(app):
        for n in range(10):
            app.tasks["add"].delay(n, n)

    options = ("-P", "prefork", "-c", "2", "--max-tasks-per-child", "1")
    other_worker(*options, broker=broker, before=send)
    events = trace(trace_id, over(*["add"] * 10))
    assert Counter(events.stages("add")) == Counter(publish=10, start=10, success=10)
    assert len({e["process"]["pid"] for e in events.of(stage="success")}) == 10


def test_a_warm_shutdown_loses_nothing(other_worker, trace, trace_id, tmp_path):
    worker, app = other_worker("-P", "prefork", "-c", "2")
    for n in range(2):
        app.tasks["until"].delay(str(tmp_path / f"go{n}"))
    wait_for(lambda: all((tmp_path / f"go{n}.runs").exists() for n in range(2)))
    worker.process.send_signal(signal.SIGTERM)
    wait_for(lambda: b"Warm shutdown" in worker.log.read_bytes())
    for n in range(2):
        (tmp_path / f"go{n}").touch()
    assert worker.process.wait(PATIENCE) == 0
    events = trace(trace_id, over("until", "until"))
    assert Counter(events.stages("until")) == Counter(publish=2, start=2, success=2)


def test_a_child_that_is_killed_between_two_tasks_loses_nothing(tasks, trace, trace_id):
    tasks["last"].delay()
    events = trace(trace_id, over("last"))
    assert events.stages("last")[:3] == ["publish", "start", "success"]


def test_without_a_server_tasks_run_as_ever(other_worker, tmp_path):
    paths = [tmp_path / f"go{n}" for n in range(4)]

    def send(app):
        for path in paths:
            path.touch()
            app.tasks["until"].delay(str(path))

    worker, _ = other_worker(
        *("-P", "prefork", "-c", "2", "--max-tasks-per-child", "1"),
        ws_url=f"ws://localhost:{free_port()}",
        broker="filesystem",
        before=send,
    )
    wait_for(lambda: all(Path(f"{path}.runs").exists() for path in paths))
    assert worker.stop() == 0
    log = worker.log.read_text()
    assert "Traceback" not in log
    assert log.count("ws://localhost") <= 5  # once a process


WITHOUT_INIT = """
import celery_app, devpulse
app = celery_app.make("memory://", task_always_eager=True)
assert app.tasks["whoami"].delay().get() is None
devpulse.set_trace_id("order:17")
assert app.tasks["whoami"].delay().get() == "order:17"
app.tasks["divide"].delay(1, 0)
app.conf.task_always_eager = False
with app.connection_for_write() as connection:
    app.tasks["add"].apply_async((1, 2), connection=connection)
    message = connection.SimpleQueue("celery").get(timeout=5)
    message.ack()
assert message.headers["devpulse"]["traceId"] == "order:17"
assert devpulse.stats()["dropped"] > 0
"""


@pytest.mark.parametrize("disabled", ["", "1"])
def test_without_init_ids_still_travel(disabled):
    environ = {**os.environ, "DEVPULSE_DISABLED": disabled, "PYTHONPATH": PATH}
    code = WITHOUT_INIT
    if disabled:
        code = code.replace("app = ", "devpulse.init(); app = ").replace(
            '["dropped"] > 0', '["dropped"] == 0'
        )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=TESTS, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("devpulse.init() was not called yet") == (0 if disabled else 1)


@pytest.mark.parametrize(("settings", "system"), [({"system": "stones"}, "stones"), ({}, "tests")])
def test_the_name_of_the_system(eager, trace, settings, system):
    setup_celery_tracing(eager["whoami"].app, **settings)
    trace_id = eager["whoami"].delay().get()
    assert {e["system"] for e in trace(trace_id, over("whoami"))} == {system}


def test_a_message_of_protocol_1(memory, trace, trace_id):
    memory.conf.task_protocol = 1
    headers = sent(memory, kwargs={"c": 3})
    assert headers["devpulse"]["traceId"] == trace_id
    publish = trace(trace_id, lambda e: e).one(stage="publish")
    assert (publish["args"], publish["kwargs"]) == ([1, 2], {"c": 3})
    assert publish["taskId"] != "None"


def test_a_redelivered_message_is_another_run():
    carrier = message.Carrier("t", "p")
    runs = [{}, {"retries": 1}, {"delivery_info": {"redelivered": True}}]
    assert len({message.run_span_id(carrier, "id", run) for run in runs}) == 3
    assert message.run_span_id(carrier, "id", {}) == message.run_span_id(carrier, "id", {})
