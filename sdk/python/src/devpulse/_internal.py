"""How the SDK speaks of its own troubles: rarely, and never into its own handler.

Everything goes to the logger `devpulse.internal`, so `logging.getLogger("devpulse")` governs it:
`.setLevel(logging.DEBUG)` tells more. Where an application has configured no logging, it is printed
to stderr.
"""

import logging

logger = logging.getLogger("devpulse.internal")


class _WithoutLogging(logging.Handler):
    """Python itself would print warnings only, whatever level was asked for."""

    def emit(self, record: logging.LogRecord) -> None:
        if not logging.getLogger().handlers and logging.lastResort is not None:
            logging.lastResort.emit(record)


logging.getLogger("devpulse").addHandler(_WithoutLogging())

_told: set[str] = set()


def warn_once(key: str, message: str, *args: object, exc_info: bool = False) -> None:
    """Logs a warning the first time that `key` comes in this process; later ones at DEBUG."""
    first = key not in _told  # without a lock: this may run in a signal handler, or a destructor
    _told.add(key)
    logger.log(logging.WARNING if first else logging.DEBUG, message, *args, exc_info=exc_info)


def forget_warnings() -> None:
    """So that a new init(), and the child of a fork, is told of its own troubles."""
    _told.clear()
