"""Uncaught exceptions, each in a process of its own: reported before it ends, and handed on."""

import json
import subprocess
import sys
from typing import Any

import pytest

from pipeline import Ingest, Pipeline

BEFORE = """
import asyncio, os, signal, sys, threading, devpulse
sys.excepthook = lambda *a: print("chained", a[0].__name__, flush=True)
threading.excepthook = lambda a: print("chained", a.exc_type.__name__, flush=True)
sys.unraisablehook = lambda a: print("chained", a.exc_type.__name__, flush=True)
devpulse.init(sys.argv[1], system="script", environment="test")
devpulse.init(sys.argv[1], system="script", environment="test")
devpulse.set_trace_id(sys.argv[2])
def divide(total, pieces):
    return total / pieces
"""

CASES = {
    "excepthook": "divide(30, 0)",
    "threading": """
t = threading.Thread(target=devpulse.wrap(divide), args=(30, 0)); t.start(); t.join()""",
    "unraisable": """
class Leaky:
    def __del__(self): divide(30, 0)
Leaky()""",
    "asyncio": """
async def work(): divide(30, 0)
async def main():
    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    del task
    await asyncio.sleep(0)
asyncio.run(main())""",
}


def run(pipeline: Pipeline, trace_id: str, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BEFORE + code, pipeline.ws_url, trace_id],
        capture_output=True,
        text=True,
        timeout=30,
    )


def data_of(pipeline: Pipeline, trace_id: str) -> dict[str, Any]:
    (event,) = pipeline.trace(trace_id)["events"]
    assert event["event_type"] == "error"
    data: dict[str, Any] = event["data"]
    return data


@pytest.mark.parametrize("mechanism", CASES)
def test_an_uncaught_exception_is_reported(mechanism: str, pipeline: Pipeline) -> None:
    done = run(pipeline, f"hook-{mechanism}", CASES[mechanism])
    data = data_of(pipeline, f"hook-{mechanism}")
    assert data["name"] == "ZeroDivisionError"
    assert data["locals"] == {"total": 30, "pieces": 0}
    assert (data["mechanism"], data["handled"]) == (mechanism, False)
    if mechanism == "asyncio":
        assert "Task exception was never retrieved" in done.stderr
        assert "Task exception was never retrieved" in data["message"]
    else:
        assert done.stdout == "chained ZeroDivisionError\n"


FORGOTTEN = """
from devpulse.integrations.asgi import DevPulseMiddleware
devpulse.set_trace_id("another")
async def work():
    await asyncio.sleep(0)
    divide(30, 0)
async def request():
    devpulse.set_trace_id(sys.argv[2])
    {begin}
async def application(scope, receive, send): pass
async def main():
    await DevPulseMiddleware(application)({{"type": "lifespan"}}, None, None)
    await asyncio.create_task(request())
    while len(asyncio.all_tasks()) > 1:
        await asyncio.sleep(0)
{run}
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(
    "begin",
    ["asyncio.create_task(work())", "asyncio.get_running_loop().call_soon(divide, 30, 0)"],
    ids=["task", "callback"],
)
def test_what_fails_in_the_background_belongs_to_who_began_it(
    begin: str, loop: str, pipeline: Pipeline
) -> None:
    how = "asyncio.run(main())"
    if loop == "uvloop":
        pytest.importorskip("uvloop")
        how = "import uvloop; uvloop.install(); " + how
    trace_id = f"{loop}-{len(begin)}"
    run(pipeline, trace_id, FORGOTTEN.format(begin=begin, run=how))
    data = data_of(pipeline, trace_id)
    assert (data["mechanism"], data["locals"]) == ("asyncio", {"total": 30, "pieces": 0})


@pytest.mark.parametrize(
    "code",
    [
        "work()",
        "t = threading.Thread(target=work); t.start(); t.join()",
        "logging.getLogger().addHandler(devpulse.DevPulseHandler())\n"
        "try: work()\nexcept ZeroDivisionError: logging.exception('x')",
    ],
)
def test_what_has_left_its_trace_is_not_reported_again(code: str, tmp_path: Any) -> None:
    script = f"""
import logging, sys, threading, devpulse
devpulse.init(sys.argv[1])
def work():
    with devpulse.span("work"):
        1 / 0
{code}"""
    with Ingest(tmp_path) as ingest:
        command = [sys.executable, "-c", script, ingest.ws_url]
        subprocess.run(command, capture_output=True, timeout=30)
        events = ingest.wait_for_events(2)
    assert [event["type"] for event in events] == ["error", "span"]


@pytest.mark.parametrize("code", ["raise KeyboardInterrupt", "raise SystemExit(3)", "sys.exit(3)"])
def test_an_interruption_is_no_error(code: str, pipeline: Pipeline) -> None:
    trace_id = f"interrupted-{len(code)}"
    run(pipeline, trace_id, f"devpulse.event('before')\n{code}")
    (event,) = pipeline.trace(trace_id)["events"]
    assert event["data"]["details"] == "before"


def test_hooks_may_be_left_alone() -> None:
    code = (
        "import sys, threading, devpulse\n"
        "before = sys.excepthook, threading.excepthook, sys.unraisablehook\n"
        "devpulse.init(install_hooks=False)\n"
        "print(before == (sys.excepthook, threading.excepthook, sys.unraisablehook))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.stdout == "True\n"


def test_the_last_events_before_the_end_arrive(pipeline: Pipeline) -> None:
    run(pipeline, "last-words", "for n in range(2000): devpulse.event('x', n=n)")
    events = pipeline.trace("last-words", events=2000)["events"]
    assert sorted(event["data"]["n"] for event in events) == list(range(2000))


def test_a_signal_that_python_handles_ends_with_a_flush(pipeline: Pipeline) -> None:
    code = """
signal.signal(signal.SIGTERM, lambda *a: sys.exit(0))
devpulse.event("last")
os.kill(os.getpid(), signal.SIGTERM)"""
    run(pipeline, "terminated", code)
    assert json.dumps(pipeline.trace("terminated")).count('"last"') == 1


def test_a_fork_sends_its_own_events_only(pipeline: Pipeline) -> None:
    code = """
devpulse.event("parent before")
child = os.fork()
if child == 0:
    devpulse.event("child", pid=os.getpid())
    os._exit(0 if devpulse.flush(5) else 1)
print(os.waitpid(child, 0)[1])
devpulse.event("parent after")"""
    done = run(pipeline, "forked", code)
    assert done.stdout == "0\n"
    events = pipeline.trace("forked", events=3)["events"]
    assert sorted(event["data"]["details"] for event in events) == [
        "child",
        "parent after",
        "parent before",
    ]
    (child,) = [event for event in events if event["data"]["details"] == "child"]
    assert child["data"]["process"]["pid"] == child["data"]["pid"]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing_loses_nothing(method: str, pipeline: Pipeline, tmp_path: Any) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        f"""{BEFORE}
import multiprocessing

def work(n):
    devpulse.set_trace_id(sys.argv[2])
    devpulse.event("worked", n=n)

if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    workers = [context.Process(target=work, args=(n,)) for n in range(3)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
"""
    )
    subprocess.run(
        [sys.executable, str(script), pipeline.ws_url, f"multi-{method}"],
        capture_output=True,
        timeout=60,
    )
    events = pipeline.trace(f"multi-{method}", events=3)["events"]
    assert sorted(event["data"]["n"] for event in events) == [0, 1, 2]
