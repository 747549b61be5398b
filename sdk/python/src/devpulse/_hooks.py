"""Uncaught exceptions: of the main thread, of threads, in finalizers, and of asyncio's tasks.

Each hook calls the one that was there before. asyncio has no hook for all loops: its own handler
logs to the logger `asyncio`, where a filter sees the record and lets it pass (a handler would keep
Python from printing it where no other is configured).
"""

import logging
import sys
import threading
from collections.abc import Callable
from typing import Any

from . import _client
from ._logging import DevPulseHandler

_installed = False


def install() -> None:
    """Once a process."""
    global _installed
    if _installed:
        return
    _installed = True
    if not hasattr(sys, "ps1"):  # an interactive session's errors are its user's
        sys.excepthook = _chained(sys.excepthook, _on_exception)
    threading.excepthook = _chained(threading.excepthook, _on_thread_exception)
    sys.unraisablehook = _chained(sys.unraisablehook, _on_unraisable)
    logging.getLogger("asyncio").addFilter(_Listener().filter)


class _Listener(DevPulseHandler):
    mechanism = "asyncio"
    handled = False

    def filter(self, record: logging.LogRecord) -> bool:
        client = _client.active()
        if record.levelno >= logging.ERROR and client is not None and client.options.install_hooks:
            self.emit(record)
        return True


def _chained(before: Callable[..., Any], ours: Callable[..., None]) -> Callable[..., Any]:
    def hook(*args: Any) -> Any:
        ours(*args)
        return before(*args)

    return hook


def _report(exc: BaseException | None, mechanism: str) -> None:
    client = _client.active()
    if client is None or not client.options.install_hooks:
        return
    if not isinstance(exc, Exception):  # an interruption, or an exit
        return
    client.capture_exception(exc, mechanism=mechanism, handled=False)


def _on_exception(_kind: type[BaseException], exc: BaseException, _traceback: object) -> None:
    _report(exc, "excepthook")


def _on_thread_exception(args: threading.ExceptHookArgs) -> None:
    _report(args.exc_value, "threading")


def _on_unraisable(args: Any) -> None:
    _report(args.exc_value, "unraisable")
