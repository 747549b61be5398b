"""A process knows that it is the child of a fork, though nothing told Python so."""

import ctypes
import os
import sys

import pytest

from devpulse import _ids, _process


@pytest.mark.skipif(sys.platform != "linux", reason="needs fork() of the C library")
def test_a_fork_past_python_is_noticed() -> None:
    """As uWSGI forks."""
    libc = ctypes.PyDLL(None)
    _ids.new_ids()  # there are some more for later
    assert _process.pid() == os.getpid()
    reader, writer = os.pipe()
    child = libc.fork()
    if child == 0:
        is_noticed = _process.pid() == os.getpid() == _process.pid()
        os.write(writer, f"{is_noticed} {_ids.new_trace_id()} {_ids.new_span_id()}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    is_noticed, *theirs = os.read(reader, 200).decode().split()
    os.close(reader)
    os.close(writer)
    assert is_noticed == "True"
    assert theirs[0] != _ids.new_trace_id()
    assert theirs[1] != _ids.new_span_id()
    assert _process.pid() == os.getpid()


def test_a_system_without_such_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_process, "_page", None)
    assert _process.pid() == os.getpid()
