"""The Huey integration: what GET /api/traces/<id> shows of tasks that ran in real consumers."""

import contextvars
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

pytest.importorskip("huey")

import huey as package
from huey.exceptions import TaskException

import devpulse
import huey_app
from devpulse.integrations import setup_huey_tracing
from pipeline import PATIENCE, wait_for

TESTS = Path(__file__).parent
VERSION = tuple(int(part) for part in package.__version__.split("."))
OVER = (
    *("success", "failure", "interrupted"),
    *("revoked", "expired", "canceled", "locked", "rate-limited"),
)


def since(*version):
    return pytest.mark.skipif(VERSION < version, reason=f"Huey {package.__version__} has it not")


class Events(list):
    """The events of a trace, in order of time."""

    def of(self, **values):
        return Events(e for e in self if all(e.get(k) == v for k, v in values.items()))

    def one(self, **values):
        found = self.of(**values)
        assert len(found) == 1, f"{len(found)} events {values} in {self.stages()}"
        return found[0]

    def stages(self, task=None):
        """What became of the tasks: names without module, and stages."""
        name = [(e["task"].rpartition(".")[2], e["stage"]) for e in self.of(type="task")]
        return [stage for t, stage in name if t == task] if task else name


@pytest.fixture
def trace(pipeline, devpulse_ready):
    """trace(id, done): the trace's events, once `done` says of them that they are complete."""

    def events(trace_id, done):
        assert devpulse.flush(PATIENCE)
        seen = Events()

        def complete():
            seen[:] = events_of(pipeline.get(f"/api/traces/{trace_id}"))
            return done(seen)

        try:
            wait_for(complete)
        except AssertionError:
            raise AssertionError(f"the trace has only {seen.stages()}") from None
        return seen

    return events


def events_of(document):
    """The events that dp-http gives, as they were sent, in order of time."""
    events = [
        {**e["data"], "type": e["event_type"], "system": e["system"], "timestamp": e["timestamp"]}
        for e in (document or {"events": []})["events"]
    ]
    return sorted(events, key=lambda event: event["timestamp"])


def over(*tasks, published=True, spans=0):
    """Whether each of the tasks was published and came to an end, and so many spans are there:
    what other processes did may be stored before what this one did."""
    wanted = Counter(tasks)

    def done(events):
        ends = Counter(name for name, stage in events.stages() if stage in OVER)
        begins = Counter(name for name, stage in events.stages() if stage == "publish")
        has_begun = begins >= wanted or not published
        return ends >= wanted and has_begun and len(events.of(type="span")) >= spans

    return done


@pytest.fixture
def trace_id(devpulse_ready):
    """The trace of the test."""
    new = devpulse.generate_trace_id()
    devpulse.set_trace_id(new)
    return new


# Consumers


class Consumer:
    """A real consumer process. It is gone, and its workers are, when its `with` is left."""

    def __init__(self, storage, where, kind, pipeline, folder, **environ):
        self.log = Path(folder, f"consumer-{kind}.log")
        self.tick = Path(folder, "tick")
        start = ["-m", "huey.bin.huey_consumer"]
        if kind == "greenlet":
            patch = "from gevent import monkey; monkey.patch_all();"
            run = "from huey.bin.huey_consumer import consumer_main; consumer_main()"
            start = ["-c", f"{patch} {run}"]
        options = ["-k", kind, "-w", "2", "-d", "0.02", "-m", "0.05", "-S"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *start, "huey_app.huey", *options],
                cwd=TESTS,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                    "HUEY_STORAGE": storage,
                    "HUEY_WHERE": str(where),
                    "HUEY_TICK": str(self.tick),
                    "DEVPULSE_WEBSOCKET_URL": pipeline.ws_url,
                    **environ,
                },
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def stop(self, signum=signal.SIGINT):
        """As a supervisor does."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        self.process.wait(PATIENCE)


KINDS = [("sqlite", "thread"), ("file", "process"), ("redis", "greenlet")]


class Mill:
    """A Huey instance of this process, its tasks, and its consumer."""

    def __init__(self, storage, kind, where, consumer):
        self.storage, self.kind, self.where, self.consumer = storage, kind, where, consumer
        self.huey, self.tasks = huey_app.make(storage, where)


@pytest.fixture(scope="module", params=KINDS, ids="-".join)
def mill(request, pipeline, tmp_path_factory):
    storage, kind = request.param
    if kind == "greenlet":
        pytest.importorskip("gevent")
    folder = tmp_path_factory.mktemp(kind)
    where = request.getfixturevalue("redis_port") if storage == "redis" else folder
    with Consumer(storage, where, kind, pipeline, folder) as consumer:
        mill = Mill(storage, kind, where, consumer)
        assert result(mill.tasks.add(1, 2)) == 3  # it works, so a delayed task will wait
        yield mill
        consumer.stop()


def result(handle):
    return handle.get(blocking=True, timeout=PATIENCE)


def test_a_task_belongs_to_the_trace_that_enqueued_it(mill, trace, trace_id):
    with devpulse.span("order"):
        assert result(mill.tasks.whoami()) == trace_id

    events = trace(trace_id, over("whoami", spans=1))
    assert events.stages() == [("whoami", "publish"), ("whoami", "start"), ("whoami", "success")]
    order = events.one(type="span")
    publish, start, end = events.of(type="task")
    assert publish["parentSpanId"] == order["spanId"]
    assert start["parentSpanId"] == end["parentSpanId"] == publish["spanId"]
    assert start["spanId"] == end["spanId"] != publish["spanId"]
    assert publish["process"]["pid"] == os.getpid() != start["process"]["pid"]
    assert (start["process"]["pid"] == mill.consumer.process.pid) == (mill.kind != "process")
    assert [e["system"] for e in (start, end)] == ["mill", "mill"]
    assert start["name"] == start["task"] == "huey_app.whoami"
    assert start["taskId"] == publish["taskId"]
    assert start["queue"] == "mill"
    assert (start["attempt"], start["retries"]) == (1, 0)
    assert 0 <= start["queueMs"] < PATIENCE * 1000
    assert 0 <= end["durationMs"] < PATIENCE * 1000
    assert (publish["response"], end["response"]) == ("success", "success")
    assert {e["severity"] for e in (publish, start, end)} == {"info"}


def test_what_happens_within_a_task_is_part_of_its_run(mill, trace, trace_id):
    result(mill.tasks.log("the wheel squeaks"))

    events = trace(trace_id, over("log", spans=1))
    run = events.one(stage="start")["spanId"]
    assert events.one(type="log")["details"] == "the wheel squeaks"
    assert events.one(type="log")["parentSpanId"] == run
    assert events.one(type="span")["parentSpanId"] == run


def test_a_failure_is_reported_once_with_locals(mill, trace, trace_id):
    with pytest.raises(TaskException):
        result(mill.tasks.divide(1, 0))

    events = trace(trace_id, over("divide"))
    assert events.stages("divide") == ["publish", "start", "failure"]
    end = events.one(stage="failure")
    assert (end["response"], end["severity"]) == ("fail", "error")
    assert end["error"] == "ZeroDivisionError"
    error = events.one(type="error")  # Huey logs it too, and the consumer has a DevPulseHandler
    assert error["name"] == "ZeroDivisionError"
    assert (error["mechanism"], error["handled"]) == ("huey", False)
    assert error["source"].endswith("divide")
    assert error["file"].endswith("huey_app.py")
    assert (error["locals"]["dividend"], error["locals"]["divisor"]) == (1, 0)
    assert "1234567890" not in str(error["locals"])
    assert not any("devpulse/integrations" in f["file"] for f in error["stacktrace"])
    assert error["parentSpanId"] == end["spanId"]
    assert (error["task"], error["taskId"]) == (end["task"], end["taskId"])


def test_a_pipeline_is_one_trace(mill, trace, trace_id):
    tasks = mill.tasks
    pipeline = tasks.add.s(1, 2).then(tasks.add, 3).then(tasks.whoami)
    assert result(list(mill.huey.enqueue(pipeline))[-1]) == trace_id

    events = trace(trace_id, over("add", "add", "whoami"))
    assert events.stages("add") == ["publish", "start", "success"] * 2
    publishes, ends = events.of(stage="publish"), events.of(stage="success")
    assert [e["args"] for e in publishes] == [[1, 2], [3, 3], [6]]
    assert [e.get("parentSpanId") for e in publishes] == [None, *(e["spanId"] for e in ends[:2])]


def test_an_error_handler_belongs_to_the_trace(mill, trace, trace_id):
    mill.huey.enqueue(mill.tasks.divide.s(2, 0).error(mill.tasks.whoami))

    events = trace(trace_id, over("divide", "whoami"))
    assert events.stages("whoami") == ["publish", "start", "success"]


def test_a_delayed_task_keeps_its_trace(mill, trace, trace_id):
    assert result(mill.tasks.whoami.schedule(delay=1)) == trace_id

    events = trace(trace_id, over("whoami"))
    assert events.stages() == [("whoami", "publish"), ("whoami", "start"), ("whoami", "success")]
    publish, start = events.one(stage="publish"), events.one(stage="start")
    assert start["parentSpanId"] == publish["spanId"]
    eta, began = (datetime.fromisoformat(e[:23]) for e in (publish["eta"], start["timestamp"]))
    assert eta - datetime.fromisoformat(publish["timestamp"][:23]) > timedelta(seconds=0.9)
    waited = (began - eta).total_seconds() * 1000  # the delay itself is no time in the queue
    assert abs(start["queueMs"] - waited) < 5


@pytest.mark.parametrize("name", ["flaky", "flaky_later"])
def test_a_retry_keeps_the_trace(mill, trace, trace_id, name):
    task = getattr(mill.tasks, name)
    task("ripe")

    events = trace(trace_id, over(name))
    assert events.stages(name) == ["publish", "start", "retry", "start", "success"]
    first, again, second, end = events.of(type="task")[1:]
    assert [e["attempt"] for e in (first, again, second, end)] == [1, 1, 2, 2]
    assert [e["retries"] for e in (first, second)] == [1, 0]
    assert (again["spanId"], again["severity"]) == (first["spanId"], "warning")
    assert (again["error"], again["response"]) == ("ValueError", "fail")
    assert ("eta" in again) == (name == "flaky_later")
    assert second["parentSpanId"] == first["spanId"] != second["spanId"]
    assert "queueMs" in second
    assert events.one(type="error")["parentSpanId"] == first["spanId"]


def test_retrytask_is_no_error(mill, trace, trace_id, tmp_path):
    mill.tasks.ask_again(str(tmp_path / "asked"))

    events = trace(trace_id, over("ask_again"))
    assert events.stages("ask_again") == ["publish", "start", "retry", "start", "success"]
    assert events.one(stage="retry")["error"] == "RetryTask"
    assert not events.of(type="error")


def test_a_lock_is_no_error(mill, trace, trace_id):
    with mill.huey.lock_task("the-one"):
        mill.tasks.locked()
        events = trace(trace_id, over("locked"))

    assert events.stages("locked") == ["publish", "start", "locked"]
    assert events.one(stage="locked")["severity"] == "warning"
    assert not events.of(type="error")


def test_a_revoked_task_says_so(mill, trace, trace_id):
    handle = mill.tasks.whoami.schedule(delay=1)
    handle.revoke()

    events = trace(trace_id, over("whoami"))
    assert events.stages() == [("whoami", "publish"), ("whoami", "revoked")]
    revoked = events.one(stage="revoked")
    assert revoked["parentSpanId"] == events.one(stage="publish")["spanId"]
    assert "response" not in revoked


def test_a_task_without_a_trace_begins_one(mill, trace):
    trace_id = result(mill.tasks.whoami())

    events = trace(trace_id, over("whoami"))
    assert events.stages("whoami") == ["publish", "start", "success"]
    assert devpulse.get_trace_id() is None


def test_one_task_object_in_two_traces(mill, trace, trace_id):
    task = mill.tasks.whoami.s()
    assert result(mill.huey.enqueue(task)) == trace_id
    other = devpulse.generate_trace_id()
    devpulse.set_trace_id(other)
    assert result(mill.huey.enqueue(task)) == other

    for wanted in (trace_id, other):
        events = trace(wanted, over("whoami"))
        assert events.stages("whoami") == ["publish", "start", "success"]


def test_tasks_that_run_at_once_keep_apart(mill, devpulse_ready):
    handles = {}
    for _ in range(6):
        trace_id = devpulse.generate_trace_id()
        devpulse.set_trace_id(trace_id)
        handles[trace_id] = mill.tasks.whoami_later(0.1)

    for trace_id, handle in handles.items():
        assert result(handle) == trace_id


def test_a_periodic_task_begins_a_trace(mill, trace):
    trace_id = wait_for(lambda: mill.consumer.tick.exists() and mill.consumer.tick.read_text())

    events = trace(trace_id, over("tick"))
    assert events.stages() == [("tick", "publish"), ("tick", "start"), ("tick", "success")]
    assert {e["system"] for e in events} == {"mill"}
    assert all(e["periodic"] is True for e in events)


@since(2, 4)
def test_an_expired_task_says_so(mill, trace, trace_id):
    task = mill.tasks.whoami.s(expires=datetime.now() - timedelta(minutes=1))
    mill.huey.enqueue(task)

    events = trace(trace_id, over("whoami"))
    assert events.stages() == [("whoami", "publish"), ("whoami", "expired")]


@since(3, 5)
def test_a_timeout_is_an_error(mill, trace, trace_id):
    if mill.kind == "thread":
        pytest.skip("a thread cannot be interrupted")
    mill.huey.enqueue(mill.tasks.sleep.s(PATIENCE, timeout=0.1))

    events = trace(trace_id, over("sleep"))
    assert events.stages("sleep") == ["publish", "start", "failure"]
    assert events.one(type="error")["name"].endswith("TaskTimeout")
    assert events.one(type="error")["locals"]["seconds"] == PATIENCE


@since(3, 0)
def test_a_chord_is_one_trace(mill, trace, trace_id):
    add = mill.tasks.add
    chord = package.group([add.s(i, i) for i in range(3)]).then(mill.tasks.whoami)
    mill.huey.enqueue(chord)

    events = trace(trace_id, over("add", "add", "add", "whoami"))
    assert Counter(events.stages("add")) == {"publish": 3, "start": 3, "success": 3}
    assert events.stages("whoami") == ["publish", "start", "success"]
    assert events.one(stage="publish", task="huey_app.whoami")["args"] == [[0, 2, 4]]


# The consumer's end


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
@pytest.mark.parametrize("kind", ["process", "thread"])
def test_nothing_is_lost_when_the_consumer_stops(kind, signum, pipeline, tmp_path, trace, trace_id):
    goodbye = devpulse.generate_trace_id()
    with Consumer("sqlite", tmp_path, kind, pipeline, tmp_path, HUEY_FAREWELL=goodbye) as consumer:
        _, tasks = huey_app.make("sqlite", tmp_path)
        handles = [tasks.add(i, i) for i in range(20)]
        assert [result(handle) for handle in handles] == [i + i for i in range(20)]
        consumer.stop(signum)

    events = trace(trace_id, over(*["add"] * 20))
    assert Counter(events.stages("add")) == {"publish": 20, "start": 20, "success": 20}
    if kind == "process" or signum == signal.SIGINT:  # threads die with SIGTERM, without farewell
        farewells = trace(goodbye, lambda events: len(events) >= 2)
        workers = {str(e["process"]["pid"]) for e in events.of(stage="start")}
        assert len(farewells) == 2
        assert workers <= {e["source"] for e in farewells}


@since(2, 3, 1)
@pytest.mark.parametrize("kind", ["process", "thread"])
def test_an_interrupted_task_says_so(kind, pipeline, tmp_path, trace, trace_id):
    with Consumer("sqlite", tmp_path, kind, pipeline, tmp_path) as consumer:
        _, tasks = huey_app.make("sqlite", tmp_path)
        tasks.sleep(PATIENCE * 10)
        trace(trace_id, lambda events: events.of(stage="start"))
        consumer.stop(signal.SIGTERM)

    events = trace(trace_id, over("sleep"))
    assert events.stages("sleep") == ["publish", "start", "interrupted"]
    assert not events.of(type="error")


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_worker_process_that_is_killed_loses_nothing(tmp_path, monkeypatch, trace, trace_id):
    monkeypatch.setattr("devpulse._client.SHORT_SECONDS", PATIENCE)
    huey, tasks = huey_app.make("sqlite", tmp_path)
    tasks.add(1, 2)

    def work_and_die():
        work(huey)
        os.kill(os.getpid(), signal.SIGKILL)

    worker = multiprocessing.get_context("fork").Process(target=work_and_die)
    worker.start()
    worker.join(PATIENCE)

    assert worker.exitcode == -signal.SIGKILL
    assert trace(trace_id, over("add")).stages("add") == ["publish", "start", "success"]


# In one process


@since(2, 3, 1)
def test_an_interrupted_task_that_ends_all_the_same_is_told_once(memory, trace, trace_id):
    huey, _ = memory
    runs, may_end = threading.Event(), threading.Event()

    @huey.task()
    def hold():
        runs.set()
        may_end.wait(PATIENCE)

    hold()
    worker = threading.Thread(target=work, args=(huey,))
    worker.start()
    assert runs.wait(PATIENCE)
    huey.notify_interrupted_tasks()
    may_end.set()
    worker.join(PATIENCE)

    assert trace(trace_id, over("hold")).stages("hold") == ["publish", "start", "interrupted"]


@pytest.fixture
def memory(devpulse_ready):
    return huey_app.make("memory")


def work(huey, at=None):
    """What a consumer does, in a context that has no trace, as a new thread's."""

    def run():
        for task in huey.read_schedule(at) if at else ():
            huey.enqueue(task)
        task = huey.dequeue()
        while task is not None:
            huey.execute(task, at)
            task = huey.dequeue()

    contextvars.Context().run(run)


def later(seconds=3600):
    return datetime.now(timezone.utc).replace(tzinfo=None) + timedelta(seconds=seconds)


def test_immediate_mode_nests_in_the_caller(trace, trace_id):
    _, tasks = huey_app.make("immediate")
    with devpulse.span("order") as order:
        assert result(tasks.whoami()) == trace_id
        assert devpulse.get_trace_id() == trace_id
        tasks.flaky("ripe")
        inner = devpulse.span("after")
        with inner:
            pass

    events = trace(trace_id, over("whoami", "flaky", spans=2))
    assert events.stages("whoami") == ["publish", "start", "success"]
    assert events.stages("flaky") == ["publish", "start", "retry", "start", "success"]
    assert events.one(name="after")["parentSpanId"] == order.span_id


def test_one_task_object_twice_in_immediate_mode(trace, devpulse_ready):
    huey, tasks = huey_app.make("immediate")
    task = tasks.whoami.s()
    for wanted in ("first", "second"):
        trace_id = f"{wanted}-{devpulse.generate_trace_id()}"
        devpulse.set_trace_id(trace_id)
        assert result(huey.enqueue(task)) == trace_id
        assert trace(trace_id, over("whoami")).stages("whoami") == ["publish", "start", "success"]


def test_immediate_mode_without_a_trace_leaves_none(devpulse_ready):
    _, tasks = huey_app.make("immediate")
    assert len(result(tasks.whoami())) == 32
    assert devpulse.get_trace_id() is None


def test_the_carrier_is_seen_by_storages_only(memory, trace_id):
    huey, tasks = memory
    seen = []
    huey.pre_execute("before")(lambda task: seen.append(dict(task.kwargs)))
    huey.post_execute("after")(lambda task, *_: seen.append(dict(task.kwargs)))
    mine = {"user": "ada", "password": "x"}
    tasks.login.schedule(kwargs=mine, delay=60)
    task = tasks.login.s(user="bob", password="y")
    huey.enqueue(task)
    work(huey, later())

    assert mine == {"user": "ada", "password": "x"}
    assert task.kwargs == {"user": "bob", "password": "y"}
    assert len(seen) == 4
    assert all(set(kwargs) == {"user", "password"} for kwargs in seen)


def test_receivers_that_raise_do_not_cost_the_trace(devpulse_ready, trace, trace_id):
    huey = package.MemoryHuey("mill")

    @huey.signal()
    def broken(signal, task, *args):
        raise RuntimeError(signal)

    setup_huey_tracing(huey)
    tasks = huey_app.define(huey)
    tasks["flaky_later"]("ripe")
    work(huey)
    work(huey, later())

    events = trace(trace_id, over("flaky_later"))
    starts = events.of(stage="start")
    assert [e["attempt"] for e in starts] == [1, 2]


def test_arguments_are_cut_and_scrubbed(memory, trace, trace_id):
    huey, tasks = memory
    tasks.login("ada", "hunter2", api_token="t0k3n", note="n" * 5000, size=3)
    work(huey)

    events = trace(trace_id, over("login"))
    for event in events.of(stage="publish") + events.of(stage="start"):
        assert event["args"][0] == "ada"
        assert event["kwargs"]["size"] == 3
        assert len(event["kwargs"]["note"]) < 400
    assert "hunter2" not in str(events)
    assert "t0k3n" not in str(events)


def test_many_arguments_are_cut(memory, trace, trace_id):
    huey, tasks = memory
    tasks.whoami(*range(1000))
    work(huey)

    args = trace(trace_id, over("whoami")).one(stage="start")["args"]
    assert args[:3] == [0, 1, 2]
    assert len(args) < 20
    assert args[-1].endswith("more")


def test_arguments_can_be_left_out(memory, trace, trace_id):
    huey, tasks = memory
    setup_huey_tracing(huey, arguments=False)
    tasks.add(1, 2)
    work(huey)

    assert not any("args" in e or "kwargs" in e for e in trace(trace_id, over("add")))


def test_system_names_the_consumer(memory, trace, trace_id):
    huey, tasks = memory
    setup_huey_tracing(huey, system="granary")
    setup_huey_tracing(huey, system="grinder")
    tasks.add(1, 2)
    work(huey)

    events = trace(trace_id, over("add"))
    assert events.stages() == [("add", "publish"), ("add", "start"), ("add", "success")]
    assert [e["system"] for e in events.of(type="task")][1:] == ["grinder", "grinder"]


CARRIERS = [
    None,
    "x",
    {},
    {"traceId": "not an id"},
    {"traceId": 7, "spanId": "a"},
    {"traceId": "t-1", "spanId": "\0", "enqueued": float("nan"), "attempt": -1, "tracestate": 3},
    {"traceId": "t-1", "spanId": {}, "enqueued": "soon", "attempt": 10**30},
]


@pytest.mark.parametrize("carrier", CARRIERS, ids=repr)
def test_any_carrier_is_taken_off(memory, trace, carrier):
    huey, tasks = memory
    task = tasks.whoami.s()
    task.kwargs["__devpulse__"] = carrier
    huey.storage.enqueue(huey.serialize_task(task), None)
    work(huey)

    found = huey.result(task.id)
    assert found == "t-1" or len(found) == 32
    events = trace(found, over("whoami", published=False))
    start = events.of(stage="start")[-1]
    assert start["attempt"] == 1
    assert "queueMs" not in start


def test_a_consumer_without_setup_fails_the_task(devpulse_ready, tmp_path, trace_id):
    _, tasks = huey_app.make("sqlite", tmp_path)
    other, _ = huey_app.make("sqlite", tmp_path, traced=False)
    handle = tasks.divide(1, 1)
    work(other)

    with pytest.raises(TaskException, match="unexpected keyword argument '__devpulse__'"):
        result(handle)


def test_a_storage_that_fails_is_told(memory, trace, trace_id):
    huey, tasks = memory

    def refuse(*_):
        raise ConnectionError("no storage")

    huey.storage.enqueue = refuse
    with pytest.raises(ConnectionError):
        tasks.add(1, 2)

    publish = trace(trace_id, lambda events: events.of(type="task")).one(stage="publish")
    assert (publish["response"], publish["error"]) == ("fail", "ConnectionError")


def test_cancel(memory, trace, trace_id):
    huey, tasks = memory

    @huey.pre_execute("veto")
    def veto(task):
        if task.name == "add":
            raise huey_app.CancelExecution()

    tasks.add(1, 2)
    tasks.cancel()
    work(huey)

    events = trace(trace_id, over("add", "cancel"))
    assert events.stages("add") == ["publish", "canceled"]
    assert events.stages("cancel") == ["publish", "start", "canceled"]
    assert not events.of(type="error")


@since(3, 0)
def test_a_rate_limit_is_no_error(memory, trace, trace_id):
    huey, _ = memory

    @huey.task()
    @huey.rate_limit("slow", limit=0, per=60, retry=False)
    def hasty():
        return None

    hasty()
    work(huey)

    events = trace(trace_id, over("hasty"))
    assert events.stages("hasty") == ["publish", "start", "rate-limited"]
    assert not events.of(type="error")


@since(3, 0)
def test_a_group_outside_a_trace_is_one_trace(memory, trace):
    huey, tasks = memory
    handles = huey.enqueue(package.group([tasks.whoami.s(i) for i in range(3)]))
    work(huey)

    found = set(handles.get(blocking=True, timeout=PATIENCE))
    assert len(found) == 1
    assert len(trace(found.pop(), over(*["whoami"] * 3)).of(stage="publish")) == 3


@since(3, 5)
def test_the_chord_of_a_revoked_task_stays_in_the_trace(memory, trace, trace_id):
    huey, tasks = memory
    members = [tasks.add.s(1, 1), tasks.add.s(2, 2)]
    huey.revoke(members[1])
    huey.enqueue(package.group(members).then(tasks.whoami))
    work(huey)

    events = trace(trace_id, over("add", "add", "whoami"))
    assert events.stages("whoami") == ["publish", "start", "success"]


def test_before_init_ids_flow_all_the_same(tmp_path):
    program = """if True:
        import devpulse, huey_app, test_huey
        huey, tasks = huey_app.make("memory")
        devpulse.set_trace_id("before-init")
        handle = tasks.whoami()
        devpulse.set_trace_id(None)
        other = tasks.add(1, 2)
        test_huey.work(huey)
        assert handle() == "before-init", handle()
        assert other() == 3
    """
    path = os.pathsep.join(filter(None, sys.path))
    environ = {**os.environ, "PYTHONPATH": path, "DEVPULSE_DISABLED": "1"}
    environ.pop("HUEY_STORAGE", None)
    run = [sys.executable, "-c", program]
    subprocess.run(run, cwd=TESTS, env=environ, check=True, timeout=PATIENCE)


@pytest.mark.parametrize("thing", [None, object(), package.crontab], ids=lambda t: type(t).__name__)
def test_what_is_no_huey_is_refused(thing):
    with pytest.raises(TypeError, match="wants a Huey instance"):
        setup_huey_tracing(thing)
