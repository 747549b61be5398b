"""The examples, each run as its first lines say; the assertion is what DevPulse has afterwards."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import devpulse
from installed import is_installed
from pipeline import BIN, PATIENCE, Pipeline, free_port, wait_for

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"
PYTHONPATH = os.pathsep.join([str(Path(devpulse.__file__).parents[1]), *sys.path[1:]])

Start = Callable[..., "Running"]
Event = dict[str, Any]


def needs(*packages: str) -> pytest.MarkDecorator:
    missing = [p for p in packages if not is_installed(p)]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


class Running:
    """A process of an example, with its output in a file."""

    def __init__(self, args: Sequence[str], output: Path, **popen: Any) -> None:
        self._output = output
        with output.open("wb") as file:
            self.process = subprocess.Popen(args, stdout=file, stderr=subprocess.STDOUT, **popen)

    @property
    def output(self) -> str:
        return self._output.read_text()

    def wait_for(self, pattern: str) -> str:
        """Waits until its output matches, and returns the first group of the match."""

        def found() -> re.Match[str] | None:
            has_ended = self.process.poll() is not None
            match = re.search(pattern, self.output)
            assert match or not has_ended, self.output
            return match

        return wait_for(found)[1]

    def end(self, sig: signal.Signals = signal.SIGTERM) -> int:
        """Its status after this signal, if it does not end before."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@pytest.fixture
def start(tmp_path: Path, pipeline: Pipeline) -> Iterator[Start]:
    """start(argument…, cwd=…, VARIABLE=…): Python runs it, in a temporary folder of its own and
    with the pipeline's address; ended after the test."""
    processes: list[Running] = []

    def start(*args: str, cwd: Path = ROOT, program: str = sys.executable, **env: str) -> Running:
        environ = {
            **os.environ,
            "PYTHONPATH": PYTHONPATH,
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(tmp_path),
            "DEVPULSE_WEBSOCKET_URL": pipeline.ws_url,
            **env,
        }
        output = tmp_path / f"output-{len(processes)}"
        processes.append(Running([program, *args], output, cwd=cwd, env=environ))
        return processes[-1]

    yield start
    for process in reversed(processes):
        process.end()


def stored(pipeline: Pipeline, trace_id: str, *wanted: str) -> list[Event]:
    """The trace's events in their order, once every system and type of `wanted` ("shop error") is
    there."""

    def complete() -> list[Event]:
        events = (pipeline.get(f"/api/traces/{trace_id}") or {"events": []})["events"]
        there = [f"{e['system']} {e['event_type']}" for e in events]
        return events if all(there.count(w) >= wanted.count(w) for w in wanted) else []

    return [
        {**e["data"], "system": e["system"], "type": e["event_type"]} for e in wait_for(complete)
    ]


def get(url: str) -> tuple[int, str]:
    """Status and X-Trace-ID of an answer."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return answer.status, answer.headers["X-Trace-ID"]
    except urllib.error.HTTPError as error:
        return error.code, error.headers["X-Trace-ID"]


@needs("fastapi", "uvicorn")
class TestFastApi:
    @pytest.fixture
    def url(self, start: Start) -> str:
        port = free_port()
        start("examples/fastapi_example.py", PORT=str(port)).wait_for("(Uvicorn running)")
        return f"http://127.0.0.1:{port}/orders"

    def test_answers_and_their_traces(self, pipeline: Pipeline, url: str) -> None:
        status, trace_id = get(f"{url}/17")
        wanted = ("shop-api request", "shop-api log", "shop-api span", "shop-api response")
        events = {e["type"]: e for e in stored(pipeline, trace_id, *wanted)}
        assert status == 200
        assert events["request"]["path"] == "/orders/17"
        assert events["log"] | {"details": "order found", "order_id": 17} == events["log"]
        assert events["span"]["name"] == "average_price"
        assert events["response"]["name"] == "GET /orders/{order_id}"
        assert events["response"]["status"] == 200
        assert events["response"]["environment"] == "dev"

        status, trace_id = get(f"{url}/99")
        events = {e["type"]: e for e in stored(pipeline, trace_id, "shop-api response")}
        assert (status, events["response"]["status"]) == (404, 404)

        status, trace_id = get(f"{url}/0")
        found = stored(pipeline, trace_id, "shop-api error", "shop-api response")
        assert status == 500
        (error,) = [e for e in found if e["type"] == "error"]
        assert error["name"] == "ZeroDivisionError"
        assert error["source"] == "average_price"
        assert error["file"].endswith("fastapi_example.py")
        assert error["locals"] == {"prices": [], "total": 0}
        assert [e["status"] for e in found if e["type"] == "response"] == [500]


@needs("celery")
def test_celery(start: Start, pipeline: Pipeline, redis_port: int) -> None:
    # Not by its files: Celery's own broker of files reads some while they are written.
    broker = f"redis://127.0.0.1:{redis_port}/14"
    worker = start("examples/celery_example.py", "worker", CELERY_BROKER_URL=broker)
    client = start("examples/celery_example.py", CELERY_BROKER_URL=broker)
    trace_id = client.wait_for(r"trace (\w+)")
    assert "order 17 is paid\n" in client.output
    assert worker.end() == 0  # and with it its children have sent all

    events = stored(pipeline, trace_id, "shop-worker error", "celery_example span")
    steps = [(e["task"], e["stage"]) for e in events if e["type"] == "task"]
    reserve = [stage for task, stage in steps if task == "reserve"]
    charge = [stage for task, stage in steps if task == "charge"]
    assert reserve == ["publish", "start", "success"]
    assert charge == ["publish", "start", "publish", "retry", "start", "success"]
    (error,) = [e for e in events if e["type"] == "error"]
    assert error["name"] == "ConnectionError"
    assert error["locals"]["order"] == {"order_id": 17, "pieces": 3}


@needs("huey")
def test_huey(start: Start, pipeline: Pipeline) -> None:
    consumer = Path(sys.executable).with_name("huey_consumer")
    if not consumer.exists():
        consumer = consumer.with_suffix(".py")
    worker = start("huey_example.huey", cwd=EXAMPLES, program=str(consumer))
    client = start("examples/huey_example.py")
    trace_id = client.wait_for(r"trace (\w+)")
    assert "sent: Order 17 is on its way\n" in client.output
    worker.end(signal.SIGINT)

    wanted = ["shop-mailer error", *["shop-mailer task"] * 6, "huey_example span"]
    events = stored(pipeline, trace_id, *wanted)
    steps = [(e["task"].partition(".")[2], e["stage"]) for e in events if e["type"] == "task"]
    render = [stage for task, stage in steps if task == "render"]
    send = [stage for task, stage in steps if task == "send"]
    assert render == ["publish", "start", "retry", "start", "success"]
    assert send == ["publish", "start", "success"]
    (error,) = [e for e in events if e["type"] == "error"]
    assert error["name"] == "ValueError"
    assert error["locals"]["order_id"] == 17


@needs("websockets")
def test_websocket_client(start: Start, devpulse_ready: None) -> None:
    follower = start("examples/websocket_client.py", "severity=error")
    follower.wait_for("(following)")

    def seen() -> bool:
        # The server may not know yet whom to send it to.
        devpulse.event("not this one")
        devpulse.event("this one", severity="error")
        return "this one" in follower.output

    wait_for(seen)
    line = next(line for line in follower.output.splitlines() if line.startswith("{"))
    assert json.loads(line)["details"] == "this one"
    assert "not this one" not in follower.output
    assert follower.end(signal.SIGINT) == 0


@needs("websockets")
def test_websocket_client_without_a_server(start: Start) -> None:
    url = f"ws://127.0.0.1:{free_port()}"
    alone = start("examples/websocket_client.py", DEVPULSE_WEBSOCKET_URL=url)
    alone.wait_for("(no DevPulse at)")
    assert alone.process.wait(PATIENCE) == 1
    assert len(alone.output.splitlines()) == 1


@pytest.mark.parametrize(
    "command", [["examples/websocket_server.py"], ["-m", "devpulse.websocket_server"]]
)
def test_websocket_server(start: Start, tmp_path: Path, command: list[str]) -> None:
    port, http_port = free_port(), free_port()
    server = start(
        *command,
        DEVPULSE_BIN=str(BIN),
        DEVPULSE_LISTEN=f"127.0.0.1:{port}",
        DEVPULSE_HTTP_LISTEN=f"127.0.0.1:{http_port}",
        DEVPULSE_STATE_DIR=str(tmp_path / "state"),
    )
    server.wait_for("(DevPulse is up)")
    client = start(
        "-c",
        "import devpulse; devpulse.init(); "
        "devpulse.event('hello', trace_id='t1'); assert devpulse.flush(10)",
        DEVPULSE_WEBSOCKET_URL=f"ws://127.0.0.1:{port}",
    )
    assert client.process.wait(PATIENCE) == 0, client.output

    def document() -> Any:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{http_port}/api/traces/t1") as answer:
                return json.load(answer)
        except urllib.error.HTTPError:
            return None

    (event,) = wait_for(document)["events"]
    assert event["data"]["details"] == "hello"
    for script in re.findall(r"Try '(\S+) demo'", server.output):  # none by the package's copy
        assert Path(script).resolve().with_name("examples").joinpath("demo.awk").exists()
    assert server.end(signal.SIGINT) == 0
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://127.0.0.1:{http_port}/")


@pytest.mark.parametrize(
    "command", [[str(EXAMPLES / "websocket_server.py")], ["-m", "devpulse.websocket_server"]]
)
def test_websocket_server_without_programs(
    start: Start, tmp_path: Path, command: list[str]
) -> None:
    server = start(*command, DEVPULSE_BIN=str(tmp_path / "nothing"))
    assert server.process.wait(PATIENCE) == 1
    assert len(server.output.splitlines()) == 1
    assert "./devpulse up" in server.output
