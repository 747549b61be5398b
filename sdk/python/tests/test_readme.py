"""What the README shows: every block of Python compiles, and every one runs, in their order."""

import inspect
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import devpulse
from devpulse import _options
from installed import is_installed
from pipeline import Pipeline

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
SRC = Path(devpulse.__file__).parents[1]

NEEDS = {
    "import structlog": ["structlog"],
    "from loguru": ["loguru"],
    "add_devpulse_middleware": ["fastapi", "celery", "huey"],
}
PREAMBLE = """
import asyncio, urllib.request
from concurrent.futures import ThreadPoolExecutor
import devpulse

async def watch_prices(): pass

executor = ThreadPoolExecutor(1)
devpulse.init()
devpulse.set_trace_id("readme-2")
"""
ENDING = """
executor.shutdown()
assert devpulse.flush(10), devpulse.stats()
"""
APPLICATIONS = """
from celery import Celery
from fastapi import FastAPI
from huey import MemoryHuey

app, huey = FastAPI(), MemoryHuey()
"""


def run(code: str, folder: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SRC), *sys.path[1:]]), **env}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_block_compiles(number: int) -> None:
    compile(BLOCKS[number], f"README block {number}", "exec")


def test_first_error(pipeline: Pipeline, tmp_path: Path) -> None:
    code = BLOCKS[0].replace("average([])", "devpulse.set_trace_id('readme-1')\naverage([])")
    done = run(code, tmp_path, DEVPULSE_WEBSOCKET_URL=pipeline.ws_url)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    (event,) = pipeline.trace("readme-1")["events"]
    assert event["data"]["name"] == "ZeroDivisionError"
    assert event["data"]["locals"] == {"prices": []}


def test_all_others(pipeline: Pipeline, tmp_path: Path) -> None:
    """In one program. What needs a package that is not here is left out."""
    runnable = [block for block in BLOCKS[1:] if all(map(is_installed, needed_by(block)))]
    code = "\n".join([PREAMBLE, *map(completed, runnable), ENDING])
    done = run(code, tmp_path, DEVPULSE_WEBSOCKET_URL=pipeline.ws_url)
    assert done.returncode == 0, done.stderr
    events = [e["data"] for e in pipeline.trace("readme-2", 3)["events"]]
    assert [e["order_id"] for e in events if e.get("name") == "order"] == [17]
    assert [e["attempt"] for e in events if e.get("name") == "charge"] == [2]
    assert [e["source"] for e in events if e.get("name") == "send_mail"] == ["send_mail"]


def needed_by(block: str) -> list[str]:
    return [package for mark, packages in NEEDS.items() if mark in block for package in packages]


def completed(block: str) -> str:
    """With what the README takes for granted: two applications, one of FastAPI and one of Celery,
    and that it is a coroutine which makes a task."""
    if "setup_celery_tracing(app)" in block:
        block = block.replace("setup_celery_tracing(app)", "setup_celery_tracing(Celery('shop'))")
        return APPLICATIONS + block
    if "create_task" in block:
        block = textwrap.indent(block, "    ")
        return f"async def main():\n{block}\n    await watcher\nasyncio.run(main())"
    return block


def test_variables_are_those_that_are_read() -> None:
    named = set(re.findall(r"DEVPULSE_[A-Z_]+", README.read_text()))
    source = Path(_options.__file__).read_text()
    read = set(re.findall(r"DEVPULSE_[A-Z_]+", source))
    assert read - named == set()
    assert named - read <= {"DEVPULSE_BIN"}


def test_options_are_those_of_init() -> None:
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", README.read_text(), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == set(inspect.signature(devpulse.init).parameters)
