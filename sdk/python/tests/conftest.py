"""What the tests share: one real pipeline, an SDK that sends to it, and no trace left behind."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import devpulse
from databases import (  # noqa: F401 - fixtures
    database,
    make_database,
    server,
    sink_of,
    sqlite_db,
    warnings,
)
from devpulse import _context
from pipeline import PATIENCE, Pipeline, free_port, wait_for

for variable in [name for name in os.environ if name.startswith(("DEVPULSE_", "OTEL_"))]:
    if variable != "DEVPULSE_BIN" and not variable.startswith("DEVPULSE_TEST_"):
        del os.environ[variable]


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """dp-ingest | dp-store and dp-http on a SQLite database."""
    with Pipeline(tmp_path_factory.mktemp("pipeline")) as running:
        yield running


@pytest.fixture(scope="session")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a redis-server of our own on 127.0.0.1."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    pytest.importorskip("redis")
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    options = f"--port {port} --bind 127.0.0.1 --dir {folder} --logfile {folder}/log"
    process = subprocess.Popen(["redis-server", *options.split(), "--save", ""])
    log = folder / "log"
    wait_for(lambda: log.exists() and "eady to accept connections" in log.read_text())
    yield port
    process.terminate()
    process.wait(PATIENCE)


@pytest.fixture
def devpulse_ready(pipeline: Pipeline) -> None:
    """The SDK of this process sends to the pipeline."""
    devpulse.init(pipeline.ws_url, environment="test", system="tests", install_hooks=False)


@pytest.fixture
def events_of(devpulse_ready: None, pipeline: Pipeline) -> Callable[..., list[dict[str, Any]]]:
    """events_of(trace_id, events=1): what is stored of a trace, as it was sent."""

    def events_of(trace_id: str, events: int = 1) -> list[dict[str, Any]]:
        assert devpulse.flush(10), devpulse.stats()
        found = pipeline.trace(trace_id, events)["events"]
        return [
            {
                **event["data"],
                "traceId": event["trace_id"],
                "system": event["system"],
                "type": event["event_type"],
                "timestamp": event["timestamp"],
            }
            for event in found
        ]

    return events_of


@pytest.fixture(autouse=True)
def no_trace_is_left() -> Iterator[None]:
    """Tests run in one context: each begins outside a trace."""
    token = _context.enter(None)
    yield
    _context.leave(token)
