"""A process knows that it is the child of a fork, though nothing told Python so."""

import ctypes
import os
import sys
from collections.abc import Callable

import pytest

from devpulse import _client, _ids, _options, _process
from devpulse._context import new_scope


def forked_by_c(tell: Callable[[], str]) -> str:
    """What is told by the child of a fork as uWSGI's are."""
    reader, writer = os.pipe()
    child = ctypes.PyDLL(None).fork()
    if child == 0:
        try:
            os.write(writer, tell().encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as told:
        return told.read()


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs fork() of the C library")


@on_linux
def test_a_fork_past_python_is_noticed() -> None:
    assert _process.pid() == os.getpid()
    told = forked_by_c(lambda: f"{_process.pid()} {_process.pid()} {os.getpid()} {os.getppid()}")
    first, again, child, parent = map(int, told.split())
    assert first == again == child
    assert _process.pid() == os.getpid() == parent


@on_linux
def test_the_child_of_such_a_fork_repeats_no_ids() -> None:
    _ids.new_ids()  # there are some more for later
    told = forked_by_c(lambda: f"{_ids.new_trace_id()} {_ids.new_span_id()}")
    assert told.split()[0] != _ids.new_trace_id()
    assert told.split()[1] != _ids.new_span_id()


@on_linux
def test_the_events_of_such_a_child_are_of_its_process() -> None:
    options = _options.from_arguments(
        websocket_url=None, token=None, enable_db_logging=False, db_url=None, environment=None,
        system=None,
    )  # fmt: skip
    client = _client.Client(options)

    def tell() -> str:
        client._sinks = ()
        record = client.emit(new_scope(), "info", "log", {})
        assert record is not None
        return f"{record.event['process']['pid']} {os.getpid()}"

    shown, child = forked_by_c(tell).split()
    assert shown == child != str(os.getpid())


def test_a_system_without_such_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_process, "_page", None)
    assert _process.pid() == os.getpid()
