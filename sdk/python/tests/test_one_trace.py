"""A request that sends a Celery task that sends a Huey task that fails: one trace, three stages."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import devpulse
from pipeline import Pipeline, free_port, wait_for

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("celery")
pytest.importorskip("huey")

PARENT = "b7ad6b7169203331"


@pytest.fixture
def web(pipeline: Pipeline, redis_port: int, tmp_path: Path) -> Iterator[str]:
    """The URL of the web application; its worker and its consumer run too."""
    port = free_port()
    environ = os.environ | {
        "DEVPULSE_WEBSOCKET_URL": pipeline.ws_url,
        "BROKER_URL": f"redis://127.0.0.1:{redis_port}/15",
        "HUEY_FILE": str(tmp_path / "huey.db"),
        "PYTHONPATH": str(Path(__file__).parent),
    }
    commands = (
        f"uvicorn one_trace_app:web --port {port} --log-level warning",
        "celery -A one_trace_app:worker worker -P prefork -c 1 -l warning",
        "huey.bin.huey_consumer one_trace_app.huey -w 1 -q",
    )
    with (tmp_path / "log").open("wb") as log:
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", *command.split()],
                env=environ,
                cwd=tmp_path,
                stdout=log,
                stderr=log,
            )
            for command in commands
        ]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            for process in processes:
                process.terminate()
            statuses = [status_of(process) for process in processes]
    assert statuses[1:] == [0, 0], (tmp_path / "log").read_text()


def status_of(process: subprocess.Popen[bytes]) -> int:
    """Of one that was told to end."""
    try:
        return process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def post(url: str, headers: dict[str, str]) -> Any:
    request = urllib.request.Request(url, method="POST", headers=headers)
    try:
        return urllib.request.urlopen(request, timeout=60)
    except urllib.error.URLError as error:
        if isinstance(error, urllib.error.HTTPError):
            raise
        return None


def test_one_trace_has_all_stages(web: str, pipeline: Pipeline) -> None:
    trace_id = devpulse.generate_trace_id()
    headers = {"traceparent": f"00-{trace_id}-{PARENT}-01"}
    with wait_for(lambda: post(f"{web}/orders/17", headers)) as response:
        assert response.headers["X-Trace-ID"] == trace_id

    def whole() -> Any:
        found = pipeline.get(f"/api/traces/{trace_id}")
        stages = {(e["system"], e["data"].get("stage", e["event_type"])) for e in found["events"]}
        return found["events"] if {("mailer", "failure"), ("worker", "success")} <= stages else None

    events = wait_for(whole)
    timeline = pipeline.get(f"/api/traces/{trace_id}/timeline")
    assert [stage["system"] for stage in timeline["stages"]] == ["web", "worker", "mailer"]
    assert timeline["has_errors"] is True
    assert [stage["status"] == "error" for stage in timeline["stages"]] == [False, False, True]

    (error,) = [e for e in events if e["event_type"] == "error"]
    assert error["system"] == "mailer"
    assert error["data"]["name"] == "KeyError"
    assert error["data"]["locals"] == {
        "order_id": 17,
        "state": "paid",
        "templates": {"sent": "It is on its way"},
    }
    parents = {e["data"].get("spanId"): e["data"].get("parentSpanId") for e in events}
    path = [error["data"]["parentSpanId"]]
    while parents.get(path[-1]):
        path.append(parents[path[-1]])
    assert path[-1] == PARENT, "from the error up to the caller of the request"
