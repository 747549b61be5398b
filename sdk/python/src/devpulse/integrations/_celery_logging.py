"""Celery's logging and DevPulseHandler: what signals have told is not told again, and the handler
stays where the application put it."""

import logging
from typing import Any

from .._logging import _SEEN, DevPulseHandler

# Loggers, and how the records begin that tell what an event of a task tells too. Some of them hold
# the arguments, as text, in which names no longer show what is secret.
_TOLD = {
    "celery.app.trace": ("Task %(name)s[%(id)s] ",),
    "celery.worker.strategy": ("Task %(name)s[%(id)s] ",),
    "celery.worker.request": ("Hard time limit ", "Task handler raised error"),
    "celery.worker.consumer.consumer": (
        "Received unregistered task",
        "Received invalid task",
    ),
}

_handlers: list[logging.Handler] = []


class _Told(logging.Filter):
    """Lets every record pass, but some unseen by our handlers."""

    def __init__(self, beginnings: tuple[str, ...]) -> None:
        super().__init__()
        self._beginnings = beginnings

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, str) and record.msg.lstrip().startswith(self._beginnings):
            setattr(record, _SEEN, True)
        return True


def install() -> None:
    """Once a process."""
    for name, beginnings in _TOLD.items():
        logger = logging.getLogger(name)
        if not any(isinstance(f, _Told) for f in logger.filters):
            logger.addFilter(_Told(beginnings))


def remember_handlers(**_: Any) -> None:
    """Before a worker takes all handlers off the root logger (worker_hijack_root_logger)."""
    found = [h for h in logging.getLogger().handlers if isinstance(h, DevPulseHandler)]
    _handlers.extend(h for h in found if h not in _handlers)


def restore_handlers(logger: Any = None, **_: Any) -> None:
    """Afterwards, also on `celery.task`, whose records do not come to the root logger."""
    for handler in _handlers:
        if isinstance(logger, logging.Logger) and handler not in logger.handlers:
            logger.addHandler(handler)
