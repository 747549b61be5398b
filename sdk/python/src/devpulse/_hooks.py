"""Uncaught exceptions: of the main thread, of threads, in finalizers, and of asyncio's tasks.

Each hook calls the one that was there before. asyncio has no hook for all loops: its own handler
logs to the logger `asyncio`, where a filter sees the record and lets it pass (a handler would keep
Python from printing it where no other is configured). That happens when a task is forgotten, in
whatever context does it; the error belongs to the task's.
"""

import gc
import logging
import sys
import threading
from collections.abc import Callable, Mapping
from contextvars import Context
from typing import Any

from . import _client, _context
from ._context import Scope
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
            about = _told_to_handler()
            if about is None:
                self.emit(record)
            else:
                with _context.within(_scope_of(about)):
                    self.emit(record)
        return True

    def scope_of(self, record: logging.LogRecord) -> Scope | None:  # noqa: ARG002
        return None  # as the task that it is about


def watch_running_loop() -> None:
    """A loop whose own handler has no frame to look at, as it is compiled (uvloop), gets one before
    it, unless the application has set one."""
    asyncio, client = sys.modules.get("asyncio"), _client.active()
    if asyncio is None or client is None or not client.options.install_hooks:
        return
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # of another library, as trio
        return
    if not isinstance(loop, asyncio.BaseEventLoop) and loop.get_exception_handler() is None:
        loop.set_exception_handler(_handle_in_its_scope)


def _handle_in_its_scope(loop: Any, about: dict[str, Any]) -> None:
    with _context.within(_scope_of(about)):
        loop.default_exception_handler(about)


def _told_to_handler() -> Mapping[str, Any] | None:
    """What asyncio's handler, which is logging now, was told of; None where it is not."""
    module = sys.modules.get("asyncio.base_events")
    if module is None:
        return None
    code = module.BaseEventLoop.default_exception_handler.__code__
    frame = sys._getframe(1)
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back  # type: ignore[assignment]
    about = frame.f_locals.get("context") if frame is not None else None
    return about if type(about) is dict else None


def _scope_of(about: Mapping[str, Any]) -> Scope | None:
    """That of the task, or of the callback, which failed; else the current one."""
    for name in ("task", "future", "handle"):
        if name in about:
            contexts = [it for it in gc.get_referents(about[name]) if type(it) is Context]
            if contexts:
                return contexts[-1].get(_context.scope_var)
    return _context.current()


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
